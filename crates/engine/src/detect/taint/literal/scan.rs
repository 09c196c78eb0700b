//! One pass over a text: runs of characters become literals.

use super::common::{COMMON_NUMBERS, COMMON_WORDS};
use super::dates::{date, day_number, month_number};
use super::{DATE, Depth, HOST, Kind, LONGEST, Literal, NUMBER, Piece, Reading, stem_hash};
use crate::facts::hash;

/// The next run between blanks and brackets, without marks at its ends.
pub(super) fn next_run<'t>(rest: &mut &'t str) -> Option<&'t str> {
    loop {
        let text = rest.get(first_of_run(rest)..).unwrap_or("");
        if text.is_empty() {
            *rest = text;
            return None;
        }
        let (run, behind) = text.split_at_checked(end_of_run(text)).unwrap_or((text, ""));
        *rest = behind;
        let run = run.trim_end_matches(|c: char| !c.is_alphanumeric());
        let signed =
            run.strip_prefix(['-', '+']).is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
        let run = if signed { run } else { run.trim_start_matches(|c: char| !c.is_alphanumeric()) };
        if !run.is_empty() && run.len() <= LONGEST {
            return Some(run);
        }
    }
}

/// What a byte is to a run. Nearly all of a text is ASCII and is told by its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Letter,
    /// Joins letters, or stands at an end and is dropped.
    Mark,
    /// A comma groups digits, a colon joins a scheme or a time; else both part.
    Comma,
    Colon,
    Between,
    /// Of a character that is not ASCII.
    Wide,
}

static PARTS: [Part; 256] = parts();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, where a wrong index fails the build")]
const fn parts() -> [Part; 256] {
    let mut parts = [Part::Between; 256];
    let mut byte = 0;
    while byte < parts.len() {
        parts[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Part::Letter,
            b'_' | b'-' | b'.' | b'/' | b'@' | b'+' | b'%' | b'#' | b'&' | b'~' | b'?' => Part::Mark,
            b',' => Part::Comma,
            b':' => Part::Colon,
            0x80.. => Part::Wide,
            _ => Part::Between,
        };
        byte += 1;
    }
    parts
}

fn part(byte: u8) -> Part {
    PARTS.get(usize::from(byte)).copied().unwrap_or(Part::Between)
}

/// The character at `at`, which is not ASCII, if it is a letter or a digit somewhere.
fn wide_letter(text: &str, at: usize) -> (bool, usize) {
    let wide = text.get(at..).and_then(|rest| rest.chars().next());
    wide.map_or((false, 1), |c| (c.is_alphanumeric(), c.len_utf8()))
}

/// Where the first character stands that a run can begin with.
fn first_of_run(text: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match part(*byte) {
            Part::Letter => break,
            Part::Mark if matches!(byte, b'-' | b'+') => break,
            Part::Mark | Part::Comma | Part::Colon | Part::Between => at += 1,
            Part::Wide => match wide_letter(text, at) {
                (true, _) => break,
                (false, size) => at += size,
            },
        }
    }
    at
}

/// Where the run at the beginning of a text ends.
fn end_of_run(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let before = at.checked_sub(1);
        let goes_on = match part(*byte) {
            Part::Letter | Part::Mark => true,
            Part::Comma => digit(before) && digit(Some(at + 3)) && !digit(Some(at + 4)),
            Part::Colon => bytes.get(at + 1) == Some(&b'/') || (digit(before) && digit(Some(at + 1))),
            Part::Between => false,
            Part::Wide => {
                let (letter, size) = wide_letter(text, at);
                at += if letter { size - 1 } else { 0 };
                letter
            }
        };
        if !goes_on {
            break;
        }
        at += 1;
    }
    at
}

#[derive(Default)]
pub(super) struct Scanner {
    salt: u64,
    depth: Depth,
    pub(super) reading: Reading,
    lower: String,
    joined: String,
    /// Where the pieces of `joined` begin.
    cuts: Vec<usize>,
    /// The run before was a month, or could be a day.
    month: Option<u32>,
    day: Option<u32>,
    /// Groups of digits and codes in a row, joined.
    group: String,
    groups: usize,
}

impl Scanner {
    pub(super) fn new(salt: u64, depth: Depth) -> Self {
        Scanner { salt, depth, ..Scanner::default() }
    }

    pub(super) fn take(&mut self, run: &str) {
        if is_plain_word(run) {
            return self.plain_word(run);
        }
        self.named_date(run);
        self.in_group(run);
        self.lower.clear();
        if run.is_ascii() {
            self.lower.push_str(run);
            self.lower.make_ascii_lowercase();
        } else {
            self.lower.extend(run.chars().flat_map(char::to_lowercase));
        }
        if run.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
            if self.number() {
                return;
            }
            if let Some((year, month, day)) = date(&self.lower) {
                let full = hash::keyed(self.salt ^ DATE, format!("{year}-{month}-{day}").as_bytes());
                let short = self.day_of_year(month, day);
                return self.push([full, short], 2, 10, Kind::Date, false);
            }
        }
        self.word(run);
    }

    /// What most of a prose is, without looking for what it cannot be.
    fn plain_word(&mut self, run: &str) {
        self.month = month_number(run);
        if let (Some(month), Some(day)) = (self.month, self.day.take()) {
            let form = self.day_of_year(month, day);
            self.push([form, 0], 1, 5, Kind::Date, false);
        }
        self.close_group();
        if self.depth == Depth::Tokens {
            return;
        }
        self.joined.clear();
        self.joined.push_str(run);
        self.joined.make_ascii_lowercase();
        let common = COMMON_WORDS.binary_search(&self.joined.as_str()).is_ok();
        let whole = hash::keyed(self.salt, self.joined.as_bytes());
        self.push([whole, 0], 1, self.joined.len(), Kind::Word, common);
        // The word is its own only piece, which a letter by itself does not have.
        if self.joined.len() > 1
            && let Some(literal) = self.reading.literals.last_mut()
        {
            (literal.first_piece, literal.pieces) = (self.reading.pieces.len(), 1);
            let stem = stem_hash(self.salt, &self.joined);
            self.reading.pieces.push(Piece { word: whole, stem, length: self.joined.len() });
        }
    }

    /// `May 20th` and `20 May`: month and day are one date without a year.
    fn named_date(&mut self, run: &str) {
        let (month, day) = (month_number(run), day_number(run));
        let named = match (self.month, day, self.day, month) {
            (Some(month), Some(day), ..) | (.., Some(day), Some(month)) => Some((month, day)),
            _ => None,
        };
        if let Some((month, day)) = named {
            let form = self.day_of_year(month, day);
            self.push([form, 0], 1, 5, Kind::Date, false);
        }
        self.month = month;
        self.day = day;
    }

    fn day_of_year(&self, month: u32, day: u32) -> u64 {
        hash::keyed(self.salt ^ DATE, &[month.to_be_bytes(), day.to_be_bytes()].concat())
    }

    /// A number in one notation: no grouping, no trailing zeros, no plus, no percent sign.
    fn number(&mut self) -> bool {
        let body = self.lower.trim_start_matches('+').trim_end_matches('%');
        if body.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'.' | b',' | b'-')) {
            return false;
        }
        let (negative, body) = match body.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, body),
        };
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        if whole.is_empty() || whole.contains('-') || fraction.bytes().any(|b| !b.is_ascii_digit()) {
            return false;
        }
        self.joined.clear();
        if negative {
            self.joined.push('-');
        }
        let digits = whole.trim_start_matches(['0', ',']).chars().filter(char::is_ascii_digit);
        let before = self.joined.len();
        self.joined.extend(digits);
        if self.joined.len() == before {
            self.joined.push('0');
        }
        let fraction = fraction.trim_end_matches('0');
        if !fraction.is_empty() {
            self.joined.push('.');
            self.joined.push_str(fraction);
        }
        let digits = self.joined.trim_start_matches('-');
        let (length, common) = (digits.len(), COMMON_NUMBERS.contains(&digits));
        let form = hash::keyed(self.salt ^ NUMBER, self.joined.as_bytes());
        self.push([form, 0], 1, length, Kind::Number, common);
        true
    }

    fn word(&mut self, run: &str) {
        self.joined.clear();
        self.cuts.clear();
        self.cuts.push(0);
        let (mut digits, mut letters, mut hump) = (false, false, false);
        let mut was_lower = false;
        for c in run.chars() {
            let rises = was_lower && c.is_uppercase();
            if rises || !c.is_alphanumeric() {
                hump |= rises && letters;
                self.cuts.push(self.joined.len());
            }
            was_lower = c.is_lowercase() || c.is_ascii_digit();
            if c.is_ascii_alphanumeric() {
                digits |= c.is_ascii_digit();
                letters |= c.is_ascii_alphabetic();
                self.joined.push(c.to_ascii_lowercase());
            } else if c.is_alphanumeric() {
                letters = true;
                self.joined.extend(c.to_lowercase());
            }
        }

        let marked = self.lower.bytes().any(|b| matches!(b, b'@' | b'/' | b'_' | b'.'));
        let kind = if (digits && letters) || marked || hump { Kind::Identifier } else { Kind::Word };
        if kind == Kind::Word && self.depth == Depth::Tokens {
            return;
        }
        let common = kind == Kind::Word && COMMON_WORDS.binary_search(&self.joined.as_str()).is_ok();
        let whole = hash::keyed(self.salt, self.joined.as_bytes());
        let host = if marked { host(&self.lower) } else { None };
        let host = host.map(|host| hash::keyed(self.salt ^ HOST, host.as_bytes()));
        let count = if host.is_some() { 2 } else { 1 };
        self.push([whole, host.unwrap_or(0)], count, self.joined.len(), kind, common);
        self.pieces(whole);
    }

    /// The pieces of the present run. A single piece is the whole, and kept only for its stem.
    fn pieces(&mut self, whole: u64) {
        let first_piece = self.reading.pieces.len();
        let stems = self.depth == Depth::Words;
        let ends = self.cuts.iter().skip(1).copied().chain([self.joined.len()]);
        for (start, end) in self.cuts.iter().copied().zip(ends) {
            let Some(word) = self.joined.get(start..end).filter(|word| word.len() > 1) else { continue };
            let single = word.len() == self.joined.len();
            if single && !stems {
                return;
            }
            let hashed = if single { whole } else { hash::keyed(self.salt, word.as_bytes()) };
            let stem = if stems { stem_hash(self.salt, word) } else { hashed };
            self.reading.pieces.push(Piece { word: hashed, stem, length: word.len() });
        }
        let pieces = self.reading.pieces.len() - first_piece;
        if let Some(literal) = self.reading.literals.last_mut() {
            literal.first_piece = first_piece;
            literal.pieces = pieces;
        }
    }

    /// Digits and codes written in groups: `DE89 3704 0044`, `4111 1111 …`, `+49 30 1234`. The
    /// joined groups are a literal of their own.
    fn in_group(&mut self, run: &str) {
        let fits = (2..=5).contains(&run.len())
            && run.bytes().all(|b| b.is_ascii_alphanumeric())
            && run.bytes().any(|b| b.is_ascii_digit());
        if fits && self.group.len() < LONGEST {
            self.group.push_str(run);
            self.groups += 1;
        } else {
            self.close_group();
        }
    }

    pub(super) fn close_group(&mut self) {
        if self.groups >= 3 && self.group.len() >= 9 {
            self.group.make_ascii_lowercase();
            let whole = hash::keyed(self.salt, self.group.as_bytes());
            // A group of digits alone is also the number that it is when written together.
            let number = hash::keyed(self.salt ^ NUMBER, self.group.trim_start_matches('0').as_bytes());
            let digits = self.group.bytes().all(|b| b.is_ascii_digit());
            let length = self.group.len();
            self.push([whole, number], if digits { 2 } else { 1 }, length, Kind::Identifier, false);
        }
        self.group.clear();
        self.groups = 0;
    }

    fn push(&mut self, forms: [u64; 2], count: u8, length: usize, kind: Kind, common: bool) {
        self.reading.literals.push(Literal { forms, count, length, kind, common, first_piece: 0, pieces: 0 });
    }
}

/// Small letters of English, the first perhaps a capital.
fn is_plain_word(run: &str) -> bool {
    let mut bytes = run.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic()) && bytes.all(|b| b.is_ascii_lowercase())
}

/// The host of a URL.
fn host(lower: &str) -> Option<&str> {
    let rest = lower.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    host.contains('.').then_some(host)
}
