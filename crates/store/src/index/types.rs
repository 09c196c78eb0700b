//! What the index answers with. Times are the record's, in nanoseconds.

use std::collections::BTreeMap;

use action::{
    ActionKind, ApprovalState, Confidence, Digest, Environment, Mode, Name, Operation, SensitiveClass,
    Severity, Timestamp, TraceId, Vector, Verdict,
};
use ledger::{ApprovalStep, GapReason, Nanos, RecordKind, Report};
use serde::Serialize;

/// A record as the index keeps it: where it stands and whom it is about. Its bytes are in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordRow {
    pub sequence: u64,
    pub kind: RecordKind,
    pub time: Nanos,
    pub agent: Option<Name>,
    pub session: Option<Name>,
    pub trace: Option<TraceId>,
    pub principal: Option<Name>,
    pub leaf: Digest,
    pub cause: Option<Digest>,
    pub notes: BTreeMap<Name, Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    pub sequence: u64,
    pub id: Name,
    pub time: Nanos,
    pub verdict: Verdict,
    pub effective: Verdict,
    pub mode: Mode,
    /// What decided.
    pub rule: Name,
    pub rules: Digest,
    pub baseline: Option<Digest>,
    /// Absent when no score was made.
    pub risk: Option<Risk>,
    /// Those that hit, each once, in the order of the list.
    pub vectors: Vec<Vector>,
    pub act: Option<Act>,
    pub agent: Option<Name>,
    pub agent_version: Option<Name>,
    pub session: Option<Name>,
    pub trace: Option<TraceId>,
    /// A pseudonym.
    pub principal: Option<Name>,
    /// Microseconds by stage.
    pub latency: BTreeMap<Name, u64>,
    /// Absent when it was never held.
    pub hold: Option<ApprovalState>,
    /// The newest report of the effect.
    pub outcome: Option<Report>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    pub value: u8,
    pub base: u8,
    pub uplift: u8,
    /// In the order of the list of dimensions.
    pub parts: [u8; 7],
    pub weights: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Act {
    pub kind: ActionKind,
    pub operation: Operation,
    pub environment: Environment,
    pub tool: Name,
    pub resource: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetectionRow {
    pub vector: Vector,
    pub rule: Name,
    pub severity: Severity,
    pub confidence: Confidence,
    pub class: Option<SensitiveClass>,
}

/// One move of a held action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalRow {
    pub sequence: u64,
    pub time: Nanos,
    /// The decision that is held.
    pub of: Name,
    pub step: ApprovalStep,
    pub by: Option<Name>,
    pub channel: Option<Name>,
    pub needed: Option<u8>,
    pub until: Option<Nanos>,
}

/// A held action as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldRow {
    pub of: Name,
    /// The record that first spoke of it.
    pub sequence: u64,
    pub state: ApprovalState,
    pub needed: u8,
    pub votes: u64,
    pub until: Option<Nanos>,
    pub released: bool,
    pub requested: Nanos,
    pub moved: Nanos,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeRow {
    pub sequence: u64,
    pub time: Nanos,
    pub of: Name,
    pub report: Report,
    /// Why it ended so, and what else its record tells.
    pub notes: BTreeMap<Name, Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    /// The record that it stands in, or that gave rise to it.
    pub sequence: u64,
    pub time: Nanos,
    pub rule: Name,
    pub severity: Severity,
    /// Concluded by the index from other records, rather than recorded.
    pub derived: bool,
    pub of: Option<Name>,
    pub agent: Option<Name>,
    pub session: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorRow {
    pub sequence: u64,
    pub time: Nanos,
    pub act: Name,
    pub by: Name,
    pub on: Option<Name>,
    pub notes: BTreeMap<Name, Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasureRow {
    pub sequence: u64,
    pub time: Nanos,
    pub principal: Name,
    pub basis: Name,
    pub by: Name,
    pub pieces: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapRow {
    pub sequence: u64,
    pub time: Nanos,
    pub reason: GapReason,
    pub bytes: u64,
    pub was: Option<Digest>,
    pub notes: BTreeMap<Name, Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    pub sequence: u64,
    pub time: Nanos,
    pub by: Option<Name>,
    pub act: Option<Name>,
    pub on: Option<Name>,
    pub notes: BTreeMap<Name, Name>,
}

/// One decision and everything recorded about it since, each list at most [`crate::Limit::MOST`] long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionHistory {
    pub decision: DecisionRow,
    pub leaf: Digest,
    /// What its record tells beside the decision: of which conversation it is, what it came of.
    pub notes: BTreeMap<Name, Name>,
    pub detections: Vec<DetectionRow>,
    pub hold: Option<HoldRow>,
    pub approvals: Vec<ApprovalRow>,
    pub outcomes: Vec<OutcomeRow>,
    pub findings: Vec<FindingRow>,
    /// Records that name the decision's record as their cause.
    pub caused: Vec<RecordRow>,
}

/// Which decisions. What is absent does not narrow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionFilter {
    pub agent: Option<Name>,
    pub principal: Option<Name>,
    pub session: Option<Name>,
    pub trace: Option<TraceId>,
    /// The policy's verdict.
    pub verdict: Option<Verdict>,
    /// What was carried out.
    pub effective: Option<Verdict>,
    pub vector: Option<Vector>,
    /// What decided.
    pub rule: Option<Name>,
    pub kind: Option<ActionKind>,
    pub operation: Option<Operation>,
    pub environment: Option<Environment>,
    pub hold: Option<ApprovalState>,
    pub outcome: Option<Report>,
    pub score_from: Option<u8>,
    /// Up to and with this score.
    pub score_to: Option<u8>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
    /// Part of the tool's name; ASCII letters match in either case.
    pub tool: Option<Name>,
}

/// Which events: of one decision, agent, session or author, in a time range. A part that an event does
/// not have matches no event of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    pub of: Option<Name>,
    pub agent: Option<Name>,
    pub session: Option<Name>,
    /// Who did it.
    pub by: Option<Name>,
    /// The rule of a finding, the act of an operator, the basis of an erasure.
    pub name: Option<Name>,
    pub severity_from: Option<Severity>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

/// What decisions are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountBy {
    Verdict,
    /// Verdicts as they were carried out.
    Effective,
    Vector,
    Agent,
}

/// Decisions of one hour with one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HourCount {
    /// The first moment of the hour.
    pub hour: Timestamp,
    /// The wire name of a verdict or vector, or the name of an agent.
    pub key: Name,
    pub count: u64,
}

/// How the index came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexStart {
    /// There was none.
    Fresh,
    /// It goes on from this record.
    Continued { next: u64 },
    /// It could not be used; it is filled again from the ledger.
    Rebuilt { why: String },
}

/// One step of following the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub folded: usize,
    /// The record to go on from.
    pub next: u64,
    /// Why everything was dropped and is folded again from the first record.
    pub rebuilt: Option<String>,
}
