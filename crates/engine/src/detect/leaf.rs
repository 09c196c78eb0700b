//! A leaf: one string of the action, what it means and where it came from.

use action::{Channel, SemanticType};

use crate::text::Prepared;

/// One string that detectors look at.
pub struct Leaf<'a> {
    /// The last key on the way to it, lower case; empty when it has none.
    pub key: &'a str,
    /// Where it came from, for a text that the agent had read; `None` for the agent's own argument.
    pub channel: Option<Channel>,
    pub semantic: SemanticType,
    pub text: Prepared<'a>,
}
