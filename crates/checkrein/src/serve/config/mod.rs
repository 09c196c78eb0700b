//! The server's one settings file: read whole, every fault told at once, unknown keys refused.

mod a2a;
mod budgets;
mod environments;
mod files;
#[cfg(test)]
mod garbled;
mod identity;
mod listener;
mod mcp;
mod outward;
mod providers;
mod sandbox;
mod telemetry;
mod webhooks;
mod witnesses;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use action::{Environment, Name};
use anyhow::{Result, bail};
use engine::yaml::{Fault, Faults, Fields};
use gateway::book::Scope;

pub use self::identity::Issuer;
pub use self::listener::{Clients, Demand, Listener, Tls};
pub use self::providers::ProviderAt;
pub use self::sandbox::Isolated;
use crate::cli::Preset;
use crate::{input, packs};

pub use telemetry::Telemetry;
pub use webhooks::Webhook;
pub use witnesses::{WitnessAt, Witnesses};

/// What the operator asked for, checked.
#[derive(Debug)]
pub struct Config {
    /// Everything that the server keeps is below this folder.
    pub data: PathBuf,
    pub tenant: Name,
    /// The name under which the ledger signs, unique in the world.
    pub log: String,
    pub agents: Listener,
    pub operators: Listener,
    /// Whose tokens are taken as proof of who asks.
    pub issuers: Vec<Issuer>,
    pub preset: Preset,
    /// Rule files beside the preset, reread when they change.
    pub rules: Vec<PathBuf>,
    /// A second place for records, for when the first cannot be written.
    pub mirror: Option<PathBuf>,
    /// Where the last checkpoint is remembered, outside of the data folder, so that a data folder of
    /// yesterday is noticed.
    pub head: Option<PathBuf>,
    /// Rules need a second author before they are put in force.
    pub four_eyes: bool,
    pub environments: BTreeMap<Environment, Scope>,
    /// Where actions run so that nothing of them stays.
    pub sandbox: Isolated,
    pub webhooks: Vec<Webhook>,
    pub witnesses: Option<Witnesses>,
    pub telemetry: Option<Telemetry>,
    /// Where models are called.
    pub providers: Vec<ProviderAt>,
    pub routes: Vec<gateway::route::Route>,
    /// What an operator says of prices; the table that ships stands behind it.
    pub prices: Vec<gateway::money::Price>,
    pub budgets: Vec<gateway::money::Budget>,
    /// Servers of tools behind the gateway.
    pub mcp: mcp::Mcp,
    /// Agents that agents may talk to.
    pub a2a: a2a::A2a,
}

impl Config {
    pub fn read(path: &Path) -> Result<Config> {
        let text = input::text(Some(path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Config::parse(&path.display().to_string(), &text, folder).or_else(|faults| bail!("{}", told(&faults)))
    }

    /// The same for a server that is to start: also looks into the files that it will read itself, and
    /// tells what is wrong in them together with the rest. Beside it, what is no fault yet.
    pub fn read_to_serve(path: &Path) -> Result<(Config, Vec<String>)> {
        let text = input::text(Some(path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let file = path.display().to_string();
        let (config, mut faults) = Config::collect(&file, &text, folder);
        let warnings = config.as_ref().map(|config| files::check(&file, config, &mut faults));
        match config {
            Some(config) if faults.is_empty() => Ok((config, warnings.unwrap_or_default())),
            Some(_) | None => bail!("{}", told(&faults)),
        }
    }

    /// Reads a text. Paths in it are below `folder` unless they are absolute.
    pub fn parse(file: &str, text: &str, folder: &Path) -> Result<Config, Faults> {
        match Config::collect(file, text, folder) {
            (Some(config), faults) if faults.is_empty() => Ok(config),
            (_, faults) => Err(faults),
        }
    }

    /// What could be read, however faulty the rest is.
    fn collect(file: &str, text: &str, folder: &Path) -> (Option<Config>, Faults) {
        let mut faults = Faults::default();
        let root = match engine::yaml::parse(file, text) {
            Ok(root) => root,
            Err(fault) => return (None, Faults(vec![fault])),
        };
        let config =
            Fields::of(file, &root, &mut faults).and_then(|fields| read(fields, folder, &mut faults));
        (config, faults)
    }
}

/// Where something stands in the settings, for faults that are found later.
#[derive(Debug, Clone, Copy)]
pub struct Stands {
    pub line: usize,
    pub column: usize,
}

impl Stands {
    fn at(fields: &Fields<'_>) -> Self {
        Stands { line: fields.node().line, column: fields.node().column }
    }
}

fn told(faults: &Faults) -> String {
    let lines: Vec<String> = faults.0.iter().map(Fault::to_string).collect();
    format!(
        "the settings have {} fault{}\n{}",
        lines.len(),
        if lines.len() == 1 { "" } else { "s" },
        lines.join("\n")
    )
}

fn read(mut fields: Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Config> {
    let at = |text: &str| folder.join(text);
    let data = fields.need_text("data", faults).map(at);
    let tenant = name(fields.need_text("tenant", faults), "tenant", &fields, faults);
    let log = fields.need_text("log", faults).map(str::to_owned);
    if let Some(log) = log.as_deref().filter(|log| !is_origin(log)) {
        let message = format!("`log` is `{}`, which is no name for a log", engine::yaml::shown(log));
        fields.fault(faults, "bad_log", message, Some("a name like `example.org/acme/node-a`".to_owned()));
    }
    let agents = listener::listener(fields.fields("agents", faults), 7070, folder, faults);
    let operators = listener::listener(fields.fields("operators", faults), 7071, folder, faults);
    let issuers = identity::issuers(fields.fields("identity", faults), folder, faults);
    let (preset, rules) = match fields.fields("rules", faults) {
        None => (Preset::Standard, Vec::new()),
        Some(mut fields) => {
            let all: Vec<Preset> = packs::presets().chain([Preset::None]).collect();
            let preset = fields.choice("preset", &all, packs::name_of, faults).unwrap_or(Preset::Standard);
            let paths = fields.texts("files", faults).unwrap_or_default().into_iter().map(at).collect();
            fields.finish(faults);
            (preset, paths)
        }
    };
    let mirror = fields.text("mirror", faults).map(at);
    let head = fields.text("head", faults).map(at);
    let four_eyes = fields.flag("four_eyes", faults).unwrap_or(false);
    let environments = environments::environments(&mut fields, faults);
    let sandbox = sandbox::sandbox(&mut fields, folder, faults);
    let webhooks = webhooks::webhooks(&mut fields, folder, faults);
    let witnesses = witnesses::witnesses(fields.fields("witnesses", faults), folder, faults);
    let telemetry = telemetry::telemetry(fields.fields("telemetry", faults), folder, faults);
    let providers = providers::providers(&mut fields, folder, faults);
    let routes = providers::routes(&mut fields, &providers, faults);
    let prices = gateway::money::prices(&mut fields, false, faults);
    let budgets = budgets::budgets(&mut fields, faults);
    let mcp = mcp::mcp(fields.fields("mcp", faults), folder, faults);
    let a2a = a2a::a2a(fields.fields("a2a", faults), &mcp, folder, faults);
    fields.finish(faults);
    Some(Config {
        data: data?,
        tenant: tenant?,
        log: log?,
        agents: agents?,
        operators: operators?,
        issuers,
        preset,
        rules,
        mirror,
        head,
        four_eyes,
        environments: environments?,
        sandbox,
        webhooks,
        witnesses,
        telemetry,
        providers,
        routes,
        prices,
        budgets,
        mcp,
        a2a,
    })
}

fn name(text: Option<&str>, key: &str, fields: &Fields<'_>, faults: &mut Faults) -> Option<Name> {
    let text = text?;
    Name::new(text).map_err(|error| fields.fault(faults, "bad_name", format!("`{key}`: {error}"), None)).ok()
}

/// Names of logs stand in signed notes: no blanks, no plus signs, and something that looks like a
/// host in front, so that two installations do not meet.
fn is_origin(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= 200 && text.is_ascii();
    fits && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') && text.contains('/')
}

#[cfg(test)]
mod tests {
    use action::{FailMode, Mode};

    use super::*;

    const SMALL: &str = "
data: data
tenant: example
log: example.org/node-a
environments:
  production: { mode: enforce, capture: redacted, fail: { reads: open, effects: closed } }
";

    fn parse(text: &str) -> Result<Config, Faults> {
        Config::parse("checkrein.yaml", text, Path::new("/etc/checkrein"))
    }

    #[test]
    fn a_small_file_is_enough_and_paths_are_beside_it() {
        let config = parse(SMALL).unwrap();
        assert_eq!(config.data, Path::new("/etc/checkrein/data"));
        assert_eq!(config.agents.address.to_string(), "127.0.0.1:7070");
        assert_eq!(config.operators.address.to_string(), "127.0.0.1:7071");
        let production = &config.environments[&Environment::Production];
        assert_eq!((production.mode, production.fail_reads), (Mode::Enforce, FailMode::Open));
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_place() {
        let faults = parse(
            "
data: data
tenant: ''
log: no origin
agents: { listen: 0.0.0.0:7070 }
operators: { listen: here }
rules: { preset: strickt }
environments:
  production: { mode: enforcing, approval: { needed: 0 } }
  moon: {}
",
        )
        .unwrap_err();
        let codes: Vec<_> = faults.0.iter().map(|fault| fault.code).collect();
        for code in [
            "bad_log",
            "not_loopback",
            "bad_address",
            "unknown_value",
            "out_of_range",
            "missing_key",
            "unknown_key",
            "wrong_type",
        ] {
            assert!(codes.contains(&code), "{code} is missing in {codes:?}");
        }
        assert!(faults.0.iter().all(|fault| fault.line > 0));
    }

    #[test]
    fn production_has_no_silent_fail_mode() {
        let faults = parse(&SMALL.replace(", fail: { reads: open, effects: closed }", "")).unwrap_err();
        assert_eq!(faults.0[0].code, "missing_key");
    }
}
