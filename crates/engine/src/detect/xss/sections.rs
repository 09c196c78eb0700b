//! What closes a section that the text did not open, and brackets in disguise.

use super::judge::{has_prefix, keep};
use super::rules;
use crate::detect::rule::Finding;

/// What closes a comment, a section or a raw-text element that this text did not open.
pub(super) fn sections(text: &str, best: &mut Option<Finding>) {
    let comment =
        text.find("-->").filter(|at| !text.get(..*at).is_some_and(|before| before.contains("<!--")));
    let section = text.find("]]>").filter(|at| !text.get(..*at).is_some_and(|before| before.contains("<![")));
    if let (Some(comment), Some(section)) = (comment, section) {
        keep(best, &rules::MARKUP, comment.min(section)..comment.max(section) + 3);
    }
    // `"><b>`: an attribute and its tag are closed before any tag began.
    let first = text.find('<').unwrap_or(text.len());
    let head = text.get(..first).unwrap_or_default();
    let closed = head.trim_end().strip_suffix('>').map(|h| h.trim_end_matches(['/', ' ', '-', '>']));
    if let Some(before) = closed
        && before.ends_with(['"', '\'', '`', '\u{201d}', '\u{201c}'])
        && first < text.len()
    {
        keep(best, &rules::MARKUP, before.len().saturating_sub(1)..first + 1);
    }
    for name in ["</title", "</textarea", "</style", "</noscript", "</xmp", "</select", "</template"] {
        let Some(at) = find_ignoring_case(text, name) else { continue };
        let opening = format!("<{}", name.get(2..).unwrap_or_default());
        if find_ignoring_case(text.get(..at).unwrap_or_default(), &opening).is_none()
            && text.get(at + name.len()..).is_some_and(|r| r.contains('<'))
        {
            keep(best, &rules::MARKUP, at..at + name.len());
        }
    }
}

pub(super) fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let first = wanted.as_bytes().first().copied()?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text.as_bytes())
        .find(|at| text.get(*at..*at + wanted.len()).is_some_and(|t| t.eq_ignore_ascii_case(wanted)))
}

/// `&#x0003c;`: a bracket behind zeros, which only a filter is meant to overlook.
pub(super) fn padded_bracket(text: &str, best: &mut Option<Finding>) {
    for at in memchr::memmem::find_iter(text.as_bytes(), b"&#") {
        let near = text.as_bytes().get(at + 2..).unwrap_or_default();
        let near = near.get(..10).unwrap_or(near);
        let (hex, digits) = match near {
            [b'x' | b'X', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let zeros = digits.iter().take_while(|b| **b == b'0').count();
        let rest = digits.get(zeros..).unwrap_or_default();
        if zeros > 0 && rest.get(..2).is_some_and(|r| r.eq_ignore_ascii_case(if hex { b"3c" } else { b"60" }))
        {
            keep(best, &rules::MARKUP, at..at + 4 + zeros + usize::from(hex));
        }
    }
}

/// UTF-7, which some clients read although nobody asked: `+ADw-` is `<`.
pub(super) fn utf7(text: &str, best: &mut Option<Finding>) {
    if let Some(at) = find_ignoring_case(text, "adw-") {
        let before = text.get(..at).unwrap_or_default();
        if before.ends_with(['+', 'b', 'B']) || has_prefix(text, at + 4, "script") {
            keep(best, &rules::SCRIPT, at..at + 4);
        }
    }
    // The same letters with the eighth bit set, read as Latin-1.
    if let Some(at) = text.find('\u{bc}')
        && (has_prefix(text, at + 2, "script") || has_prefix(text, at + 2, "/script"))
    {
        keep(best, &rules::SCRIPT, at..at + 2);
    }
}
