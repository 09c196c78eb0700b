//! `mcp`: servers of tools behind the gateway.
//!
//! ```yaml
//! mcp:
//!   public: https://agents.example.org     # where agents reach this listener
//!   wait: 120                              # seconds that an answer waits for a person
//!   first: pin                             # or `wait`: new definitions wait for an operator
//!   changed: block                         # or `alert`
//!   shadowed: alert                        # or `block`
//!   arguments: block                       # or `alert`: arguments that do not fit the tool's schema
//!   servers:
//!     - { name: files, url: http://127.0.0.1:9000/mcp, authorization: { env: FILES_TOKEN }, asks: [roots] }
//!     - { name: inner, url: https://tools.internal/mcp, ca: inner.pem, proxy: http://127.0.0.1:3128 }
//!     - { name: local }                    # spoken to by `checkrein mcp --server local -- COMMAND`
//!   tools:
//!     - { match: "crm_*", kind: record_change, operation: write, amount: args.amount, currency: USD }
//!   access:
//!     - { agents: ["bot-*"], servers: [files], tools: ["read_*"] }
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use action::{ActionKind, Name, Operation};
use anyhow::{Context as _, Result, bail};
use engine::yaml::{Faults, Fields};
use gateway::mcp::settings::{Access, Asks, First, Secret, Server, Settings, Shadowed, Strict, Wait};
use gateway::tool::{SEPARATOR, Told};

use super::name;

/// Longest wait for a person in one answer. Clients give up before.
const MAX_WAIT: i64 = 3_600;
/// Servers behind one gateway.
const MAX_SERVERS: usize = 256;

/// The section, and where the secrets lie that it speaks of.
#[derive(Debug, Default)]
pub struct Mcp {
    settings: Settings,
    keys: BTreeMap<Name, Lies>,
}

/// Where a secret lies.
#[derive(Debug, Clone)]
enum Lies {
    Env(String),
    File(PathBuf),
}

impl Mcp {
    pub fn is_empty(&self) -> bool {
        self.settings.servers.is_empty()
    }

    /// What is known of tools beside their names: of those that models call as well.
    pub fn tools(&self) -> &[Told] {
        &self.settings.tools
    }

    /// The settings with their secrets, which are looked up when the server starts.
    pub fn with_secrets(&self) -> Result<Settings> {
        let mut settings = self.settings.clone();
        for server in &mut settings.servers {
            let Some(lies) = self.keys.get(&server.name) else { continue };
            let text = match lies {
                Lies::Env(name) => std::env::var(name).with_context(|| {
                    format!("`{name}`, the key of the MCP server `{}`, is not set", server.name)
                })?,
                Lies::File(path) => std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read `{}`, the key of an MCP server", path.display()))?,
            };
            let text = text.trim();
            if text.is_empty() || text.chars().any(char::is_control) {
                bail!("the key of the MCP server `{}` is empty or no text of one line", server.name);
            }
            // A scheme of its own is taken as it is.
            let whole = if text.contains(' ') { text.to_owned() } else { format!("Bearer {text}") };
            server.authorization = Some(Secret(whole));
        }
        Ok(settings)
    }
}

impl Mcp {
    pub fn has(&self, name: &Name) -> bool {
        self.settings.server(name.as_str()).is_some()
    }

    /// One more server.
    pub(super) fn add(&mut self, one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Name> {
        let (server, lies) = server(one, folder, faults)?;
        if self.has(&server.name) {
            let message = format!("the server `{}` stands twice", server.name);
            one.fault(faults, "stands_twice", message, None);
        }
        let name = server.name.clone();
        self.keys.extend(lies.map(|lies| (name.clone(), lies)));
        self.settings.servers.push(server);
        Some(name)
    }

    /// Whether there are more of them than are kept apart.
    pub(super) fn too_many(&self, fields: &mut Fields<'_>, faults: &mut Faults) {
        if self.settings.servers.len() > MAX_SERVERS {
            let message = format!("at most {MAX_SERVERS} servers are behind one gateway");
            fields.fault(faults, "too_many", message, None);
        }
    }

    /// What holds for servers of every kind.
    pub(super) fn common(&mut self, fields: &mut Fields<'_>, faults: &mut Faults) {
        let settings = &mut self.settings;
        if let Some(wait) = fields.whole("wait", faults) {
            match u64::try_from(wait).ok().filter(|_| wait <= MAX_WAIT) {
                Some(seconds) => settings.wait = Wait(Duration::from_secs(seconds)),
                None => {
                    let message = format!("`wait` is a number of seconds, at most {MAX_WAIT}");
                    fields.fault(faults, "out_of_range", message, None);
                }
            }
        }
        let first = |first| match first {
            First::Pin => "pin",
            First::Wait => "wait",
        };
        settings.first =
            fields.choice("first", &[First::Pin, First::Wait], first, faults).unwrap_or_default();
        settings.changed = fields.choice("changed", &BOTH, strict, faults).unwrap_or_default();
    }

    /// Who may use what, by the keys under which servers and their tools stand; agents have no tools.
    pub(super) fn access(
        &mut self,
        fields: &mut Fields<'_>,
        servers: &'static str,
        tools: Option<&'static str>,
        faults: &mut Faults,
    ) {
        let file = fields.file();
        for node in fields.list("access", faults).unwrap_or_default() {
            let Some(mut one) = Fields::of(file, node, faults) else { continue };
            let mut texts = |key: &'static str| {
                one.texts(key, faults).unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            self.settings.access.push(Access {
                agents: texts("agents"),
                servers: texts(servers),
                tools: tools.map(&mut texts).unwrap_or_default(),
            });
            one.finish(faults);
        }
    }
}

const BOTH: [Strict; 2] = [Strict::Block, Strict::Alert];

const fn strict(strict: Strict) -> &'static str {
    match strict {
        Strict::Block => "block",
        Strict::Alert => "alert",
    }
}

/// Reads the section.
pub fn mcp(fields: Option<Fields<'_>>, folder: &Path, faults: &mut Faults) -> Mcp {
    let Some(mut fields) = fields else { return Mcp::default() };
    let mut read = Mcp::default();
    read.common(&mut fields, faults);
    let settings = &mut read.settings;
    settings.public = fields.text("public", faults).map(str::to_owned);
    settings.arguments = fields.choice("arguments", &BOTH, strict, faults).unwrap_or_default();
    let shadowed = |shadowed| match shadowed {
        Shadowed::Block => "block",
        Shadowed::Alert => "alert",
    };
    settings.shadowed =
        fields.choice("shadowed", &[Shadowed::Block, Shadowed::Alert], shadowed, faults).unwrap_or_default();
    let file = fields.file();
    for node in fields.list("servers", faults).unwrap_or_default() {
        let Some(mut one) = Fields::of(file, node, faults) else { continue };
        let asks = one.choices("asks", &Asks::ALL, Asks::as_str, faults).unwrap_or_default();
        let issuers = one.texts("authorization_servers", faults).unwrap_or_default();
        let authorization_servers = issuers.into_iter().map(str::to_owned).collect();
        if read.add(&mut one, folder, faults).is_some()
            && let Some(server) = read.settings.servers.last_mut()
        {
            *server = Server { asks, authorization_servers, ..server.clone() };
        }
        one.finish(faults);
    }
    read.too_many(&mut fields, faults);
    let settings = &mut read.settings;
    for node in fields.list("tools", faults).unwrap_or_default() {
        let Some(mut one) = Fields::of(file, node, faults) else { continue };
        settings.tools.extend(told(&mut one, faults));
        one.finish(faults);
    }
    read.access(&mut fields, "servers", Some("tools"), faults);
    fields.finish(faults);
    read
}

fn server(one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<(Server, Option<Lies>)> {
    let name = name(one.need_text("name", faults), "name", one, faults);
    let plain = |text: &str| {
        text.len() <= 48
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    // Names stand in addresses and in front of the names of tools.
    if let Some(bad) = name.as_ref().filter(|name| !plain(name.as_str()) || name.as_str().contains(SEPARATOR))
    {
        let message = format!("`{}` is no name for a server", engine::yaml::shown(bad.as_str()));
        let hint = Some("letters, digits, `-`, `.` and single `_`, at most 48".to_owned());
        one.fault(faults, "bad_name", message, hint);
    }
    let url = match one.text("url", faults) {
        None => None,
        Some(text) => match text.parse::<http::Uri>() {
            Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() => {
                Some(uri)
            }
            Ok(_) | Err(_) => {
                let hint = Some("for example `http://127.0.0.1:9000/mcp`".to_owned());
                one.fault(faults, "bad_url", "`url` is no address of a server".to_owned(), hint);
                None
            }
        },
    };
    let ca = one.text("ca", faults).map(|path| folder.join(path));
    let proxy = super::providers::proxy(one, faults);
    if url.is_none() && (ca.is_some() || proxy.is_some()) {
        let message = "`ca` and `proxy` say how `url` is reached, and there is none".to_owned();
        one.fault(faults, "missing_key", message, None);
    }
    let lies = one.fields("authorization", faults).and_then(|mut fields| {
        let env = fields.text("env", faults).map(|name| Lies::Env(name.to_owned()));
        let file = fields.text("file", faults).map(|path| Lies::File(folder.join(path)));
        let lies = match (env, file) {
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) | (Some(_), Some(_)) => {
                let hint = Some("`env`, the name of a variable, or `file`, the path of a file".to_owned());
                fields.fault(faults, "bad_secret", "a key lies in one place".to_owned(), hint);
                None
            }
        };
        fields.finish(faults);
        lies
    });
    let (asks, authorization_servers) = (Vec::new(), Vec::new());
    Some((Server { name: name?, url, ca, proxy, authorization: None, asks, authorization_servers }, lies))
}

fn told(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Told> {
    let pattern = one.need_text("match", faults).map(str::to_owned);
    let kind = one.choice("kind", ActionKind::ALL, ActionKind::as_str, faults);
    let operation = one.choice("operation", Operation::ALL, Operation::as_str, faults);
    let resource = name(one.text("resource", faults), "resource", one, faults);
    let currency = name(one.text("currency", faults), "currency", one, faults);
    let amount = one.text("amount", faults).map(str::to_owned);
    let count = one.text("count", faults).map(str::to_owned);
    let destination = one.text("destination", faults).map(str::to_owned);
    if amount.is_some() && currency.is_none() {
        let hint = Some("for example `currency: USD`".to_owned());
        one.fault(faults, "missing_key", "an amount needs its `currency`".to_owned(), hint);
    }
    Some(Told { pattern: pattern?, kind, operation, resource, amount, currency, count, destination })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Mcp, Vec<&'static str>) {
        let mut faults = Faults::default();
        let root = engine::yaml::parse("checkrein.yaml", text).unwrap();
        let fields = Fields::of("checkrein.yaml", &root, &mut faults);
        let read = mcp(fields, Path::new("/etc/checkrein"), &mut faults);
        (read, faults.0.iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn a_section_is_read_whole() {
        let (read, faults) = read(
            r#"
wait: 5
first: wait
changed: alert
shadowed: block
arguments: alert
servers:
  - { name: files, url: "http://127.0.0.1:9000/mcp?x=1", asks: [roots, sampling] }
  - { name: local }
tools:
  - { match: "crm_*", kind: record_change, operation: write, amount: args.amount, currency: USD }
access:
  - { agents: "bot-*", servers: [files], tools: ["read_*"] }
"#,
        );
        assert_eq!(faults, [""; 0]);
        let settings = read.with_secrets().unwrap();
        assert_eq!(settings.wait, Wait(Duration::from_secs(5)));
        assert_eq!((settings.first, settings.changed), (First::Wait, Strict::Alert));
        assert_eq!((settings.shadowed, settings.arguments), (Shadowed::Block, Strict::Alert));
        assert_eq!(settings.servers[0].asks, [Asks::Roots, Asks::Sampling]);
        assert!(settings.servers[1].url.is_none());
        assert_eq!(settings.tools[0].kind, Some(ActionKind::RecordChange));
        assert_eq!(settings.access[0].agents, ["bot-*"]);
    }

    #[test]
    fn every_fault_is_told() {
        let (_, faults) = read(
            r#"
wait: 99999
first: maybe
servers:
  - { name: a__b, url: "ftp://x" }
  - { name: a, authorization: { env: A, file: B } }
  - { name: a }
tools:
  - { kind: payment, amount: args.amount }
"#,
        );
        for code in [
            "out_of_range",
            "unknown_value",
            "bad_name",
            "bad_url",
            "bad_secret",
            "stands_twice",
            "missing_key",
        ] {
            assert!(faults.contains(&code), "{code} in {faults:?}");
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_told_and_one_that_is_there_is_not_shown() {
        let (read, faults) =
            read("servers: [ { name: a, authorization: { env: CHECKREIN_TEST_NOT_SET_ANYWHERE } } ]");
        assert_eq!(faults, [""; 0]);
        assert!(read.with_secrets().unwrap_err().to_string().contains("CHECKREIN_TEST_NOT_SET_ANYWHERE"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let (read, _) = super::tests::read(&format!(
            "servers: [ {{ name: a, authorization: {{ file: '{}' }} }} ]",
            file.path().display()
        ));
        let settings = read.with_secrets().unwrap();
        assert_eq!(settings.servers[0].authorization.as_ref().unwrap().0, "Bearer s3cret");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
