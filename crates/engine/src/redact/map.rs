//! The token map: which replacement stands for which original, for the length of a session.

use std::collections::BTreeMap;

use action::SensitiveClass;
use serde::{Deserialize, Serialize};

use super::key::Key;

/// Most entries of one map. Beyond it values are masked, which cannot be undone but leaks nothing.
pub const MOST_ENTRIES: usize = 10_000;

/// One replacement.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub class: SensitiveClass,
    pub original: String,
    pub synthetic: String,
}

/// Originals and their replacements, one to one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenMap {
    entries: Vec<Entry>,
    by_original: BTreeMap<String, usize>,
    by_synthetic: BTreeMap<String, usize>,
}

/// Shows sizes and replacements, never an original.
impl std::fmt::Debug for TokenMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|e| (e.class, &e.synthetic))).finish()
    }
}

impl TokenMap {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn synthetic_of(&self, original: &str) -> Option<&str> {
        self.by_original
            .get(original)
            .and_then(|place| self.entries.get(*place))
            .map(|e| e.synthetic.as_str())
    }

    pub fn has_synthetic(&self, synthetic: &str) -> bool {
        self.by_synthetic.contains_key(synthetic)
    }

    /// False when the map is full or either side is taken.
    pub fn add(&mut self, entry: Entry) -> bool {
        let taken = self.by_original.contains_key(&entry.original) || self.has_synthetic(&entry.synthetic);
        if taken || self.is_full() {
            return false;
        }
        self.by_original.insert(entry.original.clone(), self.entries.len());
        self.by_synthetic.insert(entry.synthetic.clone(), self.entries.len());
        self.entries.push(entry);
        true
    }

    /// The form that may leave memory: originals encrypted under the key.
    pub fn seal(&self, key: &Key) -> Sealed {
        let entries = self.entries.iter().map(|entry| {
            let class = entry.class.as_str().as_bytes();
            let parts = [class, entry.synthetic.as_bytes(), entry.original.as_bytes()];
            let tag = key.derive("checkrein.redact.seal.v1", &parts);
            let text = crypt(key, &tag, entry.original.as_bytes());
            SealedEntry {
                class: entry.class,
                synthetic: entry.synthetic.clone(),
                tag: hex(&tag),
                sealed: hex(&text),
            }
        });
        Sealed { entries: entries.collect() }
    }
}

/// A token map at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    entries: Vec<SealedEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedEntry {
    class: SensitiveClass,
    synthetic: String,
    tag: String,
    sealed: String,
}

/// Why a sealed map cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("entry {0} of the token map does not open with this key; use the key it was sealed with")]
    WrongKey(usize),
    #[error("the token map has more than {MOST_ENTRIES} entries")]
    TooLarge,
}

impl Sealed {
    pub fn open(&self, key: &Key) -> Result<TokenMap, OpenError> {
        if self.entries.len() > MOST_ENTRIES {
            return Err(OpenError::TooLarge);
        }
        let mut map = TokenMap::default();
        for (place, entry) in self.entries.iter().enumerate() {
            let opened = entry.open(key).ok_or(OpenError::WrongKey(place))?;
            if !map.add(opened) {
                return Err(OpenError::WrongKey(place));
            }
        }
        Ok(map)
    }
}

impl SealedEntry {
    fn open(&self, key: &Key) -> Option<Entry> {
        let tag: [u8; 32] = unhex(&self.tag)?.try_into().ok()?;
        let original = String::from_utf8(crypt(key, &tag, &unhex(&self.sealed)?)).ok()?;
        let parts = [self.class.as_str().as_bytes(), self.synthetic.as_bytes(), original.as_bytes()];
        // The tag is made from the content, so it also proves that nothing was changed.
        (key.derive("checkrein.redact.seal.v1", &parts) == tag).then(|| Entry {
            class: self.class,
            original,
            synthetic: self.synthetic.clone(),
        })
    }
}

/// Adds the key stream that belongs to `tag`; the same step opens.
fn crypt(key: &Key, tag: &[u8; 32], text: &[u8]) -> Vec<u8> {
    let blocks = text.chunks(32).enumerate().flat_map(|(count, chunk)| {
        let block = key.derive("checkrein.redact.crypt.v1", &[tag, &(count as u64).to_be_bytes()]);
        chunk.iter().zip(block).map(|(a, b)| a ^ b).collect::<Vec<u8>>()
    });
    blocks.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok())
        .collect()
}
