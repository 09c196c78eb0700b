//! Normalising: one form for everything that reads alike.
//!
//! In this order: tag block to ASCII, compatibility forms, invisible characters out, look-alikes
//! to Latin, combining marks off, lower case, runs of blanks to one. Pure ASCII needs the last
//! two only.

use std::borrow::Cow;

use unicode_normalization::char::decompose_compatible;

use super::mapped::Mapped;
use super::oddity::{Oddity, OddityKind, note};
use super::traits::Traits;
use super::twins::{
    Likeness, digit, has_kin_only, is_basic, is_basic_capital, is_bidi, is_general_mark, is_hidden_blank,
    is_invisible, is_plain_script, is_variation, punctuation, twin,
};

/// What folding is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Case and blanks are folded too: what detectors of wording read.
    Words,
    /// Case and blanks stay: what exact patterns and decoders read.
    Shape,
}

/// A normalised text, with what was odd about the original.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    pub made: Mapped,
    pub oddities: Vec<Oddity>,
    /// More than accents and case changed: the text was not what it looked like.
    pub disguised: bool,
}

/// Marks on one letter from which on no language is meant. Vietnamese has two, Hebrew three.
const MARKS_OF_A_LANGUAGE: u32 = 3;
/// Variation selectors in a row from which on they carry something else.
const VARIATIONS_IN_A_ROW: u32 = 3;
/// Words of a script with letters of its own, from which on the text is taken to be written in it.
const WORDS_OF_A_SCRIPT: u32 = 3;

/// The normal form of a text, borrowed where nothing changes.
pub(super) fn normal<'a>(
    text: &'a str,
    traits: &Traits,
) -> (Cow<'a, str>, super::mapped::Offsets, Vec<Oddity>, bool) {
    if !traits.ascii || traits.controls > 0 {
        let folded = fold(text, Keep::Words, traits);
        return (Cow::Owned(folded.made.text), folded.made.offsets, folded.oddities, folded.disguised);
    }
    let made = ascii(text, traits);
    match made {
        None => (Cow::Borrowed(text), Default::default(), Vec::new(), false),
        Some(made) => (Cow::Owned(made.text), made.offsets, Vec::new(), false),
    }
}

/// The text with its disguises off, case and blanks kept.
pub(super) fn undisguised(text: &str) -> Mapped {
    fold(text, Keep::Shape, &Traits::default()).made
}

fn ascii(text: &str, traits: &Traits) -> Option<Mapped> {
    let bytes = text.as_bytes();
    let at_end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_whitespace);
    if traits.blank_pairs > 0 || at_end(bytes.first()) || at_end(bytes.last()) {
        let mut made = Mapped::with_capacity(text.len());
        Blanks::at_start(traits).words(&mut made, text, 0);
        return Some(finish(made));
    }
    if traits.upper == 0 && traits.breaks == 0 {
        return None;
    }
    // Same length throughout: every byte stands where it stood, and no way back is needed.
    let mut lower = text.to_ascii_lowercase();
    if traits.breaks > 0 {
        lower = lower.replace(|c| c < ' ', " ");
    }
    Some(Mapped { text: lower, offsets: Default::default() })
}

/// Lower case for what ASCII there is, and no blank at the end.
fn finish(mut made: Mapped) -> Mapped {
    made.text.make_ascii_lowercase();
    if made.text.ends_with(' ') {
        made.text.pop();
    }
    made
}

/// Collapses blanks across calls.
struct Blanks {
    after_blank: bool,
    /// The text has single blanks only, so that runs need no looking into.
    single: bool,
}

impl Blanks {
    fn at_start(traits: &Traits) -> Self {
        Blanks {
            after_blank: true,
            single: traits.blank_pairs == 0 && traits.breaks == 0 && traits.controls == 0,
        }
    }

    fn words(&mut self, made: &mut Mapped, run: &str, at: usize) {
        if self.single {
            let kept = if self.after_blank { run.strip_prefix(' ').unwrap_or(run) } else { run };
            made.put(kept, at + run.len() - kept.len()..at + run.len());
            if !kept.is_empty() {
                self.after_blank = kept.ends_with(' ');
            }
            return;
        }
        let bytes = run.as_bytes();
        let mut from = 0;
        while from < bytes.len() {
            // Up to the next blank that is not a single space: behind another, or of another kind.
            let mut before = self.after_blank;
            let length = bytes
                .get(from..)
                .unwrap_or_default()
                .iter()
                .take_while(|b| {
                    let blank = matches!(b, b' ' | 9..=13);
                    let stays = !blank || (**b == b' ' && !before);
                    before = blank;
                    stays
                })
                .count();
            if length > 0 {
                let kept = run.get(from..from + length).unwrap_or_default();
                made.put(kept, at + from..at + from + length);
                self.after_blank = kept.ends_with(' ');
            }
            from += length;
            if from < bytes.len() {
                self.blank(made, at + from..at + from + 1);
                from += 1;
            }
        }
    }

    fn blank(&mut self, made: &mut Mapped, source: std::ops::Range<usize>) {
        if !self.after_blank {
            made.put(" ", source);
            self.after_blank = true;
        }
    }
}

fn fold(text: &str, keep: Keep, traits: &Traits) -> Folded {
    let mut folded = Folded { made: Mapped::with_capacity(text.len()), ..Folded::default() };
    let mut fold = Fold {
        text,
        keep,
        blanks: Blanks::at_start(traits),
        word: Word::none(),
        speaks: None,
        marks: 0,
        variations: 0,
        flag: false,
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let plain = rest
            .iter()
            .take_while(|b| b.is_ascii() && (**b >= b' ' || matches!(**b, 9..=13)) && **b != 0x7F)
            .count();
        if plain > 0 {
            fold.plain(&mut folded, at..at + plain);
            at += plain;
            continue;
        }
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        at += fold.letters(&mut folded, c, at).unwrap_or_else(|| {
            fold.character(&mut folded, c, at);
            c.len_utf8()
        });
    }
    if keep == Keep::Words {
        folded.made = finish(folded.made);
    }
    folded
}

/// What is known while going through a text.
struct Fold<'a> {
    text: &'a str,
    keep: Keep,
    blanks: Blanks,
    word: Word,
    /// Whether the text is written in a script whose letters may look Latin; found out once.
    speaks: Option<bool>,
    marks: u32,
    variations: u32,
    /// Inside the tag sequence of a flag emoji.
    flag: bool,
}

impl Fold<'_> {
    fn plain(&mut self, folded: &mut Folded, range: std::ops::Range<usize>) {
        (self.marks, self.variations, self.flag) = (0, 0, false);
        let run = self.text.get(range.clone()).unwrap_or_default();
        match self.keep {
            Keep::Words => self.blanks.words(&mut folded.made, run, range.start),
            Keep::Shape => folded.made.put(run, range),
        }
    }

    /// The rest of a word in basic Greek or Cyrillic letters, at once; how many bytes that took.
    fn letters(&mut self, folded: &mut Folded, c: char, at: usize) -> Option<usize> {
        if !is_basic(c) || self.reads_as_latin(folded, &(at..at + c.len_utf8())) {
            return None;
        }
        (self.marks, self.variations, self.flag, self.blanks.after_blank) = (0, 0, false, false);
        let word = self.text.get(at..self.word.end)?;
        let run = word.get(..word.find(|c| !is_basic(c)).unwrap_or(word.len()))?;
        if self.keep == Keep::Shape || !run.chars().any(is_basic_capital) {
            folded.made.put(run, at..at + run.len());
        } else {
            // In both blocks the small letters follow the capitals at the same distance.
            let small = |c: char| {
                if is_basic_capital(c) { char::from_u32(u32::from(c) + 32).unwrap_or(c) } else { c }
            };
            let run: String = run.chars().map(small).collect();
            folded.made.put(&run, at..at + run.len());
        }
        Some(run.len())
    }

    fn character(&mut self, folded: &mut Folded, c: char, at: usize) {
        let source = at..at + c.len_utf8();
        if is_general_mark(c) {
            self.marks += 1;
            if self.marks > MARKS_OF_A_LANGUAGE {
                self.odd(folded, OddityKind::StackedMarks, source);
            }
            return;
        }
        self.marks = 0;
        if is_invisible(c) || c.is_ascii_control() {
            return self.hidden(folded, c, source);
        }
        self.variations = 0;
        self.flag = c == '\u{1F3F4}';
        if c.is_whitespace() || is_hidden_blank(c) {
            return match self.keep {
                Keep::Words => self.blanks.blank(&mut folded.made, source),
                Keep::Shape => folded
                    .made
                    .put(if matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') { "\n" } else { " " }, source),
            };
        }
        self.blanks.after_blank = false;
        if is_plain_script(c) {
            return folded.made.put_char(c, source);
        }
        if let Some(plain) = punctuation(c) {
            return folded.made.put(plain, source);
        }
        if let Some(plain) = digit(c) {
            return folded.made.put_char(plain, source);
        }
        self.letter(folded, c, source);
    }

    /// Characters that show nothing are left out; those of the tag block are read.
    fn hidden(&mut self, folded: &mut Folded, c: char, source: std::ops::Range<usize>) {
        let code = u32::from(c);
        if let 0xE0020..=0xE007E = code {
            if self.flag {
                return;
            }
            self.odd(folded, OddityKind::TagCharacters, source.clone());
            let plain = u8::try_from(code - 0xE0000).map(char::from).unwrap_or(' ');
            if plain == ' ' && self.keep == Keep::Words {
                return self.blanks.blank(&mut folded.made, source);
            }
            self.blanks.after_blank = false;
            return folded.made.put_char(plain, source);
        }
        if is_variation(c) {
            self.variations += 1;
            if self.variations >= VARIATIONS_IN_A_ROW {
                self.odd(folded, OddityKind::VariationRun, source);
            }
            return;
        }
        if is_bidi(c) {
            self.odd(folded, OddityKind::BidiControl, source);
        } else if c.is_ascii_control() {
            self.odd(folded, OddityKind::Control, source);
        } else if self.between_letters(&source) {
            self.odd(folded, OddityKind::Invisible, source);
        }
    }

    /// Emoji and some scripts join with invisible characters; Latin words never do.
    fn between_letters(&self, source: &std::ops::Range<usize>) -> bool {
        let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || is_invisible(c));
        latin(self.text.get(..source.start).and_then(|before| before.chars().next_back()))
            && latin(self.text.get(source.end..).and_then(|after| after.chars().next()))
    }

    fn odd(&mut self, folded: &mut Folded, kind: OddityKind, span: std::ops::Range<usize>) {
        note(&mut folded.oddities, kind, span);
        // A single letter form may be a sign of its own, such as the one for information.
        folded.disguised |= kind != OddityKind::LetterForms
            || folded.oddities.iter().any(|oddity| oddity.kind == kind && oddity.count > 1);
    }

    fn letter(&mut self, folded: &mut Folded, c: char, source: std::ops::Range<usize>) {
        // Latin letters need no look at their word, and every other letter has it looked at, so
        // that the first one of a word finds all of it.
        let latin = u32::from(c) >= 0x370 && self.reads_as_latin(folded, &source);
        let likely = if latin || !has_kin_only(c) { twin(c) } else { None };
        match likely {
            Some((plain, Likeness::Form)) => {
                // Flags are pairs of letters, and Latin has letters of its own beyond ASCII.
                if u32::from(c) >= 0x250 && !matches!(c, '\u{1F1E6}'..='\u{1F1FF}') {
                    self.odd(folded, OddityKind::LetterForms, source.clone());
                }
                return folded.made.put_char(plain, source);
            }
            Some((plain, _)) if latin => return folded.made.put_char(plain, source),
            _ => {}
        }
        self.compatible(folded, c, source);
    }

    /// The compatibility form, without marks where they are laid over another letter.
    fn compatible(&mut self, folded: &mut Folded, c: char, source: std::ops::Range<usize>) {
        let mut parts = [None; 8];
        let (mut count, mut whole) = (0, true);
        decompose_compatible(c, |part| {
            if is_general_mark(part) {
                return;
            }
            whole &= !unicode_normalization::char::is_combining_mark(part);
            if let Some(slot) = parts.get_mut(count) {
                *slot = Some(part);
            }
            count += 1;
        });
        // A mark that belongs to the letter's own script, or a ligature of a whole phrase: taking
        // it apart would not make it plainer.
        if !whole || count == 0 || count > parts.len() {
            return self.put_folded(folded, c, source);
        }
        for part in parts.into_iter().flatten() {
            if part.is_ascii()
                && (part.is_ascii_alphabetic()
                    || matches!(part, '<' | '>' | '\'' | '"' | '/' | '\\' | '%' | ';' | '=' | '$' | '{'))
                && u32::from(c) >= 0x2100
                && !matches!(c, '\u{2116}' | '\u{2122}' | '\u{2120}' | '\u{3380}'..='\u{33FF}' | '\u{FB00}'..='\u{FB06}' | '\u{2100}'..='\u{2109}')
            {
                self.odd(folded, OddityKind::LetterForms, source.clone());
            }
            match twin(part) {
                Some((plain, Likeness::Form)) => folded.made.put_char(plain, source.clone()),
                _ => self.put_folded(folded, digit(part).unwrap_or(part), source.clone()),
            }
        }
    }

    fn put_folded(&self, folded: &mut Folded, c: char, source: std::ops::Range<usize>) {
        match self.keep {
            Keep::Words if !has_kin_only(c) && c.is_uppercase() => {
                for lower in c.to_lowercase().filter(|lower| !is_general_mark(*lower)) {
                    folded.made.put_char(lower, source.clone());
                }
            }
            Keep::Words | Keep::Shape => folded.made.put_char(c, source),
        }
    }

    /// Whether look-alikes of the word around here stand for Latin letters: they do among Latin
    /// letters, and in a word made of nothing else unless the text is written in their script.
    fn reads_as_latin(&mut self, folded: &mut Folded, source: &std::ops::Range<usize>) -> bool {
        if source.start >= self.word.end {
            self.word = Word::around(self.text, source.start);
            let latin = match self.word.kind {
                WordKind::Mixed => true,
                WordKind::Native => false,
                WordKind::Twins => {
                    let text = self.text;
                    !*self.speaks.get_or_insert_with(|| speaks_other_script(text))
                }
            };
            self.word.latin = latin;
            // A letter alone may stand for itself: a variable, an initial.
            let long = self.word.end - self.word.start > 4;
            if latin && self.word.twins && (long || self.word.kind == WordKind::Mixed) {
                folded.disguised = true;
                note(&mut folded.oddities, OddityKind::Confusable, self.word.start..self.word.end);
            }
        }
        self.word.latin
    }
}

/// What the letters of a word have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WordKind {
    /// Latin letters beside others.
    Mixed,
    /// Look-alikes of Latin letters only.
    Twins,
    /// Letters that look like no Latin one.
    Native,
}

/// A word with a letter that looks Latin.
struct Word {
    start: usize,
    end: usize,
    kind: WordKind,
    /// Holds letters that cannot be told from Latin ones.
    twins: bool,
    latin: bool,
}

impl Word {
    const fn none() -> Self {
        Word { start: 0, end: 0, kind: WordKind::Native, twins: false, latin: false }
    }

    /// The word that the letter at `at` belongs to. Earlier letters beyond ASCII are not looked
    /// for: the first of them already asked for this word.
    fn around(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or_default();
        let start = before.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (mut latin, mut native, mut twins) = (start < at, false, false);
        let mut end = at;
        for c in text.get(at..).unwrap_or_default().chars() {
            if c.is_ascii() {
                if !c.is_ascii_alphanumeric() {
                    break;
                }
                latin |= c.is_ascii_alphabetic();
            } else if has_kin_only(c) && c.is_alphabetic() {
                native = true;
            } else if is_basic(c) || (c.is_alphabetic() && !is_plain_script(c)) {
                match twin(c) {
                    Some((_, Likeness::Form)) => latin = true,
                    Some((_, Likeness::Twin)) => twins = true,
                    Some((_, Likeness::Kin)) => native = true,
                    None => {
                        let mut plain = false;
                        decompose_compatible(c, |part| plain |= part.is_ascii_alphabetic());
                        latin |= plain;
                        native |= !plain;
                    }
                }
            } else if !is_general_mark(c) && !is_invisible(c) {
                break;
            }
            end += c.len_utf8();
        }
        let kind = match (latin, native) {
            (true, _) => WordKind::Mixed,
            (false, true) => WordKind::Native,
            (false, false) => WordKind::Twins,
        };
        Word { start, end, kind, twins, latin: false }
    }
}

/// Whether words with letters of another script outnumber those that might be Latin in disguise.
fn speaks_other_script(text: &str) -> bool {
    let (mut native, mut doubtful) = (0u32, 0u32);
    let mut end = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_ascii()) {
        if at < end || is_plain_script(c) || !(is_basic(c) || c.is_alphabetic()) {
            continue;
        }
        let word = Word::around(text, at);
        end = word.end;
        match word.kind {
            WordKind::Native => native += 1,
            WordKind::Twins => doubtful += 1,
            WordKind::Mixed => {}
        }
    }
    native >= WORDS_OF_A_SCRIPT && native >= doubtful
}
