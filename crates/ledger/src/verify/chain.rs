//! The records in their order, and the signed heads between them.

use action::Digest;

use super::report::{Erased, Fault, FaultCode, Gap, MAX_LISTED, Report};
use super::trust::Trust;
use crate::bundle::ShardStart;
use crate::checkpoint::Checkpoint;
use crate::note::{SignedNote, VerifierKey, check_rotation};
use crate::record::{Record, RecordKind, VERSION};
use crate::tree::Frontier;

/// Where a range begins.
#[derive(Debug, Clone)]
pub struct Start {
    pub log: String,
    pub sequence: u64,
    /// The shard that it begins in, and the first sequence of that.
    pub shard: ShardStart,
    /// Roots of the full subtrees of the shard's tree before the range, the largest first.
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
    /// The tree of the shard at hand.
    frontier: Frontier,
    before: Option<Before>,
    clock: Clock,
    /// Everything below was in a signed head that held.
    vouched: u64,
    /// The shard before, as the head of this one names it.
    previous: Option<String>,
    doubt: Option<Doubt>,
    /// The key before the last change, and the end of the only head that it may still have signed: the
    /// one that covers the change and nothing behind it.
    handed_over: Option<(u64, VerifierKey)>,
    report: Report,
}

/// What is kept of the record before.
struct Before {
    leaf: Digest,
    /// It ended its shard.
    sealed: bool,
}

/// Whether times go on. Records are stamped by whoever appends them and stand in the order in which
/// they were written, so a little disorder is in their nature; a clock that is set is on record.
#[derive(Default)]
struct Clock {
    latest: Option<i64>,
    /// After the clock was set: where it was, and how many records may still come from before that.
    set: Option<(i64, u32)>,
}

/// How far a record may be behind the latest: a wait in the queue, and what a time service corrects.
const DISORDER: i64 = 10_000_000_000;
/// Records that may have been stamped before the clock was set and stand behind the record of it.
const STAMPED_BEFORE: u32 = 16_384;

impl Clock {
    fn goes_on(&mut self, time: i64, is_set: bool) -> bool {
        let Some(latest) = self.latest else {
            self.latest = Some(time);
            return true;
        };
        if is_set {
            self.set = Some((latest.saturating_sub(DISORDER), STAMPED_BEFORE));
            self.latest = Some(latest.min(time));
            return true;
        }
        let old = self.set.is_some_and(|(was, _)| time >= was);
        self.set = self.set.and_then(|(was, left)| Some((was, left.checked_sub(1)?)));
        if !old {
            self.latest = Some(latest.max(time));
        }
        time >= latest.saturating_sub(DISORDER)
    }
}

/// Something is wrong, and the next record tells where.
enum Doubt {
    /// A record does not name the one before. If the next one names this one, it stands where it was
    /// written, and the one before it is the stranger.
    Link { sequence: u64, leaf: Digest },
    /// Records do not lead to a head. If the next one names the last one, all of them were written
    /// anew; if not, the last one was changed alone.
    Head(Fault),
}

impl<'t> Chain<'t> {
    pub fn new(start: Start, trust: &'t Trust) -> Result<Self, Fault> {
        let frontier = Frontier::entered(start.sequence.wrapping_sub(start.shard.first), start.left.clone())
            .map_err(|error| Fault::new(FaultCode::Proof, Some(start.sequence), error.to_string()))?;
        let report = Report { log: start.log.clone(), first: Some(start.sequence), ..Report::default() };
        Ok(Chain {
            trust,
            next: start.sequence,
            frontier,
            before: None,
            vouched: start.sequence,
            previous: None,
            clock: Clock::default(),
            doubt: None,
            handed_over: None,
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
        self.doubt.is_some()
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

    /// Takes the next record and gives it back as read. It may be [in doubt](Chain::in_doubt).
    pub fn record(&mut self, bytes: &[u8]) -> Result<Record, Fault> {
        let n = self.next;
        let read = Record::read(bytes);
        let follows = |leaf: Digest| read.as_ref().is_ok_and(|it| it.sequence == n && it.previous == leaf);
        match (self.doubt.take(), self.last_leaf(), &read) {
            (None, ..) => {}
            (Some(Doubt::Link { sequence, leaf }), ..) => return Err(broken_link(sequence, follows(leaf))),
            (Some(Doubt::Head(_)), Some(leaf), Ok(record)) if record.sequence == n && !follows(leaf) => {
                return Ok(self.suspect(bytes, record.clone()));
            }
            (Some(Doubt::Head(fault)), ..) => return Err(fault),
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
        let first = if n == 0 { Some(Digest::from_bytes([0; 32])) } else { None };
        let want = self.last_leaf().or(first);
        if want.is_some_and(|want| want != record.previous) {
            if n == 0 {
                return Err(fault(FaultCode::Chain, "the first record of a log names one before".into()));
            }
            return Ok(self.suspect(bytes, record));
        }
        if !self.clock.goes_on(record.time.0, record.kind == RecordKind::Clock) {
            return Err(fault(FaultCode::Time, "time goes back, and no record of the clock says so".into()));
        }
        self.shard(&record).map_err(|detail| fault(FaultCode::Shard, detail.into()))?;
        self.take(&record).map_err(|detail| fault(FaultCode::Key, detail))?;
        let leaf = crate::hash::leaf(bytes);
        self.frontier.push(leaf);
        let sealed = record.kind == RecordKind::ShardSeal;
        self.before = Some(Before { leaf, sealed });
        self.next += 1;
        self.report.records += 1;
        Ok(record)
    }

    /// A signed head that covers exactly what was read.
    pub fn head(&mut self, note: &SignedNote) -> Result<(), Fault> {
        let (from, end) = (Some(self.vouched), self.next);
        let fault = |code, detail: String| Fault::new(code, from, format!("the head before {end}: {detail}"));
        let head = Checkpoint::parse(note.text()).map_err(|e| fault(FaultCode::Checkpoint, e.to_string()))?;
        let shard = &self.start.shard;
        if head.origin != format!("{}/{}", self.start.log, shard.name) || head.size != self.frontier.size() {
            return Err(fault(FaultCode::Checkpoint, "it is of another log, shard or size".into()));
        }
        let said = |word: &str| head.extensions.iter().find(|line| line.starts_with(word));
        let first = format!("first {}", shard.first);
        let other = |line: Option<&String>, want: &String| line.is_some_and(|line| line != want);
        if other(said("first "), &first)
            || self.previous.as_ref().is_some_and(|want| other(said("previous "), want))
        {
            return Err(fault(FaultCode::Checkpoint, "it says that its shard begins elsewhere".into()));
        }
        let handed_over = self.handed_over.as_ref().filter(|(at, _)| *at == end).map(|(_, key)| key);
        let signed = note.signed_by(&self.start.key).and_then(|time| match (time, handed_over) {
            (None, Some(old)) => note.signed_by(old),
            (time, _) => Ok(time),
        });
        match signed {
            Ok(Some(_)) => {}
            Ok(None) => return Err(fault(FaultCode::Signature, "not signed by the key in force".into())),
            Err(error) => return Err(fault(FaultCode::Signature, error.to_string())),
        }
        if head.root != self.frontier.root() {
            self.doubt =
                Some(Doubt::Head(fault(FaultCode::Checkpoint, "the records lead to another root".into())));
            return Ok(());
        }
        let forged = |error: crate::note::NoteError| fault(FaultCode::Cosignature, error.to_string());
        for key in &self.start.others {
            note.signed_by(key).map_err(forged)?;
        }
        let cosigned = self.trust.policy.check(note).map_err(forged)?;
        if cosigned.enough && self.trust.policy.needed() > 0 {
            self.report.cosigned = Some(end);
        }
        self.vouched = end;
        self.report.signed = Some(end);
        self.report.checkpoints += 1;
        Ok(())
    }

    /// Nothing more comes.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self.doubt.take() {
            Some(Doubt::Link { sequence, .. }) => Err(broken_link(sequence, true)),
            Some(Doubt::Head(fault)) => Err(fault),
            None => Ok(()),
        }
    }

    /// A record whose link does not hold. Nothing after it counts but what tells who was changed.
    fn suspect(&mut self, bytes: &[u8], record: Record) -> Record {
        self.doubt = Some(Doubt::Link { sequence: self.next, leaf: crate::hash::leaf(bytes) });
        self.next += 1;
        record
    }

    /// A shard's first record opens it and names the last head of the one before; its last record
    /// seals it and names the root over all others.
    fn shard(&mut self, record: &Record) -> Result<(), &'static str> {
        let after_seal = self.before.as_ref().is_some_and(|before| before.sealed);
        let begins = after_seal || (self.before.is_none() && self.next == self.start.shard.first);
        let Some(part) = &record.shard else {
            return if begins { Err("a shard begins with a record that does not open it") } else { Ok(()) };
        };
        let size = self.frontier.size();
        let tree = (size, (size > 0).then(|| self.frontier.root()));
        let says = (part.size, part.root);
        if record.kind == RecordKind::ShardSeal {
            let fits = !begins && part.name == self.start.shard.name && says == tree;
            return if fits { Ok(()) } else { Err("a shard is sealed as another than it is") };
        }
        if !begins {
            return Err("a shard is opened and none was sealed");
        }
        if after_seal {
            if says != tree || part.name == self.start.shard.name {
                return Err("a shard does not join the one before");
            }
            let root = part.root.map(|root| crate::note::hash_text(&root)).unwrap_or_default();
            self.previous = Some(format!("previous {} {} {root}", self.start.shard.name, part.size));
            self.start.shard = ShardStart { first: self.next, name: part.name.clone() };
            self.frontier = Frontier::new();
        } else if part.name != self.start.shard.name || (self.next == 0 && says != (0, None)) {
            return Err("the first shard is not what it should be");
        }
        self.report.shards += 1;
        Ok(())
    }

    /// The shard at hand.
    pub fn shard_start(&self) -> &ShardStart {
        &self.start.shard
    }

    fn take(&mut self, record: &Record) -> Result<(), String> {
        let sequence = record.sequence;
        if let Some(part) = &record.key {
            let (old, new) = check_rotation(&self.start.log, part).map_err(|error| error.to_string())?;
            if old != self.start.key {
                return Err("a change of key starts from another key than the one in force".into());
            }
            self.start.key = new;
            self.handed_over = Some((sequence + 1, old));
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
