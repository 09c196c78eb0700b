//! Literals: the numbers, names, addresses and words of a text, as hashes of forms that survive
//! rewriting.
//!
//! A literal has more than one form, because a model that copies it may change its case, its
//! spacing or its notation: `1,000.00` is `1000`, `May 3rd` is the third day of the fifth month of
//! `2026-05-03`, `DE89 3704 …` is `de893704…`. Two literals are the same if they share a form. One
//! pass, linear in the text, and no form outlives it: what is kept is salted hashes.

mod common;
mod dates;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use self::scan::{Scanner, next_run};
use crate::facts::hash;

/// One literal of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal {
    /// Hashes of the forms that stand for all of it.
    forms: [u64; 2],
    count: u8,
    /// Bytes of the first form; of a number, its digits.
    pub length: usize,
    pub kind: Kind,
    /// It stands in so many texts that it says nothing.
    pub common: bool,
    first_piece: usize,
    pieces: usize,
}

/// What a literal looks like; says how much it tells that it occurs somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Digits mixed with letters, an address, a URL, a path: hardly by chance.
    Identifier,
    Number,
    Date,
    Word,
}

/// A part of a literal that is made of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub word: u64,
    /// Hash of the word without its ending.
    pub stem: u64,
    pub length: usize,
}

/// The literals of one text, in order.
#[derive(Debug, Default)]
pub struct Reading {
    pub literals: Vec<Literal>,
    pieces: Vec<Piece>,
}

impl Literal {
    pub fn forms(&self) -> &[u64] {
        self.forms.get(..usize::from(self.count)).unwrap_or(&self.forms)
    }
}

impl Reading {
    /// The parts of a literal; none when it is of one piece.
    pub fn pieces(&self, literal: &Literal) -> &[Piece] {
        let end = literal.first_piece.saturating_add(literal.pieces);
        let found = self.pieces.get(literal.first_piece..end).unwrap_or(&[]);
        if found.len() > 1 { found } else { &[] }
    }

    /// What there is to remember of the text; `stems` too where tools may be named in it.
    pub fn each_hash(&self, stems: bool, keep: &mut dyn FnMut(u64)) {
        for literal in &self.literals {
            literal.forms().iter().for_each(|form| keep(*form));
            self.pieces(literal).iter().for_each(|piece| keep(piece.word));
        }
        if stems {
            self.pieces.iter().for_each(|piece| keep(piece.stem));
        }
    }
}

/// How much of a text matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Every word, with its stem.
    #[default]
    Words,
    /// Only what hardly stands there by chance: in prose, plain words say nothing.
    Tokens,
}

/// A value of more literals than this is prose.
const PROSE: usize = 4;

/// Whether a value is prose, where plain words say nothing.
pub fn is_prose(text: &str) -> bool {
    let mut rest = text;
    (0..=PROSE).all(|_| next_run(&mut rest).is_some())
}

/// Reads one text.
pub fn read(text: &str, salt: u64, depth: Depth) -> Reading {
    let mut scanner = Scanner::new(salt, depth);
    if depth == Depth::Words {
        scanner.reading.literals.reserve(text.len() / 8);
        scanner.reading.pieces.reserve(text.len() / 8);
    }
    let plain = plain(text);
    let mut rest = plain.as_ref();
    while let Some(run) = next_run(&mut rest) {
        scanner.take(run);
    }
    scanner.close_group();
    scanner.reading
}

/// The text in compatibility form and without characters that nobody sees: a model that copies a
/// literal drops them, and what it wrote must still be known.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let unseen = |c: &char| {
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    Cow::Owned(text.nfkc().filter(|c| !unseen(c)).collect())
}

/// The hash under which a word's stem is kept.
pub fn stem_hash(salt: u64, word: &str) -> u64 {
    hash::keyed(salt ^ STEM, stem(word).as_bytes())
}

/// A word without its ending, so that `staking`, `stakes` and `stake` agree.
pub fn stem(word: &str) -> &str {
    const ENDINGS: [&str; 14] =
        ["ations", "ation", "ments", "ment", "als", "al", "ings", "ing", "ers", "er", "ed", "es", "s", "e"];
    let last = word.as_bytes().last();
    if !last.is_some_and(|last| matches!(last, b's' | b'n' | b't' | b'l' | b'g' | b'r' | b'd' | b'e')) {
        return word;
    }
    ENDINGS
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|rest| rest.len() >= 3 && rest.is_ascii())
        .unwrap_or(word)
}

// Each notation has its own salt, so that the number 12 is not the word 12.
const NUMBER: u64 = 0x6e75_6d62_6572_0000;
const DATE: u64 = 0x6461_7465_0000_0000;
const HOST: u64 = 0x686f_7374_0000_0000;
const STEM: u64 = 0x7374_656d_0000_0000;

/// Nobody means a literal of this length; it is data, and its parts are not kept.
const LONGEST: usize = 256;
