//! Personal data: numbers with check digits, addresses, and what a label makes sensitive.
//!
//! One pass over the text finds groups of digits, tokens of letters and digits, and signs such as
//! `@`. A shape with a check digit speaks for itself; a weak one needs its word close by.

mod addresses;
pub(super) mod check;
mod cluster;
mod context;
mod national;
mod numbers;
mod open;
mod rules;
mod tokens;

use std::borrow::Cow;
use std::ops::Range;

use action::{Confidence, Severity};

use self::cluster::Cluster;
use self::context::Subjects;
pub(crate) use self::open::open;
pub use self::rules::{RULES, Rule};
use super::{Hit, Leaf};
use crate::text::next_digit;

/// Most hits of one reading. High, because what is not found is not redacted.
const MOST_HITS: usize = 20_000;
/// Most hits that only a decoded reading shows.
const MOST_DECODED: usize = 256;

/// Finds personal data in every reading of a leaf.
pub fn find(leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
    let key = context::of_key(leaf.key);
    let (first, mut most) = (out.len(), usize::MAX);
    let mut found = Vec::new();
    for reading in leaf.text.readings() {
        scan(reading.raw.as_bytes(), key, &mut found);
        if reading.via.is_empty() {
            if key != Subjects::NONE {
                addresses::whole_field(reading.raw, key, &mut found);
            }
            // What stands as sent does not overlap itself, so nothing has to be compared.
            let sent =
                best(&mut found).into_iter().map(|c| hit(&c, reading.raw_span(c.span.clone()), reading.via));
            out.extend(sent);
            most = out.len() + MOST_DECODED;
        } else {
            let decoded =
                best(&mut found).into_iter().map(|c| hit(&c, reading.raw_span(c.span.clone()), reading.via));
            decoded.for_each(|hit| add_new(hit, out, first, most));
        }
        // Digits in other scripts or with invisible signs between show in the normal form only.
        if !reading.raw.is_ascii() && reading.normal != reading.raw {
            scan(reading.normal.as_bytes(), key, &mut found);
            let normal = best(&mut found)
                .into_iter()
                .map(|c| hit(&c, reading.normal_span(c.span.clone()), reading.via));
            normal.for_each(|hit| add_new(hit, out, first, most));
        }
    }
}

fn hit(candidate: &Candidate, span: Range<usize>, via: &[Cow<'static, str>]) -> Hit {
    Hit {
        rule: Cow::Borrowed(candidate.rule.id),
        severity: candidate.severity,
        confidence: Confidence::new(candidate.sure),
        class: Some(candidate.rule.class),
        span,
        via: via.to_vec(),
    }
}

/// Adds what another reading shows, unless its place is known already.
fn add_new(hit: Hit, out: &mut Vec<Hit>, first: usize, most: usize) {
    let overlaps = |known: &Hit| known.span.start < hit.span.end && hit.span.start < known.span.end;
    if out.len() < most && !out.iter().skip(first).any(overlaps) {
        out.push(hit);
    }
}

/// A finding before it is placed in the original text.
#[derive(Debug, Clone)]
struct Candidate {
    rule: &'static Rule,
    severity: Severity,
    sure: u8,
    span: Range<usize>,
}

fn candidate(rule: &'static Rule, sure: u8, span: Range<usize>) -> Candidate {
    Candidate { rule, severity: rule.severity, sure, span }
}

/// The most certain of overlapping candidates, in order of place; empties the list.
fn best(found: &mut Vec<Candidate>) -> Vec<Candidate> {
    if found.len() > 1 {
        found.sort_by(|a, b| {
            let rank =
                |c: &Candidate| (c.span.start, std::cmp::Reverse(c.sure), std::cmp::Reverse(c.span.len()));
            rank(a).cmp(&rank(b)).then(a.rule.id.cmp(b.rule.id))
        });
    }
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found.drain(..) {
        match kept.last_mut() {
            Some(last) if last.span.end > candidate.span.start => {
                if candidate.sure > last.sure {
                    *last = candidate;
                }
            }
            _ => kept.push(candidate),
        }
    }
    kept
}

/// What stands as sent in `text` behind `from`, where the text before it was judged already.
pub(crate) fn find_behind(text: &str, from: usize, out: &mut Vec<Hit>) {
    let mut found = Vec::new();
    scan_from(text.as_bytes(), from, Subjects::NONE, &mut found);
    out.extend(best(&mut found).into_iter().map(|candidate| hit(&candidate, candidate.span.clone(), &[])));
}

fn scan(bytes: &[u8], key: Subjects, out: &mut Vec<Candidate>) {
    scan_from(bytes, 0, key, out);
}

/// The same for a text whose beginning was judged before: signs and digits count from `from` on.
fn scan_from(bytes: &[u8], from: usize, key: Subjects, out: &mut Vec<Candidate>) {
    let rest = bytes.get(from..).unwrap_or_default();
    if memchr::memchr(b'@', rest).is_some() {
        addresses::emails(bytes, from, out);
    }
    addresses::spelled_emails(bytes, from, out);
    addresses::told_diagnoses(bytes, from, out);
    // The first line of a travel document has no digits.
    if memchr::memchr2(b':', b'<', rest).is_some() {
        addresses::ipv6(bytes, from, out);
        addresses::travel_documents(bytes, from, out);
    }
    let Some(mut next) = next_digit(bytes, from) else { return };
    let mut cluster = Cluster::default();
    let mut floor = behind(bytes, from);
    while out.len() < MOST_HITS {
        let behind = bytes.get(floor.max(next.saturating_sub(32))..next).unwrap_or_default();
        let letters = behind.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
        let start = next - letters;
        let end = next
            + bytes.get(next..).unwrap_or_default().iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let digits = cluster::digits_from(bytes, next);
        // `AB 12 34 56 C`: the two letters stand apart from their digits.
        let apart = next.checked_sub(3).filter(|place| {
            *place >= floor && bytes.get(next - 1) == Some(&b' ') && word_starts(bytes, *place)
        });
        let at;
        if let Some(stop) = apart.and_then(|place| tokens::insurance_apart(bytes, place, out)) {
            at = stop;
        } else if letters == 0 && (next + digits == end || is_extension(bytes, next + digits, end)) {
            let stop = cluster.read(bytes, next);
            numbers::judge(bytes, &cluster, key, out);
            // `131052-308T`: the letters behind the last group make it another kind of token.
            if cluster.letters_follow || bytes.get(end) == Some(&b'-') || bytes.get(end) == Some(&b'+') {
                tokens::judge(bytes, start, end, key, out);
            }
            at = stop;
        } else {
            let stop = tokens::judge(bytes, start, end, key, out);
            // `85k` is money, `2nd` is not; both begin with a digit.
            if letters == 0 {
                cluster.read(bytes, next);
                numbers::judge(bytes, &cluster, key, out);
            }
            at = stop;
        }
        floor = at;
        match next_digit(bytes, at.max(next + 1)) {
            Some(digit) => next = digit,
            None => break,
        }
    }
}

/// Where an identifier may have begun whose digits stand behind `from`: its letters may have been let
/// go before. Behind a digit something new begins, because digits are held to the end of their number.
fn behind(bytes: &[u8], from: usize) -> usize {
    match from.checked_sub(1).and_then(|before| bytes.get(before)) {
        Some(before) if before.is_ascii_digit() => from,
        _ => from.saturating_sub(32),
    }
}

fn word_starts(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|b| !b.is_ascii_alphanumeric())
}

/// `x4587` right behind the last digits.
fn is_extension(bytes: &[u8], at: usize, end: usize) -> bool {
    matches!(bytes.get(at), Some(b'x' | b'X'))
        && end > at + 1
        && end - at <= 7
        && bytes.get(at + 1..end).is_some_and(|d| d.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests;
