//! Literals: the numbers, names, addresses and words of a text, as hashes of forms that survive
//! rewriting.
//!
//! A literal has more than one form, because a model that copies it may change its case, its
//! spacing or its notation: `1,000.00` is `1000`, `May 3rd` is the third day of the fifth month of
//! `2026-05-03`, `DE89 3704 …` is `de893704…`. Two literals are the same if they share a form. One
//! pass, linear in the text, and no form outlives it: what is kept is salted hashes.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

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
    let mut scanner = Scanner { salt, depth, ..Scanner::default() };
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

/// The next run between blanks and brackets, without marks at its ends.
fn next_run<'t>(rest: &mut &'t str) -> Option<&'t str> {
    loop {
        *rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '+'));
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        let end = rest.char_indices().find(|(at, c)| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => false,
            // A comma groups digits, a colon joins a scheme or a time; else both part.
            ',' => !(digit(at.checked_sub(1)) && digit(Some(at + 3)) && !digit(Some(at + 4))),
            ':' => bytes.get(at + 1) != Some(&b'/') && !(digit(at.checked_sub(1)) && digit(Some(at + 1))),
            '_' | '-' | '.' | '/' | '@' | '+' | '%' | '#' | '&' | '~' | '?' => false,
            _ => !c.is_alphanumeric(),
        });
        let end = end.map_or(rest.len(), |(at, _)| at);
        let run = rest.get(..end).unwrap_or(rest);
        *rest = rest.get(end..).unwrap_or("");
        let run = run.trim_end_matches(|c: char| !c.is_alphanumeric());
        let signed =
            run.strip_prefix(['-', '+']).is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
        let run = if signed { run } else { run.trim_start_matches(|c: char| !c.is_alphanumeric()) };
        if !run.is_empty() && run.len() <= LONGEST {
            return Some(run);
        }
    }
}

#[derive(Default)]
struct Scanner {
    salt: u64,
    depth: Depth,
    reading: Reading,
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
    fn take(&mut self, run: &str) {
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

    fn close_group(&mut self) {
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

/// The host of a URL.
fn host(lower: &str) -> Option<&str> {
    let rest = lower.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    host.contains('.').then_some(host)
}

/// `2026-05-03`, also with slashes or dots, and with a time behind it.
fn date(lower: &str) -> Option<(u32, u32, u32)> {
    let day_part = lower.split('t').next()?;
    let mut parts = day_part.split(['-', '/', '.']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let whole = |text: &str| (text.len() <= 4).then(|| text.parse::<u32>().ok()).flatten();
    let (a, b, c) = (whole(a)?, whole(b)?, whole(c)?);
    let valid = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    match (a, b, c) {
        (1900..=2200, month, day) if valid(month, day) => Some((a, month, day)),
        // With a number above twelve the order is certain; else the day comes first.
        (month, day, 1900..=2200) if day > 12 && valid(month, day) => Some((c, month, day)),
        (day, month, 1900..=2200) if valid(month, day) => Some((c, month, day)),
        _ => None,
    }
}

fn month_number(run: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let short = run.trim_end_matches('.');
    if !(3..=9).contains(&short.len()) || !short.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let named = |name: &&str| {
        name.eq_ignore_ascii_case(short)
            || (short.len() == 3 && name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(short)))
    };
    (1u32..).zip(&MONTHS).find(|(_, name)| named(name)).map(|(number, _)| number)
}

fn day_number(run: &str) -> Option<u32> {
    if !run.starts_with(|c: char| c.is_ascii_digit()) || run.len() > 4 {
        return None;
    }
    let digits = run.trim_end_matches(|c: char| c.is_alphabetic());
    let suffix = run.get(digits.len()..)?;
    let ordinal = ["", "st", "nd", "rd", "th"].iter().any(|known| known.eq_ignore_ascii_case(suffix));
    digits.parse().ok().filter(|day| ordinal && (1..=31).contains(day))
}

/// Numbers that stand everywhere.
const COMMON_NUMBERS: [&str; 3] = ["10", "12", "24"];

/// Words that describe and stand in any text, in order. Verbs that choose what is done are not
/// among them: a `withdraw` that became a `deposit` is just what must not pass.
const COMMON_WORDS: [&str; 62] = [
    "about",
    "account",
    "action",
    "active",
    "address",
    "after",
    "agent",
    "also",
    "amount",
    "asset",
    "back",
    "balance",
    "before",
    "card",
    "cash",
    "code",
    "current",
    "data",
    "date",
    "default",
    "description",
    "direction",
    "email",
    "false",
    "file",
    "first",
    "from",
    "full",
    "function",
    "have",
    "high",
    "into",
    "item",
    "last",
    "long",
    "mail",
    "main",
    "market",
    "memory",
    "message",
    "month",
    "name",
    "next",
    "none",
    "normal",
    "null",
    "open",
    "page",
    "price",
    "result",
    "same",
    "short",
    "standard",
    "status",
    "summary",
    "system",
    "task",
    "text",
    "time",
    "title",
    "true",
    "value",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn share_a_form(a: &str, b: &str) -> bool {
        let forms = |text: &str| {
            read(text, 3, Depth::Words).literals.iter().flat_map(|l| l.forms().to_vec()).collect::<Vec<_>>()
        };
        let other = forms(b);
        forms(a).iter().any(|form| other.contains(form))
    }

    #[test]
    fn one_literal_in_two_notations_is_the_same() {
        for (a, b) in [
            ("1,000.00", "1000"),
            ("$250.50", "250.5"),
            ("+12%", "12"),
            ("007", "7"),
            ("May 20th", "2026-05-20"),
            ("20 May", "2026-05-20"),
            ("3/15/2026", "2026-03-15"),
            ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
            ("4111 1111 1111 1111", "4111111111111111"),
            ("ACC_77-X9", "acc77x9"),
            ("Mail Bob@Example.COM, please.", "bob@example.com"),
            ("0xABCD12", "0xabcd12"),
            ("ac\u{200b}ct-\u{2060}77x", "acct-77x"),
            ("ＡＣＣＴ７７", "acct77"),
            ("see https://Sink.example/a?b=1", "https://sink.example/other"),
        ] {
            assert!(share_a_form(a, b), "{a} | {b}");
        }
    }

    #[test]
    fn different_literals_stay_different() {
        for (a, b) in [
            ("1000", "10000"),
            ("1.000", "1000"),
            ("acct12", "acct123"),
            ("May 20th", "2026-05-21"),
            ("bob@example.com", "bob@example.org"),
            ("redundant", "dan"),
            ("-5", "5"),
        ] {
            assert!(!share_a_form(a, b), "{a} | {b}");
        }
    }

    #[test]
    fn pieces_follow_marks_and_humps() {
        let lengths = |text: &str| {
            let reading = read(text, 0, Depth::Words);
            reading.pieces(&reading.literals[0]).iter().map(|piece| piece.length).collect::<Vec<_>>()
        };
        assert_eq!(lengths("exchangeFiat"), [8, 4]);
        assert_eq!(lengths("ann.lee@x-ray.example"), [3, 3, 3, 7], "single letters are no pieces");
        assert_eq!(lengths("word"), [0usize; 0]);
    }

    #[test]
    fn prose_is_read_for_its_tokens_only() {
        let text = "please wire the sum to acct-4471 by noon";
        assert!(is_prose(text) && !is_prose("acct-4471 by noon"));
        assert_eq!(read(text, 0, Depth::Tokens).literals.len(), 1);
        assert_eq!(read(text, 0, Depth::Words).literals.len(), 8);
    }

    #[test]
    fn stems_agree() {
        for (a, b) in [("staking", "stake"), ("transfers", "transfer"), ("refunds", "refund")] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_eq!(stem("bus"), "bus");
    }

    #[test]
    fn common_words_are_in_order_so_that_they_are_found() {
        assert!(COMMON_WORDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn long_and_odd_text_is_read_in_bounds() {
        for text in ["(".repeat(65_536), "a@".repeat(32_768), "1,".repeat(32_768), "--".repeat(32_768)] {
            assert!(read(&text, 0, Depth::Words).literals.len() <= text.len());
        }
        assert!(read("", 0, Depth::Words).literals.is_empty());
    }
}
