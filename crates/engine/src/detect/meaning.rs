//! What a string means to whoever consumes it: from the operator's hints, else from its key, the
//! kind of action and its look, in that order.

use std::collections::BTreeMap;

use action::{ActionKind, SemanticType};

use crate::yaml::{Faults, Node, Value};

/// Meanings that an operator states, by tool and key. The tool `*` stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeHints {
    tools: BTreeMap<String, BTreeMap<String, SemanticType>>,
}

impl TypeHints {
    /// States what `key` of `tool` means. Case does not count.
    pub fn state(&mut self, tool: &str, key: &str, meaning: SemanticType) {
        self.tools.entry(tool.to_lowercase()).or_default().insert(key.to_lowercase(), meaning);
    }

    /// Reads `tool: { key: meaning }`.
    pub fn read(file: &str, node: &Node, faults: &mut Faults) -> Self {
        let mut hints = TypeHints::default();
        let Value::Map(tools) = &node.value else {
            let hint = "write `tool: { key: sql_value }`; `*` stands for every tool".to_owned();
            faults.add(file, node, "wrong_type", format!("`types` is {}", node.kind()), Some(hint));
            return hints;
        };
        for (tool, keys) in tools {
            let Value::Map(entries) = &keys.value else {
                let hint = "write `key: sql_value` below it".to_owned();
                faults.add(
                    file,
                    keys,
                    "wrong_type",
                    format!("`{}` is {}", tool.text, keys.kind()),
                    Some(hint),
                );
                continue;
            };
            for (key, value) in entries {
                match value.as_text().and_then(SemanticType::parse) {
                    Some(meaning) => hints.state(&tool.text, &key.text, meaning),
                    None => {
                        let known: Vec<_> = SemanticType::ALL.iter().map(|known| known.as_str()).collect();
                        let hint = format!("one of {}", known.join(", "));
                        faults.add(
                            file,
                            value,
                            "unknown_value",
                            format!("`{}` has no meaning of that name", key.text),
                            Some(hint),
                        );
                    }
                }
            }
        }
        hints
    }

    /// The stated meaning of a key, which is in lower case.
    pub fn meaning(&self, tool: &str, key: &str) -> Option<SemanticType> {
        if self.tools.is_empty() {
            return None;
        }
        let of = |tool: &str| self.tools.get(tool)?.get(key).copied();
        of(tool).or_else(|| of(&tool.to_lowercase())).or_else(|| of("*"))
    }
}

/// What a key says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Sql,
    /// A query of some kind: SQL where it looks like it.
    Query,
    Shell,
    Path,
    Url,
    /// Text that may hold markup.
    Markup,
    Code,
    /// Code only when no other word narrows it: `code`, but not `country_code`.
    CodeAlone,
    Id,
    Prose,
}

/// Keys by their last word, which names the thing; `file_path` is a path, `path_type` a type.
const BY_LAST_WORD: &[(&[&str], Says)] = &[
    (&["sql", "stmt", "ddl", "dml"], Says::Sql),
    (&["query", "statement", "where", "filter", "condition", "predicate"], Says::Query),
    (
        &[
            "command",
            "commands",
            "cmd",
            "cmds",
            "commandline",
            "cmdline",
            "shell",
            "bash",
            "script",
            "argv",
            "exec",
        ],
        Says::Shell,
    ),
    (
        &[
            "path",
            "paths",
            "file",
            "files",
            "filename",
            "filenames",
            "filepath",
            "pathname",
            "dir",
            "directory",
            "folder",
            "dirname",
            "cwd",
            "workdir",
        ],
        Says::Path,
    ),
    (
        &[
            "url", "urls", "uri", "uris", "href", "link", "links", "endpoint", "webhook", "callback",
            "redirect", "host", "hostname", "domain", "website", "src", "proxy",
        ],
        Says::Url,
    ),
    (
        &[
            "html", "markup", "svg", "xml", "body", "content", "contents", "page", "template", "markdown",
            "comment",
        ],
        Says::Markup,
    ),
    (
        &[
            "snippet",
            "program",
            "expression",
            "expr",
            "formula",
            "lambda",
            "javascript",
            "js",
            "python",
            "func",
            "function",
            "yaml",
        ],
        Says::Code,
    ),
    (&["code"], Says::CodeAlone),
    (&["id", "ids", "uuid", "guid", "sku", "ref", "reference", "slug", "arn"], Says::Id),
    (
        &[
            "text",
            "message",
            "prompt",
            "description",
            "summary",
            "note",
            "notes",
            "subject",
            "title",
            "question",
            "answer",
            "reason",
            "instructions",
            "task",
        ],
        Says::Prose,
    ),
];

/// Words before `code` with which it still is program code.
const CODE_WORDS: &[&str] =
    &["source", "python", "js", "javascript", "java", "program", "script", "shell", "bash"];

/// What the value of `key` in an action of this kind means. The key is in its own case.
pub fn meaning(kind: ActionKind, tool: &str, key: &str, text: &str, hints: &TypeHints) -> SemanticType {
    if let Some(stated) = hints.meaning(tool, &key.to_lowercase()) {
        return stated;
    }
    let by_key = says(key).and_then(|says| from_key(says, text));
    let meaning = by_key.unwrap_or_else(|| from_look(text));
    match (kind, meaning) {
        // Whatever goes to a database as a plain value ends up in a statement.
        (
            ActionKind::Database,
            SemanticType::Id | SemanticType::Value | SemanticType::FreeText | SemanticType::SqlValue,
        ) => {
            if starts_statement(text, Strictness::AnyKeyword) {
                SemanticType::SqlStatement
            } else {
                SemanticType::SqlValue
            }
        }
        (_, SemanticType::SqlValue) => from_look(text),
        (_, other) => other,
    }
}

/// What a key's words say.
fn says(key: &str) -> Option<Says> {
    let mut words = key_words(key);
    let last = words.pop()?;
    let says = BY_LAST_WORD.iter().find(|(names, _)| names.contains(&last.as_str())).map(|(_, says)| *says);
    match says {
        _ if words.iter().any(|word| word == "sql") && says != Some(Says::Path) => Some(Says::Sql),
        Some(Says::CodeAlone) if words.iter().all(|word| CODE_WORDS.contains(&word.as_str())) => {
            Some(Says::Code)
        }
        Some(Says::CodeAlone) => Some(Says::Id),
        other => other,
    }
}

/// The words of a key, lower case: parted by marks, digits at the end left off, humps cut.
fn key_words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut small = false;
    for c in key.chars().take(MAX_KEY) {
        if !c.is_alphanumeric() || (c.is_uppercase() && small) {
            words.push(String::new());
        }
        small = c.is_lowercase();
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Characters of a key that are looked at.
const MAX_KEY: usize = 64;

/// The meaning that a key gives, where the value does not speak against it.
fn from_key(says: Says, text: &str) -> Option<SemanticType> {
    let blank = text.contains(char::is_whitespace);
    match says {
        Says::Sql => Some(SemanticType::SqlStatement),
        Says::Query if starts_statement(text, Strictness::AnyKeyword) => looks_like_prose(text)
            .then_some(SemanticType::FreeText)
            .filter(|_| !starts_statement(text, Strictness::Syntax))
            .or(Some(SemanticType::SqlStatement)),
        Says::Query => Some(if has_scheme(text) { SemanticType::Url } else { SemanticType::SqlValue }),
        Says::Shell => Some(SemanticType::Shell),
        Says::Path if has_scheme(text) => Some(SemanticType::Url),
        Says::Path if text.contains('\n') || (looks_like_prose(text) && !text.contains(['/', '\\'])) => None,
        Says::Path => Some(SemanticType::Path),
        Says::Url if blank && !text.contains("://") => None,
        Says::Url => Some(SemanticType::Url),
        Says::Markup if has_markup(text) => Some(SemanticType::Html),
        Says::Markup | Says::CodeAlone => None,
        Says::Code => Some(SemanticType::Code),
        Says::Id if looks_like_id(text) => Some(SemanticType::Id),
        Says::Id => None,
        Says::Prose if has_scheme(text) && !blank => Some(SemanticType::Url),
        Says::Prose => Some(if blank { SemanticType::FreeText } else { SemanticType::Value }),
    }
}

/// The meaning that a value shows by itself.
fn from_look(text: &str) -> SemanticType {
    let trimmed = text.trim();
    if has_scheme(trimmed) && !trimmed.contains(char::is_whitespace) {
        SemanticType::Url
    } else if starts_statement(trimmed, Strictness::Syntax) {
        SemanticType::SqlStatement
    } else if looks_like_path(trimmed) {
        SemanticType::Path
    } else if trimmed.starts_with('<') && has_markup(trimmed) {
        SemanticType::Html
    } else if looks_like_prose(trimmed) {
        SemanticType::FreeText
    } else if looks_like_uuid(trimmed) {
        SemanticType::Id
    } else {
        SemanticType::Value
    }
}

/// `scheme://` at the start, or one of the schemes that need no slashes.
fn has_scheme(text: &str) -> bool {
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

fn looks_like_path(text: &str) -> bool {
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
fn has_markup(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| matches!(pair, [b'<', b'/' | b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z']))
}

/// Four words or more, or several lines.
fn looks_like_prose(text: &str) -> bool {
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

fn looks_like_id(text: &str) -> bool {
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

fn looks_like_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// How much must show before a text is taken for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
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

fn starts_statement(text: &str, strictness: Strictness) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind, key, value, meaning.
    const CASES: &[(ActionKind, &str, &str, SemanticType)] = &[
        (ActionKind::Database, "sql", "SELECT 1", SemanticType::SqlStatement),
        (ActionKind::Database, "query", "select name from users", SemanticType::SqlStatement),
        (ActionKind::Database, "query", "jane's orders", SemanticType::SqlValue),
        (ActionKind::Database, "customer_id", "42 or 1=1", SemanticType::SqlValue),
        (ActionKind::Database, "table", "customers", SemanticType::SqlValue),
        (ActionKind::McpTool, "query", "best pizza in town", SemanticType::FreeText),
        (ActionKind::McpTool, "query", "DROP TABLE users", SemanticType::SqlStatement),
        (ActionKind::McpTool, "input", "SELECT * FROM users WHERE id = 4", SemanticType::SqlStatement),
        (ActionKind::McpTool, "input", "Select a seat from the list of free ones", SemanticType::FreeText),
        (ActionKind::McpTool, "request", "update my address and set a reminder", SemanticType::FreeText),
        (ActionKind::McpTool, "cmd", "ls -la", SemanticType::Shell),
        (ActionKind::McpTool, "runCommand", "ls", SemanticType::Shell),
        (ActionKind::File, "file_path", "notes.txt", SemanticType::Path),
        (ActionKind::File, "image_path", "https://example.com/a.png", SemanticType::Url),
        (ActionKind::File, "target", "/var/log/syslog", SemanticType::Path),
        (ActionKind::File, "target", "C:\\Temp\\a.txt", SemanticType::Path),
        (ActionKind::ExternalCall, "webhookUrl", "hooks.example.com/x", SemanticType::Url),
        (ActionKind::ExternalCall, "target", "http://10.0.0.1/", SemanticType::Url),
        (ActionKind::ExternalCall, "website", "the one with the blue logo", SemanticType::FreeText),
        (ActionKind::Communication, "body", "<p>Hello</p>", SemanticType::Html),
        (ActionKind::Communication, "body", "Hello, the report is attached.", SemanticType::FreeText),
        (ActionKind::Communication, "body", "5 < 6", SemanticType::Value),
        (ActionKind::McpTool, "code", "print(1)", SemanticType::Code),
        (ActionKind::McpTool, "python_code", "x = 1", SemanticType::Code),
        (ActionKind::McpTool, "discount_code", "SAVE20", SemanticType::Id),
        (ActionKind::McpTool, "order_id", "ord_4711", SemanticType::Id),
        (ActionKind::McpTool, "order_id", "1; rm -rf /", SemanticType::Value),
        (ActionKind::McpTool, "url_name", "my-page", SemanticType::Value),
        (ActionKind::McpTool, "city", "New York", SemanticType::Value),
        (ActionKind::McpTool, "", "5f3a9c1e-7b52-4e0d-9a44-0c1f2d3e4b5a", SemanticType::Id),
        (ActionKind::McpTool, "note", "Please call me back tomorrow", SemanticType::FreeText),
    ];

    #[test]
    fn keys_kinds_and_looks_give_the_meaning() {
        for (kind, key, text, want) in CASES {
            let got = meaning(*kind, "tool", key, text, &TypeHints::default());
            assert_eq!(got, *want, "{kind} {key}: {text}");
        }
    }

    #[test]
    fn what_the_operator_states_goes_first() {
        let mut hints = TypeHints::default();
        hints.state("Report", "Filter", SemanticType::SqlValue);
        hints.state("*", "memo", SemanticType::Html);
        let of =
            |tool: &str, key: &str| meaning(ActionKind::McpTool, tool, key, "a few words for it", &hints);
        assert_eq!(of("report", "filter"), SemanticType::SqlValue);
        assert_eq!(of("other", "filter"), SemanticType::FreeText);
        assert_eq!(of("other", "memo"), SemanticType::Html);
    }

    #[test]
    fn hints_are_read_with_every_fault_at_its_line() {
        let read = |text: &str| {
            let mut faults = Faults::default();
            let hints = TypeHints::read("t.yaml", &crate::yaml::parse("t.yaml", text).unwrap(), &mut faults);
            (hints, faults.0)
        };
        let (hints, faults) = read("report: { filter: sql_value }\n\"*\": { memo: html }\n");
        assert!(faults.is_empty());
        assert_eq!(hints.meaning("Report", "filter"), Some(SemanticType::SqlValue));
        assert_eq!(hints.meaning("any", "memo"), Some(SemanticType::Html));
        let (_, faults) = read("report: { filter: sqlvalue }\nother: html\n");
        assert_eq!(
            faults.iter().map(|f| (f.line, f.code)).collect::<Vec<_>>(),
            [(1, "unknown_value"), (2, "wrong_type")]
        );
    }
}
