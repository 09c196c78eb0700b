//! Redaction: sensitive values replaced before anybody outside sees them, and put back after.
//!
//! Three modes. `synthetic` gives values of the same shape that pass the same checks and keeps a
//! [`TokenMap`] to put the originals back; `mask` and `hash` cannot be undone. Start with
//! [`Redactor`]; [`Restorer`] undoes it, also in streams. A redactor has one mode, and single values may
//! have another.
//!
//! What is promised, and tested as properties: restoring what was redacted gives the text back
//! byte for byte; no replaced value remains anywhere in the output; the same key and text give
//! the same output.

mod json;
mod key;
mod map;
mod mask;
mod restore;
mod synthetic;
mod trie;

use std::collections::BTreeMap;
use std::ops::Range;

pub use action::RedactionMode as Mode;
use action::SensitiveClass;
use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};

pub use self::json::{Piece, restore_json};
pub use self::key::Key;
pub use self::map::{Entry, MOST_ENTRIES, OpenError, Sealed, TokenMap};
pub use self::restore::{Restorer, restore};
use self::trie::Trie;
use crate::detect::Hit;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// A replaced card number still passes for one; otherwise a label such as `[card:…]` stands.
    pub preserve_format: bool,
    /// Letters and digits that a mask leaves at the end of a number.
    pub keep_last: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { preserve_format: true, keep_last: 4 }
    }
}

/// A text without its sensitive values, and the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    pub text: String,
    /// Empty in the modes that cannot be undone.
    pub map: TokenMap,
}

/// Redacts one text that stands alone. For a conversation keep a [`Redactor`].
pub fn redact(text: &str, hits: &[Hit], mode: Mode, key: &Key, options: &Options) -> Redacted {
    let mut redactor = Redactor::new(mode, key.clone(), *options);
    let text = redactor.redact(text, hits);
    Redacted { text, map: redactor.into_map() }
}

/// Redacts the texts of one session, so that one original has one replacement in all of them.
#[derive(Debug, Clone)]
pub struct Redactor {
    mode: Mode,
    key: Key,
    /// Of hashes. They are to be equal in more places than other replacements.
    hashing: Key,
    options: Options,
    map: TokenMap,
    /// Puts back what is in the map; every redaction is checked with it.
    restorer: Restorer,
    /// The originals of the map, to find them again in later texts.
    known: Trie,
}

/// Tries to find replacements that meet nothing else in the text.
const MOST_ATTEMPTS: u32 = 8;
/// Shortest value that is also replaced where no detector pointed at it. A shorter one would
/// change words that have nothing to do with it.
const SHORTEST_REPEAT: usize = 4;
/// Up to so many values are looked for one by one.
const FEW_VALUES: usize = 8;

/// One value in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Value {
    span: Range<usize>,
    class: SensitiveClass,
    mode: Mode,
}

impl Redactor {
    pub fn new(mode: Mode, key: Key, options: Options) -> Self {
        let map = TokenMap::default();
        let (hashing, restorer) = (key.clone(), Restorer::new(&map));
        Redactor { mode, key, hashing, options, restorer, known: Trie::default(), map }
    }

    /// Goes on with the map of an earlier text of the same session.
    pub fn with_map(mut self, map: TokenMap) -> Self {
        self.known = Trie::default();
        map.entries().iter().enumerate().for_each(|(place, entry)| know(&mut self.known, entry, place));
        self.restorer = Restorer::new(&map);
        self.map = map;
        self
    }

    /// Hashes with another key than all other replacements are made with: one value then has one hash
    /// wherever this key is used, in other sessions too.
    #[must_use]
    pub fn hashing(mut self, key: Key) -> Self {
        self.hashing = key;
        self
    }

    /// How values are replaced of which nothing else is said.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    pub fn map(&self) -> &TokenMap {
        &self.map
    }

    pub fn into_map(self) -> TokenMap {
        self.map
    }

    /// What puts the originals back into one stream.
    pub fn restorer(&self) -> Restorer {
        self.restorer.clone()
    }

    /// Replaces every hit that names a class of sensitive data, and every other occurrence of
    /// the same values.
    pub fn redact(&mut self, text: &str, hits: &[Hit]) -> String {
        let mode = self.mode;
        let hits = hits.iter();
        let values = hits.filter_map(|hit| Some(Value { span: hit.span.clone(), class: hit.class?, mode }));
        self.replace(text, values.collect())
    }

    fn replace(&mut self, text: &str, values: Vec<Value>) -> String {
        let values = merged(text, values);
        if values.is_empty() && self.map.is_empty() {
            return text.to_owned();
        }
        let values = self.with_repeats(text, values);
        if values.iter().all(|value| value.mode == Mode::Synthetic) {
            return self.synthetic(text, &values);
        }
        // What cannot be put back goes first; what is left of the text can be restored as a text of its own.
        let (text, values) = self.for_good(text, values);
        if values.is_empty() { text } else { self.synthetic(&text, &values) }
    }

    /// Replaces the values that are not to be put back; gives the others where they stand then.
    fn for_good(&self, text: &str, values: Vec<Value>) -> (String, Vec<Value>) {
        let (mut out, mut left, mut at) = (String::with_capacity(text.len()), Vec::new(), 0);
        for value in values {
            out.push_str(text.get(at..value.span.start).unwrap_or_default());
            let part = text.get(value.span.clone()).unwrap_or_default();
            let start = out.len();
            match value.mode {
                Mode::Mask => out.push_str(&mask::mask(value.class, part, &self.options)),
                Mode::Hash => out.push_str(&mask::hash(&self.hashing, value.class, part)),
                Mode::Synthetic => out.push_str(part),
            }
            at = value.span.end;
            if value.mode == Mode::Synthetic {
                left.push(Value { span: start..out.len(), ..value });
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        (out, left)
    }

    /// Adds the places where a value occurs again, here or from an earlier text, and where a
    /// replacement already occurs: that one is replaced as well, or it could not be told from ours.
    fn with_repeats(&mut self, text: &str, mut values: Vec<Value>) -> Vec<Value> {
        let mut wanted: BTreeMap<&str, (SensitiveClass, Mode)> = BTreeMap::new();
        for value in &values {
            let part = text.get(value.span.clone()).unwrap_or_default();
            if part.len() >= SHORTEST_REPEAT {
                let known = wanted.entry(part).or_insert((value.class, value.mode));
                known.1 = known.1.max(value.mode);
            }
        }
        // Of a few values each is looked for: to build an automaton takes longer than a text of usual length.
        if wanted.len() <= FEW_VALUES {
            for (part, (class, mode)) in &wanted {
                let found = text.match_indices(part);
                let value = |at: usize| Value { span: at..at + part.len(), class: *class, mode: *mode };
                values.extend(found.map(|(at, _)| value(at)));
            }
        } else {
            let automaton =
                AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(wanted.keys());
            let how: Vec<(SensitiveClass, Mode)> = wanted.values().copied().collect();
            for found in automaton.iter().flat_map(|automaton| automaton.find_iter(text)) {
                if let Some((class, mode)) = how.get(found.pattern().as_usize()) {
                    values.push(Value { span: found.range(), class: *class, mode: *mode });
                }
            }
        }
        // What stands in the map was replaced so that it can be put back.
        let mode = Mode::Synthetic;
        let echoed = self.restorer.places(text);
        values.extend(echoed.into_iter().map(|(span, class)| Value { span, class, mode }));
        let mut at = 0;
        while at < text.len() && !self.known.is_empty() {
            at = match self.known.longest(text.as_bytes(), at) {
                Some((end, entry)) => {
                    let class = self.map.entries().get(entry).map(|entry| entry.class);
                    values.extend(class.map(|class| Value { span: at..end, class, mode }));
                    end
                }
                None => at + 1,
            };
        }
        merged(text, values)
    }

    fn written(&self, text: &str, values: &[Value], new: impl Fn(SensitiveClass, &str) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for value in values {
            out.push_str(text.get(at..value.span.start).unwrap_or_default());
            out.push_str(&new(value.class, text.get(value.span.clone()).unwrap_or_default()));
            at = value.span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// Draws replacements until putting back gives the text again. The first draw nearly always
    /// does; a text that was made to hold our replacements needs another.
    fn synthetic(&mut self, text: &str, values: &[Value]) -> String {
        for attempt in 0..MOST_ATTEMPTS {
            // The last attempts use labels: brackets set them apart where letters touch a value.
            let shaped = self.options.preserve_format && attempt + 2 < MOST_ATTEMPTS;
            let mut staged = TokenMap::default();
            for value in values {
                let part = text.get(value.span.clone()).unwrap_or_default();
                if self.map.synthetic_of(part).is_none() && staged.synthetic_of(part).is_none() {
                    let synthetic = self.draw(value.class, part, attempt, shaped, &staged);
                    staged.add(Entry { class: value.class, original: part.to_owned(), synthetic });
                }
            }
            if self.map.len() + staged.len() > MOST_ENTRIES {
                break;
            }
            let known = |part: &str| self.map.synthetic_of(part).or_else(|| staged.synthetic_of(part));
            let out = self.written(text, values, |_, part| known(part).unwrap_or_default().to_owned());
            staged.entries().iter().for_each(|entry| self.restorer.add(entry.clone()));
            if restore::whole(&mut self.restorer, &out) == text && !self.remains(text, values, &out) {
                for entry in staged.entries() {
                    know(&mut self.known, entry, self.map.len());
                    self.map.add(entry.clone());
                }
                return out;
            }
            self.restorer = Restorer::new(&self.map);
        }
        // A full map, or a text that leaves no room: what cannot be put back is still not leaked.
        self.written(text, values, |class, _| format!("[{}]", class.as_str()))
    }

    /// Whether a replaced value still stands in the output. A replacement of an earlier text that
    /// came back as content does, in the place of its original.
    fn remains(&self, text: &str, values: &[Value], out: &str) -> bool {
        let parts = values.iter().filter_map(|v| text.get(v.span.clone()));
        let mut parts = parts.filter(|part| part.len() >= SHORTEST_REPEAT && !self.map.has_synthetic(part));
        match values.len() <= FEW_VALUES {
            true => parts.any(|part| out.contains(part)),
            false => AhoCorasick::new(parts).is_ok_and(|automaton| automaton.is_match(out)),
        }
    }

    fn draw(
        &self,
        class: SensitiveClass,
        part: &str,
        attempt: u32,
        shaped: bool,
        staged: &TokenMap,
    ) -> String {
        let label = || synthetic::label(&self.key, class, part, attempt);
        let drawn = match shaped {
            true => synthetic::like(&self.key, class, part, attempt).unwrap_or_else(label),
            false => label(),
        };
        match drawn == part || self.map.has_synthetic(&drawn) || staged.has_synthetic(&drawn) {
            true => label(),
            false => drawn,
        }
    }
}

fn know(known: &mut Trie, entry: &Entry, place: usize) {
    if entry.original.len() >= SHORTEST_REPEAT {
        known.add(entry.original.bytes(), place);
    }
}

/// Values in order, widened to whole characters, overlapping ones joined. Of two ways to replace them the
/// one counts that leaves less.
fn merged(text: &str, mut values: Vec<Value>) -> Vec<Value> {
    for value in &mut values {
        let mut start = value.span.start.min(text.len());
        let mut end = value.span.end.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        value.span = start..end;
    }
    values.retain(|value| !value.span.is_empty());
    values.sort_by_key(|value| (value.span.start, std::cmp::Reverse(value.span.end)));
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        match kept.last_mut() {
            Some(last) if value.span.start < last.span.end => {
                last.span.end = last.span.end.max(value.span.end);
                last.mode = last.mode.max(value.mode);
            }
            _ => kept.push(value),
        }
    }
    kept
}

#[cfg(test)]
mod tests;
