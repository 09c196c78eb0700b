//! Asking witnesses, and keeping what they signed.
//!
//! A log has one tree for each shard, and a witness follows them in order. So what there is to ask
//! about is a list of heads: the last one of each finished shard, then the newest.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::ProveError;
use crate::files::history;
use crate::ledger::Ledger;
use crate::note::SignedNote;
use crate::tree::{TileHashes, consistency};
use crate::volume::read_if_there;
use crate::witness::AddCheckpoint;
use crate::writer::scribe::add_to_history;
use crate::writer::shared::{ShardView, Signed};
use crate::writer::tree::TileFiles;

/// Heads that witnesses cosigned, in a shard's folder: notes, a blank line behind each.
pub(crate) const COSIGNED: &str = "cosigned.log";

/// The newest signed head of one shard.
#[derive(Clone)]
pub struct ShardHead {
    view: ShardView,
    signed: Arc<Signed>,
}

impl ShardHead {
    /// Records of the shard under it.
    pub fn size(&self) -> u64 {
        self.signed.size
    }

    /// Records of the whole log under it.
    pub fn end(&self) -> u64 {
        self.view.first.saturating_add(self.signed.size)
    }

    pub fn note(&self) -> &SignedNote {
        &self.signed.note
    }
}

impl Ledger {
    /// The signed heads of the last `most` shards, oldest first.
    pub fn shard_heads(&self, most: usize) -> Result<Vec<ShardHead>, ProveError> {
        let views: Vec<ShardView> = {
            let progress = self.inner.shared.progress();
            let from = progress.shards.len().saturating_sub(most);
            progress.shards.iter().skip(from).cloned().collect()
        };
        let mut heads = Vec::with_capacity(views.len());
        for view in views {
            let signed = match &view.signed {
                Some(signed) => Some(Arc::clone(signed)),
                None => self.old_head(&view, &self.dirs(&view))?.map(Arc::new),
            };
            // A shard that was just begun has none yet.
            heads.extend(signed.map(|signed| ShardHead { view, signed }));
        }
        Ok(heads)
    }

    /// Asks to cosign a head, for a witness that knows the shard up to the size `old`.
    pub fn ask_witness(&self, head: &ShardHead, old: u64) -> Result<AddCheckpoint, ProveError> {
        let dirs = self.dirs(&head.view);
        let volume = self.inner.shared.volume.as_ref();
        let tiles = TileFiles { volume, dirs: &dirs, edge: &head.signed.edge };
        let proof = consistency(old, &TileHashes::new(&tiles, head.signed.size))
            .map_err(|source| ProveError::Tiles { sequence: head.end(), source })?;
        Ok(AddCheckpoint { old, proof, note: head.note().clone() })
    }

    /// Keeps a cosigned head beside the shard's own, for bundles. Durable on return.
    pub fn keep_cosigned(&self, head: &ShardHead, note: &SignedNote) -> io::Result<()> {
        let text = note.to_string();
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the shard has no folder");
        for dir in self.dirs(&head.view) {
            match add_to_history(self.inner.shared.volume.as_ref(), &dir.join(COSIGNED), &text) {
                Ok(()) => return Ok(()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The newest head that was kept so.
    pub fn newest_cosigned(&self) -> Option<SignedNote> {
        let views: Vec<ShardView> = self.inner.shared.progress().shards.clone();
        let volume = self.inner.shared.volume.as_ref();
        let dirs = views.iter().rev().flat_map(|view| self.dirs(view));
        // What cannot be read is as good as not there: a witness is asked again soon.
        dirs.filter_map(|dir| read_if_there(volume, &dir.join(COSIGNED)).ok().flatten())
            .find_map(|bytes| history(&bytes).pop())
    }

    fn dirs(&self, view: &ShardView) -> Vec<PathBuf> {
        self.inner.homes.iter().map(|home| view.name.dir(home)).collect()
    }
}
