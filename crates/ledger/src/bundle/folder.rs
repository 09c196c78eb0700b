//! Exporting from a ledger's folder, open or not.

use std::path::PathBuf;

use super::export::{ExportError, Source, SourceError};
use super::manifest::ShardStart;
use crate::files::{Files, Folder, ShardFiles};
use crate::note::SignedNote;
use crate::record::KeyPart;
use crate::segment::frame::{Parsed, parse};
use crate::segment::{SEGMENT_HEADER, load};
use crate::tree::{HashError, ReadTiles, Tile, TileId, full_root};
use crate::volume::{Volume, read_if_there};

/// A folder as a place to export from.
pub struct FolderSource<'v> {
    files: Files<'v>,
    shards: Vec<ShardFiles>,
}

impl<'v> FolderSource<'v> {
    pub fn open(volume: &'v dyn Volume, folder: &'v Folder) -> Result<Self, SourceError> {
        let files = Files { volume, folder };
        Ok(FolderSource { files, shards: files.shards()? })
    }

    /// Segments with the sequences that each holds: up to where the next begins.
    fn segments(&self) -> impl Iterator<Item = (u64, u64, &PathBuf)> {
        let all = || self.shards.iter().flat_map(|shard| &shard.segments);
        let ends = all().skip(1).map(|(first, _)| *first).chain([u64::MAX]);
        all().zip(ends).map(|((first, path), end)| (*first, end, path))
    }
}

impl Source for FolderSource<'_> {
    fn shards(&self) -> Result<Vec<ShardStart>, SourceError> {
        let start = |shard: &ShardFiles| {
            let (first, _) = shard.segments.first()?;
            Some(ShardStart { first: *first, name: shard.name.to_string() })
        };
        Ok(self.shards.iter().filter_map(start).collect())
    }

    fn tiles<'s>(&'s self, shard: &str) -> Result<Box<dyn ReadTiles + 's>, SourceError> {
        let files = self.shards.iter().find(|other| other.name.to_string() == shard);
        let files = files.ok_or("the shard is not there any more")?;
        let (first, _) = files.segments.first().ok_or("the shard has no records")?;
        Ok(Box::new(ShardTiles { source: self, files, first: *first }))
    }

    fn records(
        &self,
        from: u64,
        until: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for (first, end, path) in self.segments().filter(|(first, end, _)| *first < until && *end > from) {
            let failed =
                |source: std::io::Error| ExportError::Source { what: "records", source: source.into() };
            let bytes = load(self.files.volume, path).map_err(failed)?;
            let (mut at, mut sequence) = (SEGMENT_HEADER, first);
            while sequence < end.min(until) {
                let Parsed::Frame { bytes: line, end, .. } = parse(&bytes, at) else {
                    return Err(ExportError::Record { sequence });
                };
                at = end;
                if sequence >= from {
                    each(line)?;
                }
                sequence += 1;
            }
        }
        Ok(())
    }

    fn checkpoints(&self, above: u64) -> Result<Vec<SignedNote>, SourceError> {
        let mut notes = Vec::new();
        for shard in &self.shards {
            let Some((first, _)) = shard.segments.first() else { continue };
            for (size, of_size) in self.files.heads(shard)? {
                let most = of_size.into_iter().max_by_key(|note| note.signatures().len());
                notes.extend(most.filter(|_| first + size > above));
            }
        }
        Ok(notes)
    }

    fn rotations(&self) -> Result<Vec<(u64, KeyPart)>, SourceError> {
        Ok(self.files.rotations(&self.shards)?)
    }
}

/// Tiles of a shard. One that is not in a file, as those at the edge of an older head, is made from
/// the records.
struct ShardTiles<'s> {
    source: &'s FolderSource<'s>,
    files: &'s ShardFiles,
    first: u64,
}

impl ReadTiles for ShardTiles<'_> {
    fn tile(&self, id: TileId) -> Result<Tile, HashError> {
        let full = TileId::full(id.level, id.index);
        for (dir, id) in self.files.dirs.iter().flat_map(|dir| [id, full].map(|id| (dir, id))) {
            let read = read_if_there(self.source.files.volume, &dir.join(id.to_string()));
            let bytes = read.map_err(|source| HashError::Read { tile: id, source })?;
            if let Some(tile) = bytes.and_then(|bytes| Tile::from_bytes(id, &bytes).ok()) {
                return Ok(tile);
            }
        }
        let start = id.index * u64::from(TileId::WIDTH);
        let places = start..start + u64::from(id.width);
        let mut hashes = Vec::with_capacity(usize::from(id.width));
        if id.level == 0 {
            let read = self.source.records(self.first + places.start, self.first + places.end, &mut |line| {
                hashes.push(crate::hash::leaf(line));
                Ok(())
            });
            if read.is_err() || hashes.len() != usize::from(id.width) {
                return Err(HashError::Missing { tile: id });
            }
        } else {
            for place in places {
                hashes.push(full_root(&self.tile(TileId::full(id.level - 1, place))?.hashes));
            }
        }
        Ok(Tile { id, hashes })
    }
}
