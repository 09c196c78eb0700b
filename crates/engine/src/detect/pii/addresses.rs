//! Addresses that a sign gives away: `@` in e-mail, `:` in IPv6, `<` in travel documents.

use std::ops::Range;
use std::sync::LazyLock;

use action::Severity;
use memchr::memmem::Finder;

use super::context::Subjects;
use super::rules as r;
use super::{Candidate, candidate};

/// Longest local part and domain that mail systems accept.
pub(super) const LOCAL: usize = 64;
pub(super) const DOMAIN: usize = 255;

pub fn emails(bytes: &[u8], from: usize, out: &mut Vec<Candidate>) {
    for at in memchr::memchr_iter(b'@', bytes.get(from..).unwrap_or_default()).map(|at| from + at) {
        if out.len() >= super::MOST_HITS {
            return;
        }
        if let Some(found) = email(bytes, at) {
            out.push(found);
        }
    }
}

fn email(bytes: &[u8], at: usize) -> Option<Candidate> {
    let behind = bytes.get(at.saturating_sub(LOCAL)..at)?;
    let mut length = behind.iter().rev().take_while(|b| in_local(**b)).count();
    let local = behind.get(behind.len() - length..)?;
    // A quote or dot that leads belongs to the sentence; a cut character has no beginning.
    length -= local
        .iter()
        .take_while(|b| !b.is_ascii_alphanumeric() && (**b < 0xc0) && **b != b'_' && **b != b'+')
        .count();
    if length == 0 || bytes.get(at - 1) == Some(&b'.') {
        return None;
    }
    let start = at - length;
    let after = bytes.get(at + 1..bytes.len().min(at + 1 + DOMAIN))?;
    let domain = after.iter().take_while(|b| in_domain(**b)).count();
    let domain = after.get(..domain)?;
    let trimmed = domain.len() - domain.iter().rev().take_while(|b| matches!(b, b'.' | b'-')).count();
    let domain = domain.get(..trimmed)?;
    let top = domain.rsplit(|b| *b == b'.').next()?;
    let dotted =
        domain.contains(&b'.') && !domain.starts_with(b".") && memchr::memmem::find(domain, b"..").is_none();
    let word = top.len() >= 2 && top.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80)
        || top.starts_with(b"xn--");
    let local = bytes.get(start..at)?;
    if !dotted || !word || is_file(top) || in_url(bytes, start) || local == b"git" {
        return None;
    }
    let mut found = candidate(&r::EMAIL, 95, start..at + 1 + domain.len());
    if is_reserved(domain) {
        found.severity = Severity::Low;
    }
    Some(found)
}

/// `ann [at] acme [dot] org`, `ann(at)acme.org`: written so that no machine reads it, and read by all.
pub fn spelled_emails(bytes: &[u8], from: usize, out: &mut Vec<Candidate>) {
    let rest = bytes.get(from..).unwrap_or_default();
    for open in memchr::memchr2_iter(b'[', b'(', rest).map(|at| from + at) {
        if out.len() >= super::MOST_HITS {
            return;
        }
        out.extend(spelled_email(bytes, open));
    }
}

fn spelled_email(bytes: &[u8], open: usize) -> Option<Candidate> {
    let after = spelled(bytes, open, b"at")?;
    let behind = bytes.get(open.saturating_sub(LOCAL)..open)?.trim_ascii_end();
    let local = behind.iter().rev().take_while(|b| in_local(**b)).count();
    let start = open.saturating_sub(LOCAL) + behind.len() - local;
    let (mut at, mut end, mut dotted) = (after, after, false);
    loop {
        let label = bytes.get(at..)?.iter().take(LOCAL).take_while(|b| in_domain(**b)).count();
        let part = bytes.get(at..at + label)?;
        if part.is_empty() {
            break;
        }
        dotted |= part.iter().skip(1).any(|b| *b == b'.') && !part.ends_with(b".");
        end = at + label;
        let gap = bytes.get(end..)?.iter().take(1).take_while(|b| **b == b' ').count();
        match spelled(bytes, end + gap, b"dot") {
            Some(next) if at - after < DOMAIN => (at, dotted) = (next, true),
            Some(_) | None => break,
        }
    }
    let top = bytes.get(..end)?.rsplit(|b| !b.is_ascii_alphabetic()).next()?;
    (local > 0 && dotted && top.len() >= 2).then(|| candidate(&r::EMAIL, 85, start..end))
}

/// Where the text goes on behind a word in brackets, with the blanks around it.
pub(super) fn spelled(bytes: &[u8], open: usize, word: &[u8]) -> Option<usize> {
    let close = match bytes.get(open)? {
        b'[' => b']',
        b'(' => b')',
        _ => return None,
    };
    let inside = bytes.get(open + 1..open + 1 + word.len())?;
    let end = open + 1 + word.len();
    let blank = usize::from(bytes.get(end + 1) == Some(&b' '));
    (inside.eq_ignore_ascii_case(word) && *bytes.get(end)? == close).then_some(end + 1 + blank)
}

/// `diagnosed with …`: an illness told in a sentence, up to its next mark.
pub fn told_diagnoses(bytes: &[u8], from: usize, out: &mut Vec<Candidate>) {
    each_told(bytes, from, |told| {
        if told.len() >= 3 && told.start >= from {
            out.push(candidate(&r::DIAGNOSIS, 60, told));
        }
        out.len() < super::MOST_HITS
    });
}

/// Longest illness that is read.
pub(super) const LONGEST_TOLD: usize = 48;

/// What every `diagnosed with` tells, also where it is too short to be an illness yet.
pub(super) fn each_told(bytes: &[u8], from: usize, mut visit: impl FnMut(Range<usize>) -> bool) {
    /// Made once: that takes longer than a search in a short text.
    static SAID: LazyLock<[Finder<'_>; 2]> =
        LazyLock::new(|| ["diagnosed with ", "tested positive for "].map(Finder::new));
    for said in SAID.iter() {
        let behind = from.saturating_sub(said.needle().len());
        for at in said.find_iter(bytes.get(behind..).unwrap_or_default()) {
            let start = behind + at + said.needle().len();
            let rest = bytes.get(start..).unwrap_or_default().iter().take(LONGEST_TOLD);
            let length = rest
                .take_while(|b| b.is_ascii_alphanumeric() || **b >= 0x80 || matches!(b, b' ' | b'-' | b'\''))
                .count();
            if !visit(start..start + length) {
                return;
            }
        }
    }
}

pub(super) fn in_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&' | b'!' | b'#' | b'~')
}

pub(super) fn in_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-')
}

/// `image@2x.png`, `pkg@file.js`: an ending of a file, not of a domain.
fn is_file(top: &[u8]) -> bool {
    const ENDINGS: &[&[u8]] = &[
        b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"ts", b"json", b"html", b"xml",
        b"yaml", b"yml",
    ];
    ENDINGS.iter().any(|ending| top.eq_ignore_ascii_case(ending))
}

/// `scheme://user:password@host` and `ssh://git@host` are log-ins, which the credential rules read.
fn in_url(bytes: &[u8], start: usize) -> bool {
    let behind = bytes.get(start.saturating_sub(128)..start).unwrap_or_default();
    let word = behind
        .iter()
        .rev()
        .take_while(|b| {
            !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'<' | b'(' | b'?' | b'=' | b'&' | b',')
        })
        .count();
    let word = behind.get(behind.len() - word..).unwrap_or_default();
    memchr::memmem::rfind(word, b"://")
        .is_some_and(|scheme| !word.get(scheme + 3..).unwrap_or_default().contains(&b'/'))
}

/// Domains that can belong to nobody (RFC 2606, RFC 6761).
fn is_reserved(domain: &[u8]) -> bool {
    let domain = domain.to_ascii_lowercase();
    let ends = |name: &[u8]| {
        domain == name || (domain.ends_with(name) && domain.get(domain.len() - name.len() - 1) == Some(&b'.'))
    };
    [b"example.com".as_slice(), b"example.org", b"example.net", b"example", b"test", b"invalid", b"localhost"]
        .iter()
        .any(|name| ends(name))
}

/// Longest text of an IPv6 address, with an IPv4 tail.
pub(super) const IPV6: usize = 45;

pub fn ipv6(bytes: &[u8], from: usize, out: &mut Vec<Candidate>) {
    let inside = |b: &&u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let mut next = from;
    for colon in memchr::memchr_iter(b':', bytes.get(from..).unwrap_or_default()).map(|at| from + at) {
        if colon < next {
            continue;
        }
        let behind = bytes.get(next.max(colon.saturating_sub(5))..colon).unwrap_or_default();
        let hexadecimal = |b: &&u8| b.is_ascii_hexdigit();
        let start = colon - behind.iter().rev().take_while(hexadecimal).count();
        let length = bytes.get(start..).unwrap_or_default().iter().take(IPV6 + 1).take_while(inside).count();
        let mut end = start + length;
        next = end.max(colon + 1);
        while end > start && matches!(bytes.get(end - 1), Some(b'.')) {
            end -= 1;
        }
        let text = bytes.get(start..end).unwrap_or_default();
        let alone =
            |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b':' | b'_'));
        let led = alone(start.checked_sub(1).and_then(|b| bytes.get(b)));
        let groups = text.split(|b| *b == b':').filter(|group| !group.is_empty()).count();
        let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
        // Two words of hexadecimal letters around `::` are a path in a program.
        if groups < 3 || digits < 2 || !led || !alone(bytes.get(end)) {
            continue;
        }
        let address = std::str::from_utf8(text).ok().and_then(|text| text.parse::<std::net::Ipv6Addr>().ok());
        if address.is_some() {
            out.push(candidate(&r::IPV6, 90, start..end));
        }
    }
}

/// Lines of a passport or identity card that machines read: 44 or 36 characters with check digits.
pub fn travel_documents(bytes: &[u8], from: usize, out: &mut Vec<Candidate>) {
    let inside = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'<';
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'<', rest)) {
        let filler = at + found;
        let behind = bytes.get(filler.saturating_sub(90)..filler).unwrap_or_default();
        let start = filler - behind.iter().rev().take_while(|b| inside(b)).count();
        let end = filler
            + bytes.get(filler..).unwrap_or_default().iter().take(90).take_while(|b| inside(b)).count();
        at = end.max(filler + 1);
        let line = bytes.get(start..end).unwrap_or_default();
        if is_machine_line(line) {
            out.push(candidate(&r::PASSPORT_MRZ, 95, start..end));
        }
    }
}

fn is_machine_line(line: &[u8]) -> bool {
    let name_line = matches!(line.len(), 36 | 44)
        && matches!(line.first(), Some(b'P' | b'V' | b'I' | b'A' | b'C'))
        && memchr::memmem::find(line, b"<<").is_some()
        && line.get(2..5).is_some_and(|country| country.iter().all(|b| b.is_ascii_uppercase() || *b == b'<'));
    let checked = |from: usize, to: usize| {
        line.get(from..to).is_some_and(|part| line.get(to).is_some_and(|check| machine_check(part) == *check))
    };
    let number_line = matches!(line.len(), 36 | 44) && checked(0, 9) && checked(13, 19) && checked(21, 27);
    name_line || number_line
}

/// Weights 7, 3, 1; letters count from 10, the filler nothing.
fn machine_check(part: &[u8]) -> u8 {
    let value = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'Z' => u32::from(b - b'A') + 10,
        _ => 0,
    };
    let sum: u32 = part.iter().zip([7, 3, 1].iter().cycle()).map(|(b, weight)| value(*b) * weight).sum();
    b'0' + (sum % 10) as u8
}

/// A field whose name says that all of it is sensitive.
pub fn whole_field(text: &str, key: Subjects, out: &mut Vec<Candidate>) {
    let trimmed = text.trim();
    if trimmed.len() < 2 || trimmed.len() > 512 {
        return;
    }
    let start = text.len() - text.trim_start().len();
    let span = start..start + trimmed.len();
    if key.has(Subjects::DIAGNOSIS) {
        out.push(candidate(&r::DIAGNOSIS, 75, span));
    } else if key.has(Subjects::PAY)
        && trimmed.len() <= 32
        && trimmed.bytes().filter(u8::is_ascii_digit).count() >= 3
    {
        out.push(candidate(&r::SALARY, 80, span));
    }
}
