//! Escapes: characters written by number or name within otherwise plain text.

use std::ops::Range;

use super::super::mapped::Mapped;
use super::bytes::{decode64, nibble};
use super::{Source, plausible};

/// Replaces what `read` finds at each `mark`; `None` where it found nothing.
///
/// `read` gets the text from the mark on and answers with bytes and the length it used. Bytes of
/// neighbours are joined before they are read as UTF-8, because one character may take several.
fn replace(text: &str, marks: &[u8], read: impl Fn(&[u8]) -> Option<(Found, usize)>) -> Option<Mapped> {
    let bytes = text.as_bytes();
    let mut made = Mapped::with_capacity(text.len());
    let mut pending: (Vec<u8>, Range<usize>) = (Vec::new(), 0..0);
    let (mut at, mut copied, mut count) = (0, 0, 0u32);
    while at < bytes.len() {
        let rest = bytes.get(at..)?;
        let Some(skip) = rest.iter().position(|b| marks.contains(b)) else { break };
        at += skip;
        let Some((found, length)) = read(bytes.get(at..)?) else {
            at += 1;
            continue;
        };
        count += 1;
        if at > copied {
            flush(&mut made, &mut pending);
            made.put(text.get(copied..at)?, copied..at);
        }
        match found {
            Found::Byte(byte) => {
                if pending.0.is_empty() {
                    pending.1 = at..at;
                }
                pending.0.push(byte);
                pending.1.end = at + length;
            }
            Found::Char(c) => {
                flush(&mut made, &mut pending);
                if let Some(c) = c {
                    made.put_char(c, at..at + length);
                }
            }
        }
        at += length;
        copied = at;
    }
    if count == 0 {
        return None;
    }
    flush(&mut made, &mut pending);
    made.put(text.get(copied..)?, copied..text.len());
    plausible(made.text.as_bytes(), 1)?;
    Some(made)
}

/// What one escape stands for.
enum Found {
    Byte(u8),
    /// A character, or nothing at all.
    Char(Option<char>),
}

/// Adds bytes that were waiting for their neighbours. Overlong forms of ASCII are read as what
/// lenient servers make of them.
fn flush(made: &mut Mapped, pending: &mut (Vec<u8>, Range<usize>)) {
    let (bytes, span) = (std::mem::take(&mut pending.0), pending.1.clone());
    if bytes.is_empty() {
        return;
    }
    // Runs of one-byte characters map one by one, so that evidence stays narrow.
    let step = span.len() / bytes.len();
    if bytes.is_ascii() && step * bytes.len() == span.len() {
        for (index, byte) in bytes.iter().enumerate() {
            made.put_char(char::from(*byte), span.start + index * step..span.start + (index + 1) * step);
        }
        return;
    }
    let mut text = String::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match rest {
            [first @ 0xC0..=0xC1, second @ 0x80..=0xBF, after @ ..] => {
                text.push(char::from((first & 1) << 6 | second & 0x3F));
                rest = after;
            }
            [0xE0, first @ 0x80..=0x81, second @ 0x80..=0xBF, after @ ..] => {
                text.push(char::from((first & 1) << 6 | second & 0x3F));
                rest = after;
            }
            _ => {
                let whole = std::str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
                let until = rest
                    .iter()
                    .position(|b| matches!(b, 0xC0 | 0xC1 | 0xE0))
                    .filter(|at| *at > 0 && *at < whole)
                    .unwrap_or(whole);
                let (valid, after) = rest.split_at_checked(until).unwrap_or((rest, &[]));
                text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                rest = after;
                if until == 0 {
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = after.get(1..).unwrap_or_default();
                }
            }
        }
    }
    made.put(&text, span);
}

fn byte(high: u8, low: u8) -> Option<u8> {
    Some(nibble(high)? << 4 | nibble(low)?)
}

/// A character by up to `most` hexadecimal digits; the length counts them.
fn hex_char(digits: &[u8], least: usize, most: usize) -> Option<(char, usize)> {
    let length = digits.iter().take(most).take_while(|b| b.is_ascii_hexdigit()).count();
    if length < least {
        return None;
    }
    let code =
        digits.iter().take(length).try_fold(0u32, |code, b| Some(code << 4 | u32::from(nibble(*b)?)))?;
    Some((char::from_u32(code)?, length))
}

/// `%41`, `%u0041`; a plus is a blank where the text has no other.
pub(super) fn percent(source: &Source<'_>) -> Option<Mapped> {
    let form = source.traits.blanks == 0;
    let found = replace(source.text, if form { b"%+" } else { b"%" }, |rest| match rest {
        [b'+', ..] => Some((Found::Char(Some(' ')), 1)),
        [b'%', b'u' | b'U', digits @ ..] => {
            hex_char(digits, 4, 4).map(|(c, length)| (Found::Char(Some(c)), 2 + length))
        }
        [b'%', high, low, ..] => byte(*high, *low).map(|byte| (Found::Byte(byte), 3)),
        _ => None,
    })?;
    // Pluses alone are arithmetic; and where bytes come to nothing readable, the percent sign was
    // one: `5%beats`.
    let lost =
        found.text.contains(char::REPLACEMENT_CHARACTER) && !has_escape(source.text, |byte| byte.is_ascii());
    (!lost && has_escape(source.text, |_| true)).then_some(found)
}

/// Whether any percent sign begins an escape of such a byte.
fn has_escape(text: &str, of: impl Fn(u8) -> bool) -> bool {
    text.as_bytes().windows(3).any(|window| match window {
        [b'%', b'u' | b'U', _] => true,
        [b'%', high, low] => byte(*high, *low).is_some_and(&of),
        _ => false,
    })
}

/// `&lt;`, `&#60;`, `&#x3c;`, with or without the semicolon where HTML allows that.
pub(super) fn html(source: &Source<'_>) -> Option<Mapped> {
    replace(source.text, b"&", |rest| {
        let close = |length: usize| length + usize::from(rest.get(length) == Some(&b';'));
        match rest {
            [b'&', b'#', b'x' | b'X', digits @ ..] => {
                let zeros = digits.iter().take(32).take_while(|b| **b == b'0').count();
                let (c, length) = hex_char(digits.get(zeros..)?, 1, 6)?;
                Some((Found::Char(Some(c)), close(3 + zeros + length)))
            }
            [b'&', b'#', digits @ ..] => {
                let length = digits.iter().take(32).take_while(|b| b.is_ascii_digit()).count();
                let code = std::str::from_utf8(digits.get(..length)?).ok()?.parse().ok()?;
                Some((Found::Char(Some(char::from_u32(code)?)), close(2 + length)))
            }
            [b'&', name @ ..] => {
                let length = name.iter().take(12).take_while(|b| b.is_ascii_alphanumeric()).count();
                let closed = name.get(length) == Some(&b';');
                let c = named(std::str::from_utf8(name.get(..length)?).ok()?, closed)?;
                Some((Found::Char(Some(c)), close(1 + length)))
            }
            _ => None,
        }
    })
}

/// Named characters that matter to readers of text and markup. The first four are read without
/// their semicolon too.
const NAMES: &[(&str, char)] = &[
    ("lt", '<'),
    ("gt", '>'),
    ("amp", '&'),
    ("quot", '"'),
    ("LT", '<'),
    ("GT", '>'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
    ("hyphen", '-'),
    ("ndash", '-'),
    ("mdash", '-'),
    ("lsquo", '\''),
    ("rsquo", '\''),
    ("ldquo", '"'),
    ("rdquo", '"'),
    ("hellip", '…'),
    ("copy", '©'),
    ("reg", '®'),
    ("shy", '\u{AD}'),
    ("zwnj", '\u{200C}'),
    ("zwj", '\u{200D}'),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
];

/// From the shortest of them to the longest; a test holds the two together.
const NAME_LENGTHS: std::ops::RangeInclusive<usize> = 2..=7;

fn named(name: &str, closed: bool) -> Option<char> {
    // A flood of ampersands holds no names, and most words are longer than any.
    if !NAME_LENGTHS.contains(&name.len()) {
        return None;
    }
    let at = NAMES.iter().position(|(known, _)| *known == name)?;
    (closed || at < 4).then(|| NAMES.get(at).map(|(_, c)| *c)).flatten()
}

/// `\u0041`, `\u{41}`, `\U00000041`, `\x41`, `\101`, CSS `\41 `, and `U+0041`; with them `\n` and its kind.
pub(super) fn backslash(source: &Source<'_>) -> Option<Mapped> {
    let bytes = source.text.as_bytes();
    let counts = bytes
        .windows(3)
        .filter(|w| {
            matches!(
                w,
                [b'\\', b'u' | b'U' | b'x' | b'0'..=b'7', b'{' | b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F']
            )
        })
        .count();
    let breaks = bytes.windows(2).filter(|w| matches!(w, [b'\\', b'n' | b'"' | b'/'])).count();
    let points = bytes
        .windows(3)
        .filter(|w| matches!(w, [b'U' | b'u', b'+', b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F']))
        .count();
    // A single `\n` may be part of a Windows path.
    if counts == 0 && breaks < 2 && points < 4 {
        return None;
    }
    replace(source.text, if points >= 4 { b"\\Uu" } else { b"\\" }, |rest| match rest {
        [b'\\', b'u' | b'U', b'{', digits @ ..] => {
            let (c, length) = hex_char(digits, 1, 6)?;
            (digits.get(length) == Some(&b'}')).then_some((Found::Char(Some(c)), 4 + length))
        }
        [b'\\', b'U', digits @ ..] if digits.starts_with(b"000") => {
            hex_char(digits, 8, 8).map(|(c, length)| (Found::Char(Some(c)), 2 + length))
        }
        [b'\\', b'u' | b'U', digits @ ..] => {
            code_unit(digits).map(|(c, length)| (Found::Char(Some(c)), 2 + length))
        }
        [b'\\', b'x' | b'X', b'{', digits @ ..] => {
            let (c, length) = hex_char(digits, 1, 6)?;
            (digits.get(length) == Some(&b'}')).then_some((Found::Char(Some(c)), 4 + length))
        }
        [b'\\', b'x' | b'X', high, low, ..] => byte(*high, *low).map(|byte| (Found::Byte(byte), 4)),
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            Some((Found::Byte((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')), 4))
        }
        [b'\\', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) && counts > 0 => {
            let (c, length) = hex_char(digits, 2, 6)?;
            let blank = usize::from(digits.get(length) == Some(&b' '));
            (!c.is_control()).then_some((Found::Char(Some(c)), 1 + length + blank))
        }
        [b'\\', b'n', ..] => Some((Found::Char(Some('\n')), 2)),
        [b'\\', b't', ..] => Some((Found::Char(Some('\t')), 2)),
        [b'\\', b'r', ..] => Some((Found::Char(Some('\r')), 2)),
        [b'\\', c @ (b'"' | b'/' | b'\'' | b'\\'), ..] => Some((Found::Char(Some(char::from(*c))), 2)),
        [b'U' | b'u', b'+', digits @ ..] => {
            let (c, length) = hex_char(digits, 2, 6)?;
            let blank =
                usize::from(matches!(digits.get(length..), Some([b' ' | b',', b'U' | b'u', b'+', ..])));
            Some((Found::Char(Some(c)), 2 + length + blank))
        }
        _ => None,
    })
}

/// Four digits, or a pair of surrogates.
fn code_unit(digits: &[u8]) -> Option<(char, usize)> {
    let unit = |from: usize| {
        digits.get(from..from + 4)?.iter().try_fold(0u32, |code, b| Some(code << 4 | u32::from(nibble(*b)?)))
    };
    let first = unit(0)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 4));
    }
    if !matches!(digits.get(4..6), Some([b'\\', b'u' | b'U'])) {
        return None;
    }
    let second = unit(6)?;
    if !(0xDC00..0xE000).contains(&second) || first >= 0xDC00 {
        return None;
    }
    let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    Some((char::from_u32(code)?, 10))
}

/// `=41` and soft line breaks. Query strings look alike, so they need to make up much of the text.
pub(super) fn quoted_printable(source: &Source<'_>) -> Option<Mapped> {
    let bytes = source.text.as_bytes();
    let pairs = bytes.windows(3).filter(|w| matches!(w, [b'=', a, b] if byte(*a, *b).is_some() && !a.is_ascii_lowercase() && !b.is_ascii_lowercase())).count();
    let soft = bytes.windows(2).filter(|w| matches!(w, [b'=', b'\n'])).count()
        + bytes.windows(3).filter(|w| w == b"=\r\n").count();
    if pairs < 2 || source.traits.ampersands > 0 || (soft == 0 && pairs * 3 * 6 < bytes.len()) {
        return None;
    }
    replace(source.text, b"=", |rest| match rest {
        [b'=', b'\n', ..] => Some((Found::Char(None), 2)),
        [b'=', b'\r', b'\n', ..] => Some((Found::Char(None), 3)),
        [b'=', high, low, ..] => byte(*high, *low).map(|byte| (Found::Byte(byte), 3)),
        _ => None,
    })
}

/// `"igno" + "re"`: strings of a program that only stand in pieces so that nobody reads them whole.
pub(super) fn concatenated(source: &Source<'_>) -> Option<Mapped> {
    const MOST_BLANKS: usize = 4;
    fn blanks(rest: &[u8]) -> usize {
        rest.iter().take(MOST_BLANKS).take_while(|b| b.is_ascii_whitespace()).count()
    }
    replace(source.text, b"\"'`", |rest| {
        let quote = *rest.first()?;
        let sign = 1 + blanks(rest.get(1..)?);
        if *rest.get(sign)? != b'+' {
            return None;
        }
        let next = sign + 1 + blanks(rest.get(sign + 1..)?);
        (*rest.get(next)? == quote).then_some((Found::Char(None), next + 1))
    })
}

/// `+ADw-`: UTF-16 in base64 between a plus and a hyphen.
pub(super) fn utf7(source: &Source<'_>) -> Option<Mapped> {
    let text = source.text;
    let mut made = Mapped::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while let Some(skip) = text.get(at..).and_then(|rest| rest.find('+')) {
        let start = at + skip;
        let body = text.get(start + 1..)?;
        let length =
            body.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
        let closed = body.as_bytes().get(length) == Some(&b'-');
        at = start + 1 + length;
        // Three letters hold one character. Latin text has a zero byte first, hence the `A`.
        if length < 3 || !closed || !body.starts_with('A') {
            continue;
        }
        let units = decode64(body.get(..length)?)?;
        let units = units.chunks_exact(2).filter_map(|pair| match pair {
            [a, b] => Some(u16::from_be_bytes([*a, *b])),
            _ => None,
        });
        let Ok(decoded) = char::decode_utf16(units).collect::<Result<String, _>>() else { continue };
        if plausible(decoded.as_bytes(), 1).is_none() {
            continue;
        }
        made.put(text.get(copied..start)?, copied..start);
        made.put(&decoded, start..at + 1);
        at += 1;
        copied = at;
    }
    if copied == 0 {
        return None;
    }
    made.put(text.get(copied..)?, copied..text.len());
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_shorter_or_longer_than_what_is_looked_up() {
        assert!(NAMES.iter().all(|(name, c)| named(name, true) == Some(*c)));
    }
}
