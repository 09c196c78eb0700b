//! Who asks: from credentials to a registered agent.
//!
//! What an agent says of itself in a question is compared with its registration and never
//! believed.

mod key;

use std::sync::Arc;

use action::{Name, Timestamp};
use http::HeaderMap;

use crate::book::{Book, Registration};
use crate::refuse::Refusal;

/// An agent whose credentials were checked.
#[derive(Debug, Clone)]
pub struct Caller {
    pub agent: Arc<Registration>,
    /// Which of its keys was used.
    pub key: Option<Name>,
}

/// What a connection has shown before any request: the identity of its client certificate.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    pub certificate: Option<Box<str>>,
}

/// Finds the agent. One answer for every kind of wrong credentials, so that nobody learns which
/// agents or keys exist.
pub fn identify(headers: &HeaderMap, peer: &Peer, book: &Book, now: Timestamp) -> Result<Caller, Refusal> {
    if let Some(presented) = key::presented(headers, book)? {
        return key::check(&presented, book, now);
    }
    if let Some(identity) = &peer.certificate {
        return registered(book, identity, None);
    }
    Err(Refusal::NoCredentials)
}

fn registered(book: &Book, identity: &str, key: Option<Name>) -> Result<Caller, Refusal> {
    let name = book.identities.get(identity).ok_or(Refusal::BadCredentials)?;
    let agent = book.agents.get(name).ok_or(Refusal::BadCredentials)?;
    Ok(Caller { agent: Arc::clone(agent), key })
}
