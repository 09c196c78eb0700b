//! Decoded views: other ways to read a text that looks encoded.
//!
//! One table of decoders. Each has a gate over counts that are at hand anyway, so that plain prose
//! pays for none of them, and each answers with a text only where that text is plausible.

mod bytes;
mod codes;
mod escapes;
mod letters;
mod packed;
mod spacing;

use std::borrow::Cow;
use std::cell::OnceCell;

use super::fold;
use super::mapped::{Mapped, Offsets};
use super::oddity::{Oddity, OddityKind, note};
use super::traits::Traits;
use super::words::Reads;

/// Decodings on top of each other.
pub const MAX_DEPTH: usize = 3;
/// Readings besides the text as sent.
pub const MAX_VIEWS: usize = 12;
/// All views together hold at most so many times the bytes of the original...
pub const EXPANSION_FACTOR: usize = 4;
/// ...counted as at least this many: a short text may unpack to a page.
pub const EXPANSION_FLOOR: usize = 4 * 1024;

/// Decoders together look at no more than so many times the bytes of the original, with the same
/// floor: a text that passes every gate at every depth is hostile.
pub const EFFORT_FACTOR: usize = 32;

/// One decoded reading.
#[derive(Debug)]
pub(super) struct View {
    /// The view it was decoded from; `None` for the original.
    pub parent: Option<usize>,
    pub raw: String,
    pub raw_offsets: Offsets,
    /// The normal form where it differs from `raw`.
    folded: Option<String>,
    pub normal_offsets: Offsets,
    pub via: Vec<Cow<'static, str>>,
}

impl View {
    pub fn normal(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.raw)
    }
}

/// What a decoder looks at.
struct Source<'a> {
    text: &'a str,
    traits: &'a Traits,
    /// Most bytes it may answer with.
    room: usize,
    /// What several decoders compare theirs with, counted for the first of them.
    reads: OnceCell<Reads>,
}

impl Source<'_> {
    fn reads(&self) -> Reads {
        *self.reads.get_or_init(|| Reads::of(self.text))
    }
}

/// One way to read encoded text.
struct Decoder {
    name: &'static str,
    /// Whether counts allow that anything will be found.
    gate: fn(&Traits) -> bool,
    decode: fn(&Source<'_>) -> Option<Mapped>,
}

const fn decoder(
    name: &'static str,
    gate: fn(&Traits) -> bool,
    decode: fn(&Source<'_>) -> Option<Mapped>,
) -> Decoder {
    Decoder { name, gate, decode }
}

/// Every decoder. Those that only undo an escape come first: what they leave is read by the rest.
static DECODERS: &[Decoder] = &[
    decoder("percent", |t| t.percents > 0, escapes::percent),
    decoder("html", |t| t.ampersands > 0, escapes::html),
    decoder("escapes", |t| t.backslashes > 0 || t.pluses > 3, escapes::backslash),
    decoder("quoted_printable", |t| t.equals > 1, escapes::quoted_printable),
    decoder("utf7", |t| t.pluses > 0, escapes::utf7),
    decoder("joined_strings", |t| t.pluses > 0, escapes::concatenated),
    decoder("base64", |t| t.longest_run >= 16 || t.bytes <= 64 || t.odd_letters, bytes::base64),
    decoder("hex", |t| t.digits >= 4, bytes::hex),
    decoder("base32", |t| t.longest_run >= 16, bytes::base32),
    decoder(
        "base85",
        |t| t.ascii && t.bytes >= 20 && (t.blanks * 20 <= t.bytes || t.less_thans > 0),
        bytes::base85,
    ),
    decoder("base58", |t| t.longest_run >= 20, bytes::base58),
    decoder("gzip", |t| t.controls > 0 && t.bytes >= 18, packed::inflated),
    decoder("binary", |t| t.digits >= 40, codes::binary),
    decoder("codes", |t| t.digits >= 8, codes::numbers),
    decoder("morse", |t| t.bytes >= 12 && (t.marks + t.blanks) * 2 >= t.bytes, codes::morse),
    decoder("spelled", |t| t.letters >= 24 && t.blanks >= 4 && t.straight * 25 < t.letters, codes::spelled),
    decoder("shifted", |t| t.odd_letters, letters::shifted),
    decoder(
        "rot47",
        |t| t.ascii && (t.odd_letters || (t.bytes >= 20 && t.letters * 2 < t.bytes)),
        letters::rot47,
    ),
    decoder(
        "reversed",
        |t| t.backwards || few_straight(t) || (t.equals > 0 && t.longest_run >= 16),
        letters::reversed,
    ),
    decoder("reversed_words", |t| t.backwards || few_straight(t), letters::reversed_words),
    decoder("pig_latin", |t| t.ys >= 3 && t.ys * 5 > t.blanks * 2, letters::pig_latin),
    decoder("turned", |t| t.phonetic >= 3, letters::turned),
    decoder(SYMBOLS, |t| t.signs >= 5, codes::symbols),
    decoder("leet", |t| t.leet_spots >= 2, spacing::leet),
    decoder(
        "spaced",
        |t| {
            t.single_pairs >= 3
                || (t.singles >= 8 && t.singles * 3 >= t.letters)
                || (!t.ascii && t.blanks * 4 >= t.bytes)
        },
        spacing::spaced,
    ),
    decoder("unspaced", |t| t.longest_run >= 20 && t.letters >= 20, spacing::unspaced),
    decoder("joined", |t| t.inner_marks >= 3 && t.inner_marks * 2 > t.blanks, spacing::joined),
    decoder("split", |t| t.marks >= 3 && t.marks * 12 >= t.letters, spacing::split),
    decoder("fragments", |t| t.letters >= 20 && t.blanks * 9 > t.bytes * 2, spacing::fragments),
    decoder("doubled", |t| t.doubled * 4 >= t.letters && t.letters >= 16, spacing::doubled),
    decoder("vowels", |t| t.letters >= 16 && t.vowels * 6 < t.letters, spacing::vowels),
];

/// Most bytes of a text that is too short to show many mirrored pairs when it is reversed.
const SHORT: u32 = 160;

/// Whether a short text has hardly any of the pairs that English is full of.
const fn few_straight(t: &Traits) -> bool {
    t.bytes <= SHORT && t.letters >= 16 && t.blanks > 0 && t.straight * 40 <= t.letters
}

/// A text whose decodings are still to be looked for.
struct Node {
    view: Option<usize>,
    depth: usize,
    traits: Traits,
    disguised: bool,
}

/// All decoded views of a text, and what it took to find them.
#[derive(Debug, Default)]
pub(super) struct Grown {
    /// Each after the one it was decoded from.
    pub views: Vec<View>,
    /// Bytes that decoders were given to look at.
    pub effort: usize,
}

/// Finds all decoded views of a text.
pub(super) fn grow(original: &str, traits: &Traits, disguised: bool, oddities: &mut Vec<Oddity>) -> Grown {
    let mut grown = Grown::default();
    let mut nodes = vec![Node { view: None, depth: 0, traits: *traits, disguised }];
    let size = original.len().max(EXPANSION_FLOOR);
    let mut room = size.saturating_mul(EXPANSION_FACTOR);
    let mut next = 0;
    while let Some(node) = nodes.get(next) {
        next += 1;
        let (parent, depth) = (node.view, node.depth);
        let text = parent.and_then(|index| grown.views.get(index)).map_or(original, |view| view.raw.as_str());
        let (found, effort) =
            decode(text, node, room, size.saturating_mul(EFFORT_FACTOR).saturating_sub(grown.effort));
        grown.effort += effort.bytes;
        if effort.cut {
            note(oddities, OddityKind::Truncated, 0..original.len());
        }
        for (name, mut made) in found {
            let seen = made.text == original || grown.views.iter().any(|view| view.raw == made.text);
            if seen || made.text.is_empty() {
                continue;
            }
            if grown.views.len() >= MAX_VIEWS || room == 0 || depth >= MAX_DEPTH {
                note(oddities, OddityKind::Truncated, 0..original.len());
                return grown;
            }
            if made.text.len() > room {
                note(oddities, OddityKind::Truncated, 0..original.len());
                cut(&mut made.text, room);
            }
            room -= made.text.len();
            let traits = Traits::of(&made.text);
            let (normal, normal_offsets, _, disguised) = fold::normal(&made.text, &traits);
            let folded = match normal {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(text),
            };
            let mut via = parent
                .and_then(|index| grown.views.get(index))
                .map(|view| view.via.clone())
                .unwrap_or_default();
            via.push(Cow::Borrowed(name));
            // Taking a disguise off is no decoding: what is under it may be as deep as any other.
            let deeper = if name == UNDISGUISED { depth } else { depth + 1 };
            let disguised = disguised && name != UNDISGUISED;
            nodes.push(Node { view: Some(grown.views.len()), depth: deeper, traits, disguised });
            grown.views.push(View {
                parent,
                raw: made.text,
                raw_offsets: made.offsets,
                folded,
                normal_offsets,
                via,
            });
        }
    }
    grown
}

/// The view of a text with disguised characters made plain, case and blanks kept.
const UNDISGUISED: &str = "unicode";
/// The view of what invisible or pictured characters spell; the disguise is what carries it.
const SYMBOLS: &str = "symbols";

/// What one round of decoding took.
#[derive(Default)]
struct Effort {
    bytes: usize,
    /// Decoders were left out because the rest of the effort did not suffice.
    cut: bool,
}

fn decode(text: &str, node: &Node, room: usize, left: usize) -> (Vec<(&'static str, Mapped)>, Effort) {
    let source = Source { text, traits: &node.traits, room, reads: OnceCell::new() };
    let mut effort = Effort::default();
    let mut found = Vec::new();
    if node.disguised {
        // Decoders look at what is under the disguise; the text itself would only hide it again.
        effort.bytes = text.len().saturating_mul(2);
        found.push((UNDISGUISED, fold::undisguised(text)));
        found.extend(codes::symbols(&source).map(|made| (SYMBOLS, made)));
        return (found, effort);
    }
    for decoder in DECODERS.iter().filter(|decoder| (decoder.gate)(&node.traits)) {
        if effort.bytes.saturating_add(text.len()) > left {
            effort.cut = true;
            break;
        }
        effort.bytes += text.len();
        found.extend((decoder.decode)(&source).map(|made| (decoder.name, made)));
    }
    (found, effort)
}

/// Shortens a text to at most `bytes`, between characters.
fn cut(text: &mut String, bytes: usize) {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Whether bytes are text: UTF-8 and nearly all printable.
fn plausible(bytes: &[u8], least: usize) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut shown, mut all) = (0usize, 0usize);
    for c in text.chars() {
        all += 1;
        shown += usize::from(!c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    }
    (all >= least && shown * 20 >= all * 19).then_some(text)
}
