//! What an operator chooses about a ledger.

use std::path::PathBuf;
use std::time::Duration;

/// Everything a ledger is opened with. Make one by [`Settings::new`] and change what differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the ledger.
    pub dir: PathBuf,
    /// Name of the log, first line of its checkpoints: `example.org/acme/node-a`.
    pub log: String,
    /// A second folder, best on another device, where writing goes on after the first failed.
    pub mirror: Option<PathBuf>,
    /// The file with the newest signed head. Outside of the data volume it shows when that volume
    /// was put back to an older state. `head` in the ledger's folder by default.
    pub head: Option<PathBuf>,
    pub window: Window,
    pub shard: ShardPeriod,
    pub checkpoint: Cadence,
    pub steps: DiskSteps,
    /// Records that may wait to be written. At the bound [`crate::Ledger::append`] answers `Busy` at
    /// once, for its callers must not block, and [`crate::Ledger::append_wait`] waits for `patience` first.
    pub queue: usize,
    pub patience: Duration,
    /// Bytes of one segment file.
    pub segment: u64,
}

impl Settings {
    pub fn new(dir: impl Into<PathBuf>, log: impl Into<String>) -> Self {
        Settings {
            dir: dir.into(),
            log: log.into(),
            mirror: None,
            head: None,
            window: Window::default(),
            shard: ShardPeriod::Month,
            checkpoint: Cadence::default(),
            steps: DiskSteps::default(),
            queue: 16_384,
            patience: Duration::from_secs(2),
            segment: 64 << 20,
        }
    }
}

/// How much may be lost when the machine stops, of what was appended as [`crate::Promise::Windowed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Most records that are accepted and not yet durable.
    pub records: usize,
    /// Nothing more is accepted ahead of the disk while an accepted record waits longer than this.
    pub age: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Window { records: 1_000, age: Duration::from_millis(20) }
    }
}

/// Time that one shard covers, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardPeriod {
    Day,
    Month,
}

/// When the head is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// With something new: after this time,
    pub every: Duration,
    /// or this many records, whichever is first.
    pub records: u64,
    /// With nothing new: so that silence differs from a dead process.
    pub heartbeat: Duration,
}

impl Default for Cadence {
    fn default() -> Self {
        Cadence { every: Duration::from_secs(1), records: 4_096, heartbeat: Duration::from_secs(60) }
    }
}

/// Used percent of the disk from which on the ledger warns, asks for content to be shed, and takes
/// no more records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSteps {
    pub warn: u8,
    pub shed: u8,
    pub full: u8,
}

impl Default for DiskSteps {
    fn default() -> Self {
        DiskSteps { warn: 80, shed: 90, full: 95 }
    }
}
