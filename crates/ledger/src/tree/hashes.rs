//! Any full subtree's hash, out of tiles.

use std::cell::RefCell;
use std::collections::BTreeMap;

use action::Digest;

use super::{Tile, TileId, node_hash};

/// Where tiles come from: a folder, a server, a map in memory.
pub trait ReadTiles {
    /// The tile with exactly this width, or a fuller one of the same place.
    fn tile(&self, id: TileId) -> Result<Tile, HashError>;
}

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("tile `{tile}` is missing")]
    Missing { tile: TileId },
    #[error("cannot read tile `{tile}`")]
    Read {
        tile: TileId,
        #[source]
        source: std::io::Error,
    },
    #[error("tile `{tile}` has {got} hashes")]
    Short { tile: TileId, got: usize },
    #[error("a tree of {size} leaves has no subtree of height {height} at {position}")]
    Outside { height: u8, position: u64, size: u64 },
}

/// Hashes of a tree of a known size. Keeps the tiles that it read: a proof touches at most two a level.
pub struct TileHashes<'t, T: ReadTiles + ?Sized> {
    tiles: &'t T,
    size: u64,
    read: RefCell<BTreeMap<TileId, Vec<Digest>>>,
}

impl<'t, T: ReadTiles + ?Sized> TileHashes<'t, T> {
    pub fn new(tiles: &'t T, size: u64) -> Self {
        TileHashes { tiles, size, read: RefCell::default() }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the full subtree over the leaves `position · 2^height ..` of length 2^height.
    pub fn subtree(&self, height: u8, position: u64) -> Result<Digest, HashError> {
        let outside = HashError::Outside { height, position, size: self.size };
        // The hashes of the tile level below that make up this subtree: a power of two, within one tile.
        let (level, rest) = (height / TileId::HEIGHT, height % TileId::HEIGHT);
        let Some(first) = position.checked_mul(1 << rest) else { return Err(outside) };
        let count = 1_u64 << rest;
        let Some(id) = TileId::holding(level, first + (count - 1), self.size) else { return Err(outside) };
        let mut read = self.read.borrow_mut();
        let hashes = match read.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => free.insert(self.tiles.tile(id)?.hashes),
        };
        let start = usize::try_from(first % u64::from(TileId::WIDTH)).unwrap_or(usize::MAX);
        let short = HashError::Short { tile: id, got: hashes.len() };
        let range = hashes.get(start..start.saturating_add(1 << rest)).ok_or(short)?;
        Ok(full_root(range))
    }
}

/// Root of a full subtree over a power of two of hashes.
pub(crate) fn full_root(hashes: &[Digest]) -> Digest {
    match hashes {
        [] => super::empty_root(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(&full_root(left), &full_root(right))
        }
    }
}

impl ReadTiles for BTreeMap<TileId, Tile> {
    fn tile(&self, id: TileId) -> Result<Tile, HashError> {
        let same_place = TileId { width: id.width, ..id }..=TileId::full(id.level, id.index);
        self.range(same_place).next().map(|(_, tile)| tile.clone()).ok_or(HashError::Missing { tile: id })
    }
}
