//! What a value looks like, whatever its key says.

/// `scheme://` at the start, or one of the schemes that need no slashes.
pub(super) fn has_scheme(text: &str) -> bool {
    let text = text.trim_start();
    let scheme =
        text.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')).count();
    let (name, rest) = text.split_at_checked(scheme).unwrap_or(("", text));
    let bare =
        ["javascript", "data", "mailto", "vbscript"].iter().any(|known| name.eq_ignore_ascii_case(known));
    scheme > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && (rest.starts_with("://") || (bare && rest.starts_with(':')))
}

pub(super) fn looks_like_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let blank = text.contains(char::is_whitespace);
    match bytes {
        [b'/', next, ..] => {
            !blank && (next.is_ascii_alphanumeric() || matches!(next, b'.' | b'_' | b'%' | b'~'))
        }
        [b'~', b'/', ..] | [b'.', b'/' | b'\\', ..] | [b'.', b'.', b'/' | b'\\', ..] => !text.contains('\n'),
        [b'\\', b'\\', next, ..] => next.is_ascii_alphanumeric() && !text.contains('\n'),
        [drive, b':', b'\\' | b'/', ..] => drive.is_ascii_alphabetic() && !text.contains('\n'),
        _ => false,
    }
}

/// An opening, closing or comment tag, closed or not.
pub(super) fn has_markup(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| matches!(pair, [b'<', b'/' | b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z']))
}

/// Four words or more, or several lines.
pub(super) fn looks_like_prose(text: &str) -> bool {
    let words = text
        .split_whitespace()
        .take(PROSE_WORDS)
        .filter(|word| word.chars().any(char::is_alphabetic))
        .count();
    words >= PROSE_WORDS
        || (words > 1 && text.trim().contains('\n'))
        || (words == 0 && text.chars().count() > LONG_WORD && !text.is_ascii())
}

const PROSE_WORDS: usize = 4;
/// Scripts that write without blanks: beyond so many characters it is a sentence.
const LONG_WORD: usize = 24;

pub(super) fn looks_like_id(text: &str) -> bool {
    text.len() <= Id::MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'@' | b'#' | b'/'))
        && !text.contains("..")
        && !text.contains("//")
}

/// Bounds of what is taken for an identifier.
struct Id;

impl Id {
    const MAX: usize = 128;
}

pub(super) fn looks_like_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// How much must show before a text is taken for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// The first keyword, where SQL is to be expected.
    AnyKeyword,
    /// A second keyword and some sign that prose has not.
    Syntax,
}

/// First keywords of statements, each with words of which one follows.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("select", &["from", "union", "@@", "*", "("]),
    ("insert", &["into"]),
    ("update", &["set"]),
    ("delete", &["from"]),
    ("with", &["as ("]),
    ("create", &["table", "view", "index", "database", "schema", "user", "function", "trigger", "role"]),
    ("drop", &["table", "view", "index", "database", "schema", "user", "function", "trigger", "role"]),
    ("alter", &["table", "view", "index", "database", "schema", "user", "role"]),
    ("truncate", &["table"]),
    ("merge", &["into"]),
    ("replace", &["into"]),
    ("grant", &["to"]),
    ("revoke", &["from"]),
    ("explain", &["select", "update", "delete", "insert", "analyze"]),
    ("call", &["("]),
    ("exec", &["sp_", "xp_", "("]),
    ("execute", &["sp_", "xp_", "("]),
    ("declare", &["@"]),
    ("pragma", &["("]),
    ("copy", &["from", "to"]),
];

pub(super) fn starts_statement(text: &str, strictness: Strictness) -> bool {
    let text = text.trim_start().trim_start_matches('(').trim_start();
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (first, rest) = text.split_at_checked(length).unwrap_or(("", text));
    let Some((_, second)) = STATEMENTS.iter().find(|(keyword, _)| first.eq_ignore_ascii_case(keyword)) else {
        return false;
    };
    if !rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | '*' | '@' | '/' | '"' | '\'')) {
        return false;
    }
    let head: String = rest.chars().take(MAX_HEAD).collect::<String>().to_ascii_lowercase();
    let follows = second.iter().any(|word| holds_word(&head, word));
    let signs = head.contains(['*', '=', ';', '(', '_', '\'', '`', '@'])
        || first.bytes().all(|b| b.is_ascii_uppercase());
    match strictness {
        Strictness::AnyKeyword => follows || signs,
        Strictness::Syntax => follows && signs,
    }
}

/// Characters behind the first keyword in which the second is looked for.
const MAX_HEAD: usize = 512;

/// `word` in `text`, at word borders where it is a word.
fn holds_word(text: &str, word: &str) -> bool {
    let is_word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let open_end = !word.bytes().all(|b| b.is_ascii_alphabetic());
    text.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at).copied());
        let after = text.as_bytes().get(at + word.len()).copied();
        open_end || (!is_word(before) && !is_word(after))
    })
}
