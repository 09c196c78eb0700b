//! Folding: what a browser would see in an address or a style, whatever it is written like.

/// Longest folded text; schemes and style functions stand at the beginning of what matters.
const LONGEST: usize = 4096;

/// Folds for a look at a scheme or a style: entities, percent and backslash escapes decoded,
/// blanks, control bytes and comments dropped, ASCII letters lower.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text;
    let mut quoted = None;
    while let Some(letter) = rest.chars().next() {
        if out.len() >= LONGEST {
            break;
        }
        match quoted {
            None if matches!(letter, '"' | '\'') => quoted = Some(letter),
            Some(quote) if quote == letter => quoted = None,
            _ => {}
        }
        // A comment's marks inside a string are text.
        let (decoded, length) = match escape(rest) {
            Some((None, _)) if quoted.is_some() && letter == '/' => (Some(letter), 1),
            Some(escape) => escape,
            None => (Some(letter), letter.len_utf8()),
        };
        rest = rest.get(length..).unwrap_or_default();
        if let Some(seen) = decoded
            && !seen.is_whitespace()
            && !seen.is_control()
            && !matches!(seen, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}')
        {
            out.push(seen.to_ascii_lowercase());
        }
    }
    out
}

/// An escape at the start of the text: what it stands for (`None` for nothing at all), and its length.
pub fn escape(text: &str) -> Option<(Option<char>, usize)> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'&' => entity(text),
        b'%' if matches!(bytes.get(1), Some(b'u' | b'U')) => {
            Some((char::from_u32(hex(bytes.get(2..6)?)?).map(narrow), 6))
        }
        b'%' => {
            let value = hex(bytes.get(1..3)?)?;
            // `%253c`: encoded twice.
            if value == u32::from(b'%')
                && let Some(inner) = bytes.get(3..5).and_then(hex)
            {
                return Some((char::from_u32(inner), 5));
            }
            (value < 0x80).then(|| (char::from_u32(value), 3))
        }
        b'\\' => match bytes.get(1)? {
            b'x' | b'X' => Some((char::from_u32(hex(bytes.get(2..4)?)?), 4)),
            b'u' => Some((char::from_u32(hex(bytes.get(2..6)?)?).map(narrow), 6)),
            _ => {
                // A style's escape: up to six digits and a blank.
                let digits = bytes.iter().skip(1).take(6).take_while(|b| b.is_ascii_hexdigit()).count();
                if digits < 2 {
                    return Some((None, 1));
                }
                let value = hex(bytes.get(1..1 + digits)?)?;
                let blank = usize::from(bytes.get(1 + digits) == Some(&b' '));
                Some((char::from_u32(value), 1 + digits + blank))
            }
        },
        b'/' if bytes.get(1) == Some(&b'*') => {
            let near = bytes.get(2..bytes.len().min(512)).unwrap_or_default();
            memchr::memmem::find(near, b"*/").map(|end| (None, end + 4))
        }
        _ => None,
    }
}

fn entity(text: &str) -> Option<(Option<char>, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(1) == Some(&b'#') {
        let is_hex = matches!(bytes.get(2), Some(b'x' | b'X'));
        let from = if is_hex { 3 } else { 2 };
        let digits = bytes
            .iter()
            .skip(from)
            .take(9)
            .take_while(|b| if is_hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() })
            .count();
        let written = text.get(from..from + digits).filter(|w| !w.is_empty())?;
        let value = u32::from_str_radix(written, if is_hex { 16 } else { 10 }).ok()?;
        let semicolon = usize::from(bytes.get(from + digits) == Some(&b';'));
        return Some((char::from_u32(value), from + digits + semicolon));
    }
    const NAMED: [(&str, char); 16] = [
        ("&tab;", '\t'),
        ("&newline;", '\n'),
        ("&colon;", ':'),
        ("&lpar;", '('),
        ("&rpar;", ')'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        ("&sol;", '/'),
        ("&num;", '#'),
        ("&semi;", ';'),
        ("&period;", '.'),
        ("&comma;", ','),
        ("&equals;", '='),
        ("&nbsp;", ' '),
        ("&amp;", '&'),
        ("&grave;", '`'),
    ];
    NAMED.iter().find_map(|(name, letter)| {
        text.get(..name.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(name))
            .then_some((Some(*letter), name.len()))
    })
}

/// Full-width letters and signs as the narrow ones that some hosts make of them.
fn narrow(letter: char) -> char {
    match u32::from(letter) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, digit| Some(sum.checked_mul(16)? + char::from(*digit).to_digit(16)?))
}

/// Whether a folded address begins with a scheme that runs code.
pub fn runs_code(folded: &str) -> bool {
    const SCHEMES: [&str; 6] =
        ["javascript:", "vbscript:", "livescript:", "mocha:", "jscript:", "view-source:"];
    const DATA: [&str; 8] = [
        "data:text/html",
        "data:text/xml",
        "data:text/javascript",
        "data:image/svg",
        "data:application/x",
        "data:application/javascript",
        "data:application/ecmascript",
        "data:application/pdf",
    ];
    let folded = folded.trim_start_matches("feed:");
    // Browsers drop what stands before the scheme and cannot belong to it.
    let folded = folded
        .trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '/' | '#' | '?' | '.'));
    SCHEMES.iter().chain(DATA.iter()).any(|scheme| folded.starts_with(scheme))
}

/// Whether a folded style runs code or loads a foreign sheet.
pub fn style_runs(folded: &str) -> bool {
    const SIGNS: [&str; 13] = [
        "expression(",
        "javascript:",
        "vbscript:",
        "behavior:",
        "behaviour:",
        "-moz-binding",
        "binding:url",
        "@import",
        "-o-link",
        "url(data:text",
        "url(\"data:text",
        "data:image/svg",
        ".svg",
    ];
    SIGNS.iter().any(|sign| folded.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_seen_through_what_hides_them() {
        for hidden in [
            "JaVaScRiPt:alert(1)",
            " \u{1}java\tscript:alert(1)",
            "&#106;avascript:alert(1)",
            "&#x6A&#x61vascript&colon;alert(1)",
            "j&Tab;avascript&#58;x",
            "%6aavascript%3ax",
            r"\x6aavascript:x",
        ] {
            assert!(runs_code(&fold(hidden)), "{hidden}");
        }
        for plain in
            ["https://a.example/javascript:x", "/javascript", "javascripted", "data:image/png;base64,AA"]
        {
            assert!(!runs_code(&fold(plain)), "{plain}");
        }
    }

    #[test]
    fn styles_are_seen_through_comments_and_escapes() {
        assert!(style_runs(&fold("width: exp/**/ression(f())")));
        assert!(style_runs(&fold(r"width: \65\78pression(f())")));
        assert!(!style_runs(&fold("color: red; background: url(/a.png)")));
    }
}
