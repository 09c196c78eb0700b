//! Makes a decision undeniable.
//!
//! Every record is a line of canonical JSON that carries the RFC 6962 leaf hash of the one before.
//! The leaves form a Merkle tree, whose head is signed once a second. Whoever holds the files can
//! check all of it without this program.
//!
//! What the ledger never holds: content, and anything about a person that could not be erased. It
//! holds salted commitments; what they commit to is kept elsewhere, under keys that can be
//! destroyed.
//!
//! ```text
//! lock                         held by the one process that writes
//! head                         the newest signed head; may lie elsewhere, and shows a rollback from there
//! shards/000001-2026-11/       one piece of time, with a tree of its own
//!   segment-000000.log         records in frames (see `segment`), chained across segments and shards
//!   checkpoint                 the newest signed head of this shard
//!   checkpoints.log            one a minute, and the last
//!   cosigned.log               heads with cosignatures of witnesses
//!   tile/0/000 …               hashes (C2SP tlog-tiles); made again from the segments if they are gone
//!   cut-….recorded             an unfinished write that a start took off; a gap record names its hash
//! ```
//!
//! Start with [`Record`], the leaf, and [`Ledger`], which takes them.

pub mod bundle;
pub mod checkpoint;
mod clock;
mod cosigned;
mod error;
mod files;
pub mod hash;
mod head;
mod health;
mod ledger;
pub mod note;
mod open;
pub mod proven;
mod record;
mod recover;
pub mod segment;
mod settings;
pub mod shard;
mod tail;
pub mod tree;
pub mod verify;
pub mod volume;
pub mod witness;
mod writer;

pub use clock::{Clock, SystemClock};
pub use cosigned::ShardHead;
pub use error::{AppendError, CloseError, OpenError, ProveError, ReadError, RotateError};
pub use files::Folder;
pub use health::Health;
pub use ledger::{Head, Ledger};
pub use open::Opened;
pub use record::*;
pub use segment::Stored;
pub use settings::{Cadence, DiskSteps, Settings, ShardPeriod, Window};
pub use tail::{Tail, TailError};
pub use volume::{Disk, Volume};
pub use writer::{MAX_WRITE_BYTES, Promise, Receipt};
