//! Content and whom it is about.

use action::{Capture, Name, Timestamp};
use ledger::{Commitment, Committed};
use zeroize::Zeroizing;

/// 32 random bytes that make a commitment unguessable. They live with the content and die with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(Zeroizing<[u8; 32]>);

impl Salt {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Salt(Zeroizing::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// SHA-256(0x02 ‖ salt ‖ content), and the length of the content.
pub fn commit(salt: &Salt, content: &[u8]) -> Commitment {
    Commitment { bytes: content.len() as u64, hash: ledger::hash::commit(salt.as_bytes(), content) }
}

/// Whom content is about. Each has a key of its own, and what is under it goes when the key goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    /// A person or service, by identity. The identity is encrypted and found by a keyed hash.
    Person(Zeroizing<String>),
    /// Nobody is known: the content goes with the session.
    Session { agent: Name, session: Name },
    /// Not even a session is known.
    Agent(Name),
}

/// One piece of content to keep.
#[derive(Clone)]
pub struct Piece {
    /// The decision or record that it belongs to.
    pub of: Name,
    pub role: Committed,
    pub level: Capture,
    pub salt: Salt,
    pub content: Zeroizing<Vec<u8>>,
    pub time: Timestamp,
}

/// Whether a piece was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Queued,
    /// The queue is at its bound, or the disk is nearly full: the piece is gone, and counted.
    Shed,
    /// Capture level `metadata` keeps nothing.
    NotKept,
}

/// A piece as it was kept.
#[derive(Clone)]
pub struct Opened {
    pub row: PieceRow,
    pub salt: Salt,
    pub content: Zeroizing<Vec<u8>>,
    /// Whether salt and content give the commitment in the ledger. False only for redacted content
    /// whose commitment is about the original.
    pub proven: bool,
}

/// What is kept, without the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceRow {
    pub of: Name,
    pub role: Committed,
    pub level: Capture,
    /// The pseudonym whose key it is under.
    pub subject: Name,
    pub time: Timestamp,
    pub bytes: u64,
}

/// What an erasure destroyed: the figures of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    pub principal: Name,
    pub pieces: u64,
    /// False when a long read kept the write-ahead log from being cut; the writer cuts it as soon as
    /// it can.
    pub log_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentHealth {
    /// Pieces that wait for the writer.
    pub waiting: u64,
    /// Pieces that were not taken since the start.
    pub shed: u64,
    /// Pieces that were taken and could not be written since the start, or whose subject was erased
    /// before they were.
    pub lost: u64,
    /// Capture is off because the disk is nearly full.
    pub shedding: bool,
}
