//! Records become bytes: a batch in memory that nobody has promised anything about yet.

use action::Digest;

use super::Receipt;
use super::entry::Entry;
use crate::error::AppendError;
use crate::record::{Nanos, Record, RecordKind};
use crate::segment::frame::{self, FRAME_HEADER};

/// Most bytes of one write. What waits longer than one write of this size takes goes with the next.
pub const MAX_WRITE_BYTES: usize = 4 << 20;

/// Where the next record goes, and what it is chained to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    pub next: u64,
    pub previous: Digest,
    /// Time of the last record.
    pub time: Nanos,
}

/// A batch: its bytes, and who waits for it. Written as a whole or forgotten as a whole; the tip is
/// moved only after it was written.
pub struct Stage {
    pub bytes: Vec<u8>,
    pub leaves: Vec<Digest>,
    /// Offset of each frame within `bytes`.
    pub offsets: Vec<usize>,
    pub entries: Vec<Entry>,
    pub tip: Tip,
    log: String,
}

impl Stage {
    pub fn new(log: &str, tip: Tip) -> Self {
        Stage {
            bytes: Vec::with_capacity(64 << 10),
            leaves: Vec::new(),
            offsets: Vec::new(),
            entries: Vec::new(),
            tip,
            log: log.to_owned(),
        }
    }

    /// Begins an empty batch at the tip.
    pub fn restart(&mut self, tip: Tip) {
        self.bytes.clear();
        self.leaves.clear();
        self.offsets.clear();
        self.tip = tip;
    }

    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Adds a record of the ledger's own. `false`: it cannot be written.
    pub fn add_own(&mut self, mut record: Record) -> bool {
        self.frame(&mut record)
    }

    /// Adds what somebody appended, or answers that it cannot be written.
    pub fn add(&mut self, mut entry: Entry) -> bool {
        let framed = self.frame(&mut entry.record);
        if framed {
            self.entries.push(entry);
        } else {
            entry.answer(Err(AppendError::TooLarge));
        }
        framed
    }

    fn frame(&mut self, record: &mut Record) -> bool {
        record.log.clone_from(&self.log);
        record.previous = self.tip.previous;
        record.sequence = self.tip.next;
        record.version = crate::record::VERSION;
        // Records may overtake each other in the queue. Order is what the log vouches for, so time
        // follows it; only a record that says that the clock was set goes back.
        if record.kind != RecordKind::Clock {
            record.time = record.time.max(self.tip.time);
        }
        let at = frame::begin(&mut self.bytes);
        if record.write_to(&mut self.bytes).is_err() || !frame::finish(&mut self.bytes, at, at == 0) {
            self.bytes.truncate(at);
            return false;
        }
        let leaf = crate::hash::leaf(self.bytes.get(at + FRAME_HEADER..).unwrap_or_default());
        self.leaves.push(leaf);
        self.offsets.push(at);
        self.tip = Tip { next: self.tip.next + 1, previous: leaf, time: record.time };
        true
    }

    /// Tells everybody who waits that the batch is on the medium. Count of the records that were
    /// accepted within the window.
    pub fn kept(&mut self) -> usize {
        self.answer(|entry, place| Ok(Receipt::of(entry.about.clone(), Some(place))))
    }

    /// Tells everybody who waits that it is not.
    pub fn failed(&mut self, error: &AppendError) -> usize {
        self.answer(|_, _| Err(error.clone()))
    }

    fn answer(&mut self, with: impl Fn(&Entry, (u64, Digest)) -> Result<Receipt, AppendError>) -> usize {
        let mut ahead = 0;
        for entry in self.entries.drain(..) {
            ahead += usize::from(entry.ahead);
            let leaf = entry.record.sequence.checked_sub(self.tip.next - self.leaves.len() as u64);
            let leaf = leaf.and_then(|n| self.leaves.get(usize::try_from(n).ok()?)).copied();
            let place = (entry.record.sequence, leaf.unwrap_or(self.tip.previous));
            let answer = with(&entry, place);
            entry.answer(answer);
        }
        ahead
    }
}
