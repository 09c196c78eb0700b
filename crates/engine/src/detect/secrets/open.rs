//! Secrets that the end of a text may have cut short: where each of them would begin.
//!
//! A text that is still growing is read like a whole one, by the same anchors. Each reader has its
//! counterpart here that answers where its secret begins if more text could still make it one. It may
//! answer too often, which holds text back for nothing; never too seldom.

use std::ops::Range;

use action::SensitiveClass;

use super::generic::{self, NAMES};
use super::keyed::KEYED;
use super::prefixed::PREFIXED;
use super::shape::Set;
use super::special::{
    AUTHORITY, LONGEST, MOST_AUTHORIZATION, SPECIAL, authorized, before, in_authority, in_authorization,
    in_segment,
};
use super::value::{assigned, run};
use super::{Anchor, Search, begins, is_whole_word, search};

/// Where the secret around an anchor begins, if the text ends inside it.
pub type Open = fn(&[u8], Range<usize>) -> Option<usize>;

/// Bytes in front of a secret in which its name stands: an identifier, an assignment, a quote.
const NAMED: usize = 128;
/// The same for commands and manifests, whose values stand further away.
pub const FAR: usize = 2176;

/// The earliest place, from `from` on, at which a secret of a wanted class may be under way when the
/// text ends; its length when there is none. `from` is a place that such a secret does not span.
pub fn open(bytes: &[u8], from: usize, wants: impl Fn(SensitiveClass) -> bool) -> usize {
    let Some(search) = search() else { return from };
    let mut first = search.heads.open(bytes, from, &wants).unwrap_or(bytes.len());
    // A command's or a manifest's value stands behind a colon on its line; most texts have none.
    let lines = bytes.get(from.saturating_sub(NAMED)..).unwrap_or_default();
    let reach = if memchr::memchr(b':', lines).is_some() { FAR } else { NAMED };
    search.anchors(bytes, from.saturating_sub(reach), |anchor, at| {
        if wants(anchor.class())
            && let Some(start) = anchor.open(bytes, at, search)
        {
            first = first.min(start);
        }
        true
    });
    first.max(from)
}

impl Anchor {
    fn class(self) -> SensitiveClass {
        let class = match self {
            Anchor::Prefixed(rule) => PREFIXED.get(rule).map(|rule| rule.class),
            Anchor::Keyed(rule) => KEYED.get(rule).map(|rule| rule.class),
            Anchor::Special(rule) => SPECIAL.get(rule).map(|rule| rule.class),
            Anchor::Generic(_) => None,
        };
        class.unwrap_or(SensitiveClass::Credential)
    }

    fn open(self, bytes: &[u8], at: &Range<usize>, search: &Search) -> Option<usize> {
        match self {
            Anchor::Prefixed(rule) => {
                let (prefix, shape) = (PREFIXED.get(rule)?.prefix, search.prefixed.get(rule)?);
                let here = bytes.get(at.clone())? == prefix.as_bytes() && begins(bytes, at.start);
                (here && shape.is_open(bytes, at.end)).then_some(at.start)
            }
            Anchor::Keyed(rule) => {
                let value = assigned(bytes, at.end).filter(|_| is_whole_word(bytes, at))?;
                let shapes = search.keyed.get(rule)?;
                shapes.iter().any(|shape| shape.is_open(bytes, value.start)).then_some(value.start)
            }
            Anchor::Special(rule) => (SPECIAL.get(rule)?.open)(bytes, at.clone()),
            Anchor::Generic(name) => generic::open(bytes, at.clone(), NAMES.get(name)?.1),
        }
    }
}

/// The beginnings that belong to the secret themselves, for texts that end inside of one.
pub struct Heads {
    /// In order, so that those with a given beginning stand together.
    heads: Vec<(&'static [u8], SensitiveClass)>,
    longest: usize,
    /// Bytes that some of them begin with.
    first: [bool; 256],
}

/// Beginnings of secrets that are recognised by structure.
const STRUCTURED: &[(&[u8], SensitiveClass)] = &[
    (b"ey", SensitiveClass::Jwt),
    (b"ZXlK", SensitiveClass::Jwt),
    (b"sk-", SensitiveClass::ApiKey),
    (b"-----BEGIN", SensitiveClass::Credential),
    (b"-----begin", SensitiveClass::Credential),
    (b"-----Begin", SensitiveClass::Credential),
];

impl Heads {
    pub fn of_tables() -> Self {
        let prefixed = PREFIXED.iter().map(|rule| (rule.prefix.as_bytes(), rule.class));
        let mut heads: Vec<(&'static [u8], SensitiveClass)> =
            prefixed.chain(STRUCTURED.iter().copied()).collect();
        heads.sort_unstable_by_key(|(head, _)| *head);
        let mut first = [false; 256];
        for (head, _) in &heads {
            if let Some(seen) = head.first().and_then(|byte| first.get_mut(usize::from(*byte))) {
                *seen = true;
            }
        }
        let longest = heads.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
        Heads { heads, longest, first }
    }

    /// Where the text ends inside a beginning.
    fn open(&self, bytes: &[u8], from: usize, wants: &impl Fn(SensitiveClass) -> bool) -> Option<usize> {
        let earliest = from.max(bytes.len().saturating_sub(self.longest));
        (earliest..bytes.len()).find(|place| {
            let possible = bytes.get(*place).and_then(|b| self.first.get(usize::from(*b))) == Some(&true);
            possible && begins(bytes, *place) && self.goes_on(bytes.get(*place..).unwrap_or_default(), wants)
        })
    }

    fn goes_on(&self, tail: &[u8], wants: &impl Fn(SensitiveClass) -> bool) -> bool {
        let at = self.heads.partition_point(|(head, _)| *head < tail);
        let same = self.heads.get(at..).unwrap_or_default().iter();
        same.take_while(|(head, _)| head.starts_with(tail)).any(|(_, class)| wants(*class))
    }
}

/// Whether a run of `wanted` bytes from `at` reaches the end of the text and is no longer than `most`.
fn reaches(bytes: &[u8], at: usize, most: usize, wanted: impl Fn(u8) -> bool) -> bool {
    at <= bytes.len()
        && at + run(bytes, at, most.saturating_add(1), wanted) == bytes.len()
        && bytes.len() - at <= most
}

/// Keys whose mark stands in their middle or at their end. Nothing is known of them until it comes,
/// so the stretch of odd letters that may become one is held instead, see `live`.
pub fn in_odd_run(_: &[u8], _: Range<usize>) -> Option<usize> {
    None
}

/// A key block is held to its closing line.
pub fn private_key(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let rest = bytes.get(at.end..)?;
    let label = rest.get(..64).unwrap_or(rest);
    let Some(label_end) = memchr::memmem::find(label, b"-----") else {
        return (rest.len() < 64).then_some(at.start);
    };
    memchr::memmem::find(&label.get(..label_end)?.to_ascii_uppercase(), b"PRIVATE KEY")?;
    let body = rest.get(label_end + 5..)?;
    let closed = |mark: &[u8]| memchr::memmem::find(body, mark).is_some();
    let open = body.len() < LONGEST && !closed(b"KEY-----") && !closed(b"KEY BLOCK-----");
    open.then_some(at.start)
}

pub fn jwt(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    if before(bytes, at.start).is_some_and(|b| in_segment(b) || b == b'.')
        || !bytes.get(at.clone())?.starts_with(b"ey")
    {
        return None;
    }
    let mut place = at.start;
    for segment in 1..=3 {
        place += run(bytes, place, LONGEST, in_segment);
        match bytes.get(place) {
            None => return Some(at.start),
            Some(b'.') if segment < 3 => place += 1,
            Some(_) => return None,
        }
    }
    None
}

pub fn jwt_in_base64(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let inside = |b: u8| in_segment(b) || matches!(b, b'+' | b'/' | b'\\' | b'\n' | b'\r' | b'=');
    let led = bytes.get(at.clone())? == b"ZXlK" && !before(bytes, at.start).is_some_and(|b| Set::WORD.has(b));
    (led && reaches(bytes, at.start, LONGEST, inside)).then_some(at.start)
}

pub fn url_login(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let whole =
        before(bytes, at.start)?.is_ascii_alphanumeric() && reaches(bytes, at.end, AUTHORITY, in_authority);
    let colon = memchr::memchr(b':', bytes.get(at.end..)?)?;
    whole.then_some(at.end + colon + 1)
}

/// The password of the last `-u user:password` of a command.
pub fn curl_login(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let rest = bytes.get(at.end..)?;
    if rest.len() > 1024 {
        return None;
    }
    ["--user", "-u"].iter().find_map(|flag| {
        memchr::memmem::find_iter(rest, flag).find_map(|found| {
            let after = found + flag.len();
            let start = after + run(rest, after, 8, |b| matches!(b, b' ' | b'\t' | b'=' | b'\'' | b'"'));
            let quote = start.checked_sub(1).and_then(|b| rest.get(b)).copied();
            let quote = quote.filter(|b| matches!(b, b'\'' | b'"'));
            let inside = |b: u8| match quote {
                Some(quote) => b != quote && b != b'\n' && b != b'\r',
                None => !b.is_ascii_whitespace() && b != b'\'' && b != b'"',
            };
            let colon = memchr::memchr(b':', rest.get(start..)?)?;
            (start > after && reaches(rest, start, 256, inside)).then_some(at.end + start + colon + 1)
        })
    })
}

pub fn authorization(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    authorized(bytes, at).filter(|start| reaches(bytes, *start, MOST_AUTHORIZATION, in_authorization))
}

/// Known by its mark in the middle, but every one of them begins with `sk-`.
pub fn openai(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let led = bytes.get(at.clone())? == b"sk-" && !before(bytes, at.start).is_some_and(in_segment);
    (led && reaches(bytes, at.start, 248, in_segment)).then_some(at.start)
}

/// The link goes on as long as there is no blank, and its date may stand behind its signature.
pub fn azure_sas(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    reaches(bytes, at.end, 400, |b| !b.is_ascii_whitespace()).then_some(at.end)
}

pub fn add_key(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let quote = before(bytes, at.end)?;
    reaches(bytes, at.end, 256, |b| b != quote && b != b'\n').then_some(at.end)
}

/// The value that the text ends in, below `data` in a manifest that has already said its kind.
pub fn kubernetes(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let rest = bytes.get(at.end..)?;
    let in_value = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let value = rest.iter().rev().take_while(|b| in_value(b)).count();
    (rest.len() <= 2048 && value > 0).then(|| bytes.len() - value)
}

pub fn connection(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let start = assigned(bytes, at.end.checked_sub(1)?)?.start;
    let inside = |b: u8| b > b' ' && !matches!(b, b';' | b'"' | b'\'' | b'<' | b'&');
    reaches(bytes, start, 128, inside).then_some(start)
}
