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
//! Start with [`Record`], the leaf.

pub mod checkpoint;
pub mod hash;
pub mod note;
mod record;
pub mod tree;

pub use record::*;
