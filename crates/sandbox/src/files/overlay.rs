//! What one session wrote. It is gone when nobody used it for a while, or when the program ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::path::Inside;
use crate::{Bounds, Refused};

/// What an entry takes beside its content: its name, and what the map needs.
const PER_ENTRY: usize = 256;

#[derive(Debug)]
pub struct Overlay {
    /// `None` where the session deleted a file.
    files: BTreeMap<Inside, Option<Vec<u8>>>,
    bytes: usize,
    last: Instant,
}

impl Overlay {
    pub const fn new(now: Instant) -> Self {
        Overlay { files: BTreeMap::new(), bytes: 0, last: now }
    }

    pub const fn used(&mut self, now: Instant) {
        self.last = now;
    }

    pub fn unused(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }

    /// `None` where the session changed nothing under this name.
    pub fn get(&self, path: &Inside) -> Option<&Option<Vec<u8>>> {
        self.files.get(path)
    }

    /// Writes or deletes, or changes nothing where it would grow beyond its bound.
    pub fn put(&mut self, path: Inside, content: Option<Vec<u8>>, bounds: &Bounds) -> Result<(), Refused> {
        let before = self.files.get(&path).map_or(0, |old| weight(&path, old.as_deref()));
        let after = self.bytes.saturating_sub(before).saturating_add(weight(&path, content.as_deref()));
        if after > bounds.overlay_bytes {
            return Err(Refused::TooMuch("the files of the session hold too many bytes"));
        }
        self.bytes = after;
        self.files.insert(path, content);
        Ok(())
    }
}

fn weight(path: &Inside, content: Option<&[u8]>) -> usize {
    path.len().saturating_add(content.map_or(0, <[u8]>::len)).saturating_add(PER_ENTRY)
}
