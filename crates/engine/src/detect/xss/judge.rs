//! Judges the tags of a text, and what breaks out of an attribute, a script or a comment.

use std::ops::Range;

use super::fold::{fold, runs_code, style_runs};
use super::rules;
use super::tags::{Attribute, Tag, tags};
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

fn keep(best: &mut Option<Finding>, rule: &'static Rule, span: Range<usize>) {
    Finding::keep(best, Finding { rule, span });
}

fn markup(text: &str, level: Level, best: &mut Option<Finding>) {
    let mut opened_script = false;
    let mut styles = 16 * LONGEST_STYLE;
    let mut code = CodeSpans::default();
    let mut seen: Vec<&str> = Vec::new();
    for tag in tags(text) {
        let name = tag.name.to_ascii_lowercase();
        if tag.glued.as_deref() == Some("script") && level != Level::Prose {
            keep(best, &rules::SCRIPT, tag.span.clone());
        }
        let local = local_name(&name);
        if tag.closing {
            let unopened = match local {
                "script" => !opened_script,
                "head" | "body" | "html" | "form" | "svg" | "image" | "feimage" => !opened(&seen, &name),
                _ => name != local && !opened(&seen, &name),
            };
            if unopened && level == Level::Rendered {
                keep(best, &rules::MARKUP, tag.span.clone());
            }
        } else {
            opened_script |= local == "script";
            if seen.len() < MOST_OPEN {
                seen.push(tag.name);
            }
        }
        if level == Level::Prose {
            let quoted = code.holds(text, tag.span.start);
            prose_tag(text, &tag, local, quoted, best);
            continue;
        }
        if !tag.closing {
            element(text, &tag, &seen, &mut styles, level, best);
        }
        for attribute in &tag.attributes {
            attribute_of(attribute, local, level, best);
        }
    }
    if level == Level::Rendered {
        padded_bracket(text, best);
        sections(text, best);
        utf7(text, best);
    }
}

/// Longest style sheet that is read; all sheets of a text together get a multiple of it, since
/// each of many openings could otherwise read the rest of the text again.
const LONGEST_STYLE: usize = 4096;

/// The longest prefix of at most so many bytes.
fn floor(text: &str, bytes: usize) -> &str {
    (0..=bytes.min(text.len())).rev().take(4).find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Names of tags that are remembered as opened.
const MOST_OPEN: usize = 64;

fn opened(seen: &[&str], name: &str) -> bool {
    seen.len() == MOST_OPEN || seen.iter().any(|s| s.eq_ignore_ascii_case(name))
}

/// Prose that speaks of tags names them; only what would run as it stands counts.
fn prose_tag(text: &str, tag: &Tag<'_>, local: &str, quoted: bool, best: &mut Option<Finding>) {
    if tag.closing || quoted {
        return;
    }
    if local == "script" && tag.closed {
        let rest = text.get(tag.span.end..).unwrap_or_default();
        let near = floor(rest, 512);
        let runs = tag
            .attributes
            .iter()
            .any(|a| a.name.eq_ignore_ascii_case("src") && a.value.is_some_and(is_remote));
        if runs || near.split('<').next().is_some_and(|body| sink_call(body).is_some()) {
            keep(best, &rules::SCRIPT, tag.span.clone());
        }
    }
    for attribute in &tag.attributes {
        let value = attribute.value.unwrap_or_default();
        if is_handler(attribute.name) && attribute.value.is_some() && sink_call(value).is_some() {
            keep(best, &rules::HANDLER, attribute.span.clone());
        } else if is_address(attribute.name) && runs_code(&fold(value)) && value.len() > "javascript:;".len()
        {
            keep(best, &rules::URL_SCHEME, attribute.span.clone());
        }
    }
}

fn is_remote(value: &str) -> bool {
    value.contains("//")
}

/// Markdown's code spans and blocks, read once from the start as places in rising order are asked for.
#[derive(Default)]
struct CodeSpans {
    at: usize,
    /// Backticks of the line so far.
    ticks: usize,
    fenced: bool,
}

impl CodeSpans {
    /// Whether a place stands inside one.
    fn holds(&mut self, text: &str, place: usize) -> bool {
        while self.at < place {
            let rest = text.as_bytes().get(self.at..place).unwrap_or_default();
            let Some(step) = memchr::memchr2(b'`', b'\n', rest) else { break };
            self.at += step;
            if text.as_bytes().get(self.at) == Some(&b'\n') {
                self.ticks = 0;
            } else if text.as_bytes().get(self.at..self.at + 3) == Some(b"```") {
                self.fenced = !self.fenced;
                self.at += 2;
            } else {
                self.ticks += 1;
            }
            self.at += 1;
        }
        self.at = self.at.max(place);
        self.fenced || self.ticks % 2 == 1
    }
}

fn element(
    text: &str,
    tag: &Tag<'_>,
    seen: &[&str],
    styles: &mut usize,
    level: Level,
    best: &mut Option<Finding>,
) {
    let has = |wanted: &str| tag.attributes.iter().any(|a| a.name.eq_ignore_ascii_case(wanted));
    let rendered = level == Level::Rendered;
    let name = tag.name.to_ascii_lowercase();
    let name = name.as_str();
    let local = local_name(name);
    let rule = match local {
        "script" => &rules::SCRIPT,
        "iframe" | "frame" | "frameset" | "object" | "embed" | "applet" | "layer" | "ilayer" | "bgsound"
        | "vmlframe" | "portal" | "isindex" | "event-source" | "stylesheet"
            if rendered || !tag.attributes.is_empty() =>
        {
            &rules::EMBED
        }
        "xml" | "import" if !tag.attributes.is_empty() || name != local => &rules::XML,
        "include" if name != local => &rules::XML,
        _ if name.starts_with("xml:") => &rules::XML,
        "handler" | "listener" | "foreignobject" | "feimage" if rendered => &rules::FOREIGN,
        "set" | "animate" | "animatetransform" | "animatecolor" if has("attributename") => &rules::FOREIGN,
        "svg" | "math" if rendered => &rules::FOREIGN,
        _ if rendered && name.starts_with("svg:") => &rules::FOREIGN,
        "base" if has("href") => &rules::PAGE,
        "meta" if has("http-equiv") => &rules::PAGE,
        // A whole page states its encoding; a part of one has no reason to.
        "meta" if rendered && has("charset") && !opened(seen, "head") && !opened(seen, "html") => {
            &rules::PAGE
        }
        "link" if has("href") || has("rel") => &rules::PAGE,
        "form" if has("action") || rendered => &rules::PAGE,
        // A field that asks for something; the box of a task list asks for nothing.
        "input" if rendered && !has("disabled") && !has("checked") => &rules::PAGE,
        "style" => {
            let rest = text.get(tag.span.end..).unwrap_or_default();
            let near = floor(rest, LONGEST_STYLE.min(*styles));
            let close = memchr::memmem::find(near.as_bytes(), b"</").unwrap_or(near.len());
            let body = near.get(..close).unwrap_or_default();
            *styles = styles.saturating_sub(body.len());
            if !style_runs(&fold(body)) {
                return;
            }
            &rules::STYLE
        }
        "noscript" | "plaintext" | "xmp" | "noembed" | "listing" if rendered => &rules::MARKUP,
        "?xml-stylesheet" | "?import" => &rules::XML,
        "!entity" | "!attlist" => &rules::XML,
        "!doctype" => {
            let inside = text.get(tag.span.clone()).unwrap_or_default();
            let inner =
                inside.contains('[') || tag.attributes.iter().any(|a| a.name.eq_ignore_ascii_case("system"));
            if !inner {
                return;
            }
            &rules::XML
        }
        "!--" if rendered && has_prefix(text, tag.span.start + 4, "[if") => &rules::MARKUP,
        _ => return,
    };
    keep(best, rule, tag.span.clone());
}

/// `script` of `x:script`: a name space does not tame an element.
fn local_name(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn has_prefix(text: &str, at: usize, prefix: &str) -> bool {
    text.get(at..at + prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix))
}

fn attribute_of(attribute: &Attribute<'_>, local: &str, level: Level, best: &mut Option<Finding>) {
    let name = bare_name(attribute.name);
    if attribute.value.is_some() && is_handler(name) {
        keep(best, &rules::HANDLER, attribute.span.clone());
        return;
    }
    let Some(value) = attribute.value else { return };
    let is = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
    if is(&["srcdoc"]) {
        keep(best, &rules::SCRIPT, attribute.span.clone());
    } else if is(&["formaction"]) && level == Level::Rendered {
        keep(best, &rules::PAGE, attribute.span.clone());
    } else if is(&["datasrc", "dataformatas", "datafld", "implementation", "xsi:schemalocation"]) {
        keep(best, &rules::XML, attribute.span.clone());
    } else if is(&["style"]) {
        // An author does not hide letters of a style, nor comment on it inside an attribute.
        let hidden = value.contains("/*") || value.contains("&#") || value.matches('\\').count() > 1;
        if hidden || style_runs(&fold(value)) {
            keep(best, &rules::STYLE, attribute.span.clone());
        }
    } else if !is(&["alt", "title", "placeholder", "summary", "label"])
        && value.contains([':', '&', '%', '\\', '/'])
    {
        let folded = fold(value);
        let inside = folded.contains("javascript:")
            || folded.contains("vbscript:")
            || folded.contains("url=data:text/html");
        let foreign = is(&["xlink:href"]) && (local == "a" || local == "use") && folded.starts_with("//");
        // The rest of the scheme stands behind a blank, which old browsers dropped.
        let split = value.contains("&#") && folded.len() >= 4 && "javascript:".starts_with(&folded);
        if runs_code(&folded) || inside || split {
            keep(best, &rules::URL_SCHEME, attribute.span.clone());
        } else if foreign {
            keep(best, &rules::FOREIGN, attribute.span.clone());
        }
    }
}

/// The name without escapes and quotes in front of it, which old browsers dropped.
fn bare_name(name: &str) -> &str {
    let mut name = name;
    loop {
        let length = match name.as_bytes().first() {
            Some(b'%' | b'\\' | b'&') => super::fold::escape(name).map_or(1, |(_, length)| length),
            Some(byte) if !byte.is_ascii_alphabetic() => name.chars().next().map_or(1, char::len_utf8),
            Some(_) | None => return name,
        };
        name = name.get(length..).unwrap_or_default();
    }
}

/// `onload` and every other `on` with letters behind it: the list of events grows, their form does not.
fn is_handler(name: &str) -> bool {
    let name = bare_name(local_name(name));
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let on = name.get(..2).is_some_and(|n| n.eq_ignore_ascii_case("on"));
    on && letters >= 5
        && name.get(letters..).is_some_and(|rest| rest.bytes().all(|b| !b.is_ascii_alphabetic() || b == b'x'))
}

fn is_address(name: &str) -> bool {
    ["href", "src", "action", "formaction", "data", "xlink:href", "background", "poster"]
        .iter()
        .any(|n| name.eq_ignore_ascii_case(n))
}

/// The text itself is an address that runs code.
fn address(text: &str, level: Level, best: &mut Option<Finding>) {
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
fn links(text: &str, best: &mut Option<Finding>) {
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
fn attribute_break_out(text: &str, best: &mut Option<Finding>) {
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
fn script_break_out(text: &str, level: Level, best: &mut Option<Finding>) {
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

/// Whether a call tells on its own: `print(x)` and `self.x` are also how code of other languages looks.
fn is_grave(word: &str, tail: &str) -> bool {
    const GRAVE: [&str; 12] = [
        "alert",
        "confirm",
        "prompt",
        "eval",
        "settimeout",
        "setinterval",
        "fetch",
        "atob",
        "unescape",
        "fromcharcode",
        "document",
        "navigator",
    ];
    GRAVE.iter().any(|grave| word.eq_ignore_ascii_case(grave))
        || tail.trim_start().starts_with(['[', ')', '/'])
}

/// The first call of a function, or use of an object, that scripts of attacks end in.
fn sink_call(text: &str) -> Option<(usize, usize)> {
    const CALLS: [&str; 15] = [
        "alert",
        "confirm",
        "prompt",
        "eval",
        "settimeout",
        "setinterval",
        "fetch",
        "unescape",
        "atob",
        "write",
        "writeln",
        "fromcharcode",
        "import",
        "print",
        "open",
    ];
    const OBJECTS: [&str; 13] = [
        "document",
        "window",
        "location",
        "self",
        "top",
        "parent",
        "frames",
        "this",
        "globalthis",
        "navigator",
        "constructor",
        "localstorage",
        "xmlhttprequest",
    ];
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_alphabetic)) {
        let start = at + step;
        let rest = bytes.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$')))
            .unwrap_or(rest.len());
        at = start + length.max(1);
        let Some(word) = text.get(start..start + length) else { continue };
        if !(3..=14).contains(&length) {
            continue;
        }
        let tail = text.get(at..).unwrap_or_default();
        let tail = tail.strip_prefix("?.").unwrap_or(tail);
        let near = tail.trim_start_matches([')', ' ']);
        let is = |list: &[&str]| list.iter().any(|w| word.eq_ignore_ascii_case(w));
        let called = tail.starts_with(['(', '`'])
            || near.len() < tail.len() && near.starts_with(['(', '`']) && !tail.starts_with(' ')
            || tail.starts_with("&lpar;")
            || tail.starts_with("&#40")
            || tail.starts_with("&#x28")
            || tail.starts_with("%28")
            || tail.starts_with("\\x28")
            || tail.starts_with("\\u0028")
            || tail.starts_with("/*");
        if is(&CALLS) && called {
            return Some((start, at));
        }
        // `location = Paris` is a caption, `location='//...'` is a jump.
        let assigned =
            tail.strip_prefix('=').is_some_and(|value| value.starts_with(['\'', '"', '`', '/', '&', '%']));
        if is(&OBJECTS)
            && (tail.starts_with(['.', '['])
                || assigned
                || near.starts_with(['.', '[']) && tail.starts_with(')')
                || tail.starts_with("/*"))
        {
            // A sentence ends with `document.`, an object goes on without a blank.
            let goes_on =
                tail.as_bytes().get(1).is_some_and(|b| b.is_ascii_alphabetic() || !b.is_ascii_whitespace());
            if goes_on {
                return Some((start, at));
            }
        }
    }
    None
}

/// What closes a comment, a section or a raw-text element that this text did not open.
fn sections(text: &str, best: &mut Option<Finding>) {
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

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let first = wanted.as_bytes().first().copied()?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text.as_bytes())
        .find(|at| text.get(*at..*at + wanted.len()).is_some_and(|t| t.eq_ignore_ascii_case(wanted)))
}

/// `&#x0003c;`: a bracket behind zeros, which only a filter is meant to overlook.
fn padded_bracket(text: &str, best: &mut Option<Finding>) {
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
fn utf7(text: &str, best: &mut Option<Finding>) {
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
