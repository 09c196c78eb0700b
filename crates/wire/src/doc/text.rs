//! Texts between JSON's escapes and characters.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The characters of a checked text without its quotes.
pub fn decoded(inner: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (character, used) = unescaped(escape);
        out.push(character);
        rest = escape.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that an escape stands for, and how many bytes behind the backslash it takes.
fn unescaped(escape: &str) -> (char, usize) {
    match escape.bytes().next() {
        Some(b'n') => ('\n', 1),
        Some(b't') => ('\t', 1),
        Some(b'r') => ('\r', 1),
        Some(b'b') => ('\u{8}', 1),
        Some(b'f') => ('\u{c}', 1),
        Some(b'u') => by_code(escape),
        Some(byte) if byte.is_ascii() => (char::from(byte), 1),
        Some(_) | None => (char::REPLACEMENT_CHARACTER, 0),
    }
}

/// `uXXXX`, and the second half of a pair behind it where there is one.
fn by_code(escape: &str) -> (char, usize) {
    let unit = |at: usize| {
        let hex = escape.get(at..at + 4)?;
        u16::from_str_radix(hex, 16).ok()
    };
    let Some(first) = unit(1) else { return (char::REPLACEMENT_CHARACTER, 1) };
    let second = escape.get(5..7).filter(|mark| *mark == "\\u").and_then(|_| unit(7));
    let units = [first, second.unwrap_or_default()];
    match char::decode_utf16(units).next() {
        Some(Ok(character)) if (0xD800..0xDC00).contains(&first) => (character, 11),
        Some(Ok(character)) => (character, 5),
        Some(Err(_)) | None => (char::REPLACEMENT_CHARACTER, 5),
    }
}

/// A text as JSON writes it, with its quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
