//! Tokens of letters and digits: IBAN, national identifiers, passports, record numbers.

use super::check::{digit, iban, number, weighted};
use super::context::{Context, Subjects, around};
use super::rules::{self as r, Rule};
use super::{Candidate, candidate};

/// Judges the alphanumeric token at `start..end`; returns where to go on.
pub fn judge(bytes: &[u8], start: usize, end: usize, key: Subjects, out: &mut Vec<Candidate>) -> usize {
    if let Some(stop) = bank(bytes, start) {
        out.push(candidate(&r::IBAN, 97, start..stop));
        return stop;
    }
    if let Some(stop) = insurance(bytes, start) {
        out.push(candidate(&r::NINO, 85, start..stop));
        return stop;
    }
    // `12345678-Z` and `131052-308T` carry their last part behind a hyphen or sign.
    let longer = with_tail(bytes, start, end);
    if let Some((rule, sure, stop)) = shaped(bytes, start, end, longer) {
        out.push(candidate(rule, sure, start..stop));
        return stop;
    }
    let length = end - start;
    let digits = bytes.get(start..end).unwrap_or_default().iter().filter(|b| b.is_ascii_digit()).count();
    if digits < 4 || !(5..=20).contains(&length) {
        return end;
    }
    let context = around(bytes, start, end, key);
    if let Some((rule, sure)) = labelled(bytes.get(start..end).unwrap_or_default(), context) {
        out.push(candidate(rule, sure, start..end));
    }
    end
}

/// Registered IBAN lengths by country.
#[rustfmt::skip]
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22), (b"BH", 22), (b"BI", 27), (b"BR", 29),
    (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29),
    (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28),
    (b"HR", 21), (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20), (b"LB", 28),
    (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20),
    (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23), (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25),
    (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27),
    (b"SO", 23), (b"ST", 25), (b"SV", 28), (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];

/// An IBAN that begins here, written together or in groups with one blank or hyphen.
fn bank(bytes: &[u8], start: usize) -> Option<usize> {
    let [a, b, c, d] = bytes.get(start..start + 4)? else { return None };
    if !(a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit()) {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let length = iban_length(country)?;
    let mut text = [0u8; 34];
    let (mut at, mut count) = (start, 0usize);
    while count < length {
        let byte = *bytes.get(at)?;
        if byte.is_ascii_alphanumeric() {
            *text.get_mut(count)? = byte;
            count += 1;
        } else if !(matches!(byte, b' ' | b'-') && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)) {
            return None;
        }
        at += 1;
    }
    let alone = bytes.get(at).is_none_or(|b| !b.is_ascii_alphanumeric());
    (alone && iban(text.get(..count)?)).then_some(at)
}

fn iban_length(country: [u8; 2]) -> Option<usize> {
    IBAN_LENGTHS.iter().find(|(code, _)| **code == country).map(|(_, length)| *length)
}

/// Whether an IBAN that begins here may be under way when the text ends.
pub fn bank_is_open(bytes: &[u8], start: usize) -> bool {
    let Some(text) = bytes.get(start..) else { return false };
    let country = match text {
        [a, b, ..] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            [a.to_ascii_uppercase(), b.to_ascii_uppercase()]
        }
        _ => return false,
    };
    let Some(length) = iban_length(country) else { return false };
    let mut letters = text.iter().filter(|b| b.is_ascii_alphanumeric());
    let checked =
        letters.nth(2).is_none_or(u8::is_ascii_digit) && letters.next().is_none_or(u8::is_ascii_digit);
    let count = text.iter().filter(|b| b.is_ascii_alphanumeric()).count();
    let plain = text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-'));
    // The first four stand together; behind the last one nothing but the next byte decides.
    let whole = count < length || (count == length && text.last().is_some_and(u8::is_ascii_alphanumeric));
    let head = text.iter().take(4).all(u8::is_ascii_alphanumeric);
    checked && plain && head && whole && text.len() <= 2 * length
}

/// Whether an insurance number that begins here may be under way when the text ends.
pub fn insurance_is_open(bytes: &[u8], start: usize) -> bool {
    let text = bytes.get(start..).unwrap_or_default();
    let led =
        text.first().is_none_or(u8::is_ascii_uppercase) && text.get(1).is_none_or(u8::is_ascii_alphabetic);
    let rest = text.get(2..).unwrap_or_default();
    let inside = |(place, b): (usize, &u8)| {
        b.is_ascii_digit() || *b == b' ' || (place >= 6 && matches!(b, b'A'..=b'D'))
    };
    text.len() <= 13 && led && rest.iter().enumerate().all(inside)
}

/// `AB 12 34 56 C`, whose letters stand apart.
pub fn insurance_apart(bytes: &[u8], start: usize, out: &mut Vec<Candidate>) -> Option<usize> {
    let stop = insurance(bytes, start)?;
    out.push(candidate(&r::NINO, 85, start..stop));
    Some(stop)
}

/// A UK national insurance number: two letters, six digits, A to D, perhaps in pairs.
fn insurance(bytes: &[u8], start: usize) -> Option<usize> {
    let first = bytes.get(start)?.to_ascii_uppercase();
    let second = bytes.get(start + 1)?.to_ascii_uppercase();
    let prefix = [first, second];
    let usual = first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second);
    let kept = [b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&&prefix);
    if !usual || kept {
        return None;
    }
    let mut at = start + 2;
    let spaced = bytes.get(at) == Some(&b' ');
    for _ in 0..3 {
        at += usize::from(spaced);
        if spaced && bytes.get(at - 1) != Some(&b' ') {
            return None;
        }
        let pair = bytes.get(at..at + 2)?;
        pair.iter().all(u8::is_ascii_digit).then_some(())?;
        at += 2;
    }
    at += usize::from(bytes.get(at) == Some(&b' '));
    let last = bytes.get(at)?.to_ascii_uppercase();
    let alone = bytes.get(at + 1).is_none_or(|b| !b.is_ascii_alphanumeric());
    // Small letters in running text ("we 12 34 56 a") are no insurance number.
    let capitals = bytes.get(start).is_some_and(u8::is_ascii_uppercase)
        && bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    (matches!(last, b'A'..=b'D') && alone && capitals).then_some(at + 1)
}

fn with_tail(bytes: &[u8], start: usize, end: usize) -> usize {
    match bytes.get(end) {
        Some(b'-' | b'+') if bytes.get(start..end).is_some_and(|t| t.len() <= 9) => {
            end + 1
                + bytes
                    .get(end + 1..)
                    .unwrap_or_default()
                    .iter()
                    .take(6)
                    .take_while(|b| b.is_ascii_alphanumeric())
                    .count()
        }
        _ => end,
    }
}

type Shaped = (&'static Rule, u8, usize);

/// Identifiers that their own shape and check letter prove.
fn shaped(bytes: &[u8], start: usize, end: usize, longer: usize) -> Option<Shaped> {
    let token = bytes.get(start..end)?;
    match token.len() {
        16 if is_codice_fiscale(token) => Some((&r::CODICE_FISCALE, 95, end)),
        18 if is_curp(token) => Some((&r::CURP, 92, end)),
        18 if is_chinese(token) => Some((&r::CN_ID, 92, end)),
        11 if is_medicare(token) => Some((&r::MEDICARE_US, 80, end)),
        9 if is_nie(token) => Some((&r::DNI, 85, end)),
        9 if is_dni(token) => Some((&r::DNI, 70, end)),
        9 if is_nric(token) => Some((&r::NRIC, 85, end)),
        10 if is_pan(token) => Some((&r::PAN, 75, end)),
        _ => {
            let whole = bytes.get(start..longer)?;
            let joined: Vec<u8> = whole.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
            match whole.len() {
                10 if token.len() == 8 && is_dni(&joined) => Some((&r::DNI, 80, longer)),
                11 if is_hetu(whole) => Some((&r::HETU, 90, longer)),
                _ => None,
            }
        }
    }
}

fn matches_shape(token: &[u8], shape: &[u8]) -> bool {
    token.len() == shape.len()
        && token.iter().zip(shape).all(|(byte, wanted)| match wanted {
            b'A' => byte.is_ascii_uppercase(),
            b'9' => byte.is_ascii_digit(),
            b'*' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            other => byte == other,
        })
}

fn values(token: &[u8]) -> Vec<u8> {
    token.iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0').collect()
}

fn is_codice_fiscale(token: &[u8]) -> bool {
    if !matches_shape(token, b"AAAAAA**A**A***A") {
        return false;
    }
    // The value of a character in an odd place, from the ministry's table.
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let sum: u32 = token
        .iter()
        .take(15)
        .enumerate()
        .map(|(place, byte)| {
            let value = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
            match place % 2 {
                0 => ODD.get(usize::from(value)).copied().unwrap_or(0),
                _ => u32::from(value),
            }
        })
        .sum();
    token.last().is_some_and(|last| u32::from(last - b'A') == sum % 26)
}

fn is_curp(token: &[u8]) -> bool {
    let digits = token.get(4..10).map(values).unwrap_or_default();
    matches_shape(token, b"AAAA999999AAAAAA*9")
        && matches!(token.get(10), Some(b'H' | b'M' | b'X'))
        && super::check::day(number(&digits, 4, 6), number(&digits, 2, 4))
}

fn is_chinese(token: &[u8]) -> bool {
    let digits = values(token);
    let sum = weighted(&digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    digits.len() == 17 && token.last().is_some_and(|b| matches!(b, b'X' | b'x')) && (12 - sum % 11) % 11 == 10
}

/// A Medicare beneficiary identifier: fixed places for digits and letters, six letters unused.
fn is_medicare(token: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_uppercase() && !b"SLOIBZ".contains(b);
    let place = |p: usize| token.get(p);
    matches_shape(token, b"9A*9A*9AA99")
        && place(0) != Some(&b'0')
        && [1, 4, 7, 8].iter().all(|p| place(*p).is_some_and(letter))
        && [2, 5].iter().all(|p| place(*p).is_some_and(|b| b.is_ascii_digit() || letter(b)))
}

const DNI_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn is_dni(token: &[u8]) -> bool {
    matches_shape(token, b"99999999A") && {
        let rest = number(&values(token), 0, 8) % 23;
        DNI_LETTERS.get(rest as usize) == token.last()
    }
}

fn is_nie(token: &[u8]) -> bool {
    let lead = match token.first() {
        Some(b'X') => 0,
        Some(b'Y') => 1,
        Some(b'Z') => 2,
        _ => return false,
    };
    token.get(1..8).is_some_and(|d| d.iter().all(u8::is_ascii_digit)) && {
        let rest = (lead * 10_000_000 + number(&values(token), 0, 7)) % 23;
        DNI_LETTERS.get(rest as usize) == token.last()
    }
}

fn is_nric(token: &[u8]) -> bool {
    if !matches_shape(token, b"A9999999A") {
        return false;
    }
    let sum = weighted(&values(token), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters): (u32, &[u8; 11]) = match token.first() {
        Some(b'S') => (0, b"JZIHGFEDCBA"),
        Some(b'T') => (4, b"JZIHGFEDCBA"),
        Some(b'F') => (0, b"XWUTRQPNMLK"),
        Some(b'G') => (4, b"XWUTRQPNMLK"),
        _ => return false,
    };
    letters.get(((sum + offset) % 11) as usize) == token.last()
}

fn is_pan(token: &[u8]) -> bool {
    matches_shape(token, b"AAAAA9999A") && token.get(3).is_some_and(|b| b"PCHABGJLFT".contains(b))
}

/// `131052-308T`: day, century sign, number, check letter.
fn is_hetu(token: &[u8]) -> bool {
    let digits = values(token);
    let letters = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let body = number(&digits, 0, 9);
    let sign = token.get(6).is_some_and(|b| b"-+ABCDEFYXWVU".contains(b));
    let last = token.last().copied().unwrap_or(b' ');
    sign && digits.len() >= 9
        && token.get(..6).is_some_and(|t| t.iter().all(u8::is_ascii_digit))
        && super::check::day(number(&digits, 0, 2), number(&digits, 2, 4))
        && letters.get((body % 31) as usize) == Some(&last)
}

/// Tokens that only their label makes sensitive.
fn labelled(token: &[u8], context: Context) -> Option<(&'static Rule, u8)> {
    let length = token.len();
    let digits = token.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = length - digits;
    if context.labels(Subjects::PASSPORT) && (7..=10).contains(&length) && letters <= 3 {
        return Some((&r::PASSPORT, 88));
    }
    if context.labels(Subjects::HEALTH) {
        if length == 9 && letters == 2 && is_dea(token) {
            return Some((&r::DEA, 85));
        }
        return Some((&r::MEDICAL_RECORD, 80));
    }
    if context.labels(Subjects::LICENCE) && (6..=18).contains(&length) {
        return Some((&r::DRIVER_LICENCE, 78));
    }
    None
}

fn is_dea(token: &[u8]) -> bool {
    let d = values(token);
    let sum = digit(&d, 0) + digit(&d, 2) + digit(&d, 4) + 2 * (digit(&d, 1) + digit(&d, 3) + digit(&d, 5));
    d.len() == 7 && sum % 10 == digit(&d, 6)
}
