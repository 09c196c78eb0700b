//! From a name to the value assigned to it, and which values are only stand-ins.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

/// Most bytes of an identifier that are read past the word found in it.
const IDENTIFIER: usize = 40;

/// Where the value begins that is assigned to the identifier around `word_end`.
///
/// Reads the way people write settings in code, JSON, YAML, shell, logs and prose:
/// `name = "v"`, `"name": "v"`, `name=>v`, `name := v`, `name, 'v'`.
pub fn assigned(bytes: &[u8], word_end: usize) -> Option<Value> {
    let identifier =
        bytes.get(word_end..)?.iter().take(IDENTIFIER).take_while(|b| in_identifier(**b)).count();
    let mut at = word_end + identifier;
    let name_end = at;
    at += run(bytes, at, 4, |b| matches!(b, b' ' | b'\t' | b'\'' | b'"' | b']' | b')' | b'\\'));
    let operator = run(bytes, at, 4, |b| matches!(b, b'=' | b':' | b'>' | b'<' | b'|' | b'?' | b','));
    if operator == 0 {
        return None;
    }
    at += operator;
    at += run(bytes, at, 6, |b| matches!(b, b' ' | b'\t' | b'\'' | b'"' | b'`' | b'=' | b'\\' | b'('));
    let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied();
    Some(Value { start: at, name_end, quote: before.filter(|b| matches!(b, b'\'' | b'"' | b'`')) })
}

/// Where the value begins that prose tells: "my password is …".
pub fn told(bytes: &[u8], word_end: usize) -> Option<Value> {
    let rest = bytes.get(word_end..)?;
    let said = [b" is ".as_slice(), b" ist ", b" est ", b" es ", b" is: "]
        .into_iter()
        .find(|said| rest.get(..said.len()).is_some_and(|head| head.eq_ignore_ascii_case(said)))?;
    let quote = rest.get(said.len()).copied().filter(|b| matches!(b, b'\'' | b'"' | b'`'));
    let start = word_end + said.len() + usize::from(quote.is_some());
    Some(Value { start, name_end: word_end, quote })
}

pub struct Value {
    pub start: usize,
    pub name_end: usize,
    /// The quote right before the value.
    pub quote: Option<u8>,
}

impl Value {
    /// The end of the value: its closing quote, or the first byte that no bare value has.
    pub fn end(&self, bytes: &[u8], longest: usize) -> usize {
        let stop = |b: &u8| match self.quote {
            Some(quote) => *b != quote && *b != b'\n' && *b != b'\r',
            None => !matches!(
                *b,
                b' ' | b'\t'
                    | b'\n'
                    | b'\r'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b','
                    | b';'
                    | b'&'
                    | b')'
                    | b'}'
                    | b']'
                    | b'<'
                    | b'>'
            ),
        };
        let length = bytes
            .get(self.start..)
            .unwrap_or_default()
            .iter()
            .take(longest + 1)
            .take_while(|b| stop(b))
            .count();
        self.start + length
    }
}

pub fn in_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

pub fn run(bytes: &[u8], at: usize, most: usize, wanted: impl Fn(u8) -> bool) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take(most).take_while(|b| wanted(**b)).count()
}

/// Whether `byte` may stand right after a token.
pub fn ends_token(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        None => true,
        Some(byte) => {
            !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'+' | b'/' | b'-' | b'=' | b'~')
        }
    }
}

/// Words that a random token practically never contains.
const PLAIN_STAND_INS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "your_",
    "your-",
    "yourkey",
    "yourtoken",
    "yourapi",
    "redacted",
    "xxxxx",
    "****",
    "....",
    "#####",
];

/// Words that a chosen password or setting may contain while it names something else.
const VALUE_STAND_INS: &[&str] = &[
    "sample",
    "yoursecret",
    "yourpassword",
    "insert",
    "dummy",
    "todo",
    "replace",
    "notreal",
    "not-real",
    "fake",
    "undefined",
    "null",
    "none",
    "secretref",
    "vault:",
    "ssm:",
    "keyring:",
    "env:",
    "{{",
    "}}",
    "${",
    "$(",
    "<%",
    "process.env",
    "os.environ",
    "getenv",
    "secrets.",
    "config.",
    "[password]",
    "<password",
    "username",
    "foobar",
    "lorem",
    "abc123",
    "token_",
    "_token",
    "mytoken",
    "api_key",
    "xxx",
    "://",
    "string",
    "true",
    "false",
];

/// Whether an issuer's token is one of the documentation, not a live one.
pub fn is_token_stand_in(token: &[u8]) -> bool {
    is_counting(token) || contains(&PLAIN, PLAIN_STAND_INS, token)
}

/// Whether a value stands for a secret instead of being one.
pub fn is_stand_in(value: &[u8]) -> bool {
    matches!(value.first(), None | Some(b'$' | b'<' | b'%' | b'{' | b'*' | b'#' | b'['))
        || is_token_stand_in(value)
        || contains(&CHOSEN, VALUE_STAND_INS, value)
}

static PLAIN: OnceLock<Option<AhoCorasick>> = OnceLock::new();
static CHOSEN: OnceLock<Option<AhoCorasick>> = OnceLock::new();

/// Long values say early what they are.
const READ: usize = 256;

fn contains(cell: &OnceLock<Option<AhoCorasick>>, words: &[&str], token: &[u8]) -> bool {
    let build = || AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok();
    let automaton = cell.get_or_init(build);
    automaton.as_ref().is_some_and(|automaton| automaton.is_match(token.get(..READ).unwrap_or(token)))
}

/// Whether most of the token is a run of one byte or counts up or down: `aaaa`, `12345678`.
fn is_counting(token: &[u8]) -> bool {
    let token = token.get(..READ).unwrap_or(token);
    let steps = token.iter().zip(token.iter().skip(1));
    let plain = steps.filter(|(a, b)| a.abs_diff(**b) <= 1).count();
    token.len() >= 4 && plain * 10 >= (token.len() - 1) * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, word: &str) -> Option<String> {
        let at = text.find(word)? + word.len();
        let value = assigned(text.as_bytes(), at)?;
        Some(text[value.start..value.end(text.as_bytes(), 100)].to_owned())
    }

    #[test]
    fn settings_are_read_in_the_usual_notations() {
        for text in [
            "acme_key = \"v1\"",
            "{\"acme\": \"v1\"}",
            "ACME => 'v1' acme=>v1",
            "acme := v1;",
            "acme.token=v1&x=2",
            "acme || \"v1\"",
            "acme', 'v1'",
            "export acme_API_KEY=v1",
        ] {
            assert_eq!(value(text, "acme").or_else(|| value(text, "ACME")).as_deref(), Some("v1"), "{text}");
        }
    }

    #[test]
    fn prose_assigns_nothing() {
        for text in ["acme is a company", "we like acme", "acme (v1)"] {
            assert_eq!(value(text, "acme"), None, "{text}");
        }
    }

    #[test]
    fn stand_ins_are_known() {
        for token in [
            "<your-key>",
            "${TOKEN}",
            "xxxxxxxxxxxx",
            "AKIAEXAMPLE",
            "1234567890",
            "aaaaaaaaaaab",
            "{{ key }}",
        ] {
            assert!(is_stand_in(token.as_bytes()), "{token}");
        }
        assert!(!is_stand_in(b"Zk39vQpLw71x"));
    }
}
