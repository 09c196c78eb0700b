//! Personal data that the end of a text may have cut short: where it would begin.
//!
//! The counterpart of the readers for a text that is still growing. It may answer too often, which
//! holds text back for nothing; never too seldom.

use action::SensitiveClass;

use super::addresses::{self, DOMAIN, IPV6, LOCAL, LONGEST_TOLD, in_domain, in_local};
use super::cluster::{self, Cluster};
use super::context::{self, AFTER, Subjects};
use super::{numbers, tokens};
use crate::text::next_digit;

/// Classes whose values are made of digits, perhaps with letters.
const NUMBERED: &[SensitiveClass] = &[
    SensitiveClass::Card,
    SensitiveClass::Ssn,
    SensitiveClass::Passport,
    SensitiveClass::Health,
    SensitiveClass::Financial,
    SensitiveClass::Phone,
    SensitiveClass::Iban,
    SensitiveClass::IpAddress,
    SensitiveClass::NationalId,
];
/// Digits without which nothing but a label makes a number sensitive.
const ENOUGH: usize = 6;
/// Most letters in front of the first digit of an identifier.
const LETTERS: usize = 20;
/// Longest line that a travel document has for machines, and what is read of it.
const MACHINE_LINE: usize = 90;

/// The earliest place, from `from` on, at which a value of a wanted class may be under way when the
/// text ends; its length when there is none. `from` is a place that such a value does not span. No
/// more than the last `most` bytes count.
pub fn open(bytes: &[u8], from: usize, most: usize, wants: impl Fn(SensitiveClass) -> bool) -> usize {
    let from = from.max(bytes.len().saturating_sub(most));
    let mut first = bytes.len();
    let mut at = |place: Option<usize>| first = place.map_or(first, |place| first.min(place));
    if wants(SensitiveClass::Email) {
        at(email(bytes, from));
        at(spelled_email(bytes, from));
    }
    if wants(SensitiveClass::Health) {
        at(diagnosis(bytes, from));
    }
    if wants(SensitiveClass::IpAddress) {
        at(ipv6(bytes));
    }
    if wants(SensitiveClass::Passport) {
        at(machine_line(bytes));
    }
    if NUMBERED.iter().any(|class| wants(*class)) {
        at(letters(bytes, &wants));
        at(number(bytes, from));
        at(Some(lead(bytes, bytes.len())));
    }
    if wants(SensitiveClass::NationalId) {
        at(written_birth(bytes));
    }
    first.max(from)
}

/// Where the run of `wanted` bytes begins that the text ends with, at most `most` bytes of it.
fn run_back(bytes: &[u8], end: usize, most: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let behind = bytes.get(end.saturating_sub(most)..end).unwrap_or_default();
    end - behind.iter().rev().take_while(|b| wanted(**b)).count()
}

/// The last word may be the part before the `@`; one with an `@` goes on with a domain. Blanks behind
/// it change nothing: `ann [at] acme.org`.
fn email(bytes: &[u8], from: usize) -> Option<usize> {
    let end = bytes.trim_ascii_end().len();
    let word = run_back(bytes, end, DOMAIN, in_domain).min(run_back(bytes, end, LOCAL, in_local));
    match word.checked_sub(1).filter(|sign| *sign >= from && bytes.get(*sign) == Some(&b'@')) {
        Some(sign) => Some(run_back(bytes, sign, LOCAL, in_local)),
        None => Some(run_back(bytes, end, LOCAL, in_local)).filter(|word| *word < end),
    }
}

/// `ann [at] acme [dot] org`, anywhere between its bracket and its end.
fn spelled_email(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    memchr::memchr2_iter(b'[', b'(', rest).map(|at| from + at).find_map(|open| {
        let local_end =
            bytes.get(open.saturating_sub(LOCAL)..open)?.trim_ascii_end().len() + open.saturating_sub(LOCAL);
        let start = run_back(bytes, local_end, LOCAL, in_local);
        if start == local_end {
            return None;
        }
        // What may still become `[at]`, then labels between one `[dot]` and the next.
        let mut place = match bracket(bytes, open, b"at")? {
            Bracket::Open => return Some(start),
            Bracket::Closed(after) => after,
        };
        for _ in 0..DOMAIN {
            let label = bytes.get(place..)?.iter().take(LOCAL).take_while(|b| in_domain(**b)).count();
            place += label;
            place += usize::from(bytes.get(place) == Some(&b' '));
            if place >= bytes.len() {
                return Some(start);
            }
            match bracket(bytes, place, b"dot")? {
                Bracket::Open => return Some(start),
                Bracket::Closed(after) => place = after,
            }
        }
        None
    })
}

/// A word in brackets, as far as the text goes.
enum Bracket {
    Open,
    Closed(usize),
}

fn bracket(bytes: &[u8], open: usize, word: &[u8]) -> Option<Bracket> {
    if let Some(after) = addresses::spelled(bytes, open, word) {
        return Some(Bracket::Closed(after));
    }
    let inside = bytes.get(open + 1..)?;
    let begins = inside.len() <= word.len() && word.get(..inside.len())?.eq_ignore_ascii_case(inside);
    (matches!(bytes.get(open), Some(b'[' | b'(')) && begins).then_some(Bracket::Open)
}

/// An illness that is told up to the end of the text.
fn diagnosis(bytes: &[u8], from: usize) -> Option<usize> {
    let mut open = None;
    let told_before = from.saturating_sub(LONGEST_TOLD);
    addresses::each_told(bytes, told_before, |told| {
        if told.end == bytes.len() && told.len() < LONGEST_TOLD {
            open = Some(told.start);
        }
        open.is_none()
    });
    open
}

fn ipv6(bytes: &[u8]) -> Option<usize> {
    let start = run_back(bytes, bytes.len(), IPV6 + 1, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    match memchr::memchr(b':', bytes.get(start..)?) {
        // In front of the first colon stand four digits at most.
        Some(colon) => Some(start + colon.saturating_sub(5)),
        None => Some(run_back(bytes, bytes.len(), 5, |b| b.is_ascii_hexdigit()))
            .filter(|start| start + 5 > bytes.len()),
    }
}

fn machine_line(bytes: &[u8]) -> Option<usize> {
    let inside = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'<';
    let start = run_back(bytes, bytes.len(), MACHINE_LINE, inside);
    let text = bytes.get(start..)?;
    (memchr::memchr(b'<', text).is_some() || text.len() > 2).then_some(start)
}

/// Letters at the end of the text, which digits may follow: capitals, the country of an IBAN, or what
/// a label has announced.
fn letters(bytes: &[u8], wants: &impl Fn(SensitiveClass) -> bool) -> Option<usize> {
    // `AB 12 34 56 C`: the blank behind two capitals belongs to the number.
    let spaced = bytes.strip_suffix(b" ").filter(|_| wants(SensitiveClass::NationalId));
    let apart = spaced.map(|text| run_back(bytes, text.len(), LETTERS, |b| b.is_ascii_alphanumeric()));
    if let Some(start) =
        apart.filter(|start| *start + 3 == bytes.len() && tokens::insurance_is_open(bytes, *start))
    {
        return Some(start);
    }
    let start = run_back(bytes, bytes.len(), LETTERS + 1, |b| b.is_ascii_alphanumeric());
    let word = bytes.get(start..).filter(|word| (1..=LETTERS).contains(&word.len()))?;
    let announced = || {
        let labels = Subjects::PASSPORT.or(Subjects::HEALTH).or(Subjects::LICENCE);
        context::near(bytes, start).has(labels)
    };
    let country = || wants(SensitiveClass::Iban) && tokens::bank_is_open(bytes, start);
    let insured = || wants(SensitiveClass::NationalId) && tokens::insurance_is_open(bytes, start);
    (word.iter().all(u8::is_ascii_uppercase) || insured() || country() || announced()).then_some(start)
}

/// The first number or identifier that more text could make longer, or tell more about.
fn number(bytes: &[u8], from: usize) -> Option<usize> {
    // What one number has taken is no beginning of the next: `9781FR14`.
    let mut floor = super::behind(bytes, from);
    let mut next = next_digit(bytes, from)?;
    let mut cluster = Cluster::default();
    loop {
        let start = run_back(bytes, next, 32, |b| b.is_ascii_alphanumeric()).max(floor);
        let end = next + bytes.get(next..)?.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        if bytes.get(next.wrapping_sub(1)) == Some(&b' ') {
            let apart = run_back(bytes, next - 1, 3, |b| b.is_ascii_alphanumeric());
            if apart + 3 == next && tokens::insurance_is_open(bytes, apart) {
                return Some(apart);
            }
        }
        if end == bytes.len() || token_is_open(bytes, start, end) {
            return Some(start.min(lead(bytes, start)));
        }
        let mut stop = end;
        if start == next {
            let read = cluster.read(bytes, next);
            if cluster_is_open(bytes, &cluster) {
                return Some(cluster.start);
            }
            let digits = next + cluster::digits_from(bytes, next);
            if digits == end || super::is_extension(bytes, digits, end) {
                stop = read;
            }
        }
        floor = stop;
        next = next_digit(bytes, stop)?;
    }
}

/// With the signs in front of it: a number that has one digit yet is a number already.
fn lead(bytes: &[u8], start: usize) -> usize {
    run_back(bytes, start, 2, |b| matches!(b, b'+' | b'('))
}

fn token_is_open(bytes: &[u8], start: usize, end: usize) -> bool {
    // `131052-308T`: the part behind the sign has six characters at most.
    let tail =
        bytes.get(end + 1..).filter(|_| end - start <= 9 && matches!(bytes.get(end), Some(b'-' | b'+')));
    let tailed = tail.is_some_and(|tail| tail.len() <= 6 && tail.iter().all(u8::is_ascii_alphanumeric));
    tailed || tokens::bank_is_open(bytes, start) || tokens::insurance_is_open(bytes, start)
}

fn cluster_is_open(bytes: &[u8], cluster: &Cluster) -> bool {
    let end = cluster.extension.unwrap_or(cluster.end);
    if cluster::may_go_on(bytes, cluster.end) || end >= bytes.len() {
        return true;
    }
    // Words behind the number say what it is, and so does a unit of money.
    let short = Subjects::PAY.or(Subjects::BIRTH).or(Subjects::BANK).or(Subjects::HEALTH);
    let dotted = cluster.groups.len() == 4;
    end + AFTER > bytes.len()
        && (cluster.digits.len() >= ENOUGH || dotted || context::near(bytes, cluster.start).has(short))
}

/// `March 14th, ` with a word of birth in front: a year may follow.
fn written_birth(bytes: &[u8]) -> Option<usize> {
    const READ: usize = 24;
    let from = bytes.len().saturating_sub(READ);
    let window = bytes.get(from..)?;
    let is_month = |part: &[u8], last: bool| {
        let ended = |name: &[u8]| {
            last && part.len() < name.len()
                && name.get(..part.len()).is_some_and(|n| n.eq_ignore_ascii_case(part))
        };
        numbers::MONTHS
            .iter()
            .any(|name| part.get(..name.len()).is_some_and(|p| p.eq_ignore_ascii_case(name)) || ended(name))
    };
    let (mut place, mut day, mut open) = (from, None, None);
    for part in window.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric()) {
        let end = place + part.len();
        let number = part.first().is_some_and(u8::is_ascii_digit) && part.len() <= 4;
        if part.iter().all(u8::is_ascii_alphabetic) {
            let small = matches!(part.to_ascii_lowercase().as_slice(), b"of" | b"de" | b"the");
            if is_month(part, end == bytes.len()) {
                open = Some(day.unwrap_or(place));
            } else if !small {
                (open, day) = (None, None);
            }
        } else if number {
            day = Some(place);
        }
        place = end;
    }
    let open = open?;
    let before = bytes.get(open.saturating_sub(context::BEFORE)..bytes.len())?;
    let telling = Subjects::BIRTH.or(Subjects::PAY).or(Subjects::BANK).or(Subjects::HEALTH);
    let words = before.get(..context::BEFORE).unwrap_or(before);
    context::subjects(words).has(telling).then_some(open)
}
