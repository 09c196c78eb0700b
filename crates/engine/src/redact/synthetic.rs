//! Values that look and check like the original and mean nothing.

use action::SensitiveClass;

use super::key::{Key, Stream};

/// Longest value that gets one of the same shape; beyond it a short label stands.
pub const LONGEST: usize = 2_048;

/// Given and family names for addresses that belong to nobody: our own list, common words.
#[rustfmt::skip]
const GIVEN: &[&str] = &["ada", "ben", "cleo", "dara", "eli", "fay", "gus", "hana", "ivo", "june", "kai", "lena", "milo", "nora", "otis", "pia", "quin", "rosa", "sven", "tess", "uma", "vera", "wes", "yara", "zane"];
#[rustfmt::skip]
const FAMILY: &[&str] = &["amber", "birch", "cedar", "dale", "ember", "field", "grove", "heath", "iris", "juniper", "knoll", "laurel", "meadow", "north", "oakes", "pine", "quarry", "reed", "stone", "thorn", "vale", "willow", "yarrow"];
const DOMAINS: &[&str] = &["example.com", "example.org", "example.net"];

/// A value of the same shape; `None` when a label has to stand for it.
pub fn like(key: &Key, class: SensitiveClass, value: &str, attempt: u32) -> Option<String> {
    let usable = value.len() <= LONGEST && value.is_ascii() && !value.bytes().any(|b| b.is_ascii_control());
    if !usable {
        return None;
    }
    let mut stream = Stream::new(key, class, attempt, value.as_bytes());
    match class {
        SensitiveClass::Card => card(key, value, attempt),
        SensitiveClass::Ssn => ssn(key, value, attempt),
        SensitiveClass::Iban => iban(key, value, attempt, &mut stream),
        SensitiveClass::Phone => phone(key, value, attempt),
        SensitiveClass::Email => email(&mut stream),
        SensitiveClass::IpAddress => Some(address(value, &mut stream)),
        SensitiveClass::Jwt => {
            let header = value.find('.').filter(|end| *end <= 64).map(|end| end + 1).unwrap_or(0);
            keep_head(value, header, &mut stream)
        }
        SensitiveClass::ApiKey => keep_head(value, prefix(value), &mut stream),
        SensitiveClass::NationalId if is_date(value) => Some(date(value, &mut stream)),
        SensitiveClass::Credential
        | SensitiveClass::Passport
        | SensitiveClass::NationalId
        | SensitiveClass::Health
        | SensitiveClass::Financial
        | SensitiveClass::Custom => (!value.contains(' ') || digits(value).len() >= 4)
            .then(|| keep_head(value, 0, &mut stream))
            .flatten(),
    }
}

fn digits(value: &str) -> Vec<u8> {
    value.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
}

/// Puts new digits where the old ones stood.
fn pour(value: &str, digits: &[u8]) -> String {
    let mut next = digits.iter();
    value
        .chars()
        .map(|c| match c.is_ascii_digit() {
            true => next.next().map(|digit| char::from(b'0' + digit)).unwrap_or(c),
            false => c,
        })
        .collect()
}

fn tweak(attempt: u32) -> [u8; 4] {
    attempt.to_be_bytes()
}

/// The first two digits stay, so that the brand does; the last is computed anew.
fn card(key: &Key, value: &str, attempt: u32) -> Option<String> {
    let old = digits(value);
    let (head, body) = (old.get(..2)?, old.get(2..old.len().checked_sub(1)?)?);
    let mut new = head.to_vec();
    new.extend(key.encrypt_digits(SensitiveClass::Card, &tweak(attempt), body)?);
    let doubled = new.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => u32::from(*digit) * 2 / 10 + u32::from(*digit) * 2 % 10,
        _ => u32::from(*digit),
    });
    let sum: u32 = doubled.sum();
    new.push(u8::try_from((10 - sum % 10) % 10).ok()?);
    Some(pour(value, &new))
}

/// Encrypts again until the number lies in the ranges that are given out. A step of a
/// permutation each time, so two numbers never meet.
fn ssn(key: &Key, value: &str, attempt: u32) -> Option<String> {
    let mut new = digits(value);
    if new.len() != 9 {
        return None;
    }
    for _ in 0..64 {
        new = key.encrypt_digits(SensitiveClass::Ssn, &tweak(attempt), &new)?;
        let number = |from: usize, to: usize| {
            new.get(from..to).unwrap_or_default().iter().fold(0u32, |n, d| n * 10 + u32::from(*d))
        };
        let area = number(0, 3);
        if area != 0 && area != 666 && area < 900 && number(3, 5) != 0 && number(5, 9) != 0 {
            return Some(pour(value, &new));
        }
    }
    None
}

/// Country and layout stay; digits are encrypted, letters drawn, the check number computed anew.
fn iban(key: &Key, value: &str, attempt: u32, stream: &mut Stream<'_>) -> Option<String> {
    let old: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let (country, body) = (old.get(..2)?, old.get(4..)?);
    let numbers: Vec<u8> = body.iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0').collect();
    let numbers = key.encrypt_digits(SensitiveClass::Iban, &tweak(attempt), &numbers)?;
    let mut next = numbers.iter();
    let body: Vec<u8> = body
        .iter()
        .map(|byte| match byte {
            b'0'..=b'9' => next.next().map(|digit| digit + b'0').unwrap_or(*byte),
            _ => drawn_letter(*byte, false, stream),
        })
        .collect();
    let letters = body.iter().chain(country).chain(b"00");
    let rest = letters.fold(0u32, |rest, byte| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => (rest * 10 + u32::from(digit - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.wrapping_sub(b'A')) + 10) % 97,
    });
    let check = format!("{:02}", 98 - rest);
    let mut new = country.iter().copied().chain(check.bytes()).chain(body);
    Some(
        value
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { new.next().map(char::from).unwrap_or(c) } else { c })
            .collect(),
    )
}

/// The country code or trunk zero stays.
fn phone(key: &Key, value: &str, attempt: u32) -> Option<String> {
    let old = digits(value);
    let kept = match value.trim_start_matches('(').starts_with('+') {
        true => 2,
        false => old.iter().take(2).take_while(|d| **d == 0).count(),
    };
    let kept = kept.min(old.len().saturating_sub(6));
    let mut new = old.get(..kept)?.to_vec();
    new.extend(key.encrypt_digits(SensitiveClass::Phone, &tweak(attempt), old.get(kept..)?)?);
    Some(pour(value, &new))
}

fn email(stream: &mut Stream<'_>) -> Option<String> {
    let (given, family, number) = (stream.pick(GIVEN)?, stream.pick(FAMILY)?, stream.below(100_000));
    Some(format!("{given}.{family}{number}@{}", stream.pick(DOMAINS)?))
}

/// Addresses kept for measurements and documentation (RFC 2544, RFC 3849).
fn address(value: &str, stream: &mut Stream<'_>) -> String {
    match value.contains(':') {
        true => format!(
            "2001:db8:{:x}:{:x}::{:x}",
            stream.below(65_535) + 1,
            stream.below(65_535) + 1,
            stream.below(65_535) + 1
        ),
        false => format!("198.{}.{}.{}", 18 + stream.below(2), stream.below(256), stream.below(254) + 1),
    }
}

/// What names the issuer at the beginning of a key: up to the last `_`, `-` or `.` of a few.
fn prefix(value: &str) -> usize {
    let head = value.get(..16.min(value.len() / 3)).unwrap_or_default();
    match head.rfind(['_', '-', '.', '~']) {
        Some(mark) => mark + 1,
        None => 4.min(value.len() / 4),
    }
}

/// Keeps the first bytes, draws the rest from the alphabets of the original.
fn keep_head(value: &str, head: usize, stream: &mut Stream<'_>) -> Option<String> {
    let (kept, rest) = value.split_at_checked(head)?;
    let hexadecimal = rest.bytes().filter(u8::is_ascii_alphabetic).all(|b| b.is_ascii_hexdigit());
    let drawn = rest.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0' + (stream.below(10) as u8),
        letter if letter.is_ascii_alphabetic() => drawn_letter(letter, hexadecimal, stream),
        other => other,
    });
    Some(kept.chars().chain(drawn.map(char::from)).collect())
}

fn drawn_letter(like: u8, hexadecimal: bool, stream: &mut Stream<'_>) -> u8 {
    let first = if like.is_ascii_uppercase() { b'A' } else { b'a' };
    first + stream.below(if hexadecimal { 6 } else { 26 }) as u8
}

/// Three groups of digits, one of them a year.
fn is_date(value: &str) -> bool {
    let groups: Vec<&str> = value.split(['-', '/', '.']).collect();
    let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
    let short = |length: &usize| (1..=2).contains(length);
    let numbers = groups.iter().all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit()));
    let year_first = matches!(lengths.as_slice(), [4, b, c] if short(b) && short(c));
    let year_last = matches!(lengths.as_slice(), [a, b, 2 | 4] if short(a) && short(b));
    numbers && (year_first || year_last)
}

/// A day that exists in either order of day and month.
fn date(value: &str, stream: &mut Stream<'_>) -> String {
    let mut out = String::new();
    for part in value.split_inclusive(['-', '/', '.']) {
        let number = part.trim_end_matches(['-', '/', '.']);
        let new = match number.len() {
            4 => 1940 + stream.below(65),
            _ => stream.below(12) + 1,
        };
        out.push_str(&format!("{new:0width$}", width = number.len()));
        out.push_str(part.get(number.len()..).unwrap_or_default());
    }
    out
}

/// A short mark for a value that has no shape of its own.
pub fn label(key: &Key, class: SensitiveClass, value: &str, attempt: u32) -> String {
    let mut stream = Stream::new(key, class, attempt, value.as_bytes());
    let mark: String =
        (0..10).filter_map(|_| stream.pick(b"abcdefghjkmnpqrstuvwxyz23456789")).map(char::from).collect();
    format!("[{}:{mark}]", class.as_str())
}
