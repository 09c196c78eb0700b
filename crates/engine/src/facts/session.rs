//! What is remembered of one session: who opened it, what was read, what was done. Bounded, and
//! without content: hashes, classes and counts.

use action::{ActionKind, Channel, Digest, Name, Operation, SensitiveClass, Sensitivity, Timestamp};
use serde::{Deserialize, Serialize};

use super::Network;
use super::counters::Bucket;
use super::provenance::Provenance;

/// One session so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct SessionFacts {
    pub started: Option<Timestamp>,
    /// The last action that was learned.
    pub last: Option<Timestamp>,
    /// Whom the session was opened for.
    pub opened: Option<Identity>,
    /// What the present call shows beyond the action itself.
    pub device: Option<Name>,
    /// Random for each session; the hashes below are made with it.
    pub salt: u64,
    pub taint: Taint,
    pub provenance: Provenance,
    /// The newest steps, oldest first; at [`SessionFacts::STEPS`] the oldest is dropped.
    pub steps: Vec<Step>,
    pub bucket: Bucket,
    pub calls: u64,
    /// Model tokens used so far, where the caller knows.
    pub tokens: u64,
    /// How many agents this call went through.
    pub depth: u64,
}

impl SessionFacts {
    pub const STEPS: usize = 32;
}

/// Who and where, as far as known. What is absent is unknown and never a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    pub principal: Option<Name>,
    pub agent: Option<Name>,
    pub version: Option<Name>,
    pub network: Option<Network>,
    pub region: Option<Name>,
    pub device: Option<Name>,
}

/// Whether untrusted content has entered the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Taint {
    /// The untrusted channels that were read, each once.
    pub channels: Vec<Channel>,
    /// An injection was detected in what was read.
    pub injection: bool,
    pub since: Option<Timestamp>,
}

impl Taint {
    /// What has entered either of two sessions.
    #[must_use]
    pub fn joined(&self, other: &Taint) -> Taint {
        let mut channels: Vec<Channel> = self.channels.iter().chain(&other.channels).copied().collect();
        channels.sort_unstable();
        channels.dedup();
        let since = match (self.since, other.since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Taint { channels, injection: self.injection || other.injection, since }
    }

    pub fn is_tainted(&self) -> bool {
        self.injection || !self.channels.is_empty()
    }
}

/// One earlier action of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub at: Timestamp,
    pub tool: Name,
    pub kind: ActionKind,
    pub operation: Operation,
    pub resource: Name,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<SensitiveClass>,
    #[serde(default = "no_sensitivity")]
    pub sensitivity: Sensitivity,
    #[serde(default)]
    pub records: u64,
    #[serde(default)]
    pub bytes: u64,
    /// Left the estate.
    #[serde(default)]
    pub external: bool,
    /// The payload is of a form that hides its content: encoded, compressed or encrypted.
    #[serde(default)]
    pub packed: bool,
    /// Salted hashes of values that the step handled, at most [`Step::VALUES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<u64>,
    /// Payload hash of the action, to recognise repetition and to find its record.
    #[serde(default)]
    pub payload: Digest,
    /// Untrusted text alone chose an argument or the tool; what it returns is as untrusted.
    #[serde(default)]
    pub tainted: bool,
    /// It was carried out.
    #[serde(default = "carried_out")]
    pub done: bool,
}

fn carried_out() -> bool {
    true
}

fn no_sensitivity() -> Sensitivity {
    Sensitivity::None
}

impl Step {
    pub const VALUES: usize = 64;
}
