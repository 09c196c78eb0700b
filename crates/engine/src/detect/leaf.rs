//! A leaf: one string of the action, what it means and where it came from.

use action::{Channel, SemanticType};

use crate::text::Prepared;

/// One string that detectors look at.
#[derive(Debug)]
pub struct Leaf<'a> {
    /// The last key on the way to it, lower case; empty when it has none.
    pub key: &'a str,
    /// Where it came from, for a text that the agent had read; `None` for the agent's own argument.
    pub channel: Option<Channel>,
    pub semantic: SemanticType,
    pub text: Prepared<'a>,
}

impl<'a> Leaf<'a> {
    /// A leaf that stands alone: an argument without a key.
    pub fn new(semantic: SemanticType, text: &'a str) -> Self {
        Leaf { key: "", channel: None, semantic, text: Prepared::new(text) }
    }

    /// The same leaf as something the agent had read.
    pub fn from_channel(self, channel: Channel) -> Self {
        Leaf { channel: Some(channel), ..self }
    }

    /// The same leaf under a key.
    pub fn under(self, key: &'a str) -> Self {
        Leaf { key, ..self }
    }
}
