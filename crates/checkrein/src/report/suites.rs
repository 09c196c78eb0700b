//! What is measured, in one table: which rows, read as what, and what should be found.

use action::Vector;
use engine::detect::ScanKind;

use super::corpus::Row;

/// One line of the report.
pub struct Suite {
    pub title: &'static str,
    pub corpus: &'static str,
    pub pick: fn(&Row) -> bool,
    pub read_as: ScanKind,
    pub vector: Vector,
    /// Only detections whose rule begins so.
    pub rules: &'static str,
    pub want: Want,
    /// The aim, in hundredths of a per cent: at least for attacks, at most for harmless text.
    pub aim: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    Found,
    Clean,
}

const fn found(
    title: &'static str,
    corpus: &'static str,
    pick: fn(&Row) -> bool,
    read_as: ScanKind,
    vector: Vector,
    aim: Option<u32>,
) -> Suite {
    Suite { title, corpus, pick, read_as, vector, rules: "", want: Want::Found, aim }
}

const fn clean(
    title: &'static str,
    corpus: &'static str,
    pick: fn(&Row) -> bool,
    read_as: ScanKind,
    vector: Vector,
    aim: Option<u32>,
) -> Suite {
    Suite { title, corpus, pick, read_as, vector, rules: "", want: Want::Clean, aim }
}

fn is(row: &Row, kind: &str, label: &str) -> bool {
    row.kind == kind && row.label == label
}

fn call(row: &Row) -> bool {
    is(row, "tool_call", "benign")
}

fn prompt(row: &Row) -> bool {
    is(row, "user_prompt", "benign")
}

fn document(row: &Row) -> bool {
    is(row, "document", "benign")
}

use ScanKind::{Document, Html, Json, Path, Shell, SqlStatement, SqlValue, Url, User};
use Vector::{KnownExploit, Pii, SqlInjection, Xss};

/// The parameter corpus holds fragments and files of a web firewall's own tests; no aim was set.
const NO_AIM: Option<u32> = None;

/// Every line, by vector.
pub const SUITES: &[Suite] = &[
    found(
        "SQL injection, values",
        "sqli",
        |r| is(r, "field_value", "sqli"),
        SqlValue,
        SqlInjection,
        Some(9_700),
    ),
    found(
        "SQL injection, request parameters",
        "crs",
        |r| is(r, "http_params", "sqli"),
        Json,
        SqlInjection,
        NO_AIM,
    ),
    clean(
        "harmless values that look like SQL",
        "sqli",
        |r| is(r, "field_value", "benign"),
        SqlValue,
        SqlInjection,
        Some(200),
    ),
    clean(
        "whole harmless statements",
        "sqli",
        |r| is(r, "sql_statement", "benign"),
        SqlStatement,
        SqlInjection,
        Some(100),
    ),
    clean("tool calls", "bfcl", call, Json, SqlInjection, Some(10)),
    clean("tool calls", "tau_bench", call, Json, SqlInjection, Some(10)),
    clean("tool calls", "agentdojo", call, Json, SqlInjection, Some(10)),
    clean("role prompts", "prompts_chat", prompt, User, SqlInjection, Some(10)),
    clean("documents", "tau_bench", document, Document, SqlInjection, Some(10)),
    found("XSS", "xss", |r| is(r, "field_value", "xss"), Html, Xss, Some(9_600)),
    found("XSS, request parameters", "crs", |r| is(r, "http_params", "xss"), Json, Xss, NO_AIM),
    clean("role prompts as markup", "prompts_chat", prompt, Html, Xss, Some(50)),
    clean("prompts as markup", "wildguard_benign", prompt, Html, Xss, Some(50)),
    clean("documents as markup", "agentdojo", document, Html, Xss, Some(50)),
    clean("documents as markup", "tau_bench", document, Html, Xss, Some(50)),
    clean("tool calls", "bfcl", call, Json, Xss, Some(10)),
    found("traversal", "exploits", |r| r.label == "traversal", Path, KnownExploit, Some(9_200)),
    found(
        "command injection, as a value",
        "exploits",
        |r| r.label == "cmdi",
        Json,
        KnownExploit,
        Some(9_000),
    ),
    found(
        "command injection, as a command",
        "exploits",
        |r| r.label == "cmdi",
        Shell,
        KnownExploit,
        Some(9_000),
    ),
    found("template injection", "exploits", |r| r.label == "ssti", Json, KnownExploit, Some(8_500)),
    found("XML entities", "exploits", |r| r.label == "xxe", Json, KnownExploit, Some(9_500)),
    found("NoSQL injection", "exploits", |r| r.label == "nosqli", Json, KnownExploit, Some(8_000)),
    found("LDAP injection", "exploits", |r| r.label == "ldapi", Json, KnownExploit, Some(8_000)),
    found("open redirects", "exploits", |r| r.label == "redirect", Url, KnownExploit, Some(8_000)),
    found("command injection, request parameters", "crs", |r| r.label == "cmdi", Json, KnownExploit, NO_AIM),
    found("Java, request parameters", "crs", |r| r.label == "java", Json, KnownExploit, NO_AIM),
    found("PHP, request parameters", "crs", |r| r.label == "php", Json, KnownExploit, NO_AIM),
    found("Node.js, request parameters", "crs", |r| r.label == "nodejs", Json, KnownExploit, NO_AIM),
    clean("harmless request parameters", "crs", |r| r.label == "benign", Json, KnownExploit, NO_AIM),
    clean("role prompts", "prompts_chat", prompt, User, KnownExploit, Some(50)),
    clean("prompts", "wildguard_benign", prompt, User, KnownExploit, Some(50)),
    clean("documents", "agentdojo", document, Document, KnownExploit, Some(50)),
    clean("documents", "tau_bench", document, Document, KnownExploit, Some(50)),
    clean("tool calls", "bfcl", call, Json, KnownExploit, Some(50)),
    clean("tool calls", "tau_bench", call, Json, KnownExploit, Some(50)),
    clean("tool calls", "agentdojo", call, Json, KnownExploit, Some(50)),
    secret("secrets", "secrets", |r| r.label == "secret", Want::Found, Some(9_700)),
    secret("texts that only look like secrets", "secrets", |r| r.label == "benign", Want::Clean, Some(2_000)),
    secret("prompts", "bfcl", prompt, Want::Clean, Some(3)),
    secret("prompts", "tau_bench", prompt, Want::Clean, Some(3)),
    secret("role prompts", "prompts_chat", prompt, Want::Clean, Some(3)),
    secret("prompts", "wildguard_benign", prompt, Want::Clean, Some(3)),
    secret("documents", "agentdojo", document, Want::Clean, Some(3)),
    secret("documents", "tau_bench", document, Want::Clean, Some(3)),
];

const fn secret(
    title: &'static str,
    corpus: &'static str,
    pick: fn(&Row) -> bool,
    want: Want,
    aim: Option<u32>,
) -> Suite {
    Suite { title, corpus, pick, read_as: Document, vector: Pii, rules: "secret.", want, aim }
}
