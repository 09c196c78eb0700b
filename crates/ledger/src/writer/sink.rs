//! Where bytes go: the segment in use, and the folders that segments may lie in.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::segment::{self, OpenSegment, Place, SEGMENT_HEADER, Segment};
use crate::shard::ShardName;
use crate::volume::Volume;

pub(crate) struct Sink {
    volume: Arc<dyn Volume>,
    /// The ledger's folder, then its mirror.
    homes: Vec<PathBuf>,
    home: usize,
    shard: ShardName,
    /// Index of the next segment to make in this shard.
    index: u32,
    size: u64,
    open: Option<OpenSegment>,
}

/// Why a batch is not on the medium.
#[derive(Debug)]
pub(crate) enum SinkError {
    /// There is no space. Nothing is broken; try again when there is.
    Full,
    /// Neither folder takes bytes.
    Gone(io::Error),
}

impl Sink {
    pub fn new(
        volume: Arc<dyn Volume>,
        homes: Vec<PathBuf>,
        shard: ShardName,
        index: u32,
        size: u64,
        open: Option<OpenSegment>,
    ) -> Self {
        Sink { volume, homes, home: 0, shard, index, size, open }
    }

    pub fn enter(&mut self, shard: ShardName) {
        self.open = None;
        self.shard = shard;
        self.index = 0;
    }

    /// Whether the first folder failed and the second is in use.
    pub fn is_on_mirror(&self) -> bool {
        self.home > 0
    }

    /// The folder in use.
    pub fn home(&self) -> Option<PathBuf> {
        self.homes.get(self.home).cloned()
    }

    pub fn dir(&self) -> Option<PathBuf> {
        self.homes.get(self.home).map(|home| self.shard.dir(home))
    }

    /// Puts a batch on the medium, in whatever place takes it. `first` is the sequence of its first
    /// record. On return every byte is synced, or no record of it counts as written.
    ///
    /// A sync that failed is never tried again: the kernel may have dropped the pages and would
    /// then call the next one a success. The batch goes, whole, to a new segment in the next folder.
    pub fn write(&mut self, bytes: &[u8], first: u64) -> Result<(Arc<Segment>, u64), SinkError> {
        loop {
            let error = match self.try_write(bytes, first) {
                Ok(place) => return Ok(place),
                Err(error) => error,
            };
            // Its end is uncertain from here on, so nothing is added to it.
            self.open = None;
            if is_full(&error) {
                return Err(SinkError::Full);
            }
            if self.home + 1 >= self.homes.len() {
                return Err(SinkError::Gone(error));
            }
            self.home += 1;
        }
    }

    fn try_write(&mut self, bytes: &[u8], first: u64) -> io::Result<(Arc<Segment>, u64)> {
        if self.open.as_ref().is_none_or(|open| open.size.saturating_sub(open.end) < bytes.len() as u64) {
            self.open = Some(self.make(first, bytes.len() as u64)?);
        }
        let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        open.file.write_at(bytes, open.end)?;
        // A crash before this returns: the batch is cut on the next start, or found whole. Nobody was
        // told of it.
        open.file.sync()?;
        let at = open.end;
        open.end += bytes.len() as u64;
        Ok((Arc::clone(&open.segment), at))
    }

    fn make(&mut self, first: u64, need: u64) -> io::Result<OpenSegment> {
        let dir = self.dir().ok_or(io::ErrorKind::NotFound)?;
        make_dirs(self.volume.as_ref(), &dir)?;
        let size = self.size.max(need + SEGMENT_HEADER as u64);
        loop {
            let place = Place {
                path: dir.join(segment::file_name(self.index)),
                shard: self.shard.number,
                index: self.index,
            };
            match segment::create(self.volume.as_ref(), &place.path, first, size) {
                Ok(file) => {
                    self.index += 1;
                    let segment = Arc::new(Segment::known(place, first, Vec::new()));
                    return Ok(OpenSegment { segment, file, end: SEGMENT_HEADER as u64, size });
                }
                // Left over from a try that failed and could not be taken back. It holds nothing.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.index += 1,
                Err(error) => {
                    let _ = self.volume.remove(&place.path);
                    return Err(error);
                }
            }
        }
    }
}

/// A folder and those above it up to the ledger's, each name durable.
pub(crate) fn make_dirs(volume: &dyn Volume, shard_dir: &std::path::Path) -> io::Result<()> {
    volume.create_dir(shard_dir)?;
    for folder in shard_dir.ancestors().skip(1).take(3) {
        if !folder.as_os_str().is_empty() {
            volume.sync_dir(folder)?;
        }
    }
    Ok(())
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
