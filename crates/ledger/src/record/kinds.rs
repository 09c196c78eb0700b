//! Which parts each kind of record has, and who may write it.

use std::collections::BTreeMap;

use action::{Digest, Name, NameError};

use super::{Nanos, Record, RecordKind};

/// The form of records that this program writes.
pub const VERSION: u8 = 1;

/// Detections that a record names. With the bounds of names this keeps a record below its most bytes.
pub const MAX_DETECTIONS: usize = 256;
/// Notes, and stages with a latency.
pub const MAX_NOTES: usize = 64;
/// The largest integer that a JSON number holds everywhere.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A part of a record, by its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Action,
    Agent,
    Approval,
    Cause,
    Commitments,
    Decision,
    Detections,
    Erasure,
    Finding,
    Gap,
    Key,
    Notes,
    Operator,
    Outcome,
    Principal,
    Risk,
    Session,
    Shard,
    Trace,
}

/// Who appends a kind: whoever uses the ledger, or the ledger itself as part of its own story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Caller,
    Ledger,
}

/// What holds for one kind.
#[derive(Debug, Clone, Copy)]
pub struct KindRow {
    pub word: &'static str,
    pub author: Author,
    /// Parts without which it says nothing.
    pub needs: &'static [Part],
    /// Parts that it may have beside them.
    pub may: &'static [Part],
}

use Author::{Caller, Ledger};
use Part::{
    Action, Agent, Approval, Cause, Commitments, Decision, Detections, Erasure, Finding, Gap, Key, Notes,
    Operator, Outcome, Principal, Risk, Session, Shard, Trace,
};

impl RecordKind {
    pub const ALL: &'static [RecordKind] = &[
        RecordKind::Boot,
        RecordKind::Clock,
        RecordKind::Decision,
        RecordKind::Outcome,
        RecordKind::Approval,
        RecordKind::Policy,
        RecordKind::Operator,
        RecordKind::Finding,
        RecordKind::Erasure,
        RecordKind::Key,
        RecordKind::Gap,
        RecordKind::ShardOpen,
        RecordKind::ShardSeal,
    ];

    /// The table of kinds. A match, so that no kind can be left out.
    #[rustfmt::skip]
    pub const fn row(self) -> KindRow {
        match self {
            RecordKind::Boot => KindRow { word: "boot", author: Caller, needs: &[Notes], may: &[] },
            RecordKind::Clock => KindRow { word: "clock", author: Ledger, needs: &[Notes], may: &[] },
            RecordKind::Decision => KindRow { word: "decision", author: Caller, needs: &[Action, Agent, Decision],
                may: &[Cause, Commitments, Detections, Notes, Outcome, Principal, Risk, Session, Trace] },
            RecordKind::Outcome => KindRow { word: "outcome", author: Caller, needs: &[Outcome],
                may: &[Agent, Cause, Commitments, Notes, Principal, Session, Trace] },
            RecordKind::Approval => KindRow { word: "approval", author: Caller, needs: &[Approval],
                may: &[Action, Agent, Cause, Commitments, Notes, Principal, Session, Trace] },
            RecordKind::Policy => KindRow { word: "policy", author: Caller, needs: &[Notes],
                may: &[Cause, Commitments, Operator] },
            RecordKind::Operator => KindRow { word: "operator", author: Caller, needs: &[Operator],
                may: &[Cause, Commitments, Notes] },
            RecordKind::Finding => KindRow { word: "finding", author: Caller, needs: &[Finding],
                may: &[Action, Agent, Cause, Commitments, Detections, Notes, Principal, Session, Trace] },
            RecordKind::Erasure => KindRow { word: "erasure", author: Caller, needs: &[Erasure],
                may: &[Cause, Commitments, Notes, Operator] },
            RecordKind::Key => KindRow { word: "key", author: Ledger, needs: &[Key], may: &[Notes] },
            RecordKind::Gap => KindRow { word: "gap", author: Ledger, needs: &[Gap], may: &[Notes] },
            RecordKind::ShardOpen => KindRow { word: "shard_open", author: Ledger, needs: &[Shard], may: &[Notes] },
            RecordKind::ShardSeal => KindRow { word: "shard_seal", author: Ledger, needs: &[Shard], may: &[Notes] },
        }
    }
}

impl RecordKind {
    /// What it needs and may have, as sets. A match over constants, so that nothing is counted twice.
    const fn sets(self) -> (u32, u32) {
        const fn of(kind: RecordKind) -> (u32, u32) {
            let row = kind.row();
            (set(row.needs), set(row.may))
        }
        macro_rules! sets {
            ($($kind:ident)+) => { match self { $(RecordKind::$kind => const { of(RecordKind::$kind) },)+ } };
        }
        sets!(Boot Clock Decision Outcome Approval Policy Operator Finding Erasure Key Gap ShardOpen ShardSeal)
    }
}

const fn bit(part: Part) -> u32 {
    1 << part as u32
}

const fn set(mut parts: &[Part]) -> u32 {
    let mut set = 0;
    while let [part, rest @ ..] = parts {
        set |= bit(*part);
        parts = rest;
    }
    set
}

/// Why a record does not stand in the ledger as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    #[error("a `{kind}` record needs the part `{part:?}`")]
    Lacks { kind: &'static str, part: Part },
    #[error("a `{kind}` record cannot have the part `{part:?}`")]
    Excess { kind: &'static str, part: Part },
    #[error("a `{kind}` record is written by the ledger alone")]
    NotYours { kind: &'static str },
    #[error("a record has at most {most} {what}")]
    TooMany { what: &'static str, most: usize },
    #[error("keys of {what} are plain ASCII, so that every reader sorts them the same way")]
    Key { what: &'static str },
    #[error("{what} is too large for a number that every reader of JSON understands")]
    Number { what: &'static str },
    #[error("the word of the kind is no name")]
    Word(#[source] NameError),
}

impl Record {
    /// A record with empty parts. Its place in the log is set by the writer.
    pub fn new(kind: RecordKind, time: Nanos) -> Self {
        Record {
            action: None,
            agent: None,
            approval: None,
            cause: None,
            commitments: BTreeMap::new(),
            decision: None,
            detections: Vec::new(),
            erasure: None,
            finding: None,
            gap: None,
            key: None,
            kind,
            log: String::new(),
            notes: BTreeMap::new(),
            operator: None,
            outcome: None,
            previous: Digest::from_bytes([0; 32]),
            principal: None,
            risk: None,
            sequence: 0,
            session: None,
            shard: None,
            time,
            trace: None,
            version: VERSION,
        }
    }

    /// Whether the parts fit the kind, whoever wrote it.
    pub fn check(&self) -> Result<(), RecordFault> {
        let parts = self.parts();
        let there = parts.iter().fold(0, |set, (part, there)| if *there { set | bit(*part) } else { set });
        let (needs, may) = self.kind.sets();
        // Whole sets first: a verifier asks this of every record, and mostly all is well.
        if there & needs != needs || there & !(needs | may) != 0 {
            let row = self.kind.row();
            for (part, there) in parts {
                if there && (needs | may) & bit(part) == 0 {
                    return Err(RecordFault::Excess { kind: row.word, part });
                }
                if !there && needs & bit(part) != 0 {
                    return Err(RecordFault::Lacks { kind: row.word, part });
                }
            }
        }
        self.check_form()
    }

    /// What keeps a record within its size, and its bytes canonical.
    fn check_form(&self) -> Result<(), RecordFault> {
        let none = BTreeMap::new();
        let latency = self.decision.as_ref().map_or(&none, |part| &part.latency);
        for (what, count, most) in [
            ("detections", self.detections.len(), MAX_DETECTIONS),
            ("notes", self.notes.len(), MAX_NOTES),
            ("latencies", latency.len(), MAX_NOTES),
        ] {
            if count > most {
                return Err(RecordFault::TooMany { what, most });
            }
        }
        // Canonical JSON sorts by UTF-16, we by bytes: the same for ASCII only.
        if !self.notes.keys().all(|key| key.as_str().is_ascii()) {
            return Err(RecordFault::Key { what: "notes" });
        }
        if !latency.keys().all(|key| key.as_str().is_ascii()) {
            return Err(RecordFault::Key { what: "latencies" });
        }
        let numbers = [
            ("the size of a commitment", self.commitments.values().map(|part| part.bytes).max()),
            ("a latency", latency.values().max().copied()),
            ("the size of a gap", self.gap.as_ref().map(|part| part.bytes)),
            ("the count of an erasure", self.erasure.as_ref().map(|part| part.pieces)),
            ("the size of a shard", self.shard.as_ref().map(|part| part.size)),
        ];
        match numbers.into_iter().find(|(_, number)| number.is_some_and(|number| number > MAX_NUMBER)) {
            Some((what, _)) => Err(RecordFault::Number { what }),
            None => Ok(()),
        }
    }

    /// Whether a caller may append it.
    pub fn check_from_caller(&self) -> Result<(), RecordFault> {
        match self.kind.row().author {
            Author::Caller => self.check(),
            Author::Ledger => Err(RecordFault::NotYours { kind: self.kind.row().word }),
        }
    }

    /// What the record is about, for whoever was handed a receipt: the decision's id where it has
    /// one, else the kind.
    pub fn about(&self) -> Option<&Name> {
        let decision = self.decision.as_ref().map(|part| &part.id);
        let approval = self.approval.as_ref().map(|part| &part.of);
        let outcome = self.outcome.as_ref().map(|part| &part.of);
        decision.or(approval).or(outcome)
    }

    fn parts(&self) -> [(Part, bool); 19] {
        [
            (Action, self.action.is_some()),
            (Agent, self.agent.is_some()),
            (Approval, self.approval.is_some()),
            (Cause, self.cause.is_some()),
            (Commitments, !self.commitments.is_empty()),
            (Decision, self.decision.is_some()),
            (Detections, !self.detections.is_empty()),
            (Erasure, self.erasure.is_some()),
            (Finding, self.finding.is_some()),
            (Gap, self.gap.is_some()),
            (Key, self.key.is_some()),
            (Notes, !self.notes.is_empty()),
            (Operator, self.operator.is_some()),
            (Outcome, self.outcome.is_some()),
            (Principal, self.principal.is_some()),
            (Risk, self.risk.is_some()),
            (Session, self.session.is_some()),
            (Shard, self.shard.is_some()),
            (Trace, self.trace.is_some()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_something_under_its_own_word() {
        for kind in RecordKind::ALL {
            let row = kind.row();
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", row.word));
            assert!(row.needs.iter().all(|part| !row.may.contains(part)));
            assert!(!row.needs.is_empty(), "{kind:?} may be empty");
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let mut record = Record::new(RecordKind::Boot, Nanos(1));
        assert_eq!(record.check(), Err(RecordFault::Lacks { kind: "boot", part: Notes }));
        record.notes.insert(Name::new("version").unwrap(), Name::new("1").unwrap());
        assert_eq!(record.check(), Ok(()));
        record.session = Some(Name::new("s-1").unwrap());
        assert_eq!(record.check(), Err(RecordFault::Excess { kind: "boot", part: Session }));
    }

    #[test]
    fn the_ledger_keeps_its_own_kinds_to_itself() {
        let mut record = Record::new(RecordKind::Clock, Nanos(1));
        record.notes.insert(Name::new("from").unwrap(), Name::new("1").unwrap());
        assert_eq!(record.check(), Ok(()));
        assert_eq!(record.check_from_caller(), Err(RecordFault::NotYours { kind: "clock" }));
    }
}
