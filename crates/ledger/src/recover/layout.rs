//! What files a ledger has.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::segment::{self, HeaderFault, Place, SEGMENT_HEADER};
use crate::shard::{ShardName, shards_dir};
use crate::volume::Volume;

/// One shard, in the ledger's folder or its mirror or both.
pub(super) struct ShardFiles {
    pub name: ShardName,
    /// In the order of the homes; only those that exist.
    pub dirs: Vec<PathBuf>,
    /// In the order of their records.
    pub segments: Vec<SegmentFile>,
}

pub(super) struct SegmentFile {
    pub place: Place,
    /// Which home: 0 for the ledger's folder.
    pub home: usize,
    /// Sequence of the first record; absent if the header is damaged.
    pub first: Option<u64>,
}

/// All shards, oldest first. Takes away files that were made and never written to.
pub(super) fn layout(volume: &dyn Volume, homes: &[PathBuf]) -> Result<Vec<ShardFiles>, OpenError> {
    let mut shards: Vec<ShardFiles> = Vec::new();
    for home in homes {
        let dir = shards_dir(home);
        let names = volume.list(&dir).map_err(|source| failed("list", &dir, source))?;
        for name in names.iter().filter_map(|name| ShardName::parse(name)) {
            match shards.iter().find(|shard| shard.name.number == name.number) {
                Some(known) if known.name != name => return Err(OpenError::Layout { path: name.dir(home) }),
                Some(_) => {}
                None => shards.push(ShardFiles { name, dirs: Vec::new(), segments: Vec::new() }),
            }
        }
    }
    shards.sort_by_key(|shard| shard.name.number);
    for shard in &mut shards {
        for (n, home) in homes.iter().enumerate() {
            let dir = shard.name.dir(home);
            let names = volume.list(&dir).map_err(|source| failed("list", &dir, source))?;
            if !names.is_empty() {
                shard.dirs.push(dir.clone());
            }
            for name in names {
                let Some(index) = segment::parse_file_name(&name) else { continue };
                let place = Place { path: dir.join(name), shard: shard.name.number, index };
                shard.segments.extend(segment_file(volume, place, n)?);
            }
        }
        shard.segments.sort_by_key(|segment| (segment.place.index, segment.home));
    }
    Ok(shards)
}

fn segment_file(volume: &dyn Volume, place: Place, home: usize) -> Result<Option<SegmentFile>, OpenError> {
    let read = |what: io::Result<usize>| what.map_err(|source| failed("read", &place.path, source));
    let file = volume.open(&place.path).map_err(|source| failed("open", &place.path, source))?;
    let mut start = [0; SEGMENT_HEADER];
    read(file.read_at(&mut start, 0))?;
    if let Ok(first) = segment::parse_header(&start) {
        return Ok(Some(SegmentFile { place, home, first: Some(first) }));
    }
    let whole = segment::load(volume, &place.path).map_err(|source| failed("read", &place.path, source))?;
    match segment::parse_header(&whole) {
        Ok(first) => Ok(Some(SegmentFile { place, home, first: Some(first) })),
        Err(HeaderFault::Damaged) => Ok(Some(SegmentFile { place, home, first: None })),
        Err(HeaderFault::Unfinished) => {
            volume.remove(&place.path).map_err(|source| failed("remove", &place.path, source))?;
            Ok(None)
        }
    }
}

pub(super) fn failed(doing: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { doing, path: path.to_owned(), source }
}
