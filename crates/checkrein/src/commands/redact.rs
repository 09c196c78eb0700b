//! `checkrein redact` and `checkrein restore`: one text, and the map between them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use action::{Digest, Vector};
use anyhow::{Context, Result, anyhow, bail};
use engine::detect::{Hit, ScanKind, scan};
use engine::redact::{Key, Mode, Options, Sealed, redact as replace, restore as put_back};

use crate::cli::{Preset, Redact, RedactMode, Restore};
use crate::exit::Exit;
use crate::{input, packs};

pub fn redact(args: &Redact) -> Result<Exit> {
    let key = key(&args.key)?;
    let mode = match args.mode {
        RedactMode::Synthetic => Mode::Synthetic,
        RedactMode::Mask => Mode::Mask,
        RedactMode::Hash => Mode::Hash,
    };
    if mode == Mode::Synthetic && args.map.is_none() {
        bail!("synthetic values are put back with a map; name a file with `--map`, or choose `--mode mask`");
    }
    let text = input::text(args.file.as_deref())?;
    let detectors = packs::load(Preset::None, &[])?.detectors;
    let found = scan(ScanKind::Document, &text, &detectors).found;
    let hits: Vec<Hit> =
        found.into_iter().filter(|(vector, _)| *vector == Vector::Pii).map(|(_, hit)| hit).collect();
    let redacted = replace(&text, &hits, mode, &key, &Options::default());
    // The map first: a text whose way back could not be kept is not given out.
    if let Some(path) = args.map.as_deref().filter(|_| mode == Mode::Synthetic) {
        write_map(path, &serde_json::to_vec_pretty(&redacted.map.seal(&key))?)?;
    }
    std::io::stdout().write_all(redacted.text.as_bytes()).context("cannot write standard output")?;
    Ok(Exit::Success)
}

pub fn restore(args: &Restore) -> Result<Exit> {
    let key = key(&args.key)?;
    let name = args.map.display();
    let sealed: Sealed = serde_json::from_slice(&input::bytes(&args.map)?)
        .map_err(|_| anyhow!("`{name}` is no map that `redact` wrote"))?;
    let map = sealed.open(&key).with_context(|| format!("cannot open the map `{name}`"))?;
    let text = input::text(args.file.as_deref())?;
    std::io::stdout().write_all(put_back(&text, &map).as_bytes()).context("cannot write standard output")?;
    Ok(Exit::Success)
}

/// The key itself never appears in a message.
fn key(hex: &str) -> Result<Key> {
    let bytes = Digest::from_hex(&hex.to_lowercase())
        .ok_or_else(|| anyhow!("the key has 64 hexadecimal digits; `openssl rand -hex 32` makes one"))?;
    Ok(Key::from_secret(bytes.as_bytes()))
}

/// Readable by its owner alone, and never in place of another map: a lost map is a lost text.
fn write_map(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = path.display();
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot create the map `{name}`; it must not exist yet"))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // A part of a map is of no use, and would stand in the way of the next try.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write the map `{name}`"))
}
