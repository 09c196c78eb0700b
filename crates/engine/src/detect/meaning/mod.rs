//! What a string means to whoever consumes it: from the operator's hints, else from its key, the
//! kind of action and its look, in that order.

mod hints;
mod looks;

use action::{ActionKind, SemanticType};

pub use self::hints::TypeHints;
use self::looks::{
    Strictness, has_markup, has_scheme, looks_like_id, looks_like_path, looks_like_prose, looks_like_uuid,
    starts_statement,
};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Faults;

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
