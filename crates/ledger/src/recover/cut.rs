//! Taking off an unfinished write, without losing what it was or that it was.

use std::path::{Path, PathBuf};

use action::Digest;

use super::layout::{ShardFiles, failed};
use super::scan::Scanned;
use crate::error::OpenError;
use crate::volume::{Volume, replace};

/// Cut bytes in a file of their own, until a gap record names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub bytes: u64,
    pub was: Digest,
    path: PathBuf,
}

const PENDING: &str = ".pending";

/// Writes bytes beyond the signed head once more, where they stand.
///
/// An earlier process may have been told that a sync of these bytes failed. The kernel then holds
/// them as clean, and shows them to us, though the medium lacks them; records built on top would
/// be lost with them at the next power cut. The bytes are the same, so a crash here changes none.
pub(super) fn write_again(
    volume: &dyn Volume,
    path: &Path,
    offset: u64,
    bytes: &[u8],
) -> Result<(), OpenError> {
    let file = volume.open(path).map_err(|source| failed("open", path, source))?;
    let written = file.write_at(bytes, offset).and_then(|()| file.sync());
    written.map_err(|source| failed("write", path, source))
}

/// Cuts, and tells of every cut of this shard that is not on record.
///
/// The bytes are kept first. A crash before they are: the next start sees the same tail. A crash
/// after: it sees the file, whatever the segment ends like, and still owes the record.
pub(super) fn cut(
    volume: &dyn Volume,
    files: &ShardFiles,
    scanned: &Scanned,
) -> Result<Vec<Pending>, OpenError> {
    if let (Some(cut), Some(end)) = (&scanned.cut, &scanned.end) {
        let name = format!("cut-{:020}{PENDING}", scanned.tree.first + scanned.tree.frontier.size());
        let kept = cut.path.with_file_name(name);
        replace(volume, &kept, &cut.bytes).map_err(|source| failed("write", &kept, source))?;
        let file = volume.open(&cut.path).map_err(|source| failed("open", &cut.path, source))?;
        let zeroed = file
            .resize(cut.offset)
            .and_then(|()| file.sync())
            .and_then(|()| file.resize(end.size))
            .and_then(|()| file.sync());
        zeroed.map_err(|source| failed("cut", &cut.path, source))?;
    }
    let mut pending = Vec::new();
    for dir in &files.dirs {
        let names = volume.list(dir).map_err(|source| failed("list", dir, source))?;
        for name in names.iter().filter(|name| name.starts_with("cut-") && name.ends_with(PENDING)) {
            let path = dir.join(name);
            let bytes =
                crate::segment::load(volume, &path).map_err(|source| failed("read", &path, source))?;
            let cut = Pending { bytes: bytes.len() as u64, was: crate::hash::plain(&bytes), path };
            if scanned.gaps.iter().any(|gap| gap.was == Some(cut.was)) {
                cut.recorded(volume)?;
            } else {
                pending.push(cut);
            }
        }
    }
    Ok(pending)
}

impl Pending {
    /// Its gap record is on the medium.
    pub fn recorded(&self, volume: &dyn Volume) -> Result<(), OpenError> {
        let done = self.path.with_extension("recorded");
        let folder = self.path.parent().unwrap_or(&self.path);
        let renamed = volume.rename(&self.path, &done).and_then(|()| volume.sync_dir(folder));
        renamed.map_err(|source| failed("rename", &self.path, source))
    }
}
