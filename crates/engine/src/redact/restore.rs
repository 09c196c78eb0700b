//! Putting originals back, in whole texts and in streams.
//!
//! A model rarely repeats a value byte for byte. Numbers are recognised with other blanks,
//! hyphens, dots or emphasis between their characters and in either case; addresses and keys in
//! either case. A value stands alone: letters or digits touching it make it another one. The
//! last four digits alone are put back only behind words that announce them ("ending in"), and
//! only when exactly one replacement ends so; any other part of a value stays as it is.

use action::SensitiveClass;

use super::map::{Entry, TokenMap};

/// Most marks between two characters of a number.
const MOST_MARKS: usize = 3;
/// Bytes of text already passed on that are kept, to see what stands before.
const CONTEXT: usize = 32;

/// Puts originals back into a text.
pub fn restore(text: &str, map: &TokenMap) -> String {
    let mut restorer = Restorer::new(map);
    let mut out = restorer.push(text.as_bytes());
    out.extend(restorer.finish());
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Puts originals back into a stream. What comes out does not depend on how the text was cut:
/// each place is judged only when enough of what follows is there. Holds back at most the
/// longest replacement with marks between all its characters.
#[derive(Clone)]
pub struct Restorer {
    loose: Trie,
    folded: Trie,
    entries: Vec<Entry>,
    endings: Vec<([u8; 4], Option<usize>)>,
    /// Input that is passed on (up to `done`) or still waits.
    buffer: Vec<u8>,
    done: usize,
}

impl std::fmt::Debug for Restorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restorer").field("entries", &self.entries.len()).field("held", &self.held()).finish()
    }
}

/// What stands at one place.
enum Look {
    Nothing,
    /// Only the following bytes can tell.
    Wait,
    Value {
        end: usize,
        original: String,
    },
}

impl Restorer {
    pub fn new(map: &TokenMap) -> Self {
        Self::over(map.entries().to_vec())
    }

    pub(super) fn over(entries: Vec<Entry>) -> Self {
        let (mut loose, mut folded) = (Trie::default(), Trie::default());
        let mut endings: Vec<([u8; 4], Option<usize>)> = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            if is_number(entry) {
                let letters = entry.synthetic.bytes().filter(u8::is_ascii_alphanumeric);
                loose.add(letters.map(|b| b.to_ascii_lowercase()), place);
                note_ending(&mut endings, entry, place);
            } else {
                folded.add(entry.synthetic.bytes().map(|b| b.to_ascii_lowercase()), place);
            }
        }
        Restorer { loose, folded, entries, endings, buffer: Vec::new(), done: 0 }
    }

    /// Bytes that wait for what follows.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.done
    }

    /// Takes the next piece and gives what can be passed on.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(piece);
        self.run(false)
    }

    /// Gives the rest; the restorer can then take another text.
    pub fn finish(&mut self) -> Vec<u8> {
        let out = self.run(true);
        self.buffer.clear();
        self.done = 0;
        out
    }

    fn run(&mut self, last: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held());
        let mut at = self.done;
        while let Some(byte) = self.buffer.get(at).copied() {
            match self.look(at, last) {
                Look::Nothing => {
                    out.push(byte);
                    at += 1;
                }
                Look::Wait => break,
                Look::Value { end, original } => {
                    out.extend_from_slice(original.as_bytes());
                    at = end;
                }
            }
        }
        let old = at.saturating_sub(CONTEXT);
        self.buffer.drain(..old);
        self.done = at - old;
        out
    }

    fn look(&self, at: usize, last: bool) -> Look {
        let bytes = self.buffer.as_slice();
        let mut best: Option<(usize, usize)> = None;
        for found in [self.look_loose(bytes, at, last), self.look_folded(bytes, at, last)] {
            match found {
                Err(Wait) => return Look::Wait,
                Ok(found) => best = best.max(found),
            }
        }
        if let Some((end, entry)) = best {
            let original = self.entries.get(entry).map(|e| e.original.clone()).unwrap_or_default();
            return Look::Value { end, original };
        }
        self.look_ending(bytes, at, last)
    }

    /// A number with any usual marks between its characters.
    fn look_loose(&self, bytes: &[u8], at: usize, last: bool) -> Result<Option<(usize, usize)>, Wait> {
        if self.loose.is_empty() {
            return Ok(None);
        }
        let lead = bytes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take(MOST_MARKS)
            .take_while(|b| matches!(b, b'+' | b'('))
            .count();
        let mut place = at + lead;
        if lead == 0 && alnum(before(bytes, at)) {
            return Ok(None);
        }
        let (mut node, mut best) = (0, None);
        loop {
            let Some(byte) = bytes.get(place) else {
                return if last { Ok(best) } else { Err(Wait) };
            };
            let Some(next) = self.loose.step(node, byte.to_ascii_lowercase()) else { return Ok(best) };
            node = next;
            place += 1;
            let ends = self.loose.entries(node);
            if !ends.is_empty() {
                match bytes.get(place) {
                    None if !last => return Err(Wait),
                    next if !alnum(next.copied()) => {
                        best = self.exact(ends, bytes, at, place, lead).map(|e| (place, e)).or(best)
                    }
                    _ => {}
                }
            }
            if self.loose.is_leaf(node) {
                return Ok(best);
            }
            for _ in 0..MOST_MARKS {
                match mark(bytes, place, last)? {
                    0 => break,
                    length => place += length,
                }
            }
        }
    }

    /// Of entries that differ in their marks only: the one written like this, else the first.
    fn exact(&self, ends: &[usize], bytes: &[u8], from: usize, to: usize, lead: usize) -> Option<usize> {
        let text = bytes.get(from..to).unwrap_or_default();
        let leads = |entry: &&usize| {
            let synthetic = self.entries.get(**entry).map(|e| e.synthetic.as_bytes()).unwrap_or_default();
            let own = synthetic.iter().take_while(|b| matches!(b, b'+' | b'(')).count();
            lead == 0 || bytes.get(from..from + lead) == synthetic.get(..own)
        };
        let same = |entry: &&usize| self.entries.get(**entry).is_some_and(|e| e.synthetic.as_bytes() == text);
        ends.iter().find(same).or_else(|| ends.iter().find(leads)).copied()
    }

    /// An address, key or label, in either case.
    fn look_folded(&self, bytes: &[u8], at: usize, last: bool) -> Result<Option<(usize, usize)>, Wait> {
        if self.folded.is_empty() {
            return Ok(None);
        }
        let first = bytes.get(at).copied();
        if alnum(first) && alnum(before(bytes, at)) {
            return Ok(None);
        }
        let (mut node, mut place, mut best) = (0, at, None);
        loop {
            let Some(byte) = bytes.get(place) else {
                return if last { Ok(best) } else { Err(Wait) };
            };
            let Some(next) = self.folded.step(node, byte.to_ascii_lowercase()) else { return Ok(best) };
            node = next;
            place += 1;
            let ends = self.folded.entries(node);
            if !ends.is_empty() {
                let open = alnum(Some(*byte));
                match bytes.get(place) {
                    None if !last && open => return Err(Wait),
                    next if !open || !alnum(next.copied()) => {
                        best = self.exact(ends, bytes, at, place, 0).map(|e| (place, e)).or(best)
                    }
                    _ => {}
                }
            }
            if self.folded.is_leaf(node) {
                return Ok(best);
            }
        }
    }

    /// Four digits behind words that announce an ending.
    fn look_ending(&self, bytes: &[u8], at: usize, last: bool) -> Look {
        let digits =
            bytes.get(at..).unwrap_or_default().iter().take(5).take_while(|b| b.is_ascii_digit()).count();
        if self.endings.is_empty() || digits == 0 || alnum(before(bytes, at)) || !announces(bytes, at) {
            return Look::Nothing;
        }
        let after = bytes.get(at + digits).copied();
        if after.is_none() && !last && digits <= 4 {
            return Look::Wait;
        }
        let Some(text) = bytes.get(at..at + 4).filter(|_| digits == 4 && !alnum(after)) else {
            return Look::Nothing;
        };
        let only = self.endings.iter().find(|(ending, _)| ending == text).and_then(|(_, entry)| *entry);
        let original = only.and_then(|entry| self.entries.get(entry)).and_then(|e| last_four(&e.original));
        match original {
            Some(original) => {
                Look::Value { end: at + 4, original: original.iter().map(|b| char::from(*b)).collect() }
            }
            None => Look::Nothing,
        }
    }
}

struct Wait;

/// Numbers are written in many ways; everything else in one.
fn is_number(entry: &Entry) -> bool {
    let digits = entry.synthetic.bytes().filter(u8::is_ascii_digit).count();
    let marks = |b: u8| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+');
    let plain = entry.synthetic.bytes().all(|b| b.is_ascii_alphanumeric() || marks(b));
    let ends = entry.synthetic.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric());
    let starts = entry
        .synthetic
        .bytes()
        .find(|b| !matches!(b, b'+' | b'('))
        .is_some_and(|b| b.is_ascii_alphanumeric());
    let numeric = match entry.class {
        SensitiveClass::Card
        | SensitiveClass::Ssn
        | SensitiveClass::Passport
        | SensitiveClass::Phone
        | SensitiveClass::Iban
        | SensitiveClass::NationalId
        | SensitiveClass::Health
        | SensitiveClass::Financial => true,
        SensitiveClass::Email
        | SensitiveClass::ApiKey
        | SensitiveClass::Jwt
        | SensitiveClass::Credential
        | SensitiveClass::IpAddress
        | SensitiveClass::Custom => false,
    };
    numeric && plain && starts && ends && digits >= 6 && entry.synthetic.len() <= 64
}

fn note_ending(endings: &mut Vec<([u8; 4], Option<usize>)>, entry: &Entry, place: usize) {
    let Some(ending) = last_four(&entry.synthetic) else { return };
    match endings.iter_mut().find(|(known, _)| *known == ending) {
        // A second value with this ending makes it say nothing.
        Some((_, only)) => *only = None,
        None => endings.push((ending, Some(place))),
    }
}

fn last_four(value: &str) -> Option<[u8; 4]> {
    let letters: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let last: [u8; 4] = letters.get(letters.len().checked_sub(4)?..)?.try_into().ok()?;
    last.iter().all(u8::is_ascii_digit).then_some(last)
}

/// Whether the words right before announce the end of a number.
fn announces(bytes: &[u8], at: usize) -> bool {
    const WORDS: &[&str] = &[
        "ending in",
        "ends in",
        "ending with",
        "ends with",
        "last four",
        "last 4",
        "last four digits",
        "last 4 digits",
        "last four digits are",
        "last 4 digits are",
        "last four digits:",
        "last 4 digits:",
        "****",
        "xxxx",
        "\u{2022}\u{2022}\u{2022}\u{2022}",
    ];
    let before = bytes.get(at.saturating_sub(CONTEXT)..at).unwrap_or_default();
    let blank = before.iter().rev().take(2).take_while(|b| matches!(b, b' ' | b'-')).count();
    let before = before.get(..before.len() - blank).unwrap_or_default().to_ascii_lowercase();
    WORDS.iter().any(|words| before.ends_with(words.as_bytes()))
}

fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|place| bytes.get(place)).copied()
}

fn alnum(byte: Option<u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric())
}

/// The length of the mark at `at`: a blank, hyphen, dot, bracket, slash or emphasis.
fn mark(bytes: &[u8], at: usize, last: bool) -> Result<usize, Wait> {
    match bytes.get(at..).unwrap_or_default() {
        [] if !last => Err(Wait),
        [b' ' | b'-' | b'.' | b'(' | b')' | b'/' | b'*' | b'_' | b'`', ..] => Ok(1),
        [0xc2, 0xa0, ..] => Ok(2),
        [0xc2] | [0xe2] | [0xe2, 0x80] if !last => Err(Wait),
        [0xe2, 0x80, 0x8b | 0x90..=0x95 | 0xaf, ..] => Ok(3),
        _ => Ok(0),
    }
}

/// A tree of bytes; each node knows the entries that end in it.
#[derive(Clone, Default)]
struct Trie {
    nodes: Vec<Node>,
}

#[derive(Clone, Default)]
struct Node {
    next: Vec<(u8, usize)>,
    entries: Vec<usize>,
}

impl Trie {
    fn add(&mut self, text: impl Iterator<Item = u8>, entry: usize) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut node = 0;
        for byte in text {
            node = match self.step(node, byte) {
                Some(next) => next,
                None => {
                    let next = self.nodes.len();
                    self.nodes.push(Node::default());
                    if let Some(parent) = self.nodes.get_mut(node) {
                        parent.next.push((byte, next));
                    }
                    next
                }
            };
        }
        if let Some(end) = self.nodes.get_mut(node) {
            end.entries.push(entry);
        }
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn step(&self, node: usize, byte: u8) -> Option<usize> {
        self.nodes.get(node)?.next.iter().find(|(b, _)| *b == byte).map(|(_, next)| *next)
    }

    fn entries(&self, node: usize) -> &[usize] {
        self.nodes.get(node).map(|n| n.entries.as_slice()).unwrap_or_default()
    }

    fn is_leaf(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|n| n.next.is_empty())
    }
}
