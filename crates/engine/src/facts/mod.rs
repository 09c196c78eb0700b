//! Facts: what the caller knows about whoever tries an action. Looked up, never self-declared.

use action::{ExplainLevel, Mode, Name, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything the engine may know beside the action itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    pub scope: Scope,
    pub agent: AgentFacts,
    pub place: PlaceFacts,
}

/// The scope that the action falls into, and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    pub application: Option<Name>,
    pub business_unit: Option<Name>,
    pub mode: Mode,
    /// How much of the reason the caller is told; by environment when absent.
    pub explain: Option<ExplainLevel>,
}

impl Default for Scope {
    // A scope that nobody configured observes and stops nothing.
    fn default() -> Self {
        Scope { application: None, business_unit: None, mode: Mode::Monitor, explain: None }
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
