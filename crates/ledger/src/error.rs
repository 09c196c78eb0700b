//! What can go wrong, by operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::note::{NoteError, RotationError};
use crate::record::{MAX_RECORD_BYTES, RecordFault};
use crate::tree::HashError;

/// Why a record is not on the ledger. Whoever asked must not act as if it were.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    #[error("the ledger is busy: {bound} records wait to be written; try again, or see why the disk is slow")]
    Busy { bound: usize },
    #[error("the ledger is closed")]
    Closed,
    #[error("the disk of the ledger is full; records are taken again once there is space")]
    DiskFull,
    #[error("the ledger cannot write any more; restart it after looking at its disk")]
    Failed {
        #[source]
        source: Arc<io::Error>,
    },
    #[error("the record has more than {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    #[error("the record cannot be written as it is")]
    Malformed(#[from] RecordFault),
}

impl AppendError {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            AppendError::Busy { .. } => "ledger.busy",
            AppendError::Closed => "ledger.closed",
            AppendError::DiskFull => "ledger.disk_full",
            AppendError::Failed { .. } => "ledger.failed",
            AppendError::TooLarge => "ledger.too_large",
            AppendError::Malformed(_) => "ledger.malformed",
        }
    }
}

/// Why a ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the ledger `{path}` is in use by another process")]
    Locked { path: PathBuf },
    #[error("cannot {doing} `{path}`")]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "record {sequence} in `{path}` is damaged: {why}; keep a copy of the folder, see how much is lost with \
         `checkrein ledger verify`, then run `checkrein ledger repair`"
    )]
    Damaged { sequence: u64, path: PathBuf, why: &'static str },
    #[error(
        "the ledger was rolled back: `{head}` is signed over {signed} records, the log has {size}; put the newer \
         data back, or run `checkrein ledger repair` to go on and put the loss on record"
    )]
    RolledBack { head: PathBuf, signed: u64, size: u64 },
    #[error(
        "the signed head `{path}` is missing though heads were signed; put it back, it is never made anew"
    )]
    HeadMissing { path: PathBuf },
    #[error("the signed head `{path}` cannot be read")]
    HeadUnreadable {
        path: PathBuf,
        #[source]
        source: NoteError,
    },
    #[error("the signed head `{path}` is of another log, `{origin}`; is the setting right?")]
    OtherLog { path: PathBuf, origin: String },
    #[error("the signed head `{path}` is not signed by this key, nor by one that named it as successor")]
    OtherKey { path: PathBuf },
    #[error("the key was replaced by another, as record {sequence} says; open the ledger with the new key")]
    OldKey { sequence: u64 },
    #[error("`{path}` does not belong beside the other shards; two shards cannot have one number")]
    Layout { path: PathBuf },
    #[error("the ledger cannot write its first records")]
    First {
        #[source]
        source: AppendError,
    },
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("record {sequence} is not on the ledger, which has {size}")]
    Beyond { sequence: u64, size: u64 },
    #[error("cannot read segment `{path}`")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("record {sequence} in `{path}` is damaged; run `checkrein ledger verify`")]
    Damaged { sequence: u64, path: PathBuf },
}

#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error("the ledger did not end well: {why}")]
    Failed { why: String },
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("record {sequence} is not under a signed head yet, which covers {signed}; try again in a second")]
    Unsigned { sequence: u64, signed: u64 },
    #[error("the tiles for record {sequence} cannot be read; they are made again on the next start")]
    Tiles {
        sequence: u64,
        #[source]
        source: HashError,
    },
    #[error("cannot read the signed head `{path}`")]
    Head {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Why the key was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error("the new key cannot follow the old one")]
    Keys {
        #[source]
        source: RotationError,
    },
    #[error("the change of the key cannot be recorded, so it was not made")]
    Append {
        #[source]
        source: AppendError,
    },
}
