//! The settings of webhooks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use action::{Name, Severity};
use engine::yaml::{Faults, Fields};

use super::outward::{destination, each, label, seconds, secret};
use crate::serve::outward::{Destination, Event, Filter, Secret};

/// Webhooks of one server. Each has a task, a file and a line of metrics.
const MAX_WEBHOOKS: usize = 32;
/// Two while one is replaced by the other.
const MAX_SECRETS: usize = 2;
/// A day.
const GIVE_UP_AFTER: u64 = 24 * 3_600;

/// One receiver.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Small letters, digits, `-`, `_`.
    pub name: String,
    pub to: Destination,
    /// Authorities that vouch for the receiver, instead of the public ones.
    pub ca: Option<PathBuf>,
    pub filter: Filter,
    /// Each signs: the receiver needs one of them.
    pub secrets: Vec<Secret>,
    /// How old an event gets before it is given up.
    pub give_up_after: Duration,
}

pub fn webhooks(fields: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Vec<Webhook> {
    let all = each(fields, "webhooks", MAX_WEBHOOKS, faults, |one, faults| webhook(one, folder, faults));
    for (n, webhook) in all.iter().enumerate() {
        if all.iter().take(n).any(|other| other.name == webhook.name) {
            let message = format!("two webhooks are named `{}`", webhook.name);
            fields.fault(faults, "twice", message, None);
        }
    }
    all
}

fn webhook(one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Webhook> {
    let name = label(one, faults);
    let to = destination(one, faults);
    let ca = one.text("ca", faults).map(|path| folder.join(path));
    let events = one.choices("events", Event::ALL, Event::as_str, faults).unwrap_or_default();
    if events.is_empty() {
        let hint = Some("for example `events: [decision.blocked, finding]`".to_owned());
        one.fault(faults, "missing_key", "`events` names none".to_owned(), hint);
    }
    let teams = one.texts("teams", faults).unwrap_or_default();
    let teams = teams.into_iter().filter_map(|team| super::name(Some(team), "teams", one, faults));
    let teams: Vec<Name> = teams.collect();
    let severity = one.choice("severity", Severity::ALL, Severity::as_str, faults);
    let give_up_after = seconds(one, "give_up_after_seconds", GIVE_UP_AFTER, 1..=30 * 86_400, faults);
    let file = one.file();
    let nodes = one.need("secret", faults).map(|node| node.as_list().unwrap_or(std::slice::from_ref(node)));
    let nodes = nodes.unwrap_or_default();
    if nodes.len() > MAX_SECRETS {
        one.fault(faults, "too_many", format!("`secret` has at most {MAX_SECRETS} entries"), None);
    }
    let secrets: Vec<Secret> =
        nodes.iter().take(MAX_SECRETS).filter_map(|node| secret(file, node, folder, faults)).collect();
    let filter = Filter { events, teams, severity };
    Some(Webhook { name: name?, to: to?, ca, filter, secrets, give_up_after })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Webhook>, Vec<&'static str>> {
        let root = engine::yaml::parse("t.yaml", text).unwrap();
        let mut faults = Faults::default();
        let mut fields = Fields::of("t.yaml", &root, &mut faults).unwrap();
        let all = webhooks(&mut fields, Path::new("/etc/checkrein"), &mut faults);
        fields.finish(&mut faults);
        let codes: Vec<_> = faults.0.iter().map(|fault| fault.code).collect();
        if codes.is_empty() { Ok(all) } else { Err(codes) }
    }

    #[test]
    fn a_webhook_is_read_with_its_secrets() {
        let all = read(
            "
webhooks:
  - name: soc
    url: https://soc.example/hooks/1
    events: [decision.blocked, finding]
    secret: [{ file: soc.secret }, { env: OLD_SECRET }]
    teams: security
    severity: high
",
        );
        let all = all.unwrap();
        let soc = &all[0];
        assert_eq!(soc.filter.events, [Event::DecisionBlocked, Event::Finding]);
        assert_eq!(soc.filter.severity, Some(Severity::High));
        assert_eq!(soc.secrets[0], Secret::File("/etc/checkrein/soc.secret".into()));
        assert_eq!(soc.secrets[1], Secret::Environment("OLD_SECRET".into()));
        assert_eq!(soc.give_up_after, Duration::from_secs(86_400));
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let codes = read(
            "
webhooks:
  - { name: 'So C', url: 'https://u:p@a.example/', events: [nothing], secret: { file: a, env: b } }
  - { name: a, url: 'http://a.example/', give_up_after_seconds: 0, colour: red }
",
        );
        let codes = codes.unwrap_err();
        for code in [
            "bad_name",
            "bad_url",
            "unknown_value",
            "missing_key",
            "bad_secret",
            "out_of_range",
            "unknown_key",
        ] {
            assert!(codes.contains(&code), "{code} is missing in {codes:?}");
        }
    }
}
