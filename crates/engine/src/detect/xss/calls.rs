//! The calls and objects that scripts of attacks end in.

/// The first call of a function, or use of an object, that scripts of attacks end in.
pub(super) fn sink_call(text: &str) -> Option<(usize, usize)> {
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

/// Whether a call tells on its own: `print(x)` and `self.x` are also how code of other languages looks.
pub(super) fn is_grave(word: &str, tail: &str) -> bool {
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
