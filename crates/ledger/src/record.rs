//! The record: one leaf of the ledger.
//!
//! Every struct lists its fields in alphabetical order, holds no floats and writes no nulls, so
//! that what serde writes is canonical (RFC 8785) by construction. A reader accepts a record only
//! if writing it again gives the same bytes.

use std::collections::BTreeMap;

use action::{
    ActionKind, Confidence, Digest, Environment, Mode, Name, Operation, SensitiveClass, Severity, Timestamp,
    TraceId, Vector, Verdict,
};
use serde::{Deserialize, Serialize};

mod canonical;
mod kinds;
mod reader;

pub use canonical::{MAX_RECORD_BYTES, Unreadable};
pub use kinds::{Author, KindRow, MAX_DETECTIONS, MAX_NOTES, MAX_NUMBER, Part, RecordFault, VERSION};

/// What a record is about. A table in `kinds` says which parts each kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// The program started; names version and configuration by digest.
    Boot,
    /// The clock jumped.
    Clock,
    /// An action was decided: the intent, durable before the answer leaves.
    Decision,
    /// What the caller, or nobody, reported of the effect.
    Outcome,
    /// A held action moved: requested, voted, approved, denied, expired, cancelled, released.
    Approval,
    /// Rules changed.
    Policy,
    /// An operator did something, reads of evidence included.
    Operator,
    /// Something worth attention, such as a report that contradicts the decision.
    Finding,
    /// A person's content and keys were destroyed.
    Erasure,
    /// The signing key changed.
    Key,
    /// Bytes were cut or could not be written.
    Gap,
    ShardOpen,
    ShardSeal,
}

/// One leaf. What it is about, then its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalPart>,
    /// The record that led to this one, by leaf hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Digest>,
    /// Salted hashes of content that is kept elsewhere, or nowhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commitments: BTreeMap<Committed, Commitment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionPart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detections: Vec<DetectionPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<ErasurePart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyPart>,
    pub kind: RecordKind,
    /// The log that the record stands in.
    pub log: String,
    /// Details of a boot, a clock jump or a policy change, by name: digests, versions, counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<Name, Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomePart>,
    /// Leaf hash of the record before; zeros for the first of a log.
    pub previous: Digest,
    /// On whose behalf, as a pseudonym that can be erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskPart>,
    pub sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardPart>,
    /// Nanoseconds since 1970, as text: it does not fit a JSON number everywhere.
    pub time: Nanos,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The form of the record.
    pub version: u8,
}

/// The action, without what could name a person: no arguments, no resource name, no destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionPart {
    pub environment: Environment,
    pub kind: ActionKind,
    pub operation: Operation,
    pub resource: Name,
    pub tool: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentPart {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
}

/// What the engine said. `id` is the receipt that the caller was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionPart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Digest>,
    /// What is carried out in the mode of the scope.
    pub effective: Verdict,
    pub id: Name,
    /// Microseconds by stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latency: BTreeMap<Name, u64>,
    pub mode: Mode,
    /// Keyed hash of the payload hash, so that a repeated question is known as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Digest>,
    /// The rule, band or floor that decided.
    pub rule: Name,
    pub rules: Digest,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectionPart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<SensitiveClass>,
    pub confidence: Confidence,
    pub rule: Name,
    pub severity: Severity,
    pub vector: Vector,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskPart {
    pub base: u8,
    /// The seven part scores in the order of the list of dimensions.
    pub parts: [u8; 7],
    pub uplift: u8,
    pub value: u8,
    pub weights: Digest,
}

/// What content a commitment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Committed {
    /// The whole action as it was sent.
    Action,
    /// The action as it was changed by a constrain verdict.
    Changed,
    /// What an operator wrote beside an act.
    Comment,
    /// What the caller reported as the result.
    Result,
    /// What a sandbox captured.
    Sandbox,
}

/// SHA-256(0x02 ‖ salt ‖ content). The 32-byte salt lives with the content and dies with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    pub bytes: u64,
    pub hash: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPart {
    /// The operator who moved it, as a pseudonym; absent for the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Name>,
    /// `dashboard`, `slack`, `teams`, `api`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Name>,
    /// Keyed hash of the claim under which it was released, so that the same claim gets the same
    /// answer again and no other claim gets any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Digest>,
    /// Roles or names of those who may decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Name>,
    /// Approvals that are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<u8>,
    /// The decision that is held.
    pub of: Name,
    /// Keyed hash of the payload hash that the approval is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Digest>,
    /// How long it may be released once approved, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_within: Option<u64>,
    pub step: ApprovalStep,
    /// When it expires by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Nanos>,
}

/// How a held action moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStep {
    Requested,
    /// One of several approvals that are needed.
    Voted,
    Approved,
    Denied,
    Expired,
    Cancelled,
    /// Handed to its caller to run: once.
    Released,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomePart {
    /// The decision that it is about.
    pub of: Name,
    pub report: Report,
}

/// What is known of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    Executed,
    Failed,
    /// The call was never dispatched.
    NotExecuted,
    /// Ran in isolation.
    Isolated,
    /// No report came in time.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorPart {
    /// For example `agent.create`; the table of acts is the operators' API's table of routes.
    pub act: Name,
    /// Who, as a pseudonym.
    pub by: Name,
    /// What it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingPart {
    /// The decision that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Name>,
    /// Stable id, for example `outcome.contradicts`.
    pub rule: Name,
    pub severity: Severity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasurePart {
    /// The legal ground, for example `gdpr.17`.
    pub basis: Name,
    pub by: Name,
    /// Pieces of content that were destroyed.
    pub pieces: u64,
    /// The pseudonym that now stands for nobody.
    pub principal: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapPart {
    /// Bytes that were cut.
    pub bytes: u64,
    pub reason: GapReason,
    /// SHA-256 of what was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Digest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// An unfinished write at the end, beyond the last checkpoint.
    TornTail,
    /// The disk would not take records; the count of what went unrecorded is in `notes`.
    NotWritten,
    /// An operator repaired damage below a checkpoint.
    Repaired,
}

/// A new signing key, named by the old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// Verifier key in the form of signed notes.
    pub new: String,
    /// Signature of the new key over the old one's name.
    pub new_signature: String,
    pub old: String,
    pub old_signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardPart {
    /// Name of the shard: tenant, period and node.
    pub name: String,
    /// Root of the shard before (open) or of this one (seal).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
    /// Records below that root.
    pub size: u64,
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i64);

impl Nanos {
    pub const fn at(time: Timestamp) -> Self {
        Nanos(time.millis().saturating_mul(1_000_000))
    }

    /// The whole millisecond.
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(self.0.div_euclid(1_000_000))
    }
}

impl Serialize for Nanos {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        action::read_text(deserializer, |text| {
            // One form each: no plus sign, no leading zeros, no minus without a number.
            let digits = text.strip_prefix('-').unwrap_or(text);
            let one_form = match digits.as_bytes() {
                [b'0'] => text == digits,
                [b'1'..=b'9', ..] => true,
                _ => false,
            };
            let nanos = if one_form { text.parse().ok() } else { None };
            nanos.map(Nanos).ok_or("a time is whole nanoseconds in a string")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_form() {
        let read = |text: &str| serde_json::from_str::<Nanos>(&format!("\"{text}\"")).ok();
        for nanos in [0, 1, -1, 10, 1_790_000_000_000_000_000, i64::MIN, i64::MAX] {
            assert_eq!(read(&nanos.to_string()), Some(Nanos(nanos)));
        }
        for other in ["", "-", "-0", "00", "01", "-01", "+1", "1.0", "1e3", " 1", "9223372036854775808", "x"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
