//! Whole small files: read, and replaced so that a crash leaves the old or the new one.

use std::io;
use std::path::Path;

use super::Volume;

/// Most bytes of a small file: a checkpoint, a head, a tile. A longer one is not ours.
pub const MAX_SMALL_FILE: u64 = 1 << 20;

pub fn read_if_there(volume: &dyn Volume, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match volume.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = file.size()?;
    if size > MAX_SMALL_FILE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "file is longer than any that the ledger writes",
        ));
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Durable on return. Content first, then the name: a name that reached the disk before its
/// content would leave an empty file after a power cut.
pub fn replace(volume: &dyn Volume, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = folder.join(name);
    match volume.remove(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file = volume.create(&fresh, 0)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    volume.rename(&fresh, path)?;
    volume.sync_dir(folder)
}
