//! What a call of a tool would do, told from its name and its arguments.
//!
//! Tools come without a statement of what they do, or with one by whoever wants them called. So the
//! words of the name are looked up in one table, and where they say nothing the call counts as a
//! write: unknown is never harmless. Operators know their tools better; what they wrote comes first.
//! Money and counts are not looked for here: the engine reads them off the payload itself.

use action::{
    Action, ActionKind, AgentRef, Amount, Content, Environment, Json, Name, NameError, Operation, Principal,
    Resource, Session, Timestamp,
};

use crate::identity::Caller;

/// Who calls, and in which circumstances.
#[derive(Debug, Clone)]
pub struct Call<'c> {
    pub caller: &'c Caller,
    pub environment: Environment,
    pub principal: Option<Principal>,
    pub session: Option<Session>,
    pub context: Vec<Content>,
    pub now: Timestamp,
    /// The kind of every call that comes this way, where no operator says another one. Without it,
    /// the kind is that of the target.
    pub via: Option<ActionKind>,
    /// Who offers the tool, where that is known.
    pub server: Option<&'c Name>,
}

/// The action that a call of a tool is. Only a name that cannot be one has none.
pub fn action_of(tool: &str, arguments: Json, call: Call<'_>, told: &[Told]) -> Result<Action, NameError> {
    let name = Name::new(tool)?;
    let said = says(tool, &arguments);
    let told = told.iter().find(|told| told.concerns(call.server, tool));
    let at = |path: &Option<String>| path.as_deref().and_then(|path| arguments.at(argument(path)));
    let destinations = match told.and_then(|told| told.destination.as_ref()) {
        Some(path) => {
            let mut named = Vec::new();
            arguments.at(argument(path)).into_iter().for_each(|value| texts(value, &mut named));
            named
        }
        None => said.destinations,
    };
    let kind = told.and_then(|told| told.kind).or(call.via).unwrap_or(said.kind);
    Ok(Action {
        kind,
        operation: told.and_then(|told| told.operation).unwrap_or(said.operation),
        tool: name,
        resource: Resource {
            kind: told.and_then(|told| told.resource.clone()).unwrap_or(said.resource),
            name: call.server.cloned(),
            destinations,
        },
        amount: told.and_then(|told| {
            let value = match at(&told.amount)? {
                Json::Text(text) => action::Decimal::parse(text)?,
                other => other.as_number()?,
            };
            Some(Amount { value, currency: told.currency.clone()? })
        }),
        count: told.and_then(|told| at(&told.count)?.as_number()?.trunc().try_into().ok()),
        agent: AgentRef { name: call.caller.agent.name.clone(), version: None },
        principal: call.principal,
        session: call.session,
        environment: call.environment,
        time: call.now,
        payload: arguments,
        context: call.context,
        idempotency_key: None,
    })
}

/// What an operator says of tools, by a pattern of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// A name in which `*` stands for anything; with `server__` before it, of that server only.
    pub pattern: String,
    pub kind: Option<ActionKind>,
    pub operation: Option<Operation>,
    pub resource: Option<Name>,
    /// Paths into the arguments: `args.order.amount`.
    pub amount: Option<String>,
    pub currency: Option<Name>,
    pub count: Option<String>,
    pub destination: Option<String>,
}

impl Told {
    fn concerns(&self, server: Option<&Name>, tool: &str) -> bool {
        let whole = server.map(|server| format!("{server}{SEPARATOR}{tool}"));
        fits(&self.pattern, tool) || whole.is_some_and(|whole| fits(&self.pattern, &whole))
    }
}

/// Between the name of a server and that of its tool, where one name stands for both.
pub const SEPARATOR: &str = "__";

/// Whether a name has the form of a pattern in which `*` stands for any text.
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        // The first place is enough: what follows may stand anywhere behind it.
        let Some((_, behind)) = name.split_once(part) else { return false };
        name = behind;
    }
    true
}

fn argument(path: &str) -> &str {
    path.strip_prefix("args.").unwrap_or(path)
}

/// What a name and its arguments say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Says {
    pub kind: ActionKind,
    pub operation: Operation,
    pub resource: Name,
    pub destinations: Vec<Name>,
}

/// Reads a name and its arguments.
pub fn says(tool: &str, arguments: &Json) -> Says {
    // Each part of a name is looked at by itself: of `mail__refund` the one is no object of the other.
    let parts: Vec<Vec<String>> = tool.split(SEPARATOR).map(words).collect();
    let words = parts.concat();
    let target = words.iter().find_map(|word| TARGETS.iter().find(|target| target.words.contains(&&**word)));
    let verbs: Vec<Operation> = parts.iter().flat_map(|words| verbs(words)).collect();
    let kind = target.map_or(ActionKind::ExternalCall, |target| target.kind);
    let named = match verbs.iter().max_by_key(|operation| severity(**operation)) {
        // `get_payment` looks one up, `payment` makes one.
        Some(Operation::Write) | None => target.map_or(Operation::Write, |target| target.written),
        Some(other) => *other,
    };
    let operation = match kind {
        ActionKind::Database => greater(named, statement(arguments)),
        ActionKind::ExternalCall => greater(named, method(arguments)),
        ActionKind::File
        | ActionKind::Workflow
        | ActionKind::Payment
        | ActionKind::Communication
        | ActionKind::RecordChange
        | ActionKind::PrivilegeChange
        | ActionKind::Calendar
        | ActionKind::McpTool
        | ActionKind::LlmCall => named,
    };
    let mut destinations = Vec::new();
    addressed("", arguments, kind, &mut destinations);
    let noun = words
        .iter()
        .filter(|word| operation_of(word).is_none() && !matches!(word.as_str(), "and" | "or" | "then"))
        .cloned()
        .collect::<Vec<_>>()
        .join("_");
    let resource = target.map_or("", |target| target.resource);
    let resource = if resource.is_empty() { noun.as_str() } else { resource };
    let resource =
        Name::new(resource).or_else(|_| Name::new("tool")).unwrap_or_else(|_| crate::guard::nameless());
    Says { kind, operation, resource, destinations }
}

/// One family of targets.
struct Target {
    kind: ActionKind,
    /// The type of the resource; where it is empty, the name itself says which records these are.
    resource: &'static str,
    /// What a write to it is.
    written: Operation,
    words: &'static [&'static str],
}

/// The first word of a name that is here says what is touched.
#[rustfmt::skip]
const TARGETS: &[Target] = &[
    Target { kind: ActionKind::Payment, resource: "payment", written: Operation::Pay, words: &[
        "payment", "payments", "refund", "refunds", "payout", "payouts", "transfer", "transfers", "charge", "charges", "pay", "purchase",
        "invoice", "checkout", "wire", "money", "funds", "withdraw", "withdrawal", "deposit", "donate", "tip", "buy",
        "stripe", "paypal", "sepa", "iban", "trade",
    ] },
    Target { kind: ActionKind::PrivilegeChange, resource: "privilege", written: Operation::Grant, words: &[
        "role", "roles", "permission", "permissions", "privilege", "privileges", "access", "acl", "iam", "policy",
        "grant", "admin", "sudo", "credential", "credentials", "token", "tokens", "password", "secret", "secrets", "collaborator", "member",
        "members", "owner",
    ] },
    Target { kind: ActionKind::Communication, resource: "message", written: Operation::Send, words: &[
        "email", "emails", "mail", "mails", "gmail", "message", "messages", "sms", "slack", "whatsapp", "telegram",
        "tweet", "notification", "notify", "chat", "dm", "comment", "reply", "forward", "invite", "discord", "teams", "fax",
    ] },
    Target { kind: ActionKind::Calendar, resource: "calendar", written: Operation::Write, words: &[
        "calendar", "event", "events", "meeting", "meetings", "appointment", "appointments", "availability",
    ] },
    Target { kind: ActionKind::Database, resource: "database", written: Operation::Write, words: &[
        "sql", "query", "database", "db", "postgres", "mysql", "sqlite", "table", "tables", "mongo", "redis",
        "bigquery", "snowflake", "schema",
    ] },
    Target { kind: ActionKind::File, resource: "file", written: Operation::Write, words: &[
        "file", "files", "directory", "directories", "folder", "folders", "dir", "path", "document", "documents", "disk", "filesystem",
    ] },
    Target { kind: ActionKind::ExternalCall, resource: "web", written: Operation::Write, words: &[
        "http", "https", "url", "web", "website", "browser", "page", "webhook", "curl", "api", "request", "fetch", "crawl", "scrape",
        "navigate", "browse",
    ] },
    Target { kind: ActionKind::Workflow, resource: "workflow", written: Operation::Write, words: &[
        "shell", "bash", "command", "commands", "script", "code", "python", "terminal", "process", "job", "jobs", "workflow", "workflows",
        "pipeline", "deployment", "deploy", "build", "exec", "eval", "agent", "task", "tasks",
    ] },
    Target { kind: ActionKind::RecordChange, resource: "", written: Operation::Write, words: &[
        "record", "records", "crm", "contact", "contacts", "lead", "leads", "ticket", "tickets", "issue", "issues",
        "account", "accounts", "customer", "customers", "entity", "entities", "row", "rows", "salesforce", "hubspot", "jira",
    ] },
];

/// Words that say what is done.
#[rustfmt::skip]
const VERBS: &[(Operation, &[&str])] = &[
    (Operation::Read, &[
        "get", "list", "read", "find", "search", "lookup", "show", "view", "describe", "count", "check", "query", "select",
        "fetch", "browse", "retrieve", "load", "inspect", "summarize", "explain", "status", "stat", "head", "tail", "grep", "glob", "ls",
        "cat", "tree", "diff", "compare", "validate", "verify", "preview", "download", "info", "help", "echo", "ping", "calculate", "whoami",
        "translate", "estimate", "convert", "watch", "crawl", "scrape", "navigate", "resolve", "analyze", "analyse",
    ]),
    (Operation::Write, &[
        "create", "write", "update", "set", "put", "add", "edit", "modify", "insert", "upsert", "patch", "append", "save", "store", "move",
        "rename", "copy", "make", "mkdir", "change", "replace", "import", "merge", "commit", "run", "execute", "exec", "eval", "start",
        "stop", "restart", "deploy", "apply", "install", "schedule", "book", "assign", "close", "open", "enable", "disable", "call",
        "invoke", "click", "type", "fill", "sync", "archive", "restore", "approve", "reject", "cancel", "kill", "trigger", "launch", "configure",
        "register", "increment", "touch", "do", "handle", "process",
    ]),
    (Operation::Delete, &[
        "delete", "remove", "drop", "purge", "destroy", "erase", "truncate", "wipe", "rm", "rmdir", "unlink", "clear", "reset", "uninstall",
        "terminate", "trash", "unsubscribe", "del",
    ]),
    (Operation::Send, &[
        "send", "post", "publish", "upload", "share", "email", "mail", "notify", "reply", "forward", "push", "export", "submit", "tweet", "broadcast",
        "invite", "sms", "message", "announce", "emit", "transmit", "dispatch",
    ]),
    (Operation::Pay, &[
        "pay", "refund", "charge", "transfer", "purchase", "buy", "withdraw", "payout", "checkout", "donate", "tip", "wire", "sell", "trade", "deposit",
    ]),
    (Operation::Grant, &[
        "grant", "revoke", "authorize", "authorise", "elevate", "promote", "impersonate", "delegate", "sudo", "assume", "chmod", "chown",
    ]),
];

/// The operations that the words of a name speak of. A word that is a thing as well (`email`, `refund`)
/// is one after another verb, up to the next `and`: `get_refund` reads, `search_and_email` sends.
fn verbs(words: &[String]) -> Vec<Operation> {
    let mut found = Vec::new();
    let mut thing = false;
    for word in words {
        if matches!(word.as_str(), "and" | "or" | "then" | "plus") {
            thing = false;
        } else if let Some(operation) = operation_of(word)
            && !(thing && TARGETS.iter().any(|target| target.words.contains(&&**word)))
        {
            found.push(operation);
            thing = true;
        }
    }
    found
}

fn operation_of(word: &str) -> Option<Operation> {
    VERBS.iter().find(|(_, words)| words.contains(&word)).map(|(operation, _)| *operation)
}

/// How much a word says against others of the same name. `search_and_delete` deletes.
const fn severity(operation: Operation) -> u8 {
    match operation {
        Operation::Read => 0,
        Operation::Write => 1,
        Operation::Send => 2,
        Operation::Delete => 3,
        Operation::Pay => 4,
        Operation::Grant => 5,
    }
}

const fn greater(a: Operation, b: Operation) -> Operation {
    if severity(b) > severity(a) { b } else { a }
}

/// Words with which statements change something. One anywhere in a text counts: what only speaks of
/// deleting is judged as if it did.
#[rustfmt::skip]
const STATEMENTS: &[(&str, Operation)] = &[
    ("insert", Operation::Write), ("update", Operation::Write), ("merge", Operation::Write), ("create", Operation::Write),
    ("alter", Operation::Write), ("replace", Operation::Write), ("copy", Operation::Write), ("call", Operation::Write),
    ("exec", Operation::Write), ("execute", Operation::Write), ("attach", Operation::Write), ("pragma", Operation::Write),
    ("into", Operation::Write), ("set", Operation::Write), ("do", Operation::Write), ("load", Operation::Write),
    ("delete", Operation::Delete), ("drop", Operation::Delete), ("truncate", Operation::Delete),
    ("grant", Operation::Grant), ("revoke", Operation::Grant),
];

fn statement(arguments: &Json) -> Operation {
    let mut found = Operation::Read;
    each_text("", arguments, &mut |_, text| {
        for word in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() <= LONGEST) {
            let word = word.to_ascii_lowercase();
            for (_, operation) in STATEMENTS.iter().filter(|(known, _)| *known == word) {
                found = greater(found, *operation);
            }
        }
    });
    found
}

/// Letters of the longest word of [`STATEMENTS`].
const LONGEST: usize = 8;

fn method(arguments: &Json) -> Operation {
    let mut found = Operation::Read;
    each_text("", arguments, &mut |key, text| {
        if key.eq_ignore_ascii_case("method") {
            let operation = match text.trim().to_ascii_uppercase().as_str() {
                "GET" | "HEAD" | "OPTIONS" => Operation::Read,
                "DELETE" => Operation::Delete,
                _ => Operation::Send,
            };
            found = greater(found, operation);
        }
    });
    found
}

fn each_text(key: &str, value: &Json, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
        Json::Text(text) => visit(key, text),
        Json::List(items) => items.iter().for_each(|item| each_text(key, item, visit)),
        Json::Object(entries) => entries.iter().for_each(|(key, item)| each_text(key, item, visit)),
    }
}

/// Last words of keys under which an address stands, whatever the tool.
const ADDRESSES: &[&str] =
    &["url", "uri", "endpoint", "webhook", "host", "hostname", "domain", "destination", "href", "link"];
/// The same where something is sent or paid.
const RECIPIENTS: &[&str] = &[
    "to",
    "cc",
    "bcc",
    "recipient",
    "recipients",
    "email",
    "emails",
    "address",
    "payee",
    "iban",
    "channel",
    "attendees",
    "phone",
];

/// Destinations of one call. The engine reads further ones off the payload, so none is missed.
pub const MAX_DESTINATIONS: usize = 64;

/// Collects where something would go.
fn addressed(key: &str, value: &Json, kind: ActionKind, found: &mut Vec<Name>) {
    let mut collect = |key: &str, text: &str| {
        let words = words(key);
        let Some(last) = words.last() else { return };
        let recipient =
            matches!(kind, ActionKind::Communication | ActionKind::Payment | ActionKind::Calendar)
                && RECIPIENTS.contains(&last.as_str());
        if recipient || ADDRESSES.contains(&last.as_str()) {
            destination(text, found);
        }
    };
    each_text(key, value, &mut collect);
}

fn texts(value: &Json, found: &mut Vec<Name>) {
    each_text("", value, &mut |_, text| destination(text, found));
}

fn destination(text: &str, found: &mut Vec<Name>) {
    let text = text.trim();
    // It stays on this machine.
    let local = ["file:", "data:", "/", "./"].iter().any(|prefix| text.starts_with(prefix));
    if local || text.is_empty() {
        return;
    }
    let cut = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= Name::MAX_BYTES).last();
    // Of an address that is too long its beginning says where it leads.
    let short = if text.len() <= Name::MAX_BYTES { text } else { text.get(..cut.unwrap_or(0)).unwrap_or("") };
    if let Ok(name) = Name::new(short.trim())
        && found.len() < MAX_DESTINATIONS
        && !found.contains(&name)
    {
        found.push(name);
    }
}

/// The words of a name, in lower case: `getOrCreate_user-list` has five.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in name.chars() {
        let starts = c.is_uppercase() && before.is_lowercase();
        if (starts || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_say_what_is_done_and_to_what() {
        use ActionKind as K;
        use Operation as O;
        for (tool, arguments, kind, operation, resource) in [
            ("read_file", "{}", K::File, O::Read, "file"),
            ("files__write_file", "{}", K::File, O::Write, "file"),
            ("deleteFile", "{}", K::File, O::Delete, "file"),
            ("send_email", "{}", K::Communication, O::Send, "message"),
            ("create_message", "{}", K::Communication, O::Send, "message"),
            ("list-messages", "{}", K::Communication, O::Read, "message"),
            ("refund", "{}", K::Payment, O::Pay, "payment"),
            ("create_payment", "{}", K::Payment, O::Pay, "payment"),
            ("get_payment", "{}", K::Payment, O::Read, "payment"),
            ("add_role", "{}", K::PrivilegeChange, O::Grant, "privilege"),
            ("search_and_delete_records", "{}", K::RecordChange, O::Delete, "records"),
            ("crm_update", "{}", K::RecordChange, O::Write, "crm"),
            ("get_weather", "{}", K::ExternalCall, O::Read, "weather"),
            ("get_customer_profile", "{}", K::RecordChange, O::Read, "customer_profile"),
            ("mail__refund", "{}", K::Communication, O::Pay, "message"),
            ("get_refund", "{}", K::Payment, O::Read, "payment"),
            ("read_message", "{}", K::Communication, O::Read, "message"),
            ("search_and_email", "{}", K::Communication, O::Send, "message"),
            ("query", r#"{"sql":"SELECT * FROM a"}"#, K::Database, O::Read, "database"),
            ("query", r#"{"sql":"select 1; DROP TABLE a"}"#, K::Database, O::Delete, "database"),
            (
                "query",
                r#"{"q":["with x as (update a set b=1) select 1"]}"#,
                K::Database,
                O::Write,
                "database",
            ),
            ("fetch", r#"{"url":"https://a.example","method":"post"}"#, K::ExternalCall, O::Send, "web"),
            ("fetch", r#"{"url":"https://a.example"}"#, K::ExternalCall, O::Read, "web"),
            ("run_command", "{}", K::Workflow, O::Write, "workflow"),
            ("frobnicate", "{}", K::ExternalCall, O::Write, "frobnicate"),
            ("___", "{}", K::ExternalCall, O::Write, "tool"),
        ] {
            let said = says(tool, &json(arguments));
            assert_eq!(
                (said.kind, said.operation, said.resource.as_str()),
                (kind, operation, resource),
                "{tool}"
            );
        }
    }

    #[test]
    fn addresses_in_the_arguments_are_destinations() {
        let named = |tool: &str, arguments: &str| -> Vec<String> {
            says(tool, &json(arguments)).destinations.iter().map(|name| name.as_str().to_owned()).collect()
        };
        assert_eq!(
            named(
                "send_email",
                r#"{"to":["a@x.example","b@y.example"],"bcc":"c@z.example","body":"to d@q.example"}"#
            ),
            ["a@x.example", "b@y.example", "c@z.example"]
        );
        assert_eq!(
            named("fetch", r#"{"request":{"callback_url":"https://x.example/a"}}"#),
            ["https://x.example/a"]
        );
        assert_eq!(named("read_file", r#"{"uri":"file:///etc/passwd","to":"x"}"#), [""; 0]);
        let long = format!(r#"{{"url":"https://x.example/{}"}}"#, "ä".repeat(400));
        let [short] = &named("fetch", &long)[..] else { panic!("one destination") };
        assert!(short.starts_with("https://x.example/ä") && short.len() <= Name::MAX_BYTES);
        let many = format!(
            r#"{{"to":[{}"z@z.example"]}}"#,
            (0..100).map(|n| format!("\"{n}@x.example\",")).collect::<String>()
        );
        assert_eq!(named("send_email", &many).len(), MAX_DESTINATIONS);
    }

    #[test]
    fn patterns_take_any_text_for_a_star() {
        for (pattern, name, fit) in [
            ("crm_*", "crm_update", true),
            ("crm_*", "acrm_update", false),
            ("*", "", true),
            ("*_delete", "a_delete", true),
            ("*_delete", "a_deleted", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
