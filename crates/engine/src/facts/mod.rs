//! Facts: what the caller knows about whoever tries an action. Looked up, never self-declared.
//!
//! [`Facts`] go in with an action; [`learn`] gives the facts for the next one. The caller keeps
//! them. What is remembered is bounded and holds no content: names, counts, classes and salted
//! hashes.

mod access;
pub mod baseline;
pub mod counters;
pub mod deviation;
pub mod drift;
pub mod hash;
mod learn;
mod provenance;
mod session;
pub mod sketch;

pub use access::{AccessFacts, Allowed, DenyEntry, DenyKey, Judge, JudgeOutcome};
pub use baseline::{Baseline, ColdStart, Observation, Typical};
pub use counters::{Bucket, Counters, Outflow, Rate, Window};
pub use deviation::Deviation;
pub use drift::{Drift, DriftLevel, certificate_drift, drift};
pub use learn::{Learned, heard, learn};
pub use provenance::{Literals, Provenance};
pub use session::{Identity, SessionFacts, Step, Taint};

use action::{ExplainLevel, Mode, Name, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything the engine may know beside the action itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    pub scope: Scope,
    pub agent: AgentFacts,
    pub place: PlaceFacts,
    pub session: SessionFacts,
    /// What is normal for the agent; absent when it has none yet.
    pub baseline: Option<Baseline>,
    pub counters: Counters,
    pub access: AccessFacts,
    /// What optional outside classifiers said.
    pub judges: Vec<Judge>,
    /// Rules that asked a person about the action of which this is the result, and got a yes. They do not
    /// ask about the result once more: nobody waits for it, and what was approved is done by now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<String>,
}

/// The scope that the action falls into, and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    pub application: Option<Name>,
    pub business_unit: Option<Name>,
    /// The estate's own domains; what is sent below them does not leave the estate.
    pub own_domains: Vec<Name>,
    pub mode: Mode,
    /// How much of the reason the caller is told; by environment when absent.
    pub explain: Option<ExplainLevel>,
}

impl Default for Scope {
    // A scope that nobody configured observes and stops nothing.
    fn default() -> Self {
        Scope {
            application: None,
            business_unit: None,
            own_domains: Vec::new(),
            mode: Mode::Monitor,
            explain: None,
        }
    }
}

/// What is on record about the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AgentFacts {
    /// Given by an operator. An agent's own claim never gets here.
    pub roles: Vec<Name>,
    pub registered: bool,
    /// Holds credentials beyond what its role needs.
    pub elevated: bool,
    pub frozen: bool,
    pub first_seen: Option<Timestamp>,
    /// Salt of the hashes in the agent's counters, chosen by the caller once.
    pub salt: u64,
    /// Alerts and blocked actions of the last 30 days.
    pub recent_alerts: u32,
    pub recent_blocks: u32,
}

/// Where the action would execute from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceFacts {
    pub network: Network,
    pub region: Option<Name>,
    /// Where the agent is meant to run; empty when nobody said.
    pub approved_regions: Vec<Name>,
}

/// The network that the agent runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    Trusted,
    Internet,
    #[default]
    Unknown,
}

impl Network {
    /// Whether moving from here to `other` is a change worth telling; unknown is none.
    pub fn is_left_for(self, other: Network) -> bool {
        match (self, other) {
            (Network::Unknown, _) | (_, Network::Unknown) => false,
            (Network::Trusted, Network::Internet) | (Network::Internet, Network::Trusted) => true,
            (Network::Trusted, Network::Trusted) | (Network::Internet, Network::Internet) => false,
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
