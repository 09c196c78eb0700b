//! Shadow deployments: how a second model answers what a first one was asked. Figures, never content. The
//! composition fills the port.

use action::{Name, Timestamp};
use serde::Serialize;

/// Called on a thread that may wait.
pub trait Shadows: Send + Sync {
    /// The sums of each shadow since the server started.
    fn standings(&self) -> Vec<ShadowStanding>;
    /// The newest first.
    fn comparisons(&self) -> Vec<Comparison>;
}

/// One shadow: a second provider, and its model where the settings name one.
#[derive(Debug, Serialize)]
pub struct ShadowStanding {
    pub provider: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Name>,
    pub calls: Counts,
    pub live: Mean,
    pub shadow: Mean,
    pub similarity: Likeness,
    pub tool_calls_alike: u64,
    pub tool_calls_differ: u64,
}

/// What became of the calls that were to be made once more.
#[derive(Debug, Serialize)]
pub struct Counts {
    pub compared: u64,
    pub dropped: u64,
    pub refused: u64,
    pub forbidden: u64,
    pub failed: u64,
    pub spent: u64,
}

/// Means over the compared calls.
#[derive(Debug, Serialize)]
pub struct Mean {
    /// Answers with a status of 400 or more.
    pub errors: u64,
    pub first_byte_ms: Option<u64>,
    pub whole_ms: Option<u64>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub micro_dollars: Option<u64>,
    pub characters: Option<u64>,
    pub micro_dollars_in_all: u64,
}

/// Words that both answers share, in per cent.
#[derive(Debug, Serialize)]
pub struct Likeness {
    pub mean: Option<u64>,
    /// Comparisons below 20, 40, 60 and 80, and from 80 on.
    pub fifths: [u64; 5],
}

/// Two answers to one question.
#[derive(Debug, Serialize)]
pub struct Comparison {
    pub at: Timestamp,
    pub live_decision: Name,
    pub shadow_decision: Name,
    pub live_model: String,
    pub provider: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Name>,
    pub live: Answer,
    pub shadow: Answer,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls_alike: Option<bool>,
}

#[derive(Debug, Serialize)]
pub struct Answer {
    pub status: u16,
    pub first_byte_ms: u64,
    pub whole_ms: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub micro_dollars: u64,
    pub characters: u64,
    pub tool_calls: u64,
}
