//! Judges one text: its tags, and what runs or breaks out without one.

use std::ops::Range;

use super::break_out::{address, attribute_break_out, links, script_break_out};
use super::markup::markup;
use crate::detect::rule::{Finding, Rule};

/// How much a text must say before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It is rendered as HTML or markdown.
    Rendered,
    /// Its meaning is not known.
    Unknown,
    /// It is prose, which may speak of tags.
    Prose,
    /// It is an address.
    Address,
    /// It is source text: only the links of markdown count.
    Source,
}

/// Judges one text: the gravest finding, the first among equals.
pub fn judge(text: &str, level: Level) -> Option<Finding> {
    if !could_be_markup(text) {
        return None;
    }
    let mut best = None;
    match level {
        Level::Rendered | Level::Unknown => {
            markup(text, level, &mut best);
            address(text, level, &mut best);
            links(text, &mut best);
            attribute_break_out(text, &mut best);
            script_break_out(text, level, &mut best);
        }
        Level::Prose => {
            markup(text, level, &mut best);
            links(text, &mut best);
        }
        Level::Address => {
            markup(text, Level::Unknown, &mut best);
            address(text, level, &mut best);
            attribute_break_out(text, &mut best);
        }
        Level::Source => links(text, &mut best),
    }
    best
}

/// Most values hold none of these bytes and end here.
fn could_be_markup(text: &str) -> bool {
    text.bytes().any(|b| {
        matches!(b, b'<' | b'=' | b'(' | b':' | b'%' | b'\\' | b'`' | b'>' | b'+' | b'&' | b'*' | b'[')
    })
}

pub(super) fn keep(best: &mut Option<Finding>, rule: &'static Rule, span: Range<usize>) {
    Finding::keep(best, Finding { rule, span });
}

/// The longest prefix of at most so many bytes.
pub(super) fn floor(text: &str, bytes: usize) -> &str {
    (0..=bytes.min(text.len())).rev().take(4).find_map(|end| text.get(..end)).unwrap_or_default()
}

pub(super) fn has_prefix(text: &str, at: usize, prefix: &str) -> bool {
    text.get(at..at + prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix))
}
