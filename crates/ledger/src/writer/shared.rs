//! What the threads of a ledger and its users look at together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use action::Digest;

use crate::clock::Clock;
use crate::health::Health;
use crate::note::SignedNote;
use crate::segment::Catalog;
use crate::shard::ShardName;
use crate::tree::Tile;
use crate::volume::Volume;

pub(crate) type Listener = Box<dyn Fn(u64) + Send + Sync>;

pub(crate) struct Shared {
    pub volume: Arc<dyn Volume>,
    pub clock: Arc<dyn Clock>,
    pub catalog: Catalog,
    /// Changed by the writer (`durable`, `last`, `shards`) and by the scribe (`signed`).
    progress: Mutex<Progress>,
    grown: Condvar,
    listeners: RwLock<Vec<Listener>>,
    /// By who reports it: the writer, the scribe about heads, the scribe about the disk.
    health: Mutex<[Health; 3]>,
    /// Whether the health lets records in; looked at for each of them.
    takes: AtomicBool,
}

/// Whose part of the health it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Writing = 0,
    Heads = 1,
    Disk = 2,
}

pub(crate) struct Progress {
    /// Records on the medium, of the whole log.
    pub durable: u64,
    /// Leaf of the last of them.
    pub last: Digest,
    /// Records under a signed head.
    pub signed: u64,
    /// When the first record beyond the signed head became durable.
    pub unsigned_since: Option<Duration>,
    /// Oldest first.
    pub shards: Vec<ShardView>,
    pub checkpoint: Option<Arc<SignedNote>>,
}

/// A shard as proofs need it.
#[derive(Clone)]
pub(crate) struct ShardView {
    pub name: ShardName,
    pub first: u64,
    /// The newest head of a shard that this process signed; older ones are in the shard's folder.
    pub signed: Option<Arc<Signed>>,
}

pub(crate) struct Signed {
    pub note: Arc<SignedNote>,
    pub size: u64,
    /// The tiles at the right edge of that size, which are not in files under their last width for long.
    pub edge: Vec<Tile>,
}

impl Shared {
    pub fn new(volume: Arc<dyn Volume>, clock: Arc<dyn Clock>, catalog: Catalog, progress: Progress) -> Self {
        Shared {
            volume,
            clock,
            catalog,
            progress: Mutex::new(progress),
            grown: Condvar::new(),
            listeners: RwLock::default(),
            health: Mutex::new([Health::Sound, Health::Sound, Health::Sound]),
            takes: AtomicBool::new(true),
        }
    }

    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records up to `size` are on the medium.
    pub fn grow(&self, size: u64, last: Digest) {
        let mut progress = self.progress();
        progress.durable = size;
        progress.last = last;
        if progress.unsigned_since.is_none() {
            progress.unsigned_since = Some(self.clock.elapsed());
        }
        drop(progress);
        self.grown.notify_all();
    }

    pub fn tell(&self, size: u64) {
        for call in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            call(size);
        }
    }

    pub fn listen(&self, call: Listener) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub fn wait_beyond(&self, size: u64, timeout: Duration) -> u64 {
        let end = Instant::now().checked_add(timeout);
        let mut progress = self.progress();
        while progress.durable <= size {
            let left = end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            progress = self
                .grown
                .wait_timeout(progress, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(progress, _)| progress);
        }
        progress.durable
    }

    pub fn report(&self, part: Part, health: Health) {
        let mut parts = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = parts.get_mut(part as usize) {
            *place = health;
        }
        self.takes.store(parts.iter().all(Health::takes_records), Ordering::Release);
    }

    pub fn takes_records(&self) -> bool {
        self.takes.load(Ordering::Acquire)
    }

    /// The worst of the parts.
    pub fn health(&self) -> Health {
        let parts = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().max().cloned().unwrap_or(Health::Sound)
    }
}
