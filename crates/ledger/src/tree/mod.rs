//! The Merkle tree over the leaves: RFC 6962 hashes, tiles on disk, proofs from tiles.
//!
//! A tree is known by its size and root. [`Frontier`] grows one, [`Tile`] is how its hashes lie on
//! disk (C2SP tlog-tiles, height 8), [`inclusion`] and [`consistency`] make proofs from tiles, and
//! [`check_inclusion`] and [`check_consistency`] need nothing but the proof.

mod frontier;
mod hashes;
mod proof;
mod tile;
mod tlog_proof;

use action::Digest;

pub use crate::hash::{leaf as leaf_hash, node as node_hash};
pub use frontier::{Frontier, FrontierError};
pub(crate) use hashes::full_root;
pub use hashes::{HashError, ReadTiles, TileHashes};
pub use proof::{Bad, MAX_PATH, check_consistency, check_inclusion, consistency, inclusion, left_of};
pub use tile::{Tile, TileId, TileIdError};
pub use tlog_proof::{TlogProof, TlogProofError};

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    crate::hash::plain(&[])
}
