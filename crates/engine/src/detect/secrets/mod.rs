//! Credentials: tokens of known issuers, keys, log-ins, and values that a name gives away.
//!
//! One search over all anchors decides which readers look at which places; a text without an
//! anchor costs that search alone. Hits carry places, never the secret.

mod generic;
mod keyed;
mod open;
mod prefixed;
mod shape;
mod special;
mod value;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use action::SensitiveClass::{self, Credential};
use action::{Confidence, Severity};
use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;

pub(crate) use self::open::open;

use self::generic::{NAMES, Promise};
use self::keyed::KEYED;
use self::prefixed::PREFIXED;
use self::shape::Shape;
use self::special::SPECIAL;
use self::value::{assigned, is_token_stand_in};
use super::rules::entropy_tenths;
use super::{Hit, Leaf};
use crate::text::Reading;

/// Most hits of one reading. High, because what is not found is not redacted.
const MOST_HITS: usize = 20_000;
/// Most hits that only a decoded reading shows.
const MOST_DECODED: usize = 256;

/// Where a reader found a secret, in the reading it looked at.
pub struct Found {
    pub span: Range<usize>,
}

/// Most bytes whose entropy is measured; longer tokens are judged by their beginning.
const MOST_MEASURED: usize = 255;

/// Entropy of a token in tenths of a bit per byte.
fn entropy(token: &[u8]) -> u32 {
    entropy_tenths(token.get(..MOST_MEASURED).unwrap_or(token))
}

/// Finds credentials in every reading of a leaf.
pub fn find(leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
    let first = out.len();
    for reading in leaf.text.readings() {
        let mut found = scan(reading.raw.as_bytes());
        if reading.via.is_empty() {
            under_key(leaf.key, reading.raw, &mut found);
        }
        if !reading.via.is_empty() {
            found.truncate(MOST_DECODED);
        }
        for candidate in best(found) {
            push(&reading, candidate, out, first);
        }
    }
}

/// What stands as sent in `text` behind `from`, where the text before it was judged already.
pub(crate) fn find_behind(text: &str, from: usize, out: &mut Vec<Hit>) {
    let anchors = from.saturating_sub(open::FAR);
    let mut found = scan_from(text.as_bytes(), anchors);
    found.retain(|candidate| candidate.span.end > from);
    out.extend(best(found).into_iter().map(|candidate| hit(candidate, &[], |span| span)));
}

/// Every rule id with its class and severity, in order, each once.
pub fn rules() -> Vec<(&'static str, SensitiveClass, Severity)> {
    let prefixed = PREFIXED.iter().map(|rule| (rule.id, rule.class, rule.severity));
    let keyed = KEYED.iter().map(|rule| (rule.id, rule.class, rule.severity));
    let special = SPECIAL.iter().map(|rule| (rule.id, rule.class, rule.severity));
    let generic =
        [Promise::Token, Promise::Password].map(|p| (generic_rule(p).0, Credential, Severity::High));
    let mut all: Vec<_> = prefixed.chain(keyed).chain(special).chain(generic).collect();
    all.sort_by_key(|(id, _, severity)| (*id, std::cmp::Reverse(*severity)));
    all.dedup_by_key(|(id, ..)| *id);
    all
}

/// A secret before it is placed in the original text.
#[derive(Debug, Clone)]
struct Candidate {
    id: &'static str,
    class: SensitiveClass,
    severity: Severity,
    confidence: u8,
    span: Range<usize>,
}

fn push(reading: &Reading<'_>, candidate: Candidate, out: &mut Vec<Hit>, first: usize) {
    let span = reading.raw_span(candidate.span.clone());
    let overlaps = |hit: &Hit| hit.span.start < span.end && span.start < hit.span.end;
    if !reading.via.is_empty() && out.iter().skip(first).any(overlaps) {
        return;
    }
    out.push(hit(candidate, reading.via, |_| span));
}

fn hit(
    candidate: Candidate,
    via: &[Cow<'static, str>],
    place: impl FnOnce(Range<usize>) -> Range<usize>,
) -> Hit {
    Hit {
        rule: Cow::Borrowed(candidate.id),
        severity: candidate.severity,
        confidence: Confidence::new(candidate.confidence),
        class: Some(candidate.class),
        span: place(candidate.span),
        via: via.to_vec(),
    }
}

/// The most certain of overlapping candidates, in order of place.
fn best(mut found: Vec<Candidate>) -> Vec<Candidate> {
    found.sort_by(|a, b| {
        let rank =
            |c: &Candidate| (c.span.start, std::cmp::Reverse(c.confidence), std::cmp::Reverse(c.span.len()));
        rank(a).cmp(&rank(b)).then(a.id.cmp(b.id))
    });
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found {
        match kept.last_mut() {
            Some(last) if candidate.span.start < last.span.end => {
                if (candidate.confidence, candidate.span.len()) > (last.confidence, last.span.len()) {
                    *last = candidate;
                }
            }
            _ => kept.push(candidate),
        }
    }
    kept
}

/// A field whose name promises a secret, and whose whole text looks like one.
fn under_key(key: &str, text: &str, found: &mut Vec<Candidate>) {
    let token = text.trim();
    let Some(promise) = generic::whole(key, token.as_bytes()) else { return };
    let start = text.len() - text.trim_start().len();
    let (id, confidence) = generic_rule(promise);
    let span = start..start + token.len();
    found.push(Candidate { id, class: Credential, severity: Severity::High, confidence, span });
}

const fn generic_rule(promise: Promise) -> (&'static str, u8) {
    match promise {
        Promise::Token => ("secret.token", 75),
        Promise::Password => ("secret.password", 70),
    }
}

/// What stands behind an anchor of the search.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    Prefixed(usize),
    Keyed(usize),
    Special(usize),
    Generic(usize),
}

struct Search {
    words: DFA,
    /// By pattern: what to try there.
    anchors: Vec<Vec<Anchor>>,
    prefixed: Vec<Shape>,
    keyed: Vec<Vec<Shape>>,
    heads: open::Heads,
}

/// Built at first use: three hundred bit sets and one automaton, about a millisecond.
fn search() -> Option<&'static Search> {
    static SEARCH: OnceLock<Option<Search>> = OnceLock::new();
    SEARCH.get_or_init(build).as_ref()
}

fn build() -> Option<Search> {
    let mut patterns: Vec<String> = Vec::new();
    let mut anchors: Vec<Vec<Anchor>> = Vec::new();
    let mut add = |word: &str, anchor: Anchor| {
        let word = word.to_ascii_lowercase();
        match patterns.iter().position(|known| *known == word) {
            Some(place) => {
                if let Some(list) = anchors.get_mut(place) {
                    list.push(anchor);
                }
            }
            None => {
                patterns.push(word);
                anchors.push(vec![anchor]);
            }
        }
    };
    for (place, rule) in PREFIXED.iter().enumerate() {
        add(rule.prefix, Anchor::Prefixed(place));
    }
    for (place, rule) in KEYED.iter().enumerate() {
        rule.words.iter().for_each(|word| add(word, Anchor::Keyed(place)));
    }
    for (place, rule) in SPECIAL.iter().enumerate() {
        rule.words.iter().for_each(|word| add(word, Anchor::Special(place)));
    }
    for (place, (name, _)) in NAMES.iter().enumerate() {
        add(name, Anchor::Generic(place));
    }
    let words = DFA::builder().ascii_case_insensitive(true).build(&patterns).ok()?;
    Some(Search {
        words,
        anchors,
        prefixed: PREFIXED.iter().map(|rule| Shape::parse(rule.shape)).collect(),
        keyed: KEYED
            .iter()
            .map(|rule| rule.shapes.iter().map(|shape| Shape::parse(shape)).collect())
            .collect(),
        heads: open::Heads::of_tables(),
    })
}

fn scan(bytes: &[u8]) -> Vec<Candidate> {
    scan_from(bytes, 0)
}

/// The same for a text whose beginning was judged before: anchors count from `from` on.
fn scan_from(bytes: &[u8], from: usize) -> Vec<Candidate> {
    let mut found = Vec::new();
    let Some(search) = search() else { return found };
    search.anchors(bytes, from, |anchor, at| {
        found.extend(anchor.read(bytes, at, search));
        found.len() < MOST_HITS
    });
    found
}

impl Search {
    /// Visits every anchor that stands in `bytes` from `from` on, until the visitor has enough.
    fn anchors(&self, bytes: &[u8], from: usize, mut visit: impl FnMut(Anchor, &Range<usize>) -> bool) {
        let words = &self.words;
        let Ok(mut state) = words.start_state(Anchored::No) else { return };
        let mut end = from;
        while let Some(rest) = bytes.get(end..) {
            let tells = |byte: &u8| {
                state = words.next_state(Anchored::No, state, *byte);
                words.is_special(state)
            };
            let Some(skipped) = rest.iter().position(tells) else { break };
            end += skipped + 1;
            if !words.is_match(state) {
                continue;
            }
            for index in 0..words.match_len(state) {
                let word = words.match_pattern(state, index);
                let at = end.saturating_sub(words.pattern_len(word))..end;
                for anchor in self.anchors.get(word.as_usize()).map(Vec::as_slice).unwrap_or_default() {
                    if !visit(*anchor, &at) {
                        return;
                    }
                }
            }
        }
    }
}

impl Anchor {
    /// What stands at the place of this anchor, if it is a secret.
    fn read(self, bytes: &[u8], at: &Range<usize>, search: &Search) -> Option<Candidate> {
        match self {
            Anchor::Prefixed(rule) => prefixed(bytes, at, rule, search),
            Anchor::Keyed(rule) => keyed(bytes, at, rule, search),
            Anchor::Special(rule) => {
                let rule = SPECIAL.get(rule)?;
                let span = (rule.read)(bytes, at.clone())?.span;
                let (class, severity) = (rule.class, rule.severity);
                Some(Candidate { id: rule.id, class, severity, confidence: rule.confidence, span })
            }
            Anchor::Generic(name) => {
                let (_, promise) = NAMES.get(name)?;
                let span = generic::read(bytes, at.clone(), *promise)?.span;
                let (id, confidence) = generic_rule(*promise);
                Some(Candidate { id, class: Credential, severity: Severity::High, confidence, span })
            }
        }
    }
}

fn prefixed(bytes: &[u8], at: &Range<usize>, rule: usize, search: &Search) -> Option<Candidate> {
    let (rule, shape) = (PREFIXED.get(rule)?, search.prefixed.get(rule)?);
    if bytes.get(at.clone())? != rule.prefix.as_bytes() {
        return None;
    }
    if !begins(bytes, at.start) {
        return None;
    }
    let end = shape.end(bytes, at.end)?;
    if bytes.get(end).is_some_and(|next| shape.goes_on_with(*next) || *next == b'+') {
        return None;
    }
    let body = bytes.get(at.end..end)?;
    if entropy(body) < rule.entropy || is_token_stand_in(body) {
        return None;
    }
    Some(Candidate {
        id: rule.id,
        class: rule.class,
        severity: rule.severity,
        confidence: 97,
        span: at.start..end,
    })
}

/// Whether a token may begin at `at`: with a sign of its own, or with no letter or digit in front.
fn begins(bytes: &[u8], at: usize) -> bool {
    let inside_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+');
    bytes.get(at).is_some_and(|b| !b.is_ascii_alphanumeric())
        || !at.checked_sub(1).and_then(|b| bytes.get(b)).is_some_and(inside_word)
}

fn keyed(bytes: &[u8], at: &Range<usize>, rule: usize, search: &Search) -> Option<Candidate> {
    let (rule, shapes) = (KEYED.get(rule)?, search.keyed.get(rule)?);
    if !is_whole_word(bytes, at) {
        return None;
    }
    let value = assigned(bytes, at.end)?;
    let (shape_end, token) = shapes.iter().find_map(|shape| {
        let end = shape.end(bytes, value.start)?;
        let goes_on = bytes
            .get(end)
            .is_some_and(|next| shape.goes_on_with(*next) || matches!(next, b'+' | b'/' | b'='));
        if goes_on { None } else { Some((end, bytes.get(value.start..end)?)) }
    })?;
    if entropy(token) < rule.entropy || is_token_stand_in(token) || !is_mixed(token) {
        return None;
    }
    Some(Candidate {
        id: rule.id,
        class: rule.class,
        severity: rule.severity,
        confidence: 88,
        span: value.start..shape_end,
    })
}

/// Words have small letters only; a random token that has neither digits nor capitals is rare.
fn is_mixed(token: &[u8]) -> bool {
    let has = |wanted: fn(&u8) -> bool| token.iter().any(wanted);
    has(u8::is_ascii_digit)
        || (has(u8::is_ascii_lowercase) && token.iter().filter(|b| b.is_ascii_uppercase()).count() >= 3)
}

/// Whether an issuer's name stands alone or as one word of an identifier: `LOB_KEY`, `lobKey`
/// and `myLob`, but neither `blob` nor `sumOf` for `sumo`.
fn is_whole_word(bytes: &[u8], at: &Range<usize>) -> bool {
    let Some(word) = bytes.get(at.clone()) else { return false };
    let before = at.start.checked_sub(1).and_then(|b| bytes.get(b)).copied();
    let begins_upper = word.first().is_some_and(u8::is_ascii_uppercase);
    let ends_lower = word.last().is_some_and(|b| !b.is_ascii_uppercase());
    let any_lower = word.iter().any(u8::is_ascii_lowercase);
    let led = match before {
        Some(b) if b.is_ascii_lowercase() => begins_upper && any_lower,
        Some(b) => !b.is_ascii_uppercase(),
        None => true,
    };
    led && (ends_lower || !any_lower)
}

#[cfg(test)]
pub(crate) mod tests;
