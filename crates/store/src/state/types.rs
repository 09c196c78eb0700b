//! What operators keep.

use std::collections::BTreeSet;

use action::{
    AccessRole, Amount, Capture, Digest, Environment, ExplainLevel, FailMode, Layer, Mode, Name,
    SensitiveClass, Severity, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Identity;

/// What a write did, with what its record on the ledger needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<T> {
    /// As it stands now.
    pub value: T,
    /// For example `agent.create`; the `act` of the operator's record.
    pub act: &'static str,
    /// The `on` of the operator's record.
    pub on: Name,
    /// The version that the published data has now.
    pub published: u64,
    /// False when everything was already so: a write that was sent twice.
    pub changed: bool,
}

/// Where a setting, freeze or approval policy applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    Organisation,
    Application(Name),
    Agent(Name),
}

/// A program in which a model chooses the actions, as operators know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    pub name: Name,
    /// What an operator may change.
    #[serde(flatten)]
    pub profile: AgentProfile,
    pub status: AgentStatus,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Goes up with each change; the ETag.
    pub version: u64,
}

/// What an operator says about an agent. An agent's own claims are never here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentProfile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Name>,
    /// Where it may act; none means nowhere.
    pub environments: BTreeSet<Environment>,
    pub roles: BTreeSet<Name>,
    /// The permissions that it was granted, for example `payments.refund`.
    #[serde(default)]
    pub scopes: BTreeSet<Name>,
    /// The versions that may act; none named means any.
    #[serde(default)]
    pub versions: BTreeSet<Name>,
    /// The part of the organisation that it works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_unit: Option<Name>,
    /// Holds credentials beyond what its role needs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elevated: bool,
    /// What the identity system grants it.
    #[serde(default, skip_serializing_if = "Access::is_unknown")]
    pub granted: Access,
    /// What its behaviour certificate declares.
    #[serde(default, skip_serializing_if = "Access::is_unknown")]
    pub certified: Access,
    /// What else than its keys stands for it. No two agents share one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub identities: BTreeSet<Identity>,
    /// Every request must be signed; a key or token alone is not enough.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed: bool,
}

/// Lists of what may be used; `*` at the end of an entry stands for any ending. An absent list is
/// unknown and forbids nothing; an empty list allows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<BTreeSet<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<BTreeSet<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations: Option<BTreeSet<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<BTreeSet<SensitiveClass>>,
}

impl Access {
    pub fn is_unknown(&self) -> bool {
        *self == Access::default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum AgentStatus {
    Active,
    /// By an operator, until lifted.
    Suspended {
        reason: String,
    },
    /// By containment; without `until`, until lifted.
    Frozen {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        reason: String,
    },
    /// Retired. Nothing leads back.
    Inactive,
}

impl AgentStatus {
    /// Whether the agent may act. A freeze ends by itself.
    pub fn may_act(&self, now: Timestamp) -> bool {
        match self {
            AgentStatus::Active => true,
            AgentStatus::Frozen { until: Some(until), .. } => *until <= now,
            AgentStatus::Frozen { until: None, .. }
            | AgentStatus::Suspended { .. }
            | AgentStatus::Inactive => false,
        }
    }
}

/// The key of an agent, or the token of an operator: what is stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// The public part, by which it is found.
    pub prefix: Name,
    /// The agent or operator that it stands for.
    pub owner: Name,
    /// SHA-256 of the secret part, which has 256 random bits. Not for callers' eyes.
    #[serde(skip)]
    pub hash: Digest,
    /// What the operator called it.
    pub label: Name,
    pub created: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
    /// To the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
}

impl Credential {
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// A person who operates the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    pub name: Name,
    pub roles: BTreeSet<AccessRole>,
    pub disabled: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Yaml,
    Rego,
}

/// Where a version of a rule set stands: draft → shadow → active → retired; active may go back to
/// shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    Draft,
    /// Evaluated, never carried out.
    Shadow,
    Active,
    Retired,
}

/// A document of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSet {
    pub name: Name,
    pub layer: Layer,
    /// The application or agent whose layer it is; absent for the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Name>,
    pub language: Language,
    pub created: Timestamp,
    /// The newest version.
    pub newest: u32,
    /// Goes up with each change of the set or of one of its versions; the ETag.
    pub version: u64,
}

/// One text of a rule set. The text never changes; its state does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVersion {
    pub set: Name,
    pub number: u32,
    pub text: String,
    /// SHA-256 of the text.
    pub digest: Digest,
    pub author: Name,
    pub note: String,
    pub created: Timestamp,
    pub state: RuleState,
    /// The share of traffic that an active version decides, 1 to 100.
    pub percent: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Name>,
    /// When it was first active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated: Option<Timestamp>,
    /// When its roll-out goes back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_when: Option<ReturnWhen>,
}

/// When a version that decides a share of the sessions goes back to shadow by itself. Each bound is
/// about the decisions of the last `within_seconds`; at least one of them is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnWhen {
    /// Points of a hundred by which its share of blocked actions may exceed that of the other sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_share_above: Option<u8>,
    /// Decisions in which a rule could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults_above: Option<u32>,
    pub within_seconds: u32,
    /// Decisions of its own before its share says anything.
    #[serde(default = "ReturnWhen::few")]
    pub least_decisions: u32,
}

impl ReturnWhen {
    const fn few() -> u32 {
        20
    }
}

/// Settings of a scope. What is absent is taken from the wider scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// When an action that only reads cannot be decided or recorded in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_reads: Option<FailMode>,
    /// The same for actions with an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_effects: Option<FailMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<ExplainLevel>,
    /// Whatever has an effect runs in isolation, also what is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolate_effects: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_millis: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_month: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeSettings {
    pub scope: Scope,
    /// Absent: for every environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    pub settings: Settings,
    pub updated: Timestamp,
    pub version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenyKind {
    User,
    Trace,
    Session,
    Agent,
    Key,
}

/// A stored refusal. It outlives the connection that it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyEntry {
    pub kind: DenyKind,
    /// A user is named by pseudonym, a key by its prefix.
    pub key: Name,
    pub reason: String,
    pub operator: Name,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Refusals so far. Counting them publishes nothing.
    pub hits: u64,
}

/// Everything in a scope stands still until it expires or is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    pub reason: String,
    pub operator: Name,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Who may approve held actions of a scope, how many of them, and by when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalPolicy {
    pub scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Operators by name; none named means whoever holds the role approver.
    pub approvers: BTreeSet<Name>,
    /// Approvals that are needed.
    pub quorum: u8,
    /// Actions that need more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<MoreApprovals>,
    /// No answer by then means expired, and expired means refused.
    pub deadline_seconds: u32,
    pub updated: Timestamp,
    pub version: u64,
}

/// Actions that need more approvals than others: those to which everything here that is given applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoreApprovals {
    /// It moves more than this. What cannot be shown to be at most this is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_over: Option<Amount>,
    /// Its score, or a detection on it, is at least this severe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_from: Option<Severity>,
    pub quorum: u8,
}

/// An approver who lets another one decide in their place until a stated time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    pub delegator: Name,
    pub delegate: Name,
    pub reason: String,
    pub created: Timestamp,
    pub until: Timestamp,
}

/// That a secret of the server exists, how old it is and where it lives. Never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNote {
    pub name: Name,
    /// For example `ledger.signing` or `content.master`.
    pub purpose: Name,
    /// Digest of the public part, or of the identifier.
    pub fingerprint: Digest,
    /// For example a file, or a key of a key service.
    pub place: String,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Timestamp>,
}

/// Everything that the request path needs, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub version: u64,
    pub agents: Vec<Agent>,
    /// Not revoked.
    pub keys: Vec<Credential>,
    pub operators: Vec<Operator>,
    /// Not revoked.
    pub tokens: Vec<Credential>,
    pub rule_sets: Vec<RuleSet>,
    /// In shadow or active.
    pub rules: Vec<RuleVersion>,
    pub settings: Vec<ScopeSettings>,
    pub denies: Vec<DenyEntry>,
    pub freezes: Vec<Freeze>,
    pub approvals: Vec<ApprovalPolicy>,
    pub delegations: Vec<Delegation>,
}

/// What a request with an idempotency key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    pub agent: Name,
    pub key: Name,
    /// Digest of the request, so that a key used for something else is noticed.
    pub request: Digest,
    pub decision: Name,
    pub expires: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had it: the decision named in the request goes ahead.
    New,
    /// The same request was decided before.
    Known { decision: Name },
    /// The key stands for another request.
    Differs,
}

/// What the engine knows of an agent, or of one of its sessions: opaque bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsRow {
    pub agent: Name,
    /// Absent: of the agent as a whole.
    pub session: Option<Name>,
    pub bytes: Vec<u8>,
    /// Set by who computes them. An older version never replaces a newer one.
    pub version: u64,
    pub updated: Timestamp,
}
