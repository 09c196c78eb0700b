//! Letters in place of others: shifted, mirrored, turned over, moved within words.

use super::super::mapped::Mapped;
use super::super::traits::{BLOCK, is_odd};
use super::super::words::{Reads, is_known, words};
use super::Source;

/// How many blocks of odd letters are looked at for the best shift.
const SAMPLE_BLOCKS: usize = 8;

/// How common each letter is in English prose, in thousandths.
const FREQUENCY: [u32; 26] =
    [82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2, 20, 1];

/// A letter for a letter: the alphabet shifted, and perhaps mirrored first.
#[derive(Debug, Clone, Copy)]
struct Shift {
    by: u8,
    mirrored: bool,
}

impl Shift {
    fn letter(self, b: u8) -> u8 {
        let base = if b.is_ascii_uppercase() { b'A' } else { b'a' };
        let index = b - base;
        let index = if self.mirrored { 25 - index } else { index };
        base + (index + self.by) % 26
    }

    fn apply(self, text: &str) -> String {
        text.chars()
            .map(|c| match u8::try_from(c) {
                Ok(b) if b.is_ascii_alphabetic() => char::from(self.letter(b)),
                _ => c,
            })
            .collect()
    }

    /// How much the letters of a sample would look like English, from their counts.
    fn likeness(self, counts: &[u32; 26]) -> u64 {
        (b'a'..=b'z')
            .zip(counts)
            .map(|(letter, count)| {
                let index = usize::from(self.letter(letter) - b'a');
                u64::from(*count) * u64::from(FREQUENCY.get(index).copied().unwrap_or(0))
            })
            .sum()
    }
}

/// Every shift of the alphabet, rot13 and atbash among them: the likeliest by letter counts, kept
/// when it turns noise into words.
pub(super) fn shifted(source: &Source<'_>) -> Option<Mapped> {
    // Only what looks odd is judged: the sentence that introduces a cipher is in the clear.
    let sample: String = source
        .text
        .as_bytes()
        .chunks(BLOCK)
        .filter(|block| is_odd(block))
        .take(SAMPLE_BLOCKS)
        .map(|block| String::from_utf8_lossy(block))
        .collect();
    let mut counts = [0u32; 26];
    for b in sample.bytes().filter(u8::is_ascii_alphabetic) {
        if let Some(count) = counts.get_mut(usize::from(b.to_ascii_lowercase() - b'a')) {
            *count += 1;
        }
    }
    let mut shifts: Vec<(u64, Shift)> = [false, true]
        .into_iter()
        .flat_map(|mirrored| (0..26).map(move |by| Shift { by, mirrored }))
        .filter(|shift| shift.mirrored || shift.by > 0)
        .map(|shift| (shift.likeness(&counts), shift))
        .collect();
    shifts.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
    let before = Reads::of(&sample);
    let best =
        shifts.iter().take(3).find(|(_, shift)| Reads::of(&shift.apply(&sample)).surely_better_than(before));
    best.map(|(_, shift)| same_places(source.text, &shift.apply(source.text)))
}

/// All printable ASCII characters turned by half their number.
pub(super) fn rot47(source: &Source<'_>) -> Option<Mapped> {
    let turn = |b: u8| match b {
        b'!'..=b'O' => b + 47,
        b'P'..=b'~' => b - 47,
        _ => b,
    };
    let turned = String::from_utf8(source.text.bytes().map(turn).collect()).ok()?;
    Reads::of(&turned).surely_better_than(source.reads()).then(|| same_places(source.text, &turned))
}

fn same_places(text: &str, derived: &str) -> Mapped {
    let mut made = Mapped::default();
    made.put(derived, 0..text.len());
    made
}

/// The text from its end.
pub(super) fn reversed(source: &Source<'_>) -> Option<Mapped> {
    let reversed: String = source.text.chars().rev().collect();
    let mut made = Mapped::default();
    made.mirror(&reversed, 0..source.text.len());
    // Padding that leads is the end of base64 turned round: nobody reads words in that.
    if source.text.trim_start().starts_with('=') && source.traits.blanks == 0 {
        return Some(made);
    }
    better(source, made)
}

/// Each word from its end, the words in their order.
pub(super) fn reversed_words(source: &Source<'_>) -> Option<Mapped> {
    let mut made = Mapped::with_capacity(source.text.len());
    let mut at = 0;
    for part in source.text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        let reversed: String = word.chars().rev().collect();
        made.mirror(&reversed, at..at + word.len());
        made.put(part.get(word.len()..)?, at + word.len()..at + part.len());
        at += part.len();
    }
    better(source, made)
}

/// Keeps a reading that turns noise into words.
pub(super) fn better(source: &Source<'_>, made: Mapped) -> Option<Mapped> {
    Reads::of(&made.text).better_than(source.reads()).then_some(made)
}

/// Consonants that English words begin with, longest first: what pig latin moves to the end.
const ONSETS: &[&str] = &[
    "spr", "str", "scr", "spl", "thr", "shr", "squ", "sch", "bl", "br", "ch", "cl", "cr", "dr", "fl", "fr",
    "gl", "gr", "kn", "ph", "pl", "pr", "qu", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "sw", "th",
    "tr", "tw", "wh", "wr",
];

/// `ignoreway allway eviouspray`: the beginning of each word moved behind it, with an ending.
pub(super) fn pig_latin(source: &Source<'_>) -> Option<Mapped> {
    let mut made = Mapped::with_capacity(source.text.len());
    let mut copied = 0;
    for (at, word) in words(source.text) {
        let Some(plain) = from_pig_latin(word) else { continue };
        made.put(source.text.get(copied..at)?, copied..at);
        made.put(&plain, at..at + word.len());
        copied = at + word.len();
    }
    made.put(source.text.get(copied..)?, copied..source.text.len());
    better(source, made)
}

fn from_pig_latin(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let stem = lower.strip_suffix("ay").filter(|stem| stem.len() > 1)?;
    let vowel_ending =
        ["w", "y", "h"].iter().filter_map(|ending| stem.strip_suffix(ending)).map(str::to_owned);
    let moved =
        ONSETS.iter().filter_map(|onset| stem.strip_suffix(onset).map(|rest| format!("{onset}{rest}")));
    let (rest, last) = stem.split_at_checked(stem.len() - 1)?;
    let candidates: Vec<String> = moved.chain(vowel_ending).chain([format!("{last}{rest}")]).collect();
    candidates.iter().find(|candidate| is_known(candidate)).or_else(|| candidates.first()).cloned()
}

/// Letters that show turned by half a circle, and what they show.
const TURNED: &str =
    "ɐaqbɔcpdǝeɟfƃgɓgɥhᴉiıiɾjʞkʃllןlɯmuɴdpɹrʇtnuʌvʍwʎy∀aƆcƎeℲfפg⅁gſjʞk⅂lԀpᴚrɹr⊥t∩uΛv⅄y¡!¿?˙.‾_";

/// Text turned upside down: each letter turned, the whole read from its end.
pub(super) fn turned(source: &Source<'_>) -> Option<Mapped> {
    let turn = |c: char| match c {
        // Four letters show each other.
        'u' => 'n',
        'n' => 'u',
        'b' => 'q',
        'q' => 'b',
        'd' => 'p',
        'p' => 'd',
        'm' => 'w',
        'w' => 'm',
        _ if c.is_ascii() => c,
        _ => {
            let mut pairs = TURNED.chars();
            while let (Some(shown), Some(plain)) = (pairs.next(), pairs.next()) {
                if shown == c {
                    return plain;
                }
            }
            c
        }
    };
    let certain =
        source.text.chars().filter(|c| matches!(c, 'ǝ' | 'ɐ' | 'ɹ' | 'ʇ' | 'ɥ' | 'ʎ' | 'ɯ' | 'ʌ')).count();
    if certain < 3 {
        return None;
    }
    let mut straight = Mapped::with_capacity(source.text.len());
    for (at, c) in source.text.char_indices() {
        straight.put_char(turn(c), at..at + c.len_utf8());
    }
    let mut backwards = Mapped::with_capacity(source.text.len());
    for (at, c) in source.text.char_indices().rev() {
        backwards.put_char(turn(c), at..at + c.len_utf8());
    }
    better(source, backwards).or_else(|| better(source, straight))
}
