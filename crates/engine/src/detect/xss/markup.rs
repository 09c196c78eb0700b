//! Tags and their attributes.

use super::calls::sink_call;
use super::code_spans::CodeSpans;
use super::fold::{fold, runs_code, style_runs};
use super::judge::{Level, floor, has_prefix, keep};
use super::rules;
use super::sections::{find_ignoring_case, padded_bracket, sections, utf7};
use super::tags::{Attribute, Tag, tags};
use crate::detect::rule::Finding;

pub(super) fn markup(text: &str, level: Level, best: &mut Option<Finding>) {
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

fn element(
    text: &str,
    tag: &Tag<'_>,
    seen: &[&str],
    styles: &mut usize,
    level: Level,
    best: &mut Option<Finding>,
) {
    let has = |wanted: &str| tag.attributes.iter().any(|a| a.name.eq_ignore_ascii_case(wanted));
    let says = |wanted: &str| {
        tag.attributes.iter().any(|a| a.value.is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
    };
    // A page as a whole has sheets, forms, drawings and a head of its own; a part of one has no
    // reason to bring them.
    let whole = seen.iter().any(|s| s.eq_ignore_ascii_case("html") || s.eq_ignore_ascii_case("head"));
    let rendered = level == Level::Rendered && !whole;
    let name = tag.name.to_ascii_lowercase();
    let name = name.as_str();
    let local = local_name(name);
    let rule = match local {
        "script" => &rules::SCRIPT,
        "iframe" | "frame" | "frameset" | "object" | "embed" | "applet" | "layer" | "ilayer" | "bgsound"
        | "vmlframe" | "portal" | "isindex" | "event-source" | "stylesheet"
            if level == Level::Rendered || !tag.attributes.is_empty() =>
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
        "meta" if has("http-equiv") && (!whole || says("refresh")) => &rules::PAGE,
        // A whole page states its encoding; a part of one has no reason to.
        "meta" if rendered && has("charset") => &rules::PAGE,
        "link" if (has("href") || has("rel")) && (!whole || says("import")) => &rules::PAGE,
        "form" if (has("action") || rendered) && !whole => &rules::PAGE,
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

fn attribute_of(attribute: &Attribute<'_>, local: &str, level: Level, best: &mut Option<Finding>) {
    let name = bare_name(attribute.name);
    if attribute.value.is_some() && is_handler(name) {
        keep(best, &rules::HANDLER, attribute.span.clone());
        return;
    }
    let Some(value) = attribute.value else { return };
    if level != Level::Prose && is_binding(attribute.name) && sink_call(value).is_some() {
        keep(best, &rules::HANDLER, attribute.span.clone());
        return;
    }
    let is = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
    if is(&["srcdoc"]) {
        keep(best, &rules::SCRIPT, attribute.span.clone());
    } else if is(&["formaction"]) && level == Level::Rendered && !runs_code(&fold(value)) {
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
        // A quote in disguise closes the attribute once the page is written a second time.
        let reopened = ["&quot;on", "&#34;on", "&#x22;on", "&apos;on", "&#39;on"]
            .iter()
            .any(|quote| find_ignoring_case(value, quote).is_some())
            && sink_call(value).is_some();
        if runs_code(&folded) || inside || split || reopened {
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
pub(super) fn is_handler(name: &str) -> bool {
    let name = bare_name(local_name(name));
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let on = name.get(..2).is_some_and(|n| n.eq_ignore_ascii_case("on"));
    on && letters >= 5
        && name.get(letters..).is_some_and(|rest| rest.bytes().all(|b| !b.is_ascii_alphabetic() || b == b'x'))
}

/// Attributes whose value a library runs: `@click`, `v-on:`, `x-init`, `ng-click`, `hx-on:`.
fn is_binding(name: &str) -> bool {
    const BEGINNINGS: [&str; 10] =
        ["@", "v-", "x-", "ng-", "data-ng-", "hx-on", "hx-vals", "data-hx-on", "data-bind", "_"];
    BEGINNINGS.iter().any(|beginning| has_prefix(name, 0, beginning)) && name.len() > 1
}

fn is_address(name: &str) -> bool {
    ["href", "src", "action", "formaction", "data", "xlink:href", "background", "poster"]
        .iter()
        .any(|n| name.eq_ignore_ascii_case(n))
}
