//! Content, under keys that can be destroyed.
//!
//! Each subject has a data key, wrapped under the master key. Salt and content of a piece are sealed under
//! the data key; the ledger holds only the commitment. Start with `writer.rs`, which does everything that
//! changes the file, in one order.

mod erase;
mod master;
mod pieces;
mod schema;
mod seal;
mod subjects;
mod types;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use action::{Capture, Name};
use aws_lc_rs::hmac;
use rusqlite::OptionalExtension as _;

use crate::database::{Database, Plan};
use crate::{DatabaseError, OpenError, Trouble, Which};

pub use types::*;

use master::Master;
use seal::{Key, Unsealed};
use subjects::Known;
use writer::Order;

/// Why content could not be read, or an order could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// It does not open under its subject's key, or does not give its commitment.
    #[error("the content of `{of}` was altered")]
    Altered { of: Name },
    #[error("the key file cannot be replaced")]
    Key(#[source] OpenError),
    #[error("the system gave no random bytes")]
    Random,
    /// The writer is gone; the process is ending.
    #[error("content is closed")]
    Closed,
}

impl ContentError {
    pub const fn code(&self) -> &'static str {
        match self {
            ContentError::Database(error) => error.code(),
            ContentError::Altered { .. } => "content.altered",
            ContentError::Key(error) => error.code(),
            ContentError::Random => "content.random",
            ContentError::Closed => "content.closed",
        }
    }
}

/// What waits for the writer at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub pieces: usize,
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { pieces: 4096, bytes: 64 * 1024 * 1024 }
    }
}

/// Content, under keys that can be destroyed. Keeping never waits for the disk: a thread writes.
pub struct Content {
    shared: Arc<Shared>,
    bounds: Bounds,
    /// Present until the end; dropping it ends the writer.
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
}

/// What the writer and everybody else use.
struct Shared {
    database: Database,
    key_path: PathBuf,
    /// The one in use first; two while keys are wrapped anew.
    masters: RwLock<Vec<Master>>,
    lookup: hmac::Key,
    known: Mutex<Known>,
    shedding: AtomicBool,
    waiting: AtomicU64,
    waiting_bytes: AtomicUsize,
    shed: AtomicU64,
    lost: AtomicU64,
}

// Durable for the sake of erasures: what was destroyed must not come back with a power cut.
const PLAN: Plan =
    Plan { which: Which::Content, schema: &schema::SCHEMA, durable: true, secure_delete: true };

impl Content {
    /// Opens the content in this folder. `key` is the file of the master key, which is made on the first
    /// start. A rotation that was cut short is finished.
    pub fn open(folder: &Path, key: &Path, bounds: Bounds) -> Result<Content, OpenError> {
        let (database, _) = Database::open(folder, &PLAN)?;
        let (masters, lookup) = unlock(&database, key)?;
        let rotating = masters.len() > 1;
        let shared = Arc::new(Shared {
            database,
            key_path: key.into(),
            masters: RwLock::new(masters),
            lookup: hmac::Key::new(hmac::HMAC_SHA256, lookup.as_ref()),
            known: Mutex::new(Known::default()),
            shedding: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            waiting_bytes: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        if rotating {
            erase::finish_rotation(&shared).map_err(|error| match error {
                ContentError::Key(error) => error,
                ContentError::Database(error) => error.into(),
                ContentError::Altered { .. } | ContentError::Random | ContentError::Closed => {
                    unusable(key, "a key in the database does not open under it")
                }
            })?;
        }
        let (orders, incoming) = sync_channel(bounds.pieces.max(1));
        let for_writer = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("content".into())
            .spawn(move || writer::run(&for_writer, &incoming))
            .map_err(|_| error_of("start the writer", Trouble::Disk))?;
        Ok(Content { shared, bounds, orders: Some(orders), writer: Some(writer) })
    }

    /// Salt for a commitment.
    pub fn salt(&self) -> Result<Salt, ContentError> {
        seal::random_key().map(|key| Salt::from_bytes(*key)).map_err(|Unsealed| ContentError::Random)
    }

    /// Gives a piece to the writer. Never waits.
    pub fn put(&self, subject: &Name, piece: Piece) -> Put {
        if !Content::keeps(piece.level) {
            return Put::NotKept;
        }
        let shared = &self.shared;
        let size = piece.content.len();
        let before = shared.waiting_bytes.fetch_add(size, Ordering::AcqRel);
        let room = before.saturating_add(size) <= self.bounds.bytes;
        if room && !shared.shedding.load(Ordering::Acquire) {
            shared.waiting.fetch_add(1, Ordering::AcqRel);
            if self.try_order(Order::Piece(subject.clone(), piece)) {
                return Put::Queued;
            }
            shared.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        shared.waiting_bytes.fetch_sub(size, Ordering::AcqRel);
        shared.shed.fetch_add(1, Ordering::AcqRel);
        Put::Shed
    }

    /// Waits until everything that was put before is written or lost. False at the time-out.
    pub fn flush(&self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        let (done, wait) = sync_channel(1);
        let mut order = Order::Flush(done);
        loop {
            let Some(orders) = &self.orders else { return false };
            match orders.try_send(order) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) if Instant::now() < end => {
                    order = back;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(TrySendError::Full(_)) => return false,
            }
        }
        wait.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok()
    }

    /// Turns capture off while the disk is nearly full, and on again.
    pub fn shed(&self, on: bool) {
        self.shared.shedding.store(on, Ordering::Release);
    }

    pub fn health(&self) -> ContentHealth {
        ContentHealth {
            waiting: self.shared.waiting.load(Ordering::Acquire),
            shed: self.shared.shed.load(Ordering::Acquire),
            lost: self.shared.lost.load(Ordering::Acquire),
            shedding: self.shared.shedding.load(Ordering::Acquire),
        }
    }

    /// Whether a level keeps anything.
    pub const fn keeps(level: Capture) -> bool {
        match level {
            Capture::Metadata => false,
            Capture::Redacted | Capture::Full => true,
        }
    }

    fn try_order(&self, order: Order) -> bool {
        self.orders.as_ref().is_some_and(|orders| orders.try_send(order).is_ok())
    }

    /// Has the writer do something, behind everything that was put before, and waits for its answer.
    fn order<T>(&self, make: impl FnOnce(SyncSender<T>) -> Order) -> Result<T, ContentError> {
        let (answer, wait) = sync_channel(1);
        let orders = self.orders.as_ref().ok_or(ContentError::Closed)?;
        orders.send(make(answer)).map_err(|_| ContentError::Closed)?;
        wait.recv().map_err(|_| ContentError::Closed)
    }
}

impl Drop for Content {
    /// Writes what waits, then ends the writer.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to write.
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// The master key with this id, if this process has it.
    fn master(&self, id: &str) -> Option<Master> {
        let masters = self.masters.read().unwrap_or_else(PoisonError::into_inner);
        masters.iter().find(|master| master.id == id).cloned()
    }

    fn newest_master(&self) -> Option<Master> {
        self.masters.read().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }
}

const LOOKUP_KEY: &[&[u8]] = &[b"lookup key"];

/// The master keys of the file and the lookup key of the database; both are made when there are none.
fn unlock(database: &Database, path: &Path) -> Result<(Vec<Master>, Key), OpenError> {
    let kept: Option<(String, Vec<u8>)> = database.read("read the keys", |transaction| {
        transaction
            .query_row("SELECT master, lookup_key FROM keys", [], |row| {
                Ok((row.get("master")?, row.get("lookup_key")?))
            })
            .optional()
    })?;
    let mut masters = master::load(path)?;
    let Some((id, wrapped)) = kept else {
        if masters.is_empty() {
            let new =
                Master::random().map_err(|Unsealed| unusable(path, "the system gave no random bytes"))?;
            master::store(path, &[&new])?;
            masters.push(new);
        }
        let Some(first) = masters.first() else { return Err(unusable(path, "it is no key file")) };
        let lookup = seal::random_key()
            .and_then(|lookup| Ok((seal::seal(&first.key, LOOKUP_KEY, lookup.as_ref())?, lookup)));
        let (wrapped, lookup) =
            lookup.map_err(|Unsealed| unusable(path, "the system gave no random bytes"))?;
        database.write_plain("keep the lookup key", |transaction| {
            transaction.execute(
                "INSERT INTO keys (one, master, lookup_key) VALUES (1, ?1, ?2)",
                (&first.id, wrapped),
            )
        })?;
        return Ok((masters, lookup));
    };
    // Never a new key in place of a lost one: everything that is kept would be unreadable without a word.
    if masters.is_empty() {
        return Err(unusable(path, "it is missing, and content is kept under it; restore it"));
    }
    let Some(master) = masters.iter().find(|master| master.id == id) else {
        return Err(unusable(path, "it is not the key that this content is kept under"));
    };
    let lookup = seal::open_key(&master.key, LOOKUP_KEY, &wrapped)
        .map_err(|Unsealed| unusable(path, "a key in the database does not open under it"))?;
    Ok((masters, lookup))
}

fn unusable(path: &Path, why: &'static str) -> OpenError {
    OpenError::Key { path: path.into(), why, source: None }
}

fn error_of(doing: &'static str, trouble: Trouble) -> DatabaseError {
    DatabaseError { which: Which::Content, doing, trouble, source: None }
}
