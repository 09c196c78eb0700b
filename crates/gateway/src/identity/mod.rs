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

/// Finds the agent. One answer for every kind of wrong credentials, so that nobody learns which
/// agents or keys exist.
pub fn identify(headers: &HeaderMap, book: &Book, now: Timestamp) -> Result<Caller, Refusal> {
    let presented = key::presented(headers, book)?.ok_or(Refusal::NoCredentials)?;
    key::check(&presented, book, now)
}
