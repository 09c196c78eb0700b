//! Bytes written as letters: base64, base32, base85, base58 and hex.

use std::ops::Range;

use super::super::mapped::Mapped;
use super::packed::{inflate, utf16};
use super::{Source, plausible};

/// Fewest encoded characters of a run within other text.
const LEAST_RUN: usize = 16;
/// Fewest where the run is the whole text, or is closed by padding.
const LEAST_WHOLE: usize = 8;
/// Fewest runs that are read word by word.
const LEAST_WORDS: usize = 4;
/// Fewest decoded characters that count as a text.
const LEAST_TEXT: usize = 5;
/// Longest base58 text: its decoding takes time by the square of the length.
const MOST_BASE58: usize = 256;

/// Decoded runs next to each other: a short gap of blanks or marks stays, anything longer is a
/// line break, so that runs do not flow into one sentence.
struct Runs<'a> {
    text: &'a str,
    made: Mapped,
    end: usize,
}

impl<'a> Runs<'a> {
    fn new(text: &'a str) -> Self {
        Runs { text, made: Mapped::default(), end: 0 }
    }

    fn put(&mut self, decoded: &str, source: Range<usize>) {
        if !self.made.text.is_empty() {
            let gap = self.text.get(self.end..source.start).unwrap_or_default();
            let near = gap.len() <= 2 && gap.bytes().all(|b| b.is_ascii() && !b.is_ascii_alphanumeric());
            self.made.put(if near && !gap.is_empty() { gap } else { "\n" }, self.end..source.start);
        }
        self.made.put(decoded, source.clone());
        self.end = source.end;
    }

    fn made(self) -> Option<Mapped> {
        (!self.made.text.is_empty()).then_some(self.made)
    }
}

/// Maximal stretches of bytes that satisfy `is`.
fn stretches(text: &str, is: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes.get(at..)?.iter().position(|b| is(*b))?;
        let length = bytes.get(at..)?.iter().take_while(|b| is(**b)).count();
        let found = at..at + length;
        at += length;
        Some(found)
    })
}

/// Decoded bytes as text, unpacked where they are compressed or of two bytes a character.
fn as_text(bytes: &[u8], least: usize, room: usize) -> Option<String> {
    if let Some(text) = plausible(bytes, least) {
        return Some(text.to_owned());
    }
    utf16(bytes, least).or_else(|| inflate(bytes, room))
}

/// A run read as base64.
struct Read {
    /// Where its text stands among those of all.
    text: Range<usize>,
    span: Range<usize>,
    /// Long enough that it cannot be chance.
    sure: bool,
}

/// Everything that was read as base64; the texts of all runs in one.
#[derive(Default)]
struct Found {
    texts: String,
    reads: Vec<Read>,
    decoded: Vec<u8>,
}

impl Found {
    fn add(&mut self, text: &str, span: Range<usize>, sure: bool) {
        let from = self.texts.len();
        self.texts.push_str(text);
        self.reads.push(Read { text: from..self.texts.len(), span, sure });
    }
}

/// Base64 in either alphabet, with or without padding, alone, within text, wrapped or word by word.
pub(super) fn base64(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut joined: Vec<Range<usize>> = Vec::new();
    for run in stretches(text, |b| base64_value(b).is_some() || b == b'=') {
        match joined.last_mut() {
            // A line of a wrapped text continues the one before it.
            Some(last) if last.len() >= LEAST_RUN && is_wrap(text, last.end, run.start) => last.end = run.end,
            _ => joined.push(run),
        }
    }
    let all = text.trim().len();
    let mut found = Found::default();
    for (tried, run) in joined.iter().enumerate() {
        let by_word = tried < LEAST_WORDS || found.reads.len() * 2 >= tried;
        read64(source, run.clone(), run.len() == all, by_word, &mut found);
    }
    // Single words are too short to tell, a whole text of them is not.
    let all = found.reads.len() >= LEAST_WORDS && found.reads.len() * 5 >= joined.len() * 4;
    let mut runs = Runs::new(text);
    for read in found.reads.iter().filter(|read| read.sure || all) {
        runs.put(found.texts.get(read.text.clone())?, read.span.clone());
    }
    runs.made()
}

/// Reads one run, `whole` where there is no other text.
fn read64(source: &Source<'_>, run: Range<usize>, whole: bool, by_word: bool, found: &mut Found) {
    let text = source.text.get(run.clone()).unwrap_or_default();
    let decode = |text: &str| decode64(text).and_then(|bytes| as_text(&bytes, LEAST_TEXT, source.room));
    if (run.len() >= LEAST_RUN || (run.len() >= LEAST_WHOLE && (whole || text.ends_with('='))))
        && let Some(text) = decode(text)
    {
        return found.add(&text, run, true);
    }
    if run.len() < LEAST_RUN {
        let mut decoded = std::mem::take(&mut found.decoded);
        if by_word
            && bits(text.bytes().filter_map(base64_value), 6, &mut decoded)
            && let Some(word) = plausible(&decoded, 1)
            && word.is_ascii()
        {
            found.add(word, run, false);
        }
        found.decoded = decoded;
        return;
    }
    // `key-<base64>` and `path/<base64>`: what was joined to it shifts every letter.
    let mut at = run.start;
    for part in text.split(['-', '_', '/', '+', '=', '\n']) {
        let span = at..at + part.len();
        at += part.len() + 1;
        if part.len() >= LEAST_RUN
            && part.len() < text.len()
            && let Some(text) = decode(part)
        {
            found.add(&text, span, true);
        }
    }
}

/// Whether only a line break lies between two lines of a run.
fn is_wrap(text: &str, from: usize, to: usize) -> bool {
    matches!(text.get(from..to), Some("\n" | "\r\n" | "\\n" | "\n " | "\n\t"))
}

/// The six bits of a letter in either alphabet.
fn base64_value(b: u8) -> Option<u8> {
    listed(&BASE64, b)
}

/// The bytes of a base64 run; line breaks and padding anywhere are passed over.
pub(super) fn decode64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    bits(text.bytes().filter_map(base64_value), 6, &mut bytes).then_some(bytes)
}

/// Fills `bytes` from values of `width` bits each. What is left over at the end must be under one value.
fn bits(values: impl Iterator<Item = u8>, width: u32, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    let (mut held, mut count) = (0u32, 0u32);
    for value in values {
        held = (held << width | u32::from(value)) & 0xFFFF;
        count += width;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 0xFF).unwrap_or_default());
        }
    }
    count < width
}

/// Base32 in capitals, or in small letters where it is the whole text.
pub(super) fn base32(source: &Source<'_>) -> Option<Mapped> {
    let mut runs = Runs::new(source.text);
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'2'..=b'7' => Some(b - b'2' + 26),
        _ => None,
    };
    let whole = source.text.trim().to_ascii_uppercase();
    let text =
        if whole.bytes().all(|b| value(b).is_some() || b == b'=') { whole.as_str() } else { source.text };
    let lead =
        if text.len() == source.text.len() { 0 } else { source.text.len() - source.text.trim_start().len() };
    let lead = if std::ptr::eq(text, source.text) { 0 } else { lead };
    let mut bytes = Vec::new();
    for run in stretches(text, |b| value(b).is_some() || b == b'=').filter(|run| run.len() >= LEAST_RUN) {
        if bits(text.get(run.clone())?.bytes().filter_map(value), 5, &mut bytes)
            && let Some(decoded) = as_text(&bytes, LEAST_TEXT, source.room)
        {
            runs.put(&decoded, lead + run.start..lead + run.end);
        }
    }
    runs.made()
}

/// Base85 in the alphabets of Adobe, of RFC 1924 and of ZeroMQ, as the whole text or between `<~` and `~>`.
pub(super) fn base85(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let framed =
        text.find("<~").and_then(|from| Some(from + 2..from + 2 + text.get(from + 2..)?.find("~>")?));
    let trimmed = text.trim();
    let lead = text.len() - text.trim_start().len();
    let run = match framed {
        Some(run) => run,
        // Marks all over the place tell it from an ordinary long word.
        None if trimmed.len() >= 20
            && trimmed.bytes().filter(u8::is_ascii_punctuation).count() * 8 >= trimmed.len() =>
        {
            lead..lead + trimmed.len()
        }
        None => return None,
    };
    let body: Vec<u8> = text.get(run.clone())?.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let adobe = |b: u8| matches!(b, b'!'..=b'u').then(|| b - b'!');
    let decoded = decode85(&body, adobe)
        .or_else(|| decode85(&body, |b| listed(&RFC, b)))
        .or_else(|| decode85(&body, |b| listed(&ZMQ, b)))?;
    let mut runs = Runs::new(text);
    runs.put(&decoded, run);
    runs.made()
}

static RFC: [u8; 256] =
    places(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~");
static ZMQ: [u8; 256] =
    places(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#");
static BASE64: [u8; 256] = both(
    places(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    places(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
);
static BITCOIN: [u8; 256] = places(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");

/// No letter of an alphabet.
const NOWHERE: u8 = u8::MAX;

/// The place of each letter in an alphabet.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn places(alphabet: &[u8]) -> [u8; 256] {
    let mut table = [NOWHERE; 256];
    let mut at = 0;
    while at < alphabet.len() {
        table[alphabet[at] as usize] = at as u8;
        at += 1;
    }
    table
}

/// Letters of either of two alphabets that agree where they share a letter.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn both(mut first: [u8; 256], second: [u8; 256]) -> [u8; 256] {
    let mut b = 0;
    while b < first.len() {
        if first[b] == NOWHERE {
            first[b] = second[b];
        }
        b += 1;
    }
    first
}

fn listed(places: &[u8; 256], b: u8) -> Option<u8> {
    places.get(usize::from(b)).copied().filter(|place| *place != NOWHERE)
}

fn decode85(body: &[u8], value: impl Fn(u8) -> Option<u8>) -> Option<String> {
    let mut bytes = Vec::with_capacity(body.len());
    for group in body.chunks(5) {
        let mut word = 0u64;
        for index in 0..5 {
            let digit = match group.get(index) {
                Some(b) => value(*b)?,
                None => 84,
            };
            word = word * 85 + u64::from(digit);
        }
        let word = u32::try_from(word).ok()?.to_be_bytes();
        bytes.extend_from_slice(word.get(..group.len().checked_sub(1)?)?);
    }
    plausible(&bytes, LEAST_TEXT).map(str::to_owned)
}

/// Base58 runs of the Bitcoin alphabet.
pub(super) fn base58(source: &Source<'_>) -> Option<Mapped> {
    let mut runs = Runs::new(source.text);
    let mut spent = 0;
    for run in stretches(source.text, |b| b.is_ascii_alphanumeric()) {
        if run.len() < 20 || run.len() + spent > MOST_BASE58 {
            continue;
        }
        spent += run.len();
        let mut bytes: Vec<u8> = Vec::new();
        let mut valid = true;
        for b in source.text.get(run.clone())?.bytes() {
            let Some(digit) = listed(&BITCOIN, b) else {
                valid = false;
                break;
            };
            let mut carry = u32::from(digit);
            for byte in &mut bytes {
                carry += u32::from(*byte) * 58;
                *byte = u8::try_from(carry & 0xFF).ok()?;
                carry >>= 8;
            }
            if carry > 0 {
                bytes.push(u8::try_from(carry).ok()?);
            }
        }
        bytes.reverse();
        if valid && let Some(decoded) = plausible(&bytes, LEAST_TEXT) {
            runs.put(decoded, run);
        }
    }
    runs.made()
}

/// Hexadecimal pairs: in a row, or apart by blanks, colons, commas, hyphens, `0x` or `\x`.
pub(super) fn hex(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let bytes = text.as_bytes();
    let all = text.trim().len();
    let mut runs = Runs::new(text);
    let mut decoded = Vec::new();
    let mut next = 0;
    while let Some(at) = pairs_begin(bytes, next) {
        let end = hex_run(bytes, at, &mut decoded);
        next = end.max(at + 1);
        let least = match bytes.get(at + 1) {
            Some(b'x' | b'X') => 4,
            _ if end - at >= all => 4,
            _ => 8,
        };
        if decoded.len() < least {
            continue;
        }
        let numbers = bytes.get(at..end).is_some_and(|run| !run.iter().any(u8::is_ascii_alphabetic));
        if (!numbers || is_mostly_letters(&decoded))
            && let Some(found) = as_text(&decoded, least.min(LEAST_TEXT), source.room)
        {
            runs.put(&found, at..end);
        }
    }
    runs.made()
}

/// The next place from `from` on where pairs may begin: behind a letter or digit none do.
fn pairs_begin(bytes: &[u8], from: usize) -> Option<usize> {
    let sort = |b: u8| SORTS.get(usize::from(b)).copied().unwrap_or(0);
    let mut before = from.checked_sub(1).and_then(|at| bytes.get(at)).map_or(0, |b| sort(*b));
    let begins = |b: &u8| {
        let (behind, here) = (before, sort(*b));
        before = here;
        here & BEGINS != 0 && behind & ALPHANUMERIC == 0
    };
    bytes.get(from..)?.iter().position(begins).map(|skipped| from + skipped)
}

const ALPHANUMERIC: u8 = 1;
/// A hexadecimal digit, or the backslash of `\x`.
const BEGINS: u8 = 2;

static SORTS: [u8; 256] = sorts();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn sorts() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0u8;
    while b.is_ascii() {
        table[b as usize] = if b.is_ascii_alphanumeric() { ALPHANUMERIC } else { 0 }
            | if b.is_ascii_hexdigit() || b == b'\\' { BEGINS } else { 0 };
        b += 1;
    }
    table
}

/// What long numbers, cards above all, hardly ever decode to.
fn is_mostly_letters(bytes: &[u8]) -> bool {
    bytes.iter().filter(|b| b.is_ascii_alphabetic() || **b == b' ').count() * 10 >= bytes.len() * 8
}

/// Reads the pairs that start at `at` into `decoded`, and tells where they end. Digits that touch
/// other letters are no pairs, and neither is anything between `at` and there.
fn hex_run(bytes: &[u8], at: usize, decoded: &mut Vec<u8>) -> usize {
    decoded.clear();
    let (mut end, mut next) = (at, at);
    loop {
        if let Some([b'0' | b'\\', b'x' | b'X', ..]) = bytes.get(next..) {
            next += 2;
        }
        let pair = match bytes.get(next..) {
            Some([high, low, ..]) => nibble(*high).zip(nibble(*low)),
            _ => None,
        };
        let Some((high, low)) = pair else { break };
        decoded.push(high << 4 | low);
        next += 2;
        end = next;
        match bytes.get(next..) {
            Some([b',', b' ', ..]) => next += 2,
            Some([b' ' | b':' | b',' | b'-' | b'\n', ..]) => next += 1,
            _ => {}
        }
    }
    // An odd digit or a letter right behind: a number or a word, not pairs.
    if bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        decoded.clear();
        let rest = bytes.get(end..).unwrap_or_default();
        return end + rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    }
    end
}

pub(super) const fn nibble(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}
