//! Text as a row of codes: bits, numbers, Morse, spelling alphabets, symbols.

use std::ops::Range;

use super::super::digits::next_digit;
use super::super::mapped::Mapped;
use super::super::twins::is_variation;
use super::super::words::Reads;
use super::{Source, plausible};

/// Fewest codes in a row that make a text.
const LEAST_CODES: usize = 5;

/// `01001000 01101001`: eight bits a character, apart or in a row.
pub(super) fn binary(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::default();
    let mut bytes: Vec<u8> = Vec::new();
    let (mut held, mut count, mut start) = (0u16, 0u32, 0);
    let mut finish = |bytes: &mut Vec<u8>, span: Range<usize>| {
        if bytes.len() >= LEAST_CODES
            && let Some(decoded) = plausible(bytes, LEAST_CODES)
        {
            if !made.text.is_empty() {
                made.put("\n", span.start..span.start);
            }
            made.put(decoded, span);
        }
        bytes.clear();
    };
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'0' | b'1' => {
                if bytes.is_empty() && count == 0 {
                    start = at;
                }
                held = held << 1 | u16::from(b - b'0');
                count += 1;
                if count == 8 {
                    bytes.push(u8::try_from(held & 0xFF).unwrap_or(0));
                    (held, count) = (0, 0);
                }
            }
            b' ' | b'\n' | b'\r' | b',' | b'-' | b'_' => {}
            _ => {
                finish(&mut bytes, start..at);
                (held, count) = (0, 0);
            }
        }
    }
    finish(&mut bytes, start..text.len());
    (!made.text.is_empty()).then_some(made)
}

/// `105 103 110`, `char(105,103,110)`, `0151 0147`: character codes as decimal or octal numbers,
/// or as places in the alphabet.
pub(super) fn numbers(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::default();
    // Asked once: a look over the whole text for each number would be quadratic.
    let dashed = text.contains('-');
    for run in number_runs(text) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let span = first.1.start..last.1.end;
        let read = |radix: u32| -> Option<String> {
            let codes: Option<String> = run
                .iter()
                .map(|(digits, _)| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32))
                .collect();
            codes.filter(|text| text.chars().all(|c| (' '..='~').contains(&c) || matches!(c, '\n' | '\t')))
        };
        // Prices and counts fall into the range of letters too; a text is mostly letters.
        let letters = |text: &String| {
            text.chars().filter(|c| c.is_ascii_alphabetic() || *c == ' ').count() * 3
                >= text.chars().count() * 2
        };
        let words = |text: &String| run.len() < 12 || Reads::of(text).known > 0;
        let decoded = read(10)
            .filter(|text| letters(text) && words(text))
            .or_else(|| read(8).filter(|text| letters(text) && words(text)))
            .or_else(|| places(text, dashed, &run));
        let Some(decoded) = decoded else { continue };
        if !made.text.is_empty() {
            made.put("\n", span.start..span.start);
        }
        made.put(&decoded, span);
    }
    (!made.text.is_empty()).then_some(made)
}

type Number<'a> = (&'a str, Range<usize>);

/// Numbers of one to four digits with little between them.
fn number_runs(text: &str) -> Vec<Vec<Number<'_>>> {
    let bytes = text.as_bytes();
    let mut runs: Vec<Vec<Number<'_>>> = Vec::new();
    let mut run: Vec<Number<'_>> = Vec::new();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        if run.is_empty() && !b.is_ascii_digit() {
            // Nothing but a digit begins a run.
            let Some(digit) = next_digit(bytes, at) else { break };
            at = digit;
        } else if b.is_ascii_digit() {
            let length =
                bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
            if length <= 4 {
                run.push((text.get(at..at + length).unwrap_or_default(), at..at + length));
                at += length;
                continue;
            }
            at += length;
        } else if matches!(
            b,
            b' ' | b',' | b';' | b'-' | b'/' | b'|' | b'.' | b'+' | b'\\' | b'&' | b'#' | b'\n' | b'_' | b':'
        ) {
            // `chr(105)+chr(103)` puts a call between the numbers.
            at += 1;
            continue;
        } else if let Some(call) = ["chr(", "char(", "CHR(", "CHAR(", ")||", ")+", ").", ")&", ")"]
            .iter()
            .find(|call| bytes.get(at..).unwrap_or_default().starts_with(call.as_bytes()))
        {
            at += call.len();
            continue;
        } else {
            at += 1;
        }
        if run.len() >= LEAST_CODES {
            runs.push(std::mem::take(&mut run));
        }
        run.clear();
    }
    if run.len() >= LEAST_CODES {
        runs.push(run);
    }
    runs
}

/// Places in the alphabet, 1 to 26; a wider gap parts words, and so does any mark but the dash in a
/// text that has dashes.
fn places(text: &str, dashed: bool, run: &[Number<'_>]) -> Option<String> {
    if run.len() < 8 {
        return None;
    }
    let mut decoded = String::new();
    let mut end: Option<usize> = None;
    let narrow = run
        .windows(2)
        .filter_map(|pair| if let [a, b] = pair { Some(b.1.start - a.1.end) } else { None })
        .min()?;
    for (digits, span) in run {
        let place = digits.parse::<u8>().ok().filter(|place| (1..=26).contains(place))?;
        if let Some(end) = end
            && (span.start - end > narrow
                || text
                    .get(end..span.start)
                    .is_some_and(|gap| matches!(gap, "/" | "|" | " ") && narrow == 1 && dashed))
        {
            decoded.push(' ');
        }
        decoded.push(char::from(b'a' + place - 1));
        end = Some(span.end);
    }
    let reads = Reads::of(&decoded);
    (reads.known >= 1 && reads.known * 3 >= reads.words).then_some(decoded)
}

/// Morse by letter.
const MORSE: &[(&str, char)] = &[
    (".-", 'a'),
    ("-...", 'b'),
    ("-.-.", 'c'),
    ("-..", 'd'),
    (".", 'e'),
    ("..-.", 'f'),
    ("--.", 'g'),
    ("....", 'h'),
    ("..", 'i'),
    (".---", 'j'),
    ("-.-", 'k'),
    (".-..", 'l'),
    ("--", 'm'),
    ("-.", 'n'),
    ("---", 'o'),
    (".--.", 'p'),
    ("--.-", 'q'),
    (".-.", 'r'),
    ("...", 's'),
    ("-", 't'),
    ("..-", 'u'),
    ("...-", 'v'),
    (".--", 'w'),
    ("-..-", 'x'),
    ("-.--", 'y'),
    ("--..", 'z'),
    ("-----", '0'),
    (".----", '1'),
    ("..---", '2'),
    ("...--", '3'),
    ("....-", '4'),
    (".....", '5'),
    ("-....", '6'),
    ("--...", '7'),
    ("---..", '8'),
    ("----.", '9'),
    (".-.-.-", '.'),
    ("--..--", ','),
    ("..--..", '?'),
    (".----.", '\''),
    ("-.-.--", '!'),
    ("-..-.", '/'),
    ("---...", ':'),
    ("-....-", '-'),
    (".--.-.", '@'),
    ("-...-", '='),
    (".-..-.", '"'),
];

/// `.. --. -. --- .-. .`, words apart by a slash or a wider gap. Other marks may stand for dot and dash.
pub(super) fn morse(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::default();
    let (mut known, mut all, mut gap) = (0usize, 0usize, 0..0);
    let mut at = 0;
    for part in text.split_inclusive([' ', '\n', '\t', '/', '|']) {
        let mark: String = part
            .trim_matches([' ', '\n', '\t', '/', '|'])
            .chars()
            .map(|c| match c {
                '.' | '·' | '•' | '∙' => '.',
                '-' | '–' | '—' | '−' | '_' => '-',
                _ => c,
            })
            .collect();
        if mark.is_empty() {
            gap.end = at + part.len();
        } else {
            all += 1;
            let letter = MORSE.iter().find(|(code, _)| *code == mark).map(|(_, letter)| *letter);
            known += usize::from(letter.is_some());
            if gap.end > gap.start && !made.text.is_empty() {
                made.put(" ", gap.clone());
            }
            made.put_char(letter.unwrap_or(' '), at..at + part.len());
            let wide = part.ends_with(['/', '|', '\n']);
            gap = at + part.len()..at + part.len() + usize::from(wide);
        }
        at += part.len();
        // So many are none that the rest cannot make up for it, two bytes a letter at the least.
        if (all - known) * 10 > all + (text.len() - at).div_ceil(2) {
            return None;
        }
    }
    (known >= LEAST_CODES
        && known * 10 >= all * 9
        && made.text.chars().filter(|c| c.is_ascii_alphabetic()).count() >= LEAST_CODES)
        .then_some(made)
}

/// Words that spell letters over the radio.
const SPELLING: &[(&str, char)] = &[
    ("alfa", 'a'),
    ("alpha", 'a'),
    ("bravo", 'b'),
    ("charlie", 'c'),
    ("delta", 'd'),
    ("echo", 'e'),
    ("foxtrot", 'f'),
    ("golf", 'g'),
    ("hotel", 'h'),
    ("india", 'i'),
    ("juliet", 'j'),
    ("juliett", 'j'),
    ("kilo", 'k'),
    ("lima", 'l'),
    ("mike", 'm'),
    ("november", 'n'),
    ("oscar", 'o'),
    ("papa", 'p'),
    ("quebec", 'q'),
    ("romeo", 'r'),
    ("sierra", 's'),
    ("tango", 't'),
    ("uniform", 'u'),
    ("victor", 'v'),
    ("whiskey", 'w'),
    ("whisky", 'w'),
    ("xray", 'x'),
    ("x-ray", 'x'),
    ("yankee", 'y'),
    ("zulu", 'z'),
];

/// `India Golf November`: the spelling alphabet.
pub(super) fn spelled(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::with_capacity(text.len());
    let (mut at, mut run) = (0, 0usize);
    let mut longest = 0;
    // Most texts hold none of these words, and the first few tell.
    for (index, part) in text.split_inclusive(char::is_whitespace).enumerate() {
        let word = part.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-').to_ascii_lowercase();
        let letter = SPELLING.iter().find(|(name, _)| *name == word).map(|(_, letter)| *letter);
        let span = at..at + part.len();
        match letter {
            Some(letter) => {
                run += 1;
                longest = longest.max(run);
                made.put_char(letter, span);
            }
            None => {
                if run > 0 {
                    made.put(" ", at..at);
                }
                run = 0;
                made.put(part, span);
            }
        }
        at += part.len();
        if index == 64 && longest < LEAST_CODES {
            return None;
        }
    }
    (longest >= LEAST_CODES).then_some(made)
}

/// Braille letters, bytes in variation selectors and bits in zero-width characters.
pub(super) fn symbols(source: &Source<'_>) -> Option<Mapped> {
    braille(source.text).or_else(|| hidden_bytes(source.text)).or_else(|| hidden_bits(source.text))
}

/// Dots of the letters a to z, each bit one dot.
const BRAILLE: [u8; 26] = [
    0x01, 0x03, 0x09, 0x19, 0x11, 0x0B, 0x1B, 0x13, 0x0A, 0x1A, 0x05, 0x07, 0x0D, 0x1D, 0x15, 0x0F, 0x1F,
    0x17, 0x0E, 0x1E, 0x25, 0x27, 0x3A, 0x2D, 0x3D, 0x35,
];

fn braille(text: &str) -> Option<Mapped> {
    if text.chars().filter(|c| ('\u{2801}'..='\u{283F}').contains(c)).take(LEAST_CODES).count() < LEAST_CODES
    {
        return None;
    }
    let mut made = Mapped::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let span = at..at + c.len_utf8();
        let dots = u32::from(c).checked_sub(0x2800).and_then(|dots| u8::try_from(dots).ok());
        let letter = match dots {
            Some(0) => Some(' '),
            Some(dots) => BRAILLE
                .iter()
                .position(|known| *known == dots)
                .and_then(|index| u8::try_from(index).ok())
                .map(|index| char::from(b'a' + index)),
            None => None,
        };
        made.put_char(letter.unwrap_or(c), span);
    }
    Some(made)
}

/// Variation selectors number from 0 to 255: a byte each.
fn hidden_bytes(text: &str) -> Option<Mapped> {
    let mut bytes = Vec::new();
    let mut span = 0..0;
    for (at, c) in text.char_indices().filter(|(_, c)| is_variation(*c)) {
        let code = u32::from(c);
        let byte = if code >= 0xE0100 { code - 0xE0100 + 16 } else { code - 0xFE00 };
        bytes.push(u8::try_from(byte).ok()?);
        if span.is_empty() {
            span = at..at;
        }
        span.end = at + c.len_utf8();
    }
    let mut made = Mapped::default();
    made.put(plausible(&bytes, LEAST_CODES)?, span);
    Some(made)
}

/// Two kinds of zero-width characters as the bits of bytes, in either assignment.
fn hidden_bits(text: &str) -> Option<Mapped> {
    const PAIRS: &[(char, char)] = &[
        ('\u{200B}', '\u{200C}'),
        ('\u{200B}', '\u{200D}'),
        ('\u{200C}', '\u{200D}'),
        ('\u{2062}', '\u{2064}'),
        ('\u{2062}', '\u{2063}'),
    ];
    for (zero, one) in PAIRS {
        let marks = || text.char_indices().filter(|(_, c)| c == zero || c == one);
        if marks().count() < LEAST_CODES * 7 {
            continue;
        }
        let (first, last) = (marks().next()?, marks().next_back()?);
        for width in [8, 7] {
            for inverted in [false, true] {
                let bits: Vec<u8> = marks().map(|(_, c)| u8::from((c == *one) != inverted)).collect();
                let bytes: Vec<u8> = bits
                    .chunks_exact(width)
                    .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
                    .collect();
                if let Some(decoded) = plausible(&bytes, LEAST_CODES) {
                    let mut made = Mapped::default();
                    made.put(decoded, first.0..last.0 + last.1.len_utf8());
                    return Some(made);
                }
            }
        }
    }
    None
}
