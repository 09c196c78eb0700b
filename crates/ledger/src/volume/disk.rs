//! The real disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek, statvfs};

use super::{Lock, Space, Volume, VolumeFile};

/// Files of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

struct DiskFile(File);

struct Held(File);

impl Drop for Held {
    /// Closing the file alone would not do: a child that another thread is just starting holds a
    /// copy of it until it runs its program, and the lock with it.
    fn drop(&mut self) {
        // A lock that cannot be given up goes with the last copy of the file.
        let _ = self.0.unlock();
    }
}

impl Lock for Held {}

impl Volume for Disk {
    fn create(&self, path: &Path, size: u64) -> io::Result<Arc<dyn VolumeFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        if size > 0 {
            set_aside(&file, size)?;
        }
        Ok(Arc::new(DiskFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn VolumeFile>> {
        Ok(Arc::new(DiskFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not text is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = statvfs(path)?;
        // Blocks that only root may fill are not free for us; they count as used.
        Ok(Space {
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(Held(file))),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Setting blocks aside makes a full disk show here, not in the middle of a record, and keeps the
/// length of the file from changing, which would cost a second write for each sync. Where the file
/// system cannot, the length alone is set.
fn set_aside(file: &File, size: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, size) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(size),
        Err(error) => Err(error.into()),
    }
}

impl VolumeFile for DiskFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn written(&self) -> io::Result<u64> {
        let mut end = 0;
        loop {
            match seek(&self.0, SeekFrom::Data(end)) {
                Ok(data) => end = seek(&self.0, SeekFrom::Hole(data))?,
                // Nothing but a hole from there on.
                Err(rustix::io::Errno::NXIO) => return Ok(end),
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => return self.size(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_was_written_is_told_and_what_was_written_behind_a_gap_counts() {
        let dir = tempfile::tempdir().unwrap();
        let size = 8 << 20;
        let file = Disk.create(&dir.path().join("a"), size).unwrap();
        let written = |file: &Arc<dyn VolumeFile>| file.written().unwrap();
        // A file system that cannot tell says the size; what counts is that nothing written is left out.
        assert!(written(&file) <= size);
        file.write_at(b"first", 0).unwrap();
        assert!((5..=size).contains(&written(&file)));
        file.write_at(b"far", 5 << 20).unwrap();
        file.sync().unwrap();
        let end = written(&file);
        assert!(((5 << 20) + 3..=size).contains(&end), "{end}");
        let again = Disk.open(&dir.path().join("a")).unwrap();
        assert_eq!(written(&again), end);
    }
}
