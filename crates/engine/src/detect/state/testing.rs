//! What the tests of the stateful vectors share: actions and facts as terse JSON.

use action::{Action, Detection, Json, Timestamp};

use super::Limits;
use crate::detect::Scene;
use crate::facts::Facts;

pub const NOON: &str = "2026-03-03T12:00:00Z";

pub fn now() -> Timestamp {
    Timestamp::parse(NOON).unwrap()
}

/// An unremarkable read, changed by the fields given.
pub fn action(changes: &str) -> Action {
    let base = r#"{ "kind": "database", "operation": "read", "tool": "get_order",
        "resource": { "type": "order" }, "agent": { "name": "shop-bot", "version": "1" },
        "environment": "production", "time": "2026-03-03T12:00:00Z", "payload": { "order": "17" } }"#;
    let Json::Object(mut fields) = Json::parse(base.as_bytes()).unwrap() else { panic!() };
    let Json::Object(new) = Json::parse(changes.as_bytes()).unwrap() else { panic!() };
    for (key, value) in new {
        fields.retain(|(old, _)| *old != key);
        fields.push((key, value));
    }
    Json::parse_as(&serde_json::to_vec(&Json::Object(fields)).unwrap()).unwrap()
}

pub fn facts(text: &str) -> Facts {
    let mut facts: Facts = Json::parse_as(text.as_bytes()).unwrap();
    facts.agent.registered = true;
    facts
}

pub fn rules(found: &[Detection]) -> Vec<&str> {
    found.iter().map(|hit| hit.rule.as_ref()).collect()
}

/// The rules that one vector reports.
pub fn found(
    find: fn(&Scene<'_>, &Limits, &mut Vec<Detection>),
    action: &Action,
    facts: &Facts,
) -> Vec<Detection> {
    let limits = Limits::default();
    let scene = Scene::new(action, facts, now(), &[], &limits);
    let mut out = Vec::new();
    find(&scene, &limits, &mut out);
    out
}
