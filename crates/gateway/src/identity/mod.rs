//! Who asks: from credentials to a registered agent.
//!
//! What an agent says of itself in a question is compared with its registration and never
//! believed. Four kinds of credentials lead to a registration, each by what an operator wrote down:
//! a key, a client certificate, a token of an issuer, a signature over the request. Start with
//! [`identify`].

mod certificate;
pub mod jwt;
mod key;
mod nonces;
pub mod signature;
mod wrong;

use std::sync::Arc;

use action::{Digest, Name, Timestamp};
use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use http::request::Parts;
use subtle::ConstantTimeEq as _;

use crate::book::{Book, Registration};
use crate::ports::Unavailable;

pub use certificate::PeerCertificate;
pub(crate) use key::OWN_HEADER;
pub use nonces::{NonceStore, Nonces, Spent};
pub use wrong::Wrong;

use jwt::Issuers;
use signature::{Body, Signed};

/// An agent whose credentials were checked.
#[derive(Debug, Clone)]
pub struct Caller {
    pub agent: Arc<Registration>,
    /// Which of its keys was used.
    pub key: Option<Name>,
    /// Agents that stand behind this call, where that is known.
    pub depth: u32,
}

/// Something outside of the product that stands for one agent, as operators wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// SHA-256 of a client certificate.
    Certificate(Digest),
    /// A name in a client certificate, for instance a SPIFFE id.
    Uri(Name),
    /// A host name in a client certificate.
    Dns(Name),
    /// A subject as an issuer of tokens names it.
    Subject { issuer: Name, subject: Name },
    /// A public Ed25519 key that requests are signed with, in base64url.
    SigningKey(Name),
}

/// What credentials are judged by beside the book.
pub struct Trust {
    /// Swapped when a file of keys has changed.
    pub issuers: Arc<ArcSwap<Issuers>>,
    pub nonces: Nonces,
}

/// An agent whose credentials hold as far as the head of its request goes. What it signed of the
/// body is still to be compared, so nothing is done for a claim: only [`Claim::confirm`] makes a
/// [`Caller`].
#[derive(Debug)]
#[must_use]
pub struct Claim {
    caller: Caller,
    signed: Option<Signed>,
}

/// Finds the agent. Every credential that was presented must hold, and all must stand for the same
/// agent: otherwise a stolen key beside an own certificate would do.
pub fn identify(head: &Parts, book: &Book, trust: &Trust, now: Timestamp) -> Result<Claim, Wrong> {
    let mut found = Found::default();
    let text = key::presented(&head.headers)?;
    if let Some(text) = text {
        match book.key_form.read(text) {
            Some((prefix, hash)) => {
                found.agent(key::check(&prefix, &hash, book, now)?)?;
                found.key = Some(prefix);
            }
            None => found.agent(registered(&trust.issuers.load().subject(text, now)?, book)?)?,
        }
    }
    let certificate = head.extensions.get::<Arc<PeerCertificate>>();
    if let Some(certificate) = certificate {
        // A certificate that stands for nobody only opened the connection. One that does must hold
        // now: connections live longer than certificates.
        for agent in certificate.proofs().filter_map(|proof| registered(&proof, book).ok()) {
            certificate.check(now)?;
            found.agent(agent)?;
        }
    }
    let signed = signature::read(head, now)?;
    if let Some(signed) = &signed {
        found.agent(registered(&signed.proof(), book)?)?;
    }
    let Some(agent) = found.agent else {
        return Err(if certificate.is_some() { Wrong::Unknown } else { Wrong::Nothing });
    };
    if agent.signed && signed.is_none() {
        return Err(Wrong::Unsigned);
    }
    Ok(Claim { caller: Caller { agent, key: found.key, depth: 0 }, signed })
}

impl Claim {
    /// Compares the body with what was signed, and makes sure that the signature was not used before.
    /// The body first: whoever can only change it must not use up the nonce of its owner.
    /// The outer error is ours: what cannot be remembered is not taken.
    pub async fn confirm(self, body: &[u8], trust: &Trust) -> Result<Result<Caller, Wrong>, Unavailable> {
        let Some(signed) = self.signed else { return Ok(Ok(self.caller)) };
        let same = match &signed.body {
            Body::Empty => body.is_empty(),
            Body::Sha256(expected) => bool::from(expected[..].ct_eq(digest(&SHA256, body).as_ref())),
        };
        if !same {
            return Ok(Err(Wrong::Body));
        }
        let spent = Spent {
            agent: self.caller.agent.name.clone(),
            nonce: signed.nonce,
            until: signed.may_be_forgotten(),
        };
        Ok(if trust.nonces.spend(spent).await? { Ok(self.caller) } else { Err(Wrong::Replayed) })
    }
}

/// The one agent that all credentials stand for.
#[derive(Default)]
struct Found {
    agent: Option<Arc<Registration>>,
    key: Option<Name>,
}

impl Found {
    fn agent(&mut self, agent: &Arc<Registration>) -> Result<(), Wrong> {
        match &self.agent {
            Some(known) if known.name != agent.name => Err(Wrong::Contradiction),
            Some(_) => Ok(()),
            None => {
                self.agent = Some(Arc::clone(agent));
                Ok(())
            }
        }
    }
}

fn registered<'b>(proof: &Proof, book: &'b Book) -> Result<&'b Arc<Registration>, Wrong> {
    book.identities.get(proof).and_then(|name| book.agents.get(name)).ok_or(Wrong::Unknown)
}
