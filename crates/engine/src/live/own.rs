//! The operator's own rules about personal data, for a text that is still growing.
//!
//! From each pattern another one is made that matches every beginning of its matches, tied to the end
//! of the text: `emp-\d{4}` gives `e(m(p(-\d{0,4})?)?)?` at the end.

use action::{SensitiveClass, Vector};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use super::{MAX_LIVE, floor};
use crate::detect::Detectors;
use crate::text::Prepared;

/// Words that speak for or against a match may stand this far behind it.
const MOST_NEAR: usize = MAX_LIVE / 2;
/// A pattern that grows beyond this is held by its length alone.
const MOST_COMPILED: usize = 4 << 20;

/// One rule.
#[derive(Debug, Clone)]
pub struct Own {
    /// Matches what may be the beginning of a value, at the end of a text; absent when there is no such
    /// pattern, and then the last [`MAX_LIVE`] bytes are held.
    beginning: Option<Regex>,
    /// The pattern itself, where what stands behind a match decides.
    whole: Option<(Regex, usize)>,
    /// Whether the pattern is written for the normal form.
    normal: bool,
}

impl Own {
    /// The rules of a wanted class, one of each; a rule that names none is about the class `custom`.
    pub fn of(detectors: &Detectors, wants: impl Fn(SensitiveClass) -> bool) -> Vec<Own> {
        let rules = detectors.book.of(Vector::Pii).map(|set| set.rules()).unwrap_or_default();
        let mine = rules.iter().filter(|rule| wants(rule.class.unwrap_or(SensitiveClass::Custom)));
        mine.map(|rule| Own::new(rule.pattern(), rule.within())).collect()
    }

    pub(super) fn new((pattern, normal): (&str, bool), within: Option<usize>) -> Own {
        let build = |text: &str| RegexBuilder::new(text).size_limit(MOST_COMPILED).build().ok();
        let beginning = regex_syntax::parse(pattern).ok().and_then(|hir| {
            let text = Hir::concat(vec![beginnings(&hir), Hir::look(Look::End)]).to_string();
            build(&text)
        });
        let whole = within.and_then(|within| Some((build(pattern)?, within.min(MOST_NEAR))));
        Own { beginning, whole, normal }
    }

    /// The earliest place, from `from` on, at which a match may be under way when the text ends.
    pub fn open(&self, text: &str, from: usize) -> usize {
        let start = floor(text, from.max(text.len().saturating_sub(MAX_LIVE)));
        let Some(window) = text.get(start..) else { return text.len() };
        if !self.normal {
            return self.first(window).map_or(text.len(), |place| start + place);
        }
        let prepared = Prepared::new(window);
        let reading = prepared.plain();
        match self.first(reading.normal) {
            Some(place) => start + reading.normal_span(place..(place + 1).min(reading.normal.len())).start,
            None => text.len(),
        }
    }

    fn first(&self, window: &str) -> Option<usize> {
        let Some(beginning) = &self.beginning else { return Some(0) };
        let open = beginning.find(window).filter(|found| !found.is_empty()).map(|found| found.start());
        let told = self.whole.as_ref().and_then(|(whole, within)| {
            let unsure = |found: &regex::Match<'_>| found.end() + within > window.len();
            whole.find_iter(window).find(unsure).map(|found| found.start())
        });
        open.into_iter().chain(told).min()
    }
}

/// A pattern for every beginning of what `hir` matches, the whole and nothing included.
fn beginnings(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => {
            let text = String::from_utf8_lossy(&literal.0).into_owned();
            chain(&text.chars().map(|c| Hir::literal(c.to_string().into_bytes())).collect::<Vec<_>>())
        }
        HirKind::Class(_) | HirKind::Look(_) => chain(std::slice::from_ref(hir)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.map(|max| max.saturating_sub(1));
            let before = Repetition { min: 0, max: most, greedy: true, sub: repetition.sub.clone() };
            Hir::concat(vec![Hir::repetition(before), beginnings(&repetition.sub)])
        }
        HirKind::Capture(capture) => beginnings(&capture.sub),
        HirKind::Concat(parts) => chain(parts),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(beginnings).collect()),
    }
}

/// Beginnings of a row of parts: all of the first and a beginning of the rest, or one of the first.
fn chain(parts: &[Hir]) -> Hir {
    parts.iter().rev().fold(Hir::empty(), |rest, part| {
        let single = match part.kind() {
            HirKind::Literal(literal) => {
                std::str::from_utf8(&literal.0).is_ok_and(|t| t.chars().count() == 1)
            }
            // Whether a border stands at the end of the text, only the next character tells.
            HirKind::Class(_) | HirKind::Look(_) | HirKind::Empty => true,
            HirKind::Repetition(_) | HirKind::Capture(_) | HirKind::Concat(_) | HirKind::Alternation(_) => {
                false
            }
        };
        let first = if single { Hir::empty() } else { beginnings(part) };
        Hir::alternation(vec![Hir::concat(vec![part.clone(), rest]), first])
    })
}
