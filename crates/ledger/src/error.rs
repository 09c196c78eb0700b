//! What can go wrong, by operation.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::record::{MAX_RECORD_BYTES, RecordFault};

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
    #[error("the ledger did not end well")]
    Failed {
        #[source]
        source: Arc<io::Error>,
    },
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("record {sequence} is not under a signed head yet, which covers {signed}; try again in a second")]
    Unsigned { sequence: u64, signed: u64 },
}
