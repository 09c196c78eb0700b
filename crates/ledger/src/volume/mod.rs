//! The file operations that matter to a ledger, so that a test can let each of them fail.

mod disk;
mod files;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use disk::Disk;
pub(crate) use files::{read_if_there, replace};

/// A place for files. What a call promises is durable only after the matching `sync`.
pub trait Volume: Send + Sync + 'static {
    /// Makes a file of `size` zero bytes with space set aside for them. An error if it exists.
    fn create(&self, path: &Path, size: u64) -> io::Result<Arc<dyn VolumeFile>>;
    fn open(&self, path: &Path) -> io::Result<Arc<dyn VolumeFile>>;
    /// Makes a folder and those above it.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Names in a folder, sorted; none if there is no such folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Replaces `to` at once, or not at all.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes names in a folder durable: files that were created, renamed or removed.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Takes a lock that no other process holds, for as long as the answer lives;
    /// `WouldBlock` if somebody has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

pub trait VolumeFile: Send + Sync {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Waits until the content is on the medium. After an error nobody knows what is: the kernel
    /// forgets what it could not write, so a second call proves nothing.
    fn sync(&self) -> io::Result<()>;
    /// Fills as much of `into` as the file has from `offset`.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
    fn size(&self) -> io::Result<u64>;
    /// Behind this place the file reads as zeros, for nothing was ever written there. The size, where that
    /// is not known.
    fn written(&self) -> io::Result<u64> {
        self.size()
    }
    /// Cuts the file, or lengthens it by zeros.
    fn resize(&self, size: u64) -> io::Result<()>;
}

/// Held while a process may write.
pub trait Lock: Send + Sync {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    pub free: u64,
}

impl Space {
    /// Share of the disk that is used, in whole percent, rounded up: 94.1 % counts as 95 %.
    pub fn used_percent(&self) -> u8 {
        let used = u128::from(self.total.saturating_sub(self.free));
        let percent = (used * 100).div_ceil(u128::from(self.total.max(1)));
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}
