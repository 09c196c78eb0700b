//! Tiles: 256 hashes of one level in a file, as C2SP tlog-tiles names and fills them.

use std::fmt;

use action::Digest;

/// Which tile. Level 0 holds leaf hashes; level n holds roots of full subtrees of 256ⁿ leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    pub level: u8,
    pub index: u64,
    /// Hashes in the tile: 1 to 256. Below 256 it is the partial tile at the right edge.
    pub width: u16,
}

/// A tile with its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub id: TileId,
    pub hashes: Vec<Digest>,
}

/// Why a path or a file is no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileIdError {
    #[error("a tile's path is `tile/LEVEL/N` with three digits a step, and `.p/WIDTH` if it is partial")]
    Path,
    #[error("a tile of width {width} has {want} bytes, not {got}")]
    Length { width: u16, want: usize, got: usize },
}

impl TileId {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u8 = 8;
    /// 256⁸ leaves need levels 0 to 7; no tree of a 64-bit size has more.
    pub const MAX_LEVEL: u8 = 7;

    pub const fn full(level: u8, index: u64) -> Self {
        TileId { level, index, width: Self::WIDTH }
    }

    pub const fn is_full(&self) -> bool {
        self.width == Self::WIDTH
    }

    /// The tile that holds hash `position` of a level in a tree of `size`; none if the tree has no such hash.
    pub fn holding(level: u8, position: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(u32::from(level) * u32::from(Self::HEIGHT)).unwrap_or(0);
        if level > Self::MAX_LEVEL || position >= hashes {
            return None;
        }
        let index = position / u64::from(Self::WIDTH);
        let width = (hashes - index * u64::from(Self::WIDTH)).min(u64::from(Self::WIDTH));
        Some(TileId { level, index, width: u16::try_from(width).unwrap_or(Self::WIDTH) })
    }

    /// Reads a path such as `tile/0/x001/x234/067.p/8`; each tile has exactly one.
    pub fn parse(path: &str) -> Result<Self, TileIdError> {
        let mut steps = path.strip_prefix("tile/").ok_or(TileIdError::Path)?.split('/');
        let level = steps.next().and_then(|text| text.parse().ok()).ok_or(TileIdError::Path)?;
        let mut id = TileId::full(level, 0);
        while let Some(step) = steps.next() {
            let (digits, end) = match (step.strip_prefix('x'), step.strip_suffix(".p")) {
                (Some(digits), _) => (digits, None),
                (None, Some(digits)) => (digits, Some(true)),
                (None, None) => (step, Some(false)),
            };
            let part: u64 = digits.parse().map_err(|_| TileIdError::Path)?;
            id.index =
                id.index.checked_mul(1000).and_then(|n| n.checked_add(part)).ok_or(TileIdError::Path)?;
            if end == Some(true) {
                id.width = steps.next().and_then(|text| text.parse().ok()).ok_or(TileIdError::Path)?;
            }
            if end.is_some() {
                break;
            }
        }
        // What was read must be written the same way: no other forms of digits, nothing left over.
        let fits = (1..=Self::WIDTH).contains(&id.width) && level <= Self::MAX_LEVEL;
        if fits && id.to_string() == path { Ok(id) } else { Err(TileIdError::Path) }
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}", self.level)?;
        let mut scale = 1;
        while self.index / scale >= 1000 {
            scale *= 1000;
        }
        while scale > 1 {
            write!(f, "/x{:03}", self.index / scale % 1000)?;
            scale /= 1000;
        }
        write!(f, "/{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl Tile {
    /// The file's content: hashes one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    pub fn from_bytes(id: TileId, bytes: &[u8]) -> Result<Self, TileIdError> {
        let want = usize::from(id.width) * 32;
        if bytes.len() != want {
            return Err(TileIdError::Length { width: id.width, want, got: bytes.len() });
        }
        let hashes = bytes.as_chunks::<32>().0.iter().map(|chunk| Digest::from_bytes(*chunk)).collect();
        Ok(Tile { id, hashes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let cases = [
            (TileId::full(0, 0), "tile/0/000"),
            (TileId::full(0, 999), "tile/0/999"),
            (TileId::full(0, 1000), "tile/0/x001/000"),
            (TileId::full(1, 1_234_067), "tile/1/x001/x234/067"),
            (TileId { level: 0, index: 5, width: 17 }, "tile/0/005.p/17"),
            (TileId { level: 2, index: 1_000_000, width: 1 }, "tile/2/x001/x000/000.p/1"),
        ];
        for (id, path) in cases {
            assert_eq!(id.to_string(), path);
            assert_eq!(TileId::parse(path), Ok(id));
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/8/000",
            "tile/00/000",
            "tile/0/x000/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/257",
            "tile/0/001.p/01",
            "tile/0/001/002",
            "tile/0/001.p",
            "tile/0/+01",
            "tile/0/x001",
            "tile/0/001.p/1/",
            "tile/-1/000",
            "x/tile/0/000",
            "tile/0/xx01/001",
        ] {
            assert_eq!(TileId::parse(path), Err(TileIdError::Path), "`{path}`");
        }
        assert!(TileId::parse(&format!("tile/0/{}000", "x999/".repeat(9))).is_err());
    }

    #[test]
    fn a_position_names_its_tile() {
        assert_eq!(TileId::holding(0, 0, 0), None);
        assert_eq!(TileId::holding(0, 0, 1), Some(TileId { level: 0, index: 0, width: 1 }));
        assert_eq!(TileId::holding(0, 255, 256), Some(TileId::full(0, 0)));
        assert_eq!(TileId::holding(0, 256, 300), Some(TileId { level: 0, index: 1, width: 44 }));
        assert_eq!(TileId::holding(1, 0, 255), None);
        assert_eq!(TileId::holding(1, 0, 300), Some(TileId { level: 1, index: 0, width: 1 }));
        assert_eq!(TileId::holding(7, 0, u64::MAX), Some(TileId { level: 7, index: 0, width: 255 }));
        assert_eq!(TileId::holding(8, 0, u64::MAX), None);
    }

    #[test]
    fn a_tile_reads_back() {
        let id = TileId { level: 0, index: 3, width: 2 };
        let tile = Tile { id, hashes: vec![Digest::from_bytes([7; 32]), Digest::from_bytes([9; 32])] };
        assert_eq!(Tile::from_bytes(id, &tile.to_bytes()), Ok(tile.clone()));
        let short = Tile::from_bytes(id, tile.to_bytes().get(1..).unwrap());
        assert_eq!(short, Err(TileIdError::Length { width: 2, want: 64, got: 63 }));
    }
}
