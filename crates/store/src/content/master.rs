//! The master key: a file that only its owner can read, beside the data or on another volume.
//!
//! Each line is one key, `checkrein-master-1 <64 hex digits>`, the one in use first. There are two while
//! keys are wrapped anew, so that a crash in between leaves nothing unreadable.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use action::Digest;
use zeroize::Zeroizing;

use super::seal::{self, Key};
use crate::OpenError;

const FORM: &str = "checkrein-master-1 ";
/// Two lines, with room for a stray blank.
const MOST_BYTES: u64 = 256;

/// A key, and the id by which rows name it. The id says nothing of the key: that has 256 random bits.
#[derive(Clone)]
pub(super) struct Master {
    pub id: String,
    pub key: Key,
}

impl Master {
    pub fn random() -> Result<Self, seal::Unsealed> {
        Ok(Self::of(seal::random_key()?))
    }

    fn of(key: Key) -> Self {
        let digest: Digest = action::digest("checkrein.master", &[key.as_ref()]);
        Master { id: digest.to_string().chars().take(16).collect(), key }
    }
}

/// The keys in the file, or none when there is no file.
pub(super) fn load(path: &Path) -> Result<Vec<Master>, OpenError> {
    let refused = |why| Err(OpenError::Key { path: path.into(), why, source: None });
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(path, "it cannot be read", error)),
    };
    let about = file.metadata().map_err(|error| failed(path, "it cannot be read", error))?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0 {
        return refused("others can read it; set its mode to 0600, and rotate it if somebody did");
    }
    if about.len() > MOST_BYTES {
        return refused("it is no key file");
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(|error| failed(path, "it cannot be read", error))?;
    let keys: Option<Vec<Master>> = text.lines().map(parse).collect();
    match keys {
        Some(keys) if !keys.is_empty() => Ok(keys),
        Some(_) | None => refused("it is no key file"),
    }
}

/// Replaces the file at once: whoever looks sees the old keys or the new ones.
pub(super) fn store(path: &Path, keys: &[&Master]) -> Result<(), OpenError> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    for master in keys {
        text.push_str(FORM);
        for byte in master.key.iter() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    write_beside(path, text.as_bytes()).map_err(|error| failed(path, "it cannot be written", error))
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    // Synced before it takes the name, and the folder after: content must never be under a key that a
    // power cut can take back.
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn parse(line: &str) -> Option<Master> {
    let digits = line.strip_prefix(FORM)?;
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut key = Zeroizing::new([0u8; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Master::of(key))
}

fn failed(path: &Path, why: &'static str, source: io::Error) -> OpenError {
    OpenError::Key { path: path.into(), why, source: Some(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_the_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        assert!(load(&path).unwrap().is_empty());
        let (first, second) = (Master::random().unwrap(), Master::random().unwrap());
        store(&path, &[&first, &second]).unwrap();
        let ids: Vec<String> = load(&path).unwrap().into_iter().map(|master| master.id).collect();
        assert_eq!(ids, [first.id.clone(), second.id]);
        store(&path, &[&first]).unwrap();
        assert_eq!(load(&path).unwrap().len(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(load(&path).map(|_| ()).unwrap_err().code(), "store.master_key");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let good = "0a".repeat(32);
        for text in [
            "",
            "\n",
            "secret",
            &format!("checkrein-master-2 {good}"),
            &format!("{FORM}{good}0"),
            &"x".repeat(300),
        ] {
            fs::write(&path, text).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let error = load(&path).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), "store.master_key", "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
