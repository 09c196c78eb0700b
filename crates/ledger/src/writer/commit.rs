//! The writer: takes what waits, writes it, answers.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use action::{Digest, Name};

use super::scribe::Told;
use super::shared::{Part, ShardView, Shared};
use super::sink::SinkError;
use super::tree::{Before, ShardTree};
use super::{ClockWatch, Entry, MAX_WRITE_BYTES, Queue, Sink, Stage, Tip};
use crate::error::AppendError;
use crate::health::Health;
use crate::record::{GapPart, GapReason, Record, RecordKind, ShardPart};
use crate::settings::ShardPeriod;
use crate::shard::{self, ShardName};

/// Records that one write takes at most.
const MAX_BATCH: usize = 4_096;

pub(crate) struct Writer {
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue<Entry>>,
    pub scribe: SyncSender<Told>,
    pub sink: Sink,
    pub stage: Stage,
    /// After the last record on the medium.
    pub tip: Tip,
    pub shard: ShardName,
    pub phase: Phase,
    pub period: ShardPeriod,
    pub watch: ClockWatch,
    /// Records of the ledger's own that go before the next batch: a jump of the clock, a gap.
    pub owed: Vec<Record>,
    /// Why nothing is written any more.
    pub failed: Option<Arc<io::Error>>,
    /// Records that could not be written since the last that could.
    pub unrecorded: u64,
    /// How many of each of the two the batch in hand settles.
    pub settles: (usize, u64),
}

/// Where in the life of a shard the writer is.
pub(crate) enum Phase {
    /// The shard has no record yet: its first goes before anything else.
    Opening(Box<Record>),
    Writing,
    /// Its last record is on the medium, and the next shard is not entered yet.
    Sealed(Before),
}

impl Writer {
    pub fn run(mut self) {
        let clock = Arc::clone(&self.shared.clock);
        while let Some(batch) = self.queue.take(MAX_BATCH, || clock.elapsed()) {
            self.commit(batch);
        }
        // The scribe may have ended first only if it panicked; then there is nothing to sign.
        let _ = self.scribe.send(Told::Close);
    }

    /// Writes a batch and answers everybody in it.
    pub fn commit(&mut self, batch: Vec<Entry>) {
        if let Err(error) = self.prepare() {
            return self.refuse(batch, &error);
        }
        let mut batch = batch.into_iter();
        while let Some(entry) = batch.next() {
            // A change of key ends its write, so that it is known which leaves are before it.
            let ends = entry.key.is_some();
            self.add(entry);
            if (ends || self.stage.bytes.len() >= MAX_WRITE_BYTES)
                && let Err(error) = self.flush()
            {
                return self.refuse(batch.collect(), &error);
            }
        }
        // Its error was answered to everybody that it concerns.
        let _ = self.flush();
    }

    /// Everything that must stand on the ledger before the next record does.
    pub fn prepare(&mut self) -> Result<(), AppendError> {
        if let Some(source) = &self.failed {
            return Err(AppendError::Failed { source: Arc::clone(source) });
        }
        if !self.shared.takes_records() {
            return Err(match self.shared.health() {
                Health::Failed { why } => AppendError::Failed { source: Arc::new(io::Error::other(why)) },
                _ => AppendError::DiskFull,
            });
        }
        let period = shard::period(self.shared.clock.now(), self.period);
        if matches!(self.phase, Phase::Writing)
            && let Some(next) = self.shard.following(&period)
        {
            self.seal()?;
            self.enter(next)?;
        } else if let Phase::Sealed(_) = self.phase {
            let next = self.shard.following(&period).unwrap_or_else(|| self.shard.next(&self.shard.period));
            self.enter(next)?;
        }
        self.stage.restart(self.tip);
        if let Phase::Opening(open) = &self.phase {
            self.stage.add_own((**open).clone());
        }
        self.owed.extend(self.watch.look(self.shared.clock.as_ref()));
        for record in &self.owed {
            self.stage.add_own(record.clone());
        }
        if self.unrecorded > 0 {
            self.stage.add_own(self.not_written());
        }
        self.settles = (self.owed.len(), self.unrecorded);
        Ok(())
    }

    fn add(&mut self, entry: Entry) {
        let ahead = usize::from(entry.ahead);
        if !self.stage.add(entry) {
            self.queue.settle(ahead);
        }
    }

    /// Puts the stage on the medium and answers.
    pub fn flush(&mut self) -> Result<(), AppendError> {
        if self.stage.is_empty() {
            return Ok(());
        }
        let on_mirror = self.sink.is_on_mirror();
        match self.sink.write(&self.stage.bytes, self.tip.next) {
            Ok((segment, at)) => self.written(&segment, at),
            Err(error) => return Err(self.not_on_medium(error)),
        }
        if !on_mirror && self.sink.is_on_mirror() {
            let why =
                "the ledger's folder failed, and its mirror is in use; restart after repairing it".to_owned();
            self.shared.report(Part::Writing, Health::Warned { why });
            if let Some(home) = self.sink.home() {
                self.tell(Told::Home(home));
            }
        }
        Ok(())
    }

    fn written(&mut self, segment: &Arc<crate::segment::Segment>, at: u64) {
        for (sequence, offset) in (self.tip.next..).zip(&self.stage.offsets) {
            segment.mark(sequence, at + *offset as u64);
        }
        // Readers find the segment before they hear that it has something.
        self.shared.catalog.add_once(segment);
        self.tip = self.stage.tip;
        self.shared.grow(self.tip.next, self.tip.previous);
        if let Some(key) = self.stage.entries.last().and_then(|entry| entry.key.clone()) {
            self.tell(Told::Key(key));
        }
        self.tell(Told::Leaves(self.stage.leaves.clone()));
        let ahead = self.stage.kept();
        self.queue.settle(ahead);
        if let Phase::Opening(_) = self.phase {
            self.phase = Phase::Writing;
        }
        let (owed, unrecorded) = std::mem::take(&mut self.settles);
        self.owed.drain(..owed.min(self.owed.len()));
        self.unrecorded = self.unrecorded.saturating_sub(unrecorded);
        self.stage.restart(self.tip);
        self.shared.tell(self.tip.next);
    }

    fn not_on_medium(&mut self, error: SinkError) -> AppendError {
        let error = match error {
            SinkError::Full => AppendError::DiskFull,
            SinkError::Gone(source) => {
                let source = Arc::new(source);
                let why = format!("the ledger cannot be written: {source}");
                self.shared.report(Part::Writing, Health::Failed { why });
                self.failed = Some(Arc::clone(&source));
                AppendError::Failed { source }
            }
        };
        self.settles = (0, 0);
        self.unrecorded += self.stage.entries.len() as u64;
        let ahead = self.stage.failed(&error);
        self.queue.settle(ahead);
        self.stage.restart(self.tip);
        error
    }

    fn refuse(&mut self, batch: Vec<Entry>, error: &AppendError) {
        self.unrecorded += batch.len() as u64;
        self.queue.settle(batch.iter().filter(|entry| entry.ahead).count());
        for entry in batch {
            entry.answer(Err(error.clone()));
        }
    }

    /// What was refused or lost while the disk took nothing.
    fn not_written(&self) -> Record {
        let mut record = Record::new(RecordKind::Gap, self.shared.clock.now());
        record.gap = Some(GapPart { bytes: 0, reason: GapReason::NotWritten, was: None });
        if let (Ok(key), Ok(count)) = (Name::new("count"), Name::new(&self.unrecorded.to_string())) {
            record.notes.insert(key, count);
        }
        record
    }

    /// Writes the last record of the shard.
    ///
    /// A crash before its sync: the shard goes on. After it: the next start finds the seal, and
    /// opens the next shard.
    fn seal(&mut self) -> Result<(), AppendError> {
        let (size, root) = self.ask_root()?;
        self.stage.restart(self.tip);
        let name = self.shard.to_string();
        self.stage.add_own(self.shard_record(RecordKind::ShardSeal, name.clone(), size, Some(root)));
        self.flush()?;
        let (size, root) = self.ask_root()?;
        self.tell(Told::Sealed);
        self.phase = Phase::Sealed(Before { name, size, root });
        Ok(())
    }

    /// Goes on in the next shard; its first record is written with the next batch.
    fn enter(&mut self, next: ShardName) -> Result<(), AppendError> {
        let Phase::Sealed(before) = &self.phase else { return Ok(()) };
        let before = before.clone();
        self.sink.enter(next.clone());
        let Some(dir) = self.sink.dir() else { return Err(AppendError::Closed) };
        let tree = ShardTree::new(next.clone(), dir, self.tip.next, Some(before.clone()));
        let view = ShardView { name: next.clone(), first: self.tip.next, signed: None };
        self.shared.progress().shards.push(view);
        self.tell(Told::Shard(Box::new(tree)));
        let mut open =
            self.shard_record(RecordKind::ShardOpen, next.to_string(), before.size, Some(before.root));
        name_previous(&mut open, &before.name);
        self.phase = Phase::Opening(Box::new(open));
        self.shard = next;
        Ok(())
    }

    fn shard_record(&self, kind: RecordKind, name: String, size: u64, root: Option<Digest>) -> Record {
        let mut record = Record::new(kind, self.shared.clock.now());
        record.shard = Some(ShardPart { name, root, size });
        record
    }

    fn ask_root(&mut self) -> Result<(u64, Digest), AppendError> {
        let (send, receive) = sync_channel(1);
        self.tell(Told::Root(send));
        receive.recv().map_err(|_| AppendError::Closed)
    }

    fn tell(&mut self, told: Told) {
        if self.scribe.send(told).is_err() && self.failed.is_none() {
            // Nothing would be signed any more, and nobody would notice.
            let source = Arc::new(io::Error::other("the thread that signs heads has ended"));
            self.shared.report(Part::Writing, Health::Failed { why: source.to_string() });
            self.failed = Some(source);
        }
    }
}

/// A shard's first record also names the shard that its root is of.
pub(crate) fn name_previous(open: &mut Record, name: &str) {
    if let (Ok(key), Ok(name)) = (Name::new("previous"), Name::new(name)) {
        open.notes.insert(key, name);
    }
}
