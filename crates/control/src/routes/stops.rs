//! What stops agents apart from rules: settings of scopes and stored refusals.

use action::{Capture, Environment, ExplainLevel, FailMode, Mode, Name, Timestamp};
use serde::Deserialize;
use store::{DenyEntry, DenyKind, Scope, Settings};

use super::page;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSettings {
    /// The application or the agent; neither for the whole organisation.
    #[serde(default)]
    application: Option<Name>,
    #[serde(default)]
    agent: Option<Name>,
    /// Absent: for every environment.
    #[serde(default)]
    environment: Option<Environment>,
    settings: Chosen,
}

/// What is absent is taken from the wider scope.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Chosen {
    mode: Option<Mode>,
    fail_reads: Option<FailMode>,
    fail_effects: Option<FailMode>,
    capture: Option<Capture>,
    explain: Option<ExplainLevel>,
    /// Whatever has an effect runs in isolation, also what is allowed.
    isolate_effects: Option<bool>,
    approval_seconds: Option<u32>,
    requests_per_day: Option<u64>,
    requests_per_month: Option<u64>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeny {
    kind: Kind,
    /// A user's identity, or the id of what is refused.
    key: Name,
    reason: String,
    #[serde(default)]
    expires: Option<Timestamp>,
}

#[derive(Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    User,
    Trace,
    Session,
    Agent,
    Key,
}

impl From<Kind> for DenyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => DenyKind::User,
            Kind::Trace => DenyKind::Trace,
            Kind::Session => DenyKind::Session,
            Kind::Agent => DenyKind::Agent,
            Kind::Key => DenyKind::Key,
        }
    }
}

pub fn settings(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.state.settings()?)
}

pub fn put_settings(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let new: NewSettings = call.take()?;
    let scope = match (new.application, new.agent) {
        (None, None) => Scope::Organisation,
        (Some(application), None) => Scope::Application(application),
        (None, Some(agent)) => Scope::Agent(agent),
        (Some(_), Some(_)) => {
            return Err(Fault::bad(
                "two_scopes",
                "settings are for an application or for an agent, not for both",
            ));
        }
    };
    let chosen = new.settings;
    let settings = Settings {
        mode: chosen.mode,
        fail_reads: chosen.fail_reads,
        fail_effects: chosen.fail_effects,
        capture: chosen.capture,
        explain: chosen.explain,
        isolate_effects: chosen.isolate_effects,
        approval_seconds: chosen.approval_seconds,
        requests_per_day: chosen.requests_per_day,
        requests_per_month: chosen.requests_per_month,
        ..Settings::default()
    };
    let written = office.state.put_settings(&scope, new.environment, &settings, call.seen, office.now())?;
    Ok(Reply::of(&written.value)?.at(written.value.version))
}

pub fn denies(office: &Office, call: &Call) -> Result<Reply, Fault> {
    page(office.state.denies(None, call.limit()?)?, |(_, key)| key.to_string())
}

pub fn deny(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let new: NewDeny = call.take()?;
    let key = match new.kind {
        // The ledger and the databases know users by pseudonym only.
        Kind::User => office.pseudonym(&new.key)?,
        Kind::Trace | Kind::Session | Kind::Agent | Kind::Key => new.key,
    };
    let entry = DenyEntry {
        kind: new.kind.into(),
        key,
        reason: new.reason,
        operator: call.operator.clone(),
        created: office.now(),
        expires: new.expires,
        hits: 0,
    };
    Ok(Reply::of(&office.state.deny(&entry)?.value)?.created())
}

pub fn lift_deny(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let kind = match call.name("kind")?.as_str() {
        "user" => DenyKind::User,
        "trace" => DenyKind::Trace,
        "session" => DenyKind::Session,
        "agent" => DenyKind::Agent,
        "key" => DenyKind::Key,
        _ => return Err(Fault::missing("kind of refusal")),
    };
    Reply::of(&office.state.lift_deny(kind, &call.name("key")?)?.value)
}
