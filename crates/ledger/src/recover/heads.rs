//! The signed heads that the files must fulfil.

use std::path::PathBuf;

use super::layout::{ShardFiles, failed};
use super::scan::Scanned;
use crate::checkpoint::Checkpoint;
use crate::error::OpenError;
use crate::head::HeadCell;
use crate::note::{NoteError, SignedNote, SigningKey, VerifierKey, check_rotation};
use crate::shard::ShardName;
use crate::volume::{Volume, read_if_there};

pub(super) struct Heads {
    path: PathBuf,
    /// The head in the cell; none in a log that never signed.
    newest: Option<(SignedNote, Checkpoint, ShardName)>,
    /// Heads of the shards from that one on, out of the cell and of their folders.
    known: Vec<(ShardName, Vec<Checkpoint>)>,
}

impl Heads {
    pub fn collect(
        volume: &dyn Volume,
        log: &str,
        cell: &HeadCell,
        shards: &[ShardFiles],
        lenient: bool,
    ) -> Result<Self, OpenError> {
        let path = cell.path().to_owned();
        let mut newest = match cell.known().map(|bytes| read_head(bytes, log, &path)).transpose() {
            // An operator who goes on without the cell takes the newest head of the folders.
            Err(OpenError::HeadUnreadable { .. }) if lenient => None,
            read => read?,
        };
        let mut known: Vec<(ShardName, Vec<Checkpoint>)> = Vec::new();
        let mut in_folders = None;
        for shard in shards {
            let mut heads = Vec::new();
            for dir in &shard.dirs {
                let file = dir.join("checkpoint");
                let bytes = read_if_there(volume, &file).map_err(|source| failed("read", &file, source))?;
                // A copy that cannot be read is no loss: the cell was written before it.
                let read = bytes.and_then(|bytes| read_head(&bytes, log, &file).ok());
                heads.extend(read.iter().map(|(_, head, _)| head.clone()));
                in_folders = read.or(in_folders);
            }
            if let Some((_, head, name)) = &newest
                && *name == shard.name
            {
                heads.push(head.clone());
            }
            known.push((shard.name.clone(), heads));
        }
        if newest.is_none() && in_folders.is_some() {
            if !lenient {
                return Err(OpenError::HeadMissing { path });
            }
            newest = in_folders;
        }
        Ok(Heads { path, newest, known })
    }

    /// Number of the shard under the newest head.
    pub fn shard(&self) -> Option<u32> {
        self.newest.as_ref().map(|(_, _, name)| name.number)
    }

    pub fn of(&self, name: &ShardName) -> &[Checkpoint] {
        self.known.iter().find(|(known, _)| known == name).map_or(&[], |(_, heads)| heads)
    }

    /// Records under the newest head.
    pub fn signed(&self, shards: &[ShardFiles]) -> u64 {
        let Some((_, head, name)) = &self.newest else { return 0 };
        let shard = shards.iter().find(|shard| shard.name == *name);
        let first = shard.and_then(|shard| shard.segments.first()).and_then(|file| file.first);
        first.unwrap_or(0) + head.size
    }

    pub fn rolled_back(&self, size: u64) -> OpenError {
        let signed = self.newest.as_ref().map_or(0, |(_, head, _)| head.size);
        OpenError::RolledBack { head: self.path.clone(), signed, size }
    }

    /// Names the cell where the scan could name only the folder.
    pub fn explain(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::RolledBack { signed, size, .. } => {
                OpenError::RolledBack { head: self.path.clone(), signed, size }
            }
            other => other,
        }
    }

    /// Whether the newest head is signed by our key, or by one that our key follows.
    pub fn check_key(&self, key: &SigningKey, log: &str, read: &[Scanned]) -> Result<(), OpenError> {
        let mut ours: Vec<VerifierKey> = vec![key.verifier().clone()];
        let mut rotations = Vec::new();
        for (sequence, part) in read.iter().flat_map(|scanned| &scanned.keys) {
            if let Ok((old, new)) = check_rotation(log, part) {
                if old == *key.verifier() {
                    return Err(OpenError::OldKey { sequence: *sequence });
                }
                rotations.push((old, new));
            }
        }
        // Newest first: each step goes back from a key of ours to the one before it.
        for (old, new) in rotations.into_iter().rev() {
            if ours.contains(&new) {
                ours.push(old);
            }
        }
        let Some((note, _, _)) = &self.newest else { return Ok(()) };
        let signed = ours.iter().any(|key| matches!(note.signed_by(key), Ok(Some(_))));
        if signed { Ok(()) } else { Err(OpenError::OtherKey { path: self.path.clone() }) }
    }
}

fn read_head(
    bytes: &[u8],
    log: &str,
    path: &std::path::Path,
) -> Result<(SignedNote, Checkpoint, ShardName), OpenError> {
    let wrong = |source| OpenError::HeadUnreadable { path: path.to_owned(), source };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(NoteError::Form))?;
    let note = SignedNote::parse(text).map_err(wrong)?;
    let head = Checkpoint::parse(note.text()).map_err(wrong)?;
    let name = head.origin.strip_prefix(log).and_then(|rest| ShardName::parse(rest.strip_prefix('/')?));
    match name {
        Some(name) => Ok((note, head, name)),
        None => Err(OpenError::OtherLog { path: path.to_owned(), origin: head.origin }),
    }
}
