//! What operators keep: agents, keys, rules, settings.

mod types;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use action::{AccessRole, Digest, Environment, Layer, Name, Timestamp};

use crate::{DatabaseError, Limit, OpenError, Page, Trouble, Which, WriteError};

pub use types::*;

type Done<T> = Result<Written<T>, WriteError>;

/// What operators keep. Every write is durable before it returns.
pub struct State {
    _private: (),
}

fn pending<T>() -> Result<T, DatabaseError> {
    Err(DatabaseError { which: Which::State, doing: "read", trouble: Trouble::Unavailable, source: None })
}
fn pend<T>() -> Result<T, WriteError> {
    Ok(pending()?)
}

impl State {
    /// Opens what this tenant's operators keep in this folder.
    pub fn open(_folder: &Path, _tenant: &Name) -> Result<State, OpenError> {
        Ok(State { _private: () })
    }
    /// Goes up with each commit that changes what a snapshot shows. Reads no database.
    pub fn version(&self) -> u64 {
        0
    }
    /// Returns the version as soon as it is not `seen`, or at the time-out.
    pub fn wait_beyond(&self, _seen: u64, _timeout: Duration) -> u64 {
        0
    }
    pub fn snapshot(&self) -> Result<Snapshot, DatabaseError> {
        pending()
    }

    // agents
    pub fn add_agent(&self, _name: &Name, _profile: &AgentProfile, _now: Timestamp) -> Done<Agent> {
        pend()
    }
    /// `seen` is the version that the caller had read; none skips the comparison.
    pub fn change_agent(
        &self,
        _name: &Name,
        _profile: &AgentProfile,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<Agent> {
        pend()
    }
    pub fn set_agent_status(
        &self,
        _name: &Name,
        _status: &AgentStatus,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<Agent> {
        pend()
    }
    pub fn agent(&self, _name: &Name) -> Result<Option<Agent>, DatabaseError> {
        pending()
    }
    /// By name.
    pub fn agents(&self, _after: Option<&Name>, _limit: Limit) -> Result<Page<Agent, Name>, DatabaseError> {
        pending()
    }

    // keys of agents, tokens of operators
    pub fn add_key(&self, _key: &Credential) -> Done<Credential> {
        pend()
    }
    pub fn revoke_key(&self, _prefix: &Name, _now: Timestamp) -> Done<Credential> {
        pend()
    }
    pub fn keys_of(&self, _agent: &Name) -> Result<Vec<Credential>, DatabaseError> {
        pending()
    }
    pub fn add_token(&self, _token: &Credential) -> Done<Credential> {
        pend()
    }
    pub fn revoke_token(&self, _prefix: &Name, _now: Timestamp) -> Done<Credential> {
        pend()
    }
    pub fn tokens_of(&self, _operator: &Name) -> Result<Vec<Credential>, DatabaseError> {
        pending()
    }
    /// Notes that these keys and tokens were used; to the hour, so that most calls write nothing.
    pub fn note_use(&self, _prefixes: &[Name], _now: Timestamp) -> Result<(), DatabaseError> {
        pending()
    }

    // operators
    pub fn add_operator(
        &self,
        _name: &Name,
        _roles: &BTreeSet<AccessRole>,
        _now: Timestamp,
    ) -> Done<Operator> {
        pend()
    }
    pub fn change_operator(
        &self,
        _name: &Name,
        _roles: &BTreeSet<AccessRole>,
        _disabled: bool,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<Operator> {
        pend()
    }
    pub fn operator(&self, _name: &Name) -> Result<Option<Operator>, DatabaseError> {
        pending()
    }
    pub fn operators(
        &self,
        _after: Option<&Name>,
        _limit: Limit,
    ) -> Result<Page<Operator, Name>, DatabaseError> {
        pending()
    }

    // rules
    pub fn add_rule_set(
        &self,
        _name: &Name,
        _layer: Layer,
        _target: Option<&Name>,
        _language: Language,
        _now: Timestamp,
    ) -> Done<RuleSet> {
        pend()
    }
    /// A new version, as a draft.
    pub fn draft_rules(
        &self,
        _set: &Name,
        _text: &str,
        _author: &Name,
        _note: &str,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<RuleVersion> {
        pend()
    }
    /// By a person who is not the author.
    pub fn approve_rules(
        &self,
        _set: &Name,
        _number: u32,
        _by: &Name,
        _seen: Option<u64>,
    ) -> Done<RuleVersion> {
        pend()
    }
    /// To shadow or to retired; see [`State::activate_rules`] for the way to active.
    pub fn move_rules(
        &self,
        _set: &Name,
        _number: u32,
        _to: RuleState,
        _seen: Option<u64>,
    ) -> Done<RuleVersion> {
        pend()
    }
    /// Active for this share of traffic. Below 100 the version that was active stays for the rest; at 100 it
    /// is retired.
    pub fn activate_rules(
        &self,
        _set: &Name,
        _number: u32,
        _percent: u8,
        _four_eyes: bool,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<RuleVersion> {
        pend()
    }
    /// The text of a version that was once active, as a new version that is active at once.
    pub fn roll_back_rules(
        &self,
        _set: &Name,
        _to: u32,
        _by: &Name,
        _note: &str,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<RuleVersion> {
        pend()
    }
    pub fn rule_set(&self, _name: &Name) -> Result<Option<RuleSet>, DatabaseError> {
        pending()
    }
    pub fn rule_sets(
        &self,
        _after: Option<&Name>,
        _limit: Limit,
    ) -> Result<Page<RuleSet, Name>, DatabaseError> {
        pending()
    }
    pub fn rule_version(&self, _set: &Name, _number: u32) -> Result<Option<RuleVersion>, DatabaseError> {
        pending()
    }
    /// Newest first.
    pub fn rule_versions(
        &self,
        _set: &Name,
        _before: Option<u32>,
        _limit: Limit,
    ) -> Result<Page<RuleVersion, u32>, DatabaseError> {
        pending()
    }

    // settings, denies, freezes, approval policies
    pub fn put_settings(
        &self,
        _scope: &Scope,
        _environment: Option<Environment>,
        _settings: &Settings,
        _seen: Option<u64>,
        _now: Timestamp,
    ) -> Done<ScopeSettings> {
        pend()
    }
    pub fn settings(&self) -> Result<Vec<ScopeSettings>, DatabaseError> {
        pending()
    }
    pub fn deny(&self, _entry: &DenyEntry) -> Done<DenyEntry> {
        pend()
    }
    pub fn lift_deny(&self, _kind: DenyKind, _key: &Name) -> Done<DenyEntry> {
        pend()
    }
    pub fn denies(
        &self,
        _after: Option<&(DenyKind, Name)>,
        _limit: Limit,
    ) -> Result<Page<DenyEntry, (DenyKind, Name)>, DatabaseError> {
        pending()
    }
    pub fn count_denied(&self, _hits: &[(DenyKind, Name, u64)]) -> Result<(), DatabaseError> {
        pending()
    }
    pub fn freeze(&self, _freeze: &Freeze) -> Done<Freeze> {
        pend()
    }
    pub fn thaw(&self, _scope: &Scope, _environment: Option<Environment>) -> Done<Freeze> {
        pend()
    }
    pub fn freezes(&self) -> Result<Vec<Freeze>, DatabaseError> {
        pending()
    }
    pub fn put_approval_policy(&self, _policy: &ApprovalPolicy, _seen: Option<u64>) -> Done<ApprovalPolicy> {
        pend()
    }
    pub fn drop_approval_policy(
        &self,
        _scope: &Scope,
        _environment: Option<Environment>,
    ) -> Done<ApprovalPolicy> {
        pend()
    }
    pub fn approval_policies(&self) -> Result<Vec<ApprovalPolicy>, DatabaseError> {
        pending()
    }
    pub fn note_secret(&self, _note: &SecretNote) -> Done<SecretNote> {
        pend()
    }
    pub fn secrets(&self) -> Result<Vec<SecretNote>, DatabaseError> {
        pending()
    }

    // what the request path remembers; durable, publishes nothing
    /// Answers in the order of the requests; all in one transaction.
    pub fn claim(&self, _requests: &[ClaimRequest], _now: Timestamp) -> Result<Vec<Claim>, WriteError> {
        pend()
    }
    /// True for a nonce that nobody had used; all in one transaction.
    pub fn spend(
        &self,
        _nonces: &[(Name, Digest, Timestamp)],
        _now: Timestamp,
    ) -> Result<Vec<bool>, WriteError> {
        pend()
    }
    pub fn save_facts(&self, _rows: &[FactsRow]) -> Result<(), WriteError> {
        pend()
    }
    pub fn agent_facts(&self, _agent: &Name) -> Result<Option<FactsRow>, DatabaseError> {
        pending()
    }
    pub fn session_facts(&self, _agent: &Name, _session: &Name) -> Result<Option<FactsRow>, DatabaseError> {
        pending()
    }
    /// Removes expired claims, nonces, denies and freezes, and facts of sessions idle since `idle`.
    pub fn sweep(&self, _now: Timestamp, _idle: Timestamp) -> Result<Swept, DatabaseError> {
        pending()
    }
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    pub claims: u64,
    pub nonces: u64,
    pub denies: u64,
    pub freezes: u64,
    pub sessions: u64,
}
