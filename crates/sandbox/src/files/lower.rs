//! The folder below. It is opened for reading only.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, statat};
use rustix::io::Errno;

use super::path::Inside;
use crate::Refused;

#[derive(Debug)]
pub struct Lower(PathBuf);

/// Folders on the way: no link is followed, so a path cannot be led out of the root.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The file itself. Without `NONBLOCK`, opening a pipe would wait for somebody to write into it.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl Lower {
    pub fn new(root: &Path) -> Self {
        Lower(root.to_owned())
    }

    /// The content of a file, or `None` where there is none.
    pub fn read(&self, path: &Inside, most: usize) -> Result<Option<Vec<u8>>, Refused> {
        let Some(folder) = self.walk(path.folder())? else { return Ok(None) };
        let Some(file) = present(openat(&folder, path.name(), FILE, Mode::empty()))? else { return Ok(None) };
        let stat = fstat(&file).map_err(unavailable)?;
        regular(FileType::from_raw_mode(stat.st_mode))?;
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        // One byte more than may be, so that a file that grows meanwhile is noticed.
        File::from(file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| Refused::unavailable("a file of the folder", error))?;
        if bytes.len() > most {
            return Err(Refused::TooMuch("the file has too many bytes"));
        }
        Ok(Some(bytes))
    }

    pub fn is_file(&self, path: &Inside) -> Result<bool, Refused> {
        let Some(folder) = self.walk(path.folder())? else { return Ok(false) };
        let Some(stat) = present(statat(folder.as_fd(), path.name(), AtFlags::SYMLINK_NOFOLLOW))? else {
            return Ok(false);
        };
        regular(FileType::from_raw_mode(stat.st_mode))?;
        Ok(true)
    }

    pub fn is_folder(&self, names: &[String]) -> Result<bool, Refused> {
        Ok(self.walk(names)?.is_some())
    }

    /// Opens folder after folder below the root.
    fn walk(&self, names: &[String]) -> Result<Option<OwnedFd>, Refused> {
        // The root itself may be a link: an operator chose it.
        let root = open(&self.0, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let mut at = root.map_err(unavailable)?;
        for name in names {
            match present(openat(&at, name.as_str(), FOLDER, Mode::empty()))? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}

/// What was found, if anything; a link on the way is a way out.
fn present<T>(found: Result<T, Errno>) -> Result<Option<T>, Refused> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        // A link where a folder should be is `ENOTDIR`, one where a file should be is `ELOOP`.
        Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
            Err(Refused::Leaves("a link, or something that is no folder, is on the way".to_owned()))
        }
        Err(other) => Err(unavailable(other)),
    }
}

fn regular(kind: FileType) -> Result<(), Refused> {
    match kind {
        FileType::RegularFile => Ok(()),
        FileType::Symlink => Err(Refused::Leaves("the path is a link".to_owned())),
        FileType::Directory
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(Refused::Unknowable("the path is no ordinary file".to_owned())),
    }
}

fn unavailable(error: Errno) -> Refused {
    Refused::unavailable("the folder", std::io::Error::from(error))
}
