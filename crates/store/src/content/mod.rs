//! Content, under keys that can be destroyed.

mod types;

use std::path::Path;
use std::time::Duration;

use action::{Capture, Name, Timestamp};
use ledger::{Commitment, Committed};
use zeroize::Zeroizing;

use crate::{DatabaseError, Limit, OpenError, Page, Trouble, Which};

pub use types::*;

/// Why content could not be read, or an order could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// It does not decrypt under its subject's key, or does not give its commitment.
    #[error("the content of `{of}` was altered")]
    Altered { of: Name },
    #[error("the system gave no random bytes")]
    Random,
}

fn pending<T>() -> Result<T, ContentError> {
    Err(ContentError::Database(DatabaseError {
        which: Which::Content,
        doing: "read",
        trouble: Trouble::Unavailable,
        source: None,
    }))
}

/// Content, under keys that can be destroyed. Writing never waits for the disk: a thread writes.
pub struct Content {
    _private: (),
}

impl Content {
    /// Opens the content in this folder. `key` is the file of the master key, which is made on the first start.
    pub fn open(_folder: &Path, _key: &Path, _bounds: Bounds) -> Result<Content, OpenError> {
        Ok(Content { _private: () })
    }
    /// Salt for a commitment.
    pub fn salt(&self) -> Result<Salt, ContentError> {
        pending()
    }
    /// The pseudonym of a subject; a new one when it has none. Does not wait for the disk to sync.
    pub fn pseudonym(&self, _subject: &Subject, _now: Timestamp) -> Result<Name, ContentError> {
        pending()
    }
    /// The pseudonym of a subject, if it has one.
    pub fn find(&self, _subject: &Subject) -> Result<Option<Name>, ContentError> {
        pending()
    }
    /// The identity behind a pseudonym, for those who may know.
    pub fn identity(&self, _subject: &Name) -> Result<Option<Zeroizing<String>>, ContentError> {
        pending()
    }
    /// Gives a piece to the writer. Never waits.
    pub fn put(&self, _subject: &Name, _piece: Piece) -> Put {
        Put::Shed
    }
    /// Waits until everything that was put before is written or lost. False at the time-out.
    pub fn flush(&self, _timeout: Duration) -> bool {
        false
    }
    /// One piece, decrypted, and held against the commitment that the ledger has for it.
    pub fn get(
        &self,
        _of: &Name,
        _role: Committed,
        _commitment: &Commitment,
    ) -> Result<Option<Opened>, ContentError> {
        pending()
    }
    /// Everything kept about a subject, by decision.
    pub fn pieces(
        &self,
        _subject: &Name,
        _after: Option<&(Name, Committed)>,
        _limit: Limit,
    ) -> Result<Page<PieceRow, (Name, Committed)>, ContentError> {
        pending()
    }
    /// Destroys key, salts, ciphertext and identity of a subject. None when there is no such subject.
    pub fn erase(&self, _subject: &Name) -> Result<Option<Erased>, ContentError> {
        pending()
    }
    /// Destroys content of before this time, and subjects that have none left and were not seen since.
    pub fn purge(&self, _before: Timestamp) -> Result<u64, ContentError> {
        pending()
    }
    /// A new master key; every subject's key is wrapped again.
    pub fn rotate(&self) -> Result<u64, ContentError> {
        pending()
    }
    /// Turns capture off while the disk is nearly full.
    pub fn shed(&self, _on: bool) {}
    pub fn health(&self) -> ContentHealth {
        ContentHealth::default()
    }
    /// What a level keeps at all.
    pub const fn keeps(level: Capture) -> bool {
        !matches!(level, Capture::Metadata)
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
