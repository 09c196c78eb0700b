//! Words taken apart, run together, stretched or thinned out.

use std::ops::Range;
use std::sync::OnceLock;

use super::super::mapped::Mapped;
use super::super::words::{COMMON, LONGEST, Reads, is_known, segment, words};
use super::Source;
use super::letters::better;

/// Single letters in a row that make a spelled word.
const LEAST_SPELLED: usize = 4;
/// Most bytes between two letters of one word.
const MOST_GAP: usize = 12;

/// Letters and digits in a row.
struct Token {
    span: Range<usize>,
    single: bool,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        let end = at + c.len_utf8();
        match tokens.last_mut() {
            Some(last) if last.span.end == at => {
                last.span.end = end;
                last.single = false;
            }
            _ => tokens.push(Token { span: at..end, single: true }),
        }
    }
    tokens
}

/// `i g n o r e`, `i.g.n.o.r.e`, `i🔥g🔥n🔥o🔥r🔥e`: letters apart by whatever.
pub(super) fn spaced(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let tokens = tokens(text);
    let mut made = Mapped::with_capacity(text.len());
    let (mut copied, mut joined, mut uniform) = (0, 0, true);
    let gap = |a: &Token, b: &Token| text.get(a.span.end..b.span.start).unwrap_or_default();
    let mut rest = tokens.as_slice();
    while let Some(first) = rest.iter().position(|token| token.single) {
        rest = rest.get(first..).unwrap_or_default();
        let follows = |pair: &&[Token]| matches!(pair, [a, b] if b.single && gap(a, b).len() <= MOST_GAP);
        let length = 1 + rest.windows(2).take_while(follows).count();
        let (run, after) = rest.split_at_checked(length)?;
        rest = after;
        let (Some(start), Some(end)) = (run.first(), run.last()) else { break };
        if length < LEAST_SPELLED {
            continue;
        }
        let gaps =
            || run.windows(2).filter_map(|pair| if let [a, b] = pair { Some(gap(a, b)) } else { None });
        // Between words the gap is wider, or the only one with a blank in it.
        let blank = |gap: &str| gap.chars().any(char::is_whitespace);
        let mostly_blank = gaps().filter(|gap| blank(gap)).count() * 2 > length - 1;
        let shortest = gaps().map(|gap| gap.chars().count()).min().unwrap_or(1);
        let between_words =
            |gap: &str| if mostly_blank { gap.chars().count() > shortest } else { blank(gap) };
        made.put(text.get(copied..start.span.start)?, copied..start.span.start);
        for (index, token) in run.iter().enumerate() {
            if let Some(before) = index.checked_sub(1).and_then(|index| run.get(index))
                && between_words(gap(before, token))
            {
                uniform = false;
                made.put(" ", before.span.end..token.span.start);
            }
            made.put(text.get(token.span.clone())?, token.span.clone());
        }
        joined += length;
        copied = end.span.end;
    }
    if joined == 0 {
        return None;
    }
    made.put(text.get(copied..)?, copied..text.len());
    let most = joined * 5 >= tokens.len() * 3 && joined >= 8;
    if most
        && uniform
        && let Some(words) = resegmented(&made)
    {
        return Some(words);
    }
    if most {
        return Some(made);
    }
    let gain = Reads::of(&made.text).known > source.reads().known;
    (gain && joined >= LEAST_SPELLED).then_some(made)
}

/// A text whose words lost the blanks between them, with blanks where common words meet.
fn resegmented(from: &Mapped) -> Option<Mapped> {
    let text = from.text.get(..from.text.len().min(MOST_RESEGMENTED)).unwrap_or(&from.text);
    let long = words(text).filter(|(_, word)| word.len() >= LEAST_UNSPACED);
    let cuts: Vec<(usize, Vec<usize>)> = long.filter_map(|(at, word)| Some((at, segment(word)?))).collect();
    if cuts.is_empty() {
        return None;
    }
    let mut made = Mapped::with_capacity(from.text.len() * 2);
    let mut copied = 0;
    for cut in cuts.iter().flat_map(|(at, cuts)| cuts.iter().map(move |cut| at + cut)) {
        copy(&mut made, from, copied..cut);
        made.put(" ", from.offsets.span(cut..cut));
        copied = cut;
    }
    copy(&mut made, from, copied..from.text.len());
    Some(made)
}

/// Bytes of a text in which words run together are looked for.
const MOST_RESEGMENTED: usize = 8 * 1024;

/// Copies a range of a derived text, character by character where it has pieces.
fn copy(made: &mut Mapped, from: &Mapped, range: Range<usize>) {
    let text = from.text.get(range.clone()).unwrap_or_default();
    for (index, c) in text.char_indices() {
        let at = range.start + index;
        made.put_char(c, from.offsets.span(at..at + c.len_utf8()));
    }
}

/// Fewest letters in a row that are looked at for words run together.
const LEAST_UNSPACED: usize = 20;

/// `ignoreallpreviousinstructions` and `IgnoreAllPreviousInstructions`.
pub(super) fn unspaced(source: &Source<'_>) -> Option<Mapped> {
    let mut plain = Mapped::with_capacity(source.text.len());
    plain.put(source.text, 0..source.text.len());
    resegmented(&plain)
}

/// `ignore_all_previous_instructions`: words joined by one kind of mark.
pub(super) fn joined(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::with_capacity(text.len());
    let mut at = 0;
    let mut any = false;
    for part in text.split_inclusive(char::is_whitespace) {
        let mark = part.bytes().find(|b| {
            matches!(b, b'_' | b'-' | b'.' | b'+' | b'/' | b'|' | b'*' | b'~' | b',' | b':' | b';' | b'=')
        });
        let known = |mark: u8| {
            part.split(char::from(mark))
                .filter(|word| word.len() > 1 && word.is_ascii() && is_known(word))
                .count()
        };
        match mark {
            Some(mark) if part.matches(char::from(mark)).count() >= 3 && known(mark) >= 3 => {
                any = true;
                made.put(&part.replace(char::from(mark), " "), at..at + part.len());
            }
            _ => made.put(part, at..at + part.len()),
        }
        at += part.len();
    }
    any.then_some(made)
}

/// `ig-nore pre*vious`, `ig<b></b>nore`: marks or markup put inside words.
pub(super) fn split(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let bytes = text.as_bytes();
    let mut made = Mapped::with_capacity(text.len());
    let (mut at, mut copied, mut any) = (0, 0, false);
    while at < bytes.len() {
        // From mark to mark: letters and blanks are put into no word.
        at += bytes.get(at..)?.iter().position(u8::is_ascii_punctuation).unwrap_or(bytes.len() - at);
        let after_letter = at > 0 && bytes.get(at - 1).is_some_and(u8::is_ascii_alphabetic);
        let length = if after_letter { inserted(bytes.get(at..)?) } else { 0 };
        if length > 0 {
            made.put(text.get(copied..at)?, copied..at);
            at += length;
            copied = at;
            any = true;
        } else {
            at += 1;
        }
    }
    if !any {
        return None;
    }
    made.put(text.get(copied..)?, copied..text.len());
    better(source, made)
}

/// Most marks in a row that may stand inside a word, and longest markup.
const MOST_MARKS: usize = 4;
const MOST_MARKUP: usize = 24;

/// Length of what was put between two letters.
fn inserted(rest: &[u8]) -> usize {
    let mut length = 0;
    while let Some(b'<') = rest.get(length) {
        let Some(close) =
            rest.get(length..).and_then(|rest| rest.iter().take(MOST_MARKUP).position(|b| *b == b'>'))
        else {
            break;
        };
        length += close + 1;
    }
    if length == 0 {
        length =
            rest.iter().take(MOST_MARKS + 1).take_while(|b| b.is_ascii_punctuation() && **b != b'\'').count();
        if length > MOST_MARKS {
            return 0;
        }
        // A hyphen at the end of a line.
        if length == 1 && rest.first() == Some(&b'-') && rest.get(1) == Some(&b'\n') {
            length = 2;
        }
    }
    if rest.get(length).is_some_and(u8::is_ascii_alphabetic) { length } else { 0 }
}

/// `ig no re al lpr ev io us`: words cut at wrong places.
pub(super) fn fragments(source: &Source<'_>) -> Option<Mapped> {
    let before = source.reads();
    if before.known * 3 > before.words {
        return None;
    }
    let mut tight = Mapped::with_capacity(source.text.len());
    for (at, c) in source.text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        tight.put_char(c, at..at + c.len_utf8());
    }
    better(source, resegmented(&tight)?)
}

/// `iiggnnoorree`, `ignoooore`: letters written several times.
pub(super) fn doubled(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let (mut all, mut multiples) = (0usize, [(4, 0usize), (3, 0), (2, 0)]);
    for (_, span) in repeated(text).filter(|(c, _)| c.is_ascii_alphabetic()) {
        all += 1;
        for (times, count) in &mut multiples {
            *count += usize::from(span.len().is_multiple_of(*times));
        }
    }
    let times = multiples.into_iter().find(|(_, count)| count * 10 >= all * 9).map(|(times, _)| times);
    let mut made = Mapped::with_capacity(text.len());
    let mut plain = String::new();
    for (c, span) in repeated(text) {
        let count = match times {
            _ if !c.is_ascii_alphabetic() => span.len() / c.len_utf8(),
            Some(times) => (span.len() / times).max(1),
            None if span.len() > 2 => 1,
            None => span.len(),
        };
        plain.clear();
        plain.extend(std::iter::repeat_n(c, count));
        made.put(&plain, span);
    }
    better(source, made)
}

/// Each character with the stretch in which it is repeated, in either case.
fn repeated(text: &str) -> impl Iterator<Item = (char, Range<usize>)> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = rest.next()?;
        let mut end = start + first.len_utf8();
        while let Some((at, c)) = rest.next_if(|(_, c)| first.eq_ignore_ascii_case(c)) {
            end = at + c.len_utf8();
        }
        Some((first, start..end))
    })
}

/// `gnr ll prvs nstrctns`: words without their vowels, read as the common word they are left of.
pub(super) fn vowels(source: &Source<'_>) -> Option<Mapped> {
    static THINNED: OnceLock<Vec<(Thin, &str)>> = OnceLock::new();
    let thinned = THINNED.get_or_init(|| {
        let thin_words = COMMON.iter().filter_map(|word| Some((thin(word)?, *word)));
        let mut thinned: Vec<_> = thin_words.filter(|(thin, _)| thin.length > 1).collect();
        thinned.sort();
        thinned
    });
    let mut made = Mapped::with_capacity(source.text.len() * 2);
    let mut copied = 0;
    for (at, word) in words(source.text) {
        let Some(left) = thin(word) else { continue };
        let from = thinned.partition_point(|(thin, _)| *thin < left);
        let Some((_, full)) =
            thinned.get(from).filter(|(thin, full)| *thin == left && full.len() > word.len())
        else {
            continue;
        };
        made.put(source.text.get(copied..at)?, copied..at);
        made.put(full, at..at + word.len());
        copied = at + word.len();
    }
    made.put(source.text.get(copied..)?, copied..source.text.len());
    if copied == 0 || made.text.len() > source.room {
        return None;
    }
    better(source, made)
}

/// A word without its vowels, in small letters; behind it zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Thin {
    letters: [u8; LONGEST],
    length: usize,
}

/// `None` where more is left than any common word leaves.
fn thin(word: &str) -> Option<Thin> {
    let mut thin = Thin { letters: [0; LONGEST], length: 0 };
    for letter in word.bytes().map(|b| b.to_ascii_lowercase()) {
        if !matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u') {
            *thin.letters.get_mut(thin.length)? = letter;
            thin.length += 1;
        }
    }
    Some(thin)
}

/// `1gn0r3 4ll pr3v10us`: digits and signs for the letters they resemble.
pub(super) fn leet(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::with_capacity(text.len());
    let mut at = 0;
    for part in text.split_inclusive(char::is_whitespace) {
        let letters = part.bytes().any(|b| b.is_ascii_alphabetic());
        // A word of digits alone is a number, unless it makes a word.
        let plain = if part.is_ascii() {
            unleet(part).filter(|plain| letters || is_known(plain.trim()))
        } else {
            None
        };
        made.put(plain.as_deref().unwrap_or(part), at..at + part.len());
        at += part.len();
    }
    better(source, made)
}

/// A word with letters for look-alikes. One and exclamation mark may be an i or an l: whichever
/// makes a common word.
fn unleet(part: &str) -> Option<String> {
    let core = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '@' | '$' | '!'));
    let read = |one: char| -> String {
        core.chars()
            .map(|c| match c {
                '0' => 'o',
                '1' | '!' => one,
                '|' => 'l',
                '3' => 'e',
                '4' | '@' => 'a',
                '5' | '$' => 's',
                '6' | '9' => 'g',
                '7' | '+' => 't',
                '8' => 'b',
                '2' => 'z',
                _ => c,
            })
            .collect()
    };
    let (as_i, as_l) = (read('i'), read('l'));
    if as_i == core && as_l == core {
        return None;
    }
    let mut plain = if is_known(&as_l) && !is_known(&as_i) { as_l } else { as_i };
    plain.push_str(part.get(core.len()..)?);
    Some(plain)
}
