//! What else than a key stands for an agent, as operators write it.

use std::collections::BTreeSet;

use action::{Digest, Name};
use serde::Deserialize;

use crate::fault::Fault;

#[derive(Deserialize, schemars::JsonSchema)]
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

impl From<Identity> for store::Identity {
    fn from(identity: Identity) -> Self {
        match identity {
            Identity::Certificate { sha256 } => store::Identity::Certificate { sha256 },
            Identity::Uri { name } => store::Identity::Uri { name },
            Identity::Dns { name } => store::Identity::Dns { name },
            Identity::Jwt { issuer, subject } => store::Identity::Jwt { issuer, subject },
            Identity::Ed25519 { key } => store::Identity::Ed25519 { key },
        }
    }
}

/// Each of a form in which it can be met.
pub(super) fn checked(identities: Vec<Identity>) -> Result<BTreeSet<store::Identity>, Fault> {
    let identities: BTreeSet<store::Identity> = identities.into_iter().map(Into::into).collect();
    match identities.iter().find_map(store::Identity::fault) {
        Some(why) => Err(Fault::bad("bad_identity", why)),
        None => Ok(identities),
    }
}
