//! The records in their order, and the signed heads between them.

use action::Digest;

use super::report::{Erased, Fault, FaultCode, Gap, MAX_LISTED, Report};
use super::trust::Trust;
use crate::checkpoint::Checkpoint;
use crate::note::{SignedNote, VerifierKey, check_rotation};
use crate::record::{Nanos, Record, RecordKind, VERSION};
use crate::tree::Frontier;

/// Where a range begins.
#[derive(Debug, Clone)]
pub struct Start {
    pub log: String,
    pub sequence: u64,
    /// Roots of the full subtrees before the range, the largest first.
    pub left: Vec<Digest>,
    /// The key in force, which the reader has reason to trust.
    pub key: VerifierKey,
    /// Witnesses that the reader does not count and whose signatures still must hold.
    pub others: Vec<VerifierKey>,
}

/// Takes records and heads in order and stops at the first that does not hold.
pub struct Chain<'t> {
    trust: &'t Trust,
    start: Start,
    next: u64,
    frontier: Frontier,
    before: Option<Before>,
    /// Everything below was in a signed head that held.
    vouched: u64,
    shard: Option<String>,
    suspect: Option<Suspect>,
    again: Vec<u8>,
    report: Report,
}

/// What is kept of the record before.
struct Before {
    leaf: Digest,
    time: Nanos,
    sealed: bool,
}

/// A record that does not name the one before. Which of the two was changed shows with the next:
/// if that names the suspect, the suspect stands where it was written.
struct Suspect {
    sequence: u64,
    leaf: Digest,
}

impl<'t> Chain<'t> {
    pub fn new(start: Start, trust: &'t Trust) -> Result<Self, Fault> {
        let frontier = Frontier::entered(start.sequence, start.left.clone())
            .map_err(|error| Fault::new(FaultCode::Proof, Some(start.sequence), error.to_string()))?;
        let report = Report { log: start.log.clone(), first: Some(start.sequence), ..Report::default() };
        Ok(Chain {
            trust,
            next: start.sequence,
            frontier,
            before: None,
            vouched: start.sequence,
            shard: None,
            suspect: None,
            again: Vec::new(),
            report,
            start,
        })
    }

    /// The sequence that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether a record is in doubt, so that heads and totals prove nothing until the next one is seen.
    pub fn in_doubt(&self) -> bool {
        self.suspect.is_some()
    }

    pub fn last_leaf(&self) -> Option<Digest> {
        self.before.as_ref().map(|before| before.leaf)
    }

    pub fn report(&self) -> Report {
        Report { key: Some(self.start.key.to_string()), ..self.report.clone() }
    }

    /// The first sequence that no signed head has vouched for.
    pub fn vouched(&self) -> u64 {
        self.vouched
    }

    /// Takes the next record and gives back its leaf and what it says.
    pub fn record(&mut self, bytes: &[u8]) -> Result<Record, Fault> {
        let n = self.next;
        let read = Record::read_with(bytes, &mut self.again);
        if let Some(suspect) = self.suspect.take() {
            let vouches = read.is_ok_and(|record| record.sequence == n && record.previous == suspect.leaf);
            return Err(broken_link(suspect.sequence, vouches));
        }
        let fault = |code, detail: String| Fault::new(code, Some(n), detail);
        let record = read.map_err(|error| fault(FaultCode::Record, error.to_string()))?;
        record.check().map_err(|error| fault(FaultCode::Record, error.to_string()))?;
        if record.version != VERSION {
            return Err(fault(FaultCode::Record, format!("the record is of form {}", record.version)));
        }
        if record.sequence != n {
            return Err(fault(
                FaultCode::Sequence,
                format!("record {} stands where {n} belongs", record.sequence),
            ));
        }
        if record.log != self.start.log {
            return Err(fault(FaultCode::Record, "the record is of another log".into()));
        }
        let leaf = crate::hash::leaf(bytes);
        let first = if n == 0 { Some(Digest::from_bytes([0; 32])) } else { None };
        let want = self.last_leaf().or(first);
        if want.is_some_and(|want| want != record.previous) {
            if n == 0 {
                return Err(fault(FaultCode::Chain, "the first record of a log names one before".into()));
            }
            self.suspect = Some(Suspect { sequence: n, leaf });
            self.next += 1;
            return Ok(record);
        }
        let earlier = self.before.as_ref().is_some_and(|before| record.time < before.time);
        if earlier && record.kind != RecordKind::Clock {
            return Err(fault(FaultCode::Time, "time goes back, and no record of the clock says so".into()));
        }
        self.shard(&record).map_err(|detail| fault(FaultCode::Shard, detail.into()))?;
        self.take(&record).map_err(|detail| fault(FaultCode::Key, detail))?;
        self.frontier.push(leaf);
        let sealed = record.kind == RecordKind::ShardSeal;
        self.before = Some(Before { leaf, time: record.time, sealed });
        self.next += 1;
        self.report.records += 1;
        Ok(record)
    }

    /// A signed head of exactly the size that was reached.
    pub fn head(&mut self, note: &SignedNote) -> Result<(), Fault> {
        let from = Some(self.vouched);
        let size = self.next;
        let fault =
            |code, detail: String| Fault::new(code, from, format!("the head of size {size}: {detail}"));
        let head = Checkpoint::parse(note.text()).map_err(|e| fault(FaultCode::Checkpoint, e.to_string()))?;
        if head.origin != self.start.log || head.size != size {
            return Err(fault(FaultCode::Checkpoint, "it is of another log or size".into()));
        }
        match note.signed_by(&self.start.key) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(fault(FaultCode::Signature, "not signed by the key in force".into())),
            Err(error) => return Err(fault(FaultCode::Signature, error.to_string())),
        }
        if head.root != self.frontier.root() {
            return Err(fault(FaultCode::Checkpoint, "the records lead to another root".into()));
        }
        let forged = |error: crate::note::NoteError| fault(FaultCode::Cosignature, error.to_string());
        for key in &self.start.others {
            note.signed_by(key).map_err(forged)?;
        }
        let cosigned = self.trust.policy.check(note).map_err(forged)?;
        if cosigned.enough && self.trust.policy.needed() > 0 {
            self.report.cosigned = Some(size);
        }
        self.vouched = size;
        self.report.signed = Some(size);
        self.report.checkpoints += 1;
        Ok(())
    }

    /// Nothing more comes.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self.suspect.take() {
            Some(suspect) => Err(broken_link(suspect.sequence, true)),
            None => Ok(()),
        }
    }

    /// A shard opens after another was sealed, and both say how large the tree was and with what root.
    fn shard(&mut self, record: &Record) -> Result<(), &'static str> {
        let after_seal = self.before.as_ref().is_some_and(|before| before.sealed);
        let Some(part) = &record.shard else {
            return if after_seal { Err("a shard was sealed and none was opened") } else { Ok(()) };
        };
        let root = (self.next > 0).then(|| self.frontier.root());
        if part.size != self.next || part.root != root {
            return Err("a shard does not join the log where it says");
        }
        if record.kind == RecordKind::ShardOpen {
            if self.before.is_some() && !after_seal {
                return Err("a shard is opened and none was sealed");
            }
            self.shard = Some(part.name.clone());
            self.report.shards += 1;
        } else if after_seal || self.shard.as_ref().is_some_and(|open| *open != part.name) {
            return Err("another shard is sealed than was open");
        }
        Ok(())
    }

    fn take(&mut self, record: &Record) -> Result<(), String> {
        let sequence = record.sequence;
        if let Some(part) = &record.key {
            let (old, new) = check_rotation(&self.start.log, part).map_err(|error| error.to_string())?;
            if old != self.start.key {
                return Err("a change of key starts from another key than the one in force".into());
            }
            self.start.key = new;
            self.report.rotations += 1;
        }
        if let Some(part) = &record.gap {
            self.report.gap_count += 1;
            if self.report.gaps.len() < MAX_LISTED {
                self.report.gaps.push(Gap { sequence, reason: part.reason, bytes: part.bytes });
            }
        }
        if let Some(part) = &record.erasure {
            self.report.erasure_count += 1;
            if self.report.erasures.len() < MAX_LISTED {
                let (principal, basis) = (part.principal.clone(), part.basis.clone());
                self.report.erasures.push(Erased { sequence, principal, basis, pieces: part.pieces });
            }
        }
        Ok(())
    }
}

fn broken_link(sequence: u64, next_vouches: bool) -> Fault {
    let bad = if next_vouches { sequence.saturating_sub(1) } else { sequence };
    let detail = format!("record {sequence} does not name the one before by its hash");
    Fault::new(FaultCode::Chain, Some(bad), detail)
}
