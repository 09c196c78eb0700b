//! What else than a key stands for an agent: certificates, subjects of tokens, signing keys.

use action::{Digest, Name};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use super::AgentProfile;
use crate::WriteError;
use crate::database::Fault;
use crate::row::Packed;

/// Identities of one agent.
pub(super) const MOST: usize = 32;

/// Something outside of the product that stands for one agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Identity {
    /// A client certificate, by the SHA-256 of its whole.
    Certificate { sha256: Digest },
    /// A name in a client certificate, for instance `spiffe://example.org/shop-helper`.
    Uri { name: Name },
    /// A host name in a client certificate, in lower case.
    Dns { name: Name },
    /// A subject of tokens, as the issuer names it.
    Jwt { issuer: Name, subject: Name },
    /// A public Ed25519 key that requests are signed with, in base64url without padding.
    Ed25519 { key: Name },
}

impl Identity {
    /// Why it could never be met, if so. Checked where it enters.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Identity::Certificate { .. } | Identity::Jwt { .. } => None,
            Identity::Uri { name } => (!name.as_str().contains("://"))
                .then_some("a name of kind `uri` has the form `scheme://rest`"),
            Identity::Dns { name } => {
                let fits =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
                (!name.as_str().chars().all(fits))
                    .then_some("a name of kind `dns` is a host name in lower case, without a wildcard")
            }
            Identity::Ed25519 { key } => {
                let bytes = URL_SAFE_NO_PAD.decode(key.as_str());
                (!bytes.is_ok_and(|bytes| bytes.len() == 32))
                    .then_some("a key of kind `ed25519` has 32 bytes, in base64url without padding")
            }
        }
    }
}

/// Refuses identities that another agent has, and more than anybody needs. Two agents under one
/// certificate would be one agent with the rights of both.
pub(super) fn check(
    transaction: &Transaction<'_>,
    agent: &Name,
    profile: &AgentProfile,
) -> Result<(), Fault> {
    if profile.identities.len() > MOST {
        return Err(WriteError::Limit { what: "identities of an agent", most: MOST as u64 }.into());
    }
    // Every profile is written by the same code, so equal identities are equal texts.
    let mut others = transaction.prepare_cached(
        "SELECT 1 FROM agents, json_each(agents.profile, '$.identities') AS one
         WHERE agents.name <> ?1 AND one.value = ?2",
    )?;
    for identity in &profile.identities {
        if others.exists((agent.as_str(), Packed(identity)))? {
            return Err(WriteError::Refused {
                code: "agents.identity_taken",
                why: "another agent has one of these identities; take it away there first",
            }
            .into());
        }
    }
    Ok(())
}
