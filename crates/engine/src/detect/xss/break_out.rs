//! What runs without a tag of its own: an address, a link, and what closes the attribute or the
//! string that it will stand in.

use super::calls::{is_grave, sink_call};
use super::fold::{fold, runs_code, style_runs};
use super::judge::{Level, floor, has_prefix, keep};
use super::markup::is_handler;
use super::rules;
use crate::detect::rule::Finding;

/// The text itself is an address that runs code.
pub(super) fn address(text: &str, level: Level, best: &mut Option<Finding>) {
    let head = text.char_indices().nth(160).map_or(text, |(at, _)| text.get(..at).unwrap_or(text));
    if !head.contains([':', '&', '%', '\\']) {
        return;
    }
    if !runs_code(&fold(head)) {
        return;
    }
    // "JavaScript: the good parts" is a title.
    let after = text.split_once([':', ';']).map_or("", |(_, after)| after);
    let code = sink_call(after).is_some()
        || !after.starts_with([' ', '\n']) && after.contains(['(', '=', '`', ',', '/', '%', '&'])
        || level == Level::Address;
    if code {
        keep(best, &rules::URL_SCHEME, 0..text.len());
    }
}

/// Markdown: `[text](javascript:...)`, `[name]: javascript:...`, `<javascript:...>`.
pub(super) fn links(text: &str, best: &mut Option<Finding>) {
    let mut candidates = 0;
    for mark in ["](", "]:", "<"] {
        for start in memchr::memmem::find_iter(text.as_bytes(), mark.as_bytes()) {
            let from = start + mark.len();
            let near = floor(text.get(from..).unwrap_or_default(), 160);
            let near = near.find(['<', '>', ')']).and_then(|end| near.get(..end)).unwrap_or(near);
            let end = from + near.len();
            let near = if mark == "]:" { near.trim_start() } else { near };
            let head = near.as_bytes().get(..12).unwrap_or(near.as_bytes());
            let scheme = ["javascript", "vbscript", "data:"].iter().any(|s| has_prefix(near, 0, s));
            // Without an escape or a blank the scheme stands there letter by letter, or not at all.
            let hidden = head.iter().any(|b| matches!(b, b'&' | b'%' | b'\\' | 1..=b' '));
            if !scheme && !hidden || mark == "<" && near.contains(' ') {
                continue;
            }
            candidates += 1;
            if candidates > MOST_CANDIDATES {
                return;
            }
            if runs_code(&fold(near)) {
                keep(best, &rules::URL_SCHEME, start..end);
            }
        }
    }
}

/// `" onfocus=...`: a quote ends the host's attribute, and an event or a style follows.
pub(super) fn attribute_break_out(text: &str, best: &mut Option<Finding>) {
    let first = text.len() - text.trim_start().len();
    let mut quoted = None;
    let mut candidates = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' | b'\'' | b'`' => quoted = Some(at),
            b'=' if candidates < MOST_CANDIDATES => {
                let before = text.get(..at).unwrap_or_default().trim_end();
                let name_at = before
                    .bytes()
                    .rposition(|b| !(b.is_ascii_alphanumeric() || b == b'-'))
                    .map_or(0, |position| position + 1);
                let name = before.get(name_at..).unwrap_or_default();
                let style = name.eq_ignore_ascii_case("style");
                if !style && !is_handler(name) {
                    continue;
                }
                let gap = before.get(..name_at).unwrap_or_default();
                let separated = gap.is_empty()
                    || gap.ends_with([' ', '\t', '\n', '"', '\'', '`', '/', '\u{c}', '\u{b}', '>']);
                // After a quote, or at the very start, where the host's own quote stood.
                let Some(start) = quoted.filter(|q| *q < name_at).or((first >= name_at).then_some(name_at))
                else {
                    continue;
                };
                if !separated {
                    continue;
                }
                candidates += 1;
                let value = text.get(at + 1..).unwrap_or_default();
                let near =
                    value.char_indices().nth(120).map_or(value, |(end, _)| value.get(..end).unwrap_or(value));
                let runs = if style {
                    style_runs(&fold(near))
                } else {
                    sink_call(near).is_some() || near.is_empty() && start + 1 == name_at
                };
                if runs {
                    keep(best, if style { &rules::STYLE } else { &rules::ATTRIBUTE }, start..at + 1);
                }
            }
            _ => {}
        }
    }
}

/// Attributes outside of a tag that are looked at in one text.
const MOST_CANDIDATES: usize = 1024;

/// `';alert(1)//`: a quote ends the host's string, and a call follows.
pub(super) fn script_break_out(text: &str, level: Level, best: &mut Option<Finding>) {
    // Code in six signs and no letters: `[][(![]+[])[+[]]...`.
    let signs = text.bytes().filter(|b| matches!(b, b'[' | b']' | b'(' | b')' | b'!' | b'+')).count();
    if text.contains("![]") && signs > 8 && signs + text.matches(' ').count() == text.len() {
        keep(best, &rules::SINK, 0..text.len());
    }
    // The function itself is handed over: `[1].find(alert)`.
    let handed = ["(alert)", "=alert,", "(confirm)", "(prompt)", "(eval)", "=eval,"];
    if level == Level::Rendered && !text.contains(' ') && handed.iter().any(|h| text.contains(h)) {
        keep(best, &rules::SINK, 0..text.len());
    }
    // `{{x.constructor("…")()}}`: an expression of the page's own library that makes a function of text.
    if level == Level::Rendered
        && let Some(at) = memchr::memmem::find(text.as_bytes(), b"constructor(")
        && text.get(at + 12..).is_some_and(|code| code.starts_with(['"', '\'', '`']))
        && text.get(..at).is_some_and(|before| before.ends_with('.') && before.contains("{{"))
    {
        keep(best, &rules::CONTEXT, at..at + 12);
    }
    let Some((at, end)) = sink_call(text) else { return };
    let before = text.get(..at).unwrap_or_default().trim_end();
    let quoted = before.contains(['\'', '"', '`'])
        || before.contains("*/")
        || before.ends_with("${")
        || before.ends_with("{{");
    let joined = before.ends_with([
        ';', '-', '+', '*', '/', '|', '&', ',', '^', '(', '{', '}', ')', '%', '<', '>', '?', '=', ':', '`',
    ]);
    let start = before.rfind(['\'', '"', '`', '/']).unwrap_or(0);
    if quoted && joined && start + 24 > before.len() {
        let closes = before.get(start + 1..).unwrap_or_default();
        if closes.bytes().all(|b| !b.is_ascii_alphanumeric()) || before.ends_with("*/") {
            keep(best, &rules::CONTEXT, start..end);
            return;
        }
    }
    let ended = text.get(end..).is_some_and(|after| after.contains("//"));
    if ended && before.ends_with(';') && !text.contains(' ') {
        keep(best, &rules::CONTEXT, before.len().saturating_sub(1)..end);
        return;
    }
    // The whole value is a call of the browser: nothing else of the text is prose.
    let prose = text.split_whitespace().count() > 3;
    if level == Level::Rendered
        && !prose
        && is_grave(text.get(at..end).unwrap_or_default(), text.get(end..).unwrap_or_default())
        && before.bytes().all(|b| !b.is_ascii_alphanumeric() && b != b' ' || b == b'=')
    {
        keep(best, &rules::SINK, at..end);
    }
}
