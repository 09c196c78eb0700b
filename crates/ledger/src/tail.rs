//! Following the records of a folder that another process may be writing, without its lock.

use std::path::PathBuf;

use crate::error::ReadError;
use crate::files::{Files, Folder};
use crate::record::{MAX_RECORD_BYTES, Record};
use crate::segment::frame::{FRAME_HEADER, Parsed, parse};
use crate::segment::{SEGMENT_HEADER, Stored};
use crate::verify::Fault;
use crate::volume::Volume;

/// Read at a time: any record fits.
const CHUNK: usize = FRAME_HEADER + MAX_RECORD_BYTES + (1 << 20);

/// Where a reader is.
pub struct Tail<'v> {
    files: Files<'v>,
    next: u64,
    /// The segment that it reads, and how far it is in there.
    place: Option<(PathBuf, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error("the folder of the ledger cannot be read")]
    Folder(#[source] Fault),
    #[error("a segment of the ledger cannot be read")]
    Segment(#[source] ReadError),
}

impl<'v> Tail<'v> {
    /// Begins with the record `from`, or with the first that is there behind it.
    pub fn new(volume: &'v dyn Volume, folder: &'v Folder, from: u64) -> Self {
        Tail { files: Files { volume, folder }, next: from, place: None }
    }

    /// The sequence behind the newest segment's first record, or 0: from where it is cheap to count on.
    pub fn newest_segment(&self) -> Result<u64, TailError> {
        let shards = self.files.shards().map_err(TailError::Folder)?;
        Ok(shards.iter().flat_map(|shard| &shard.segments).map(|(first, _)| *first).max().unwrap_or(0))
    }

    /// Records that are there and were not handed over yet; none when there is nothing new. What is
    /// half written is left for the next call.
    pub fn step(&mut self) -> Result<Vec<Stored>, TailError> {
        let mut found = self.read_on()?;
        if found.is_empty() && self.enter()? {
            found = self.read_on()?;
        }
        Ok(found)
    }

    /// Goes to the segment that holds the next record; whether that is another place.
    fn enter(&mut self) -> Result<bool, TailError> {
        let shards = self.files.shards().map_err(TailError::Folder)?;
        let all: Vec<&(u64, PathBuf)> = shards.iter().flat_map(|shard| &shard.segments).collect();
        // A later segment goes on where an earlier one of the same sequence was left.
        let holding = all.iter().rfind(|(first, _)| *first <= self.next).or(all.first());
        let Some((first, path)) = holding else { return Ok(false) };
        if self.place.as_ref().is_some_and(|(known, _)| known == path) {
            return Ok(false);
        }
        self.next = self.next.max(*first);
        self.place = Some((path.clone(), SEGMENT_HEADER as u64));
        Ok(true)
    }

    fn read_on(&mut self) -> Result<Vec<Stored>, TailError> {
        let Some((path, offset)) = &mut self.place else { return Ok(Vec::new()) };
        let failed = |source| TailError::Segment(ReadError::Io { path: path.clone(), source });
        let file = self.files.volume.open(path).map_err(failed)?;
        let mut found = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = file.read_at(&mut chunk, *offset).map_err(failed)?;
            let bytes = chunk.get(..read).unwrap_or_default();
            let mut at = 0;
            while let Parsed::Frame { bytes, end, .. } = parse(bytes, at) {
                at = end;
                let Ok(record) = Record::read(bytes) else {
                    let (sequence, path) = (self.next, path.clone());
                    return Err(TailError::Segment(ReadError::Damaged { sequence, path }));
                };
                if record.sequence >= self.next {
                    self.next = record.sequence.saturating_add(1);
                    found.push(Stored { record, bytes: bytes.to_vec(), leaf: crate::hash::leaf(bytes) });
                }
            }
            *offset = offset.saturating_add(at as u64);
            // Everything wanted may be further on in the segment.
            if at == 0 || !found.is_empty() {
                return Ok(found);
            }
        }
    }
}
