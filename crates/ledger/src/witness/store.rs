//! The newest cosigned head of each log, on disk before anybody is told.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::note::{NoteError, SignedNote};
use crate::volume::{Lock, Volume, read_if_there, replace};

/// One file for each log, named by the hash of its name, holding the signed checkpoint as it came:
/// if the log forks, this is the evidence.
pub struct HeadStore {
    volume: Arc<dyn Volume>,
    dir: PathBuf,
    /// Two processes with one folder would each think themselves up to date.
    _lock: Box<dyn Lock>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the witness's folder `{path}`")]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another process uses the witness's folder `{path}`")]
    Locked { path: PathBuf },
    #[error("cannot read the head in `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{path}` holds no checkpoint of its log: put the file back from before it was damaged")]
    Damaged { path: PathBuf },
    #[error("cannot write the head to `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl HeadStore {
    pub fn open(volume: Arc<dyn Volume>, dir: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open { path: dir.to_owned(), source };
        volume.create_dir(dir).map_err(failed)?;
        let lock = volume.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => StoreError::Locked { path: dir.to_owned() },
            _ => failed(error),
        })?;
        Ok(HeadStore { volume, dir: dir.to_owned(), _lock: lock })
    }

    /// The newest head; none if there never was one. Read from disk each time, so that what a failed
    /// write left there counts, whatever it was.
    pub(super) fn head(&self, log: &str) -> Result<Option<Checkpoint>, StoreError> {
        let path = self.path(log);
        let read = read_if_there(self.volume.as_ref(), &path);
        let Some(bytes) = read.map_err(|source| StoreError::Read { path: path.clone(), source })? else {
            return Ok(None);
        };
        // A file that cannot be read is not "no head": that would let the log start over.
        match parse(&bytes) {
            Ok(head)
                if head
                    .origin
                    .strip_prefix(log)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) =>
            {
                Ok(Some(head))
            }
            Ok(_) | Err(_) => Err(StoreError::Damaged { path }),
        }
    }

    pub(super) fn keep(&mut self, log: &str, note: &SignedNote) -> Result<(), StoreError> {
        let path = self.path(log);
        replace(self.volume.as_ref(), &path, note.to_string().as_bytes())
            .map_err(|source| StoreError::Write { path, source })
    }

    fn path(&self, log: &str) -> PathBuf {
        self.dir.join(format!("{}.checkpoint", crate::hash::plain(log.as_bytes())))
    }
}

fn parse(bytes: &[u8]) -> Result<Checkpoint, NoteError> {
    let note = SignedNote::parse(std::str::from_utf8(bytes).map_err(|_| NoteError::Form)?)?;
    Checkpoint::parse(note.text())
}
