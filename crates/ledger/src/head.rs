//! The newest signed head in a cell of its own, best outside of the data volume.
//!
//! Whoever puts an old copy of the data volume back does not put the cell back; then the log is
//! shorter than what was signed, and does not start. Never restore this file from a backup.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::volume::{Volume, read_if_there, replace};

/// A file that is changed only by whoever knows what it holds.
pub(crate) struct HeadCell {
    volume: Arc<dyn Volume>,
    path: PathBuf,
    /// What the file holds as far as we know.
    known: Option<Vec<u8>>,
    /// What it holds instead if the last change failed half-way.
    tried: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) enum SwapError {
    /// Somebody else changed it: there are two writers of one log.
    Conflict,
    Io(io::Error),
}

impl HeadCell {
    pub fn load(volume: Arc<dyn Volume>, path: PathBuf) -> io::Result<Self> {
        let known = read_if_there(volume.as_ref(), &path)?;
        Ok(HeadCell { volume, path, known, tried: None })
    }

    pub fn known(&self) -> Option<&[u8]> {
        self.known.as_deref()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a new head in place of the known one. Durable on return.
    ///
    /// The lock is taken for the exchange only, so that two copies of a log that share a cell meet here.
    pub fn swap(&mut self, new: &[u8]) -> Result<(), SwapError> {
        let lock_path = self.path.with_extension("lock");
        let _lock = self.volume.lock(&lock_path).map_err(SwapError::Io)?;
        let found = read_if_there(self.volume.as_ref(), &self.path).map_err(SwapError::Io)?;
        if found != self.known && (self.tried.is_none() || found != self.tried) {
            return Err(SwapError::Conflict);
        }
        self.known = found;
        self.tried = Some(new.to_vec());
        replace(self.volume.as_ref(), &self.path, new).map_err(SwapError::Io)?;
        self.known = self.tried.take();
        Ok(())
    }
}
