//! The tree of one shard as it grows, and its files.

use std::io;
use std::path::{Path, PathBuf};

use action::Digest;

use crate::checkpoint::Checkpoint;
use crate::shard::ShardName;
use crate::tree::{Frontier, HashError, ReadTiles, Tile, TileId};
use crate::volume::{Volume, read_if_there};

/// The shard before: its name, and what its last head said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Before {
    pub name: String,
    pub size: u64,
    pub root: Digest,
}

pub(crate) struct ShardTree {
    pub name: ShardName,
    pub dir: PathBuf,
    /// Sequence of its first leaf.
    pub first: u64,
    pub frontier: Frontier,
    pub before: Option<Before>,
    /// Nothing more comes.
    pub sealed: bool,
    /// Leaves under its newest signed head.
    pub signed: u64,
    /// Full tiles that are not in files yet. Bounded: a tile that cannot be written is dropped and
    /// made again from the segments on the next start.
    pub unwritten: Vec<Tile>,
}

/// Tiles that wait for a disk that does not take them: those of a million leaves.
const MAX_UNWRITTEN: usize = 4_096;

impl ShardTree {
    pub fn new(name: ShardName, dir: PathBuf, first: u64, before: Option<Before>) -> Self {
        let (frontier, unwritten) = (Frontier::new(), Vec::new());
        ShardTree { name, dir, first, frontier, before, sealed: false, signed: 0, unwritten }
    }

    pub fn add(&mut self, leaves: &[Digest]) {
        for leaf in leaves {
            for tile in self.frontier.append(*leaf) {
                self.keep(tile);
            }
        }
    }

    /// Keeps a full tile until it is in a file.
    pub fn keep(&mut self, tile: Tile) {
        if self.unwritten.len() < MAX_UNWRITTEN {
            self.unwritten.push(tile);
        }
    }

    /// What is to be signed.
    pub fn head(&self, log: &str) -> Checkpoint {
        let mut extensions = vec![format!("first {}", self.first)];
        if let Some(before) = &self.before {
            let root = crate::note::hash_text(&before.root);
            extensions.push(format!("previous {} {} {root}", before.name, before.size));
        }
        Checkpoint {
            origin: self.name.origin(log),
            size: self.frontier.size(),
            root: self.frontier.root(),
            extensions,
        }
    }

    /// Writes the tiles that are full, and those at the edge. Not synced: what a crash takes is made
    /// again from the segments.
    pub fn write_tiles(&mut self, volume: &dyn Volume, edge: &[Tile]) -> io::Result<()> {
        while let Some(tile) = self.unwritten.last() {
            write_tile(volume, &self.dir, tile)?;
            self.unwritten.pop();
        }
        edge.iter().try_for_each(|tile| write_tile(volume, &self.dir, tile))
    }
}

pub(crate) fn write_tile(volume: &dyn Volume, dir: &Path, tile: &Tile) -> io::Result<()> {
    let path = dir.join(tile.id.to_string());
    if let Some(folder) = path.parent() {
        volume.create_dir(folder)?;
    }
    match volume.remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    volume.create(&path, 0)?.write_at(&tile.to_bytes(), 0)
}

/// Removes the edge tiles of an older head, except those that a newer one shares.
pub(crate) fn drop_edge(volume: &dyn Volume, dir: &Path, old: &[Tile], new: &[Tile]) {
    for tile in old.iter().filter(|tile| new.iter().all(|other| other.id != tile.id)) {
        // One that stays is in nobody's way.
        let _ = volume.remove(&dir.join(tile.id.to_string()));
    }
}

/// Tiles of a shard out of its folders, with those at the edge from memory if they are there.
pub(crate) struct TileFiles<'a> {
    pub volume: &'a dyn Volume,
    pub dirs: &'a [PathBuf],
    pub edge: &'a [Tile],
}

impl ReadTiles for TileFiles<'_> {
    fn tile(&self, id: TileId) -> Result<Tile, HashError> {
        if let Some(tile) = self.edge.iter().find(|tile| tile.id == id) {
            return Ok(tile.clone());
        }
        // A partial tile may have been filled since.
        let widths = [id, TileId::full(id.level, id.index)];
        for (dir, candidate) in self.dirs.iter().flat_map(|dir| widths.map(|id| (dir, id))) {
            let path = dir.join(candidate.to_string());
            let bytes = read_if_there(self.volume, &path)
                .map_err(|source| HashError::Read { tile: candidate, source })?;
            if let Some(tile) = bytes.and_then(|bytes| Tile::from_bytes(candidate, &bytes).ok()) {
                return Ok(tile);
            }
        }
        Err(HashError::Missing { tile: id })
    }
}
