//! The ledger as its users see it.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use action::Digest;

use crate::error::{AppendError, CloseError, ProveError, ReadError, RotateError};
use crate::health::Health;
use crate::note::{SignedNote, SigningKey, rotate};
use crate::record::{Record, RecordKind};
use crate::segment::Stored;
use crate::settings::Settings;
use crate::tree::{TileHashes, TlogProof, inclusion};
use crate::volume::{Lock, read_if_there};
use crate::writer::scribe::Told;
use crate::writer::shared::{ShardView, Shared, Signed};
use crate::writer::tree::TileFiles;
use crate::writer::{About, Done, Entry, Promise, Put, Queue, Receipt, Refused};

/// A ledger that is open for writing. Cheap to clone; the clones are the same ledger. When the
/// last is dropped what is queued is written, as with [`Ledger::close`].
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue<Entry>>,
    pub scribe: SyncSender<Told>,
    pub settings: Settings,
    /// The ledger's folder, then its mirror.
    pub homes: Vec<PathBuf>,
    /// The key that signs. Held while it is replaced, so that one rotation follows another.
    pub key: Mutex<Arc<SigningKey>>,
    /// Writer and scribe, until somebody waits for their end.
    pub threads: Mutex<Vec<JoinHandle<()>>>,
    /// Given back when both threads have ended.
    pub locks: Mutex<Vec<Box<dyn Lock>>>,
}

/// How far the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Records on the medium.
    pub durable: u64,
    /// Records under a signed head.
    pub signed: u64,
    /// Records in the queue.
    pub waiting: usize,
    /// Leaf hash of the last durable record; zeros for an empty log.
    pub last: Digest,
    /// How long durable records have been without a signed head.
    pub unsigned: Duration,
}

impl Ledger {
    /// Queues a record and returns at once. `done` is called once the promise is kept or refused: on
    /// the writer's thread, or before this returns if the record was accepted within the window
    /// or the queue is full.
    pub fn append(
        &self,
        record: Record,
        promise: Promise,
        done: impl FnOnce(Result<Receipt, AppendError>) + Send + 'static,
    ) {
        self.put(record, promise, Box::new(done), None, None);
    }

    /// Appends and waits, for room in the queue too.
    pub fn append_wait(&self, record: Record, promise: Promise) -> Result<Receipt, AppendError> {
        self.put_and_wait(record, promise, None)
    }

    fn put_and_wait(
        &self,
        record: Record,
        promise: Promise,
        key: Option<Arc<SigningKey>>,
    ) -> Result<Receipt, AppendError> {
        let (send, receive) = sync_channel(1);
        // The receiver is there until something was sent.
        let done = move |result| drop(send.send(result));
        self.put(record, promise, Box::new(done), Some(self.inner.settings.patience), key);
        receive.recv().unwrap_or(Err(AppendError::Closed))
    }

    fn put(
        &self,
        record: Record,
        promise: Promise,
        done: Done,
        patience: Option<Duration>,
        key: Option<Arc<SigningKey>>,
    ) {
        let checked = if key.is_some() { record.check() } else { record.check_from_caller() };
        let about = match checked.and_then(|()| About::of(&record)) {
            Ok(about) => about,
            Err(fault) => return done(Err(fault.into())),
        };
        let queue = &self.inner.queue;
        let mut done = Some(done);
        // Nothing is accepted ahead of a disk that is known to take nothing.
        let may_be_ahead = promise == Promise::Windowed && self.inner.shared.takes_records();
        let entry = Entry { record, about: about.clone(), ahead: false, done: None, key };
        let mark = |entry: &mut Entry, put: Put| match put {
            Put::Ahead => entry.ahead = true,
            Put::Waits => entry.done = done.take(),
        };
        let now = || self.inner.shared.clock.elapsed();
        let put = match patience {
            None => queue.put(entry, may_be_ahead, now(), mark),
            Some(patience) => queue.put_wait(entry, may_be_ahead, now, patience, mark),
        };
        let answer = match put {
            // The writer has it now.
            Ok(Put::Waits) => return,
            Ok(Put::Ahead) => Ok(Receipt::of(about, None)),
            Err(Refused::Full(_)) => Err(AppendError::Busy { bound: queue.waiting_bound() }),
            Err(Refused::Closed(_)) => Err(AppendError::Closed),
        };
        if let Some(done) = done {
            done(answer);
        }
    }

    /// Replaces the signing key, on record and signed by both keys.
    pub fn rotate(&self, new: SigningKey) -> Result<Receipt, RotateError> {
        let mut key = self.inner.key.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Arc::new(new);
        let part =
            rotate(&self.inner.settings.log, &key, &new).map_err(|source| RotateError::Keys { source })?;
        let mut record = Record::new(RecordKind::Key, self.inner.shared.clock.now());
        record.key = Some(part);
        let receipt = self.put_and_wait(record, Promise::Synced, Some(Arc::clone(&new)));
        let receipt = receipt.map_err(|source| RotateError::Append { source })?;
        *key = new;
        Ok(receipt)
    }

    pub fn head(&self) -> Head {
        let (waiting, _) = self.inner.queue.load();
        let now = self.inner.shared.clock.elapsed();
        let progress = self.inner.shared.progress();
        Head {
            durable: progress.durable,
            signed: progress.signed,
            waiting,
            last: progress.last,
            unsigned: progress.unsigned_since.map_or(Duration::ZERO, |since| now.saturating_sub(since)),
        }
    }

    /// Durable records from `from` on: at most `most`, and fewer if they are many bytes.
    pub fn read(&self, from: u64, most: usize) -> Result<Vec<Stored>, ReadError> {
        let size = self.inner.shared.progress().durable;
        if from > size {
            return Err(ReadError::Beyond { sequence: from, size });
        }
        let to = size.min(from.saturating_add(most as u64));
        self.inner.shared.catalog.read(self.inner.shared.volume.as_ref(), from, to)
    }

    /// Waits until more than `size` records are durable, or the time is over; the durable size then.
    pub fn wait_beyond(&self, size: u64, timeout: Duration) -> u64 {
        self.inner.shared.wait_beyond(size, timeout)
    }

    /// Calls `call` with the durable size each time it grew, on the writer's thread: be quick.
    pub fn on_durable(&self, call: Box<dyn Fn(u64) + Send + Sync>) {
        self.inner.shared.listen(call);
    }

    /// Proof that a record is under the newest signed head of its shard.
    pub fn prove(&self, sequence: u64) -> Result<TlogProof, ProveError> {
        let (view, signed) = {
            let progress = self.inner.shared.progress();
            let view = progress.shards.iter().rev().find(|view| view.first <= sequence).cloned();
            (view, progress.signed)
        };
        let view = view.ok_or(ProveError::Unsigned { sequence, signed })?;
        let volume = self.inner.shared.volume.as_ref();
        let dirs: Vec<PathBuf> = self.inner.homes.iter().map(|home| view.name.dir(home)).collect();
        let head = match &view.signed {
            Some(head) => Arc::clone(head),
            None => Arc::new(self.old_head(&view, &dirs)?.ok_or(ProveError::Unsigned { sequence, signed })?),
        };
        let index = sequence - view.first;
        if index >= head.size {
            // Of this shard's own head: right after a start it may be behind the newest one.
            return Err(ProveError::Unsigned { sequence, signed: view.first + head.size });
        }
        let tiles = TileFiles { volume, dirs: &dirs, edge: &head.edge };
        let path = inclusion(index, &TileHashes::new(&tiles, head.size))
            .map_err(|source| ProveError::Tiles { sequence, source })?;
        Ok(TlogProof { index, path, checkpoint: (*head.note).clone() })
    }

    /// The head of a shard that an earlier process signed.
    pub(crate) fn old_head(&self, view: &ShardView, dirs: &[PathBuf]) -> Result<Option<Signed>, ProveError> {
        let mut newest: Option<Signed> = None;
        for dir in dirs {
            let path = dir.join("checkpoint");
            let bytes = read_if_there(self.inner.shared.volume.as_ref(), &path)
                .map_err(|source| ProveError::Head { path, source })?;
            let note = bytes.and_then(|bytes| SignedNote::parse(std::str::from_utf8(&bytes).ok()?).ok());
            let Some(note) = note else { continue };
            let Ok(head) = crate::checkpoint::Checkpoint::parse(note.text()) else { continue };
            if head.origin == view.name.origin(&self.inner.settings.log)
                && newest.as_ref().is_none_or(|newest| newest.size < head.size)
            {
                newest = Some(Signed { note: Arc::new(note), size: head.size, edge: Vec::new() });
            }
        }
        Ok(newest)
    }

    /// The newest signed head.
    pub fn checkpoint(&self) -> Option<Arc<SignedNote>> {
        self.inner.shared.progress().checkpoint.clone()
    }

    /// Signs a head over everything that is durable, now. `false` if it cannot: see the health.
    pub fn sign(&self) -> bool {
        let (send, receive) = sync_channel(1);
        self.inner.scribe.send(Told::Sign(send)).is_ok() && receive.recv().unwrap_or(false)
    }

    pub fn health(&self) -> Health {
        self.inner.shared.health()
    }

    /// Writes what is queued, signs the head and gives the lock back. Clones see `Closed` from then on.
    pub fn close(self) -> Result<(), CloseError> {
        self.inner.end();
        match self.inner.shared.health() {
            Health::Failed { why } => Err(CloseError::Failed { why }),
            _ => Ok(()),
        }
    }
}

impl Inner {
    /// Ends both threads. The writer tells the scribe to end.
    fn end(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let me = std::thread::current().id();
        for thread in threads {
            // A `done` that holds the last clone drops it on the writer's thread, which cannot wait for itself.
            if thread.thread().id() != me {
                // A thread that panicked has ended too.
                let _ = thread.join();
            }
        }
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}
