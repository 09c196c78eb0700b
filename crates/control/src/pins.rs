//! Pinned definitions of tools, as operators see them. The composition fills the port.

use action::{Digest, Json, Name};
use serde::Serialize;

/// What servers say their tools are. Called on a thread that may wait.
pub trait Pins: Send + Sync {
    fn all(&self) -> Vec<Pinned>;
    /// Lets an offered definition count; none where nothing with this digest is offered.
    fn accept(&self, server: &Name, tool: &Name, digest: &Digest) -> Option<Pinned>;
    /// Forgets a tool, so that it is seen for the first time again.
    fn forget(&self, server: &Name, tool: &Name) -> Option<Pinned>;
}

/// One tool of one server.
#[derive(Debug, Serialize)]
pub struct Pinned {
    pub server: Name,
    pub tool: Name,
    /// What counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Definition>,
    /// What the server says now, where it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<Definition>,
    /// Why it does not, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Definition {
    pub digest: Digest,
    /// As the server wrote it. It is text of a stranger.
    pub definition: Json,
}
