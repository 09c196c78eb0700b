//! The server's own keys: files that only its user can read, made on the first start.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use gateway::ports::Dice;
use ledger::note::{KeyKind, SigningKey, load_key, save_key};

/// Reads a key of 32 bytes, or makes it where there is none yet.
pub fn key(folder: &Path, name: &str, dice: &dyn Dice) -> Result<[u8; 32]> {
    let path = folder.join(name);
    let shown = path.display();
    match File::open(&path) {
        Ok(mut file) => {
            let mode =
                file.metadata().with_context(|| format!("cannot look at `{shown}`"))?.permissions().mode();
            if mode & 0o077 != 0 {
                bail!("`{shown}` can be read by others; run `chmod 600 {shown}`");
            }
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).with_context(|| format!("cannot read `{shown}`"))?;
            match <[u8; 32]>::try_from(bytes.as_slice()) {
                Ok(key) => Ok(key),
                Err(_) => bail!(
                    "`{shown}` is no key of 32 bytes; put back the file that belongs to this data folder"
                ),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0u8; 32];
            dice.fill(&mut key);
            write_new(&path, &key).with_context(|| format!("cannot write the new key `{shown}`"))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("cannot open `{shown}`")),
    }
}

/// Writes a new file that only this user can read, and keeps it over a power cut.
pub fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The key that signs the ledger's checkpoints.
pub fn signing_key(folder: &Path, log: &str) -> Result<SigningKey> {
    let path = folder.join("ledger.key");
    if path.exists() {
        return load_key(&path, None)
            .with_context(|| format!("cannot read the signing key `{}`", path.display()));
    }
    let key = SigningKey::generate(log, KeyKind::Log).context("cannot make a signing key")?;
    save_key(&path, &key, None)
        .with_context(|| format!("cannot write the signing key `{}`", path.display()))?;
    Ok(key)
}
