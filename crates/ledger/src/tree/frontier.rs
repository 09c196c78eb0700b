//! The right edge of a growing tree.

use action::Digest;

use super::{HashError, ReadTiles, Tile, TileHashes, TileId, empty_root, node_hash};

/// What is needed to append a leaf and to tell the root: the roots of the full subtrees at the
/// right edge, and the tiles that are not full yet. Some kilobytes, at any size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// One root for each bit that is set in `size`, the largest subtree first.
    stack: Vec<Digest>,
    /// By tile level, the hashes of the tile that is being filled. Empty for a tree that was entered
    /// in the middle, which fills no tiles.
    tails: Vec<Vec<Digest>>,
}

/// Why a frontier cannot be taken up again.
#[derive(Debug, thiserror::Error)]
pub enum FrontierError {
    #[error("cannot rebuild the edge of a tree of {size} leaves")]
    Tiles {
        size: u64,
        #[source]
        source: HashError,
    },
    #[error("the edge of a tree of {size} leaves has {want} hashes, not {got}")]
    Edge { size: u64, want: usize, got: usize },
}

impl Frontier {
    pub fn new() -> Self {
        Frontier::default()
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Hands over the tiles that it filled, lowest first: one in 256 times, mostly.
    pub fn append(&mut self, leaf: Digest) -> Vec<Tile> {
        let mut filled = Vec::new();
        self.keep(0, leaf, &mut filled);
        let mut hash = leaf;
        // Adding one carries through the bits that are set: each carry joins two full subtrees.
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.stack.pop() else { break };
            hash = node_hash(&left, &hash);
            if height % u32::from(TileId::HEIGHT) == 0 {
                self.keep((height / u32::from(TileId::HEIGHT)) as usize, hash, &mut filled);
            }
        }
        self.stack.push(hash);
        self.size += 1;
        filled
    }

    /// Adds a leaf where nobody wants tiles: the verifiers' way.
    pub(crate) fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.stack.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.stack.push(hash);
        self.size += 1;
    }

    /// Root over everything appended so far.
    pub fn root(&self) -> Digest {
        let mut roots = self.stack.iter().rev();
        let Some(last) = roots.next() else { return empty_root() };
        roots.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The tiles at the right edge that are not full.
    pub fn partial(&self) -> Vec<Tile> {
        let unfinished = (0_u8..).zip(&self.tails).filter(|(_, hashes)| !hashes.is_empty());
        let tile = |(level, hashes): (u8, &Vec<Digest>)| {
            let height = u32::from(TileId::HEIGHT) * (u32::from(level) + 1);
            let index = self.size.checked_shr(height).unwrap_or(0);
            let width = u16::try_from(hashes.len()).unwrap_or(TileId::WIDTH);
            Tile { id: TileId { level, index, width }, hashes: hashes.clone() }
        };
        unfinished.map(tile).collect()
    }

    /// The edge of a tree that was written before, out of its tiles.
    pub fn rebuild(size: u64, tiles: &(impl ReadTiles + ?Sized)) -> Result<Self, FrontierError> {
        let failed = |source| FrontierError::Tiles { size, source };
        let stack = super::left_of(size, &TileHashes::new(tiles, size)).map_err(failed)?;
        let mut tails = Vec::new();
        for level in 0..=TileId::MAX_LEVEL {
            let hashes = size.checked_shr(u32::from(level) * u32::from(TileId::HEIGHT)).unwrap_or(0);
            if hashes == 0 {
                break;
            }
            tails.push(match TileId::holding(level, hashes - 1, size).filter(|id| !id.is_full()) {
                Some(id) => {
                    let mut tile = tiles.tile(id).map_err(failed)?;
                    tile.hashes.truncate(usize::from(id.width));
                    tile.hashes
                }
                None => Vec::new(),
            });
        }
        Ok(Frontier { size, stack, tails })
    }

    /// Enters a tree in the middle: `left` are the roots of the full subtrees over the leaves before,
    /// the largest first. Whether they are true shows when a root is compared with a signed one.
    pub fn entered(size: u64, left: Vec<Digest>) -> Result<Self, FrontierError> {
        let want = size.count_ones() as usize;
        if left.len() != want {
            return Err(FrontierError::Edge { size, want, got: left.len() });
        }
        Ok(Frontier { size, stack: left, tails: Vec::new() })
    }

    fn keep(&mut self, level: usize, hash: Digest, filled: &mut Vec<Tile>) {
        if self.tails.len() <= level {
            self.tails.resize_with(level + 1, Vec::new);
        }
        let Some(tail) = self.tails.get_mut(level) else { return };
        tail.push(hash);
        if tail.len() == usize::from(TileId::WIDTH) {
            let level = u8::try_from(level).unwrap_or(u8::MAX);
            let index = self.size >> (u32::from(TileId::HEIGHT) * (u32::from(level) + 1));
            filled.push(Tile { id: TileId::full(level, index), hashes: std::mem::take(tail) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tree::leaf_hash;

    fn grown(size: u64) -> (Frontier, BTreeMap<TileId, Tile>) {
        let (mut frontier, mut tiles) = (Frontier::new(), BTreeMap::new());
        for n in 0..size {
            for tile in frontier.append(leaf_hash(&n.to_be_bytes())) {
                tiles.insert(tile.id, tile);
            }
        }
        tiles.extend(frontier.partial().into_iter().map(|tile| (tile.id, tile)));
        (frontier, tiles)
    }

    #[test]
    fn a_rebuilt_frontier_is_the_one_that_grew() {
        for size in [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 70_000] {
            let (frontier, tiles) = grown(size);
            let rebuilt = Frontier::rebuild(size, &tiles).unwrap();
            assert_eq!(rebuilt.root(), frontier.root(), "size {size}");
            let (mut one, mut other) = (frontier, rebuilt);
            for n in 0..600_u64 {
                assert_eq!(
                    one.append(leaf_hash(&n.to_be_bytes())),
                    other.append(leaf_hash(&n.to_be_bytes()))
                );
                assert_eq!(one.root(), other.root());
            }
            assert_eq!(one.partial(), other.partial());
        }
    }

    #[test]
    fn tiles_cover_the_tree_without_a_hole() {
        let (_, tiles) = grown(70_000);
        for level in 0..3 {
            let hashes = 70_000_u64 >> (8 * level);
            for position in 0..hashes {
                let id = TileId::holding(level, position, 70_000).unwrap();
                assert_eq!(tiles.get(&id).unwrap().hashes.len(), usize::from(id.width));
            }
        }
        assert_eq!(tiles.len(), 274 + 2 + 1);
    }

    #[test]
    fn entering_wants_one_hash_for_each_subtree() {
        assert!(Frontier::entered(0, vec![]).is_ok());
        let error = Frontier::entered(5, vec![empty_root()]).unwrap_err();
        assert!(matches!(error, FrontierError::Edge { size: 5, want: 2, got: 1 }));
    }
}
