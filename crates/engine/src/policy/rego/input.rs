//! The document that a module sees as `input`.
//!
//! | key | what |
//! |---|---|
//! | `action` | the action as sent; texts of `context` are left out, their channels are there |
//! | `agent` | name, version, and what is on record: roles, registered, elevated |
//! | `principal`, `session` | as sent, where known |
//! | `facts` | application, business_unit, mode, network |
//! | `score` | value, uplift, level, and `parts` by dimension |
//! | `findings` | list of vector, rule, severity, confidence, class |
//! | `classes`, `sensitivity` | sensitive classes found, and how sensitive the data is |
//! | `external`, `taint` | whether it sends outside the estate; whether the session is tainted |
//! | `deviation` | 0 to 100 from the baseline; absent without one |
//! | `time` | `now` (RFC 3339) and `now_ns`, the time of judging |

use std::collections::BTreeMap;

use action::{Dimension, Json};
use regorus::Value;

use super::super::case::Judged;

/// The input document of one case.
pub fn input(case: &Judged<'_>) -> Value {
    let (action, facts) = (case.action, case.facts);
    let parts = Dimension::ALL.iter().map(|d| (d.as_str(), Value::from(u64::from(case.score.part(*d)))));
    let findings = case.detections.iter().map(|hit| {
        object([
            ("vector", Some(hit.vector.as_str().into())),
            ("rule", Some((&*hit.rule).into())),
            ("severity", Some(hit.severity.as_str().into())),
            ("confidence", Some(u64::from(hit.confidence.percent()).into())),
            ("class", hit.class.map(|class| class.as_str().into())),
        ])
    });
    let principal = action.principal.as_ref().map(|principal| {
        object([
            ("id", Some(principal.id.as_str().into())),
            ("team", principal.team.as_ref().map(|team| team.as_str().into())),
        ])
    });
    let session = action.session.as_ref().map(|session| {
        object([
            ("id", Some(session.id.as_str().into())),
            ("trace", session.trace.map(|trace| trace.to_string().into())),
        ])
    });
    let name = |name: &Option<action::Name>| name.as_ref().map(|name| Value::from(name.as_str()));
    object([
        ("action", Some(the_action(case))),
        (
            "agent",
            Some(object([
                ("name", Some(action.agent.name.as_str().into())),
                ("version", name(&action.agent.version)),
                ("roles", Some(list(facts.agent.roles.iter().map(|role| role.as_str().into())))),
                ("registered", Some(facts.agent.registered.into())),
                ("elevated", Some(facts.agent.elevated.into())),
            ])),
        ),
        ("principal", principal),
        ("session", session),
        (
            "facts",
            Some(object([
                ("application", name(&facts.scope.application)),
                ("business_unit", name(&facts.scope.business_unit)),
                ("mode", Some(facts.scope.mode.as_str().into())),
                ("network", Some(super::super::condition::network_name(facts.place.network).into())),
            ])),
        ),
        (
            "score",
            Some(object([
                ("value", Some(u64::from(case.score.value).into())),
                ("uplift", Some(u64::from(case.score.uplift).into())),
                ("level", Some(case.score.level().as_str().into())),
                ("parts", Some(object_of(parts))),
            ])),
        ),
        ("findings", Some(list(findings))),
        ("classes", Some(list(case.classes.iter().map(|class| class.as_str().into())))),
        ("sensitivity", Some(case.sensitivity.as_str().into())),
        ("external", Some(case.external.into())),
        ("taint", Some(case.tainted.into())),
        ("deviation", case.deviation.map(|part| u64::from(part).into())),
        (
            "time",
            Some(object([
                ("now", Some(case.now.to_string().into())),
                ("now_ns", Some(case.now.millis().saturating_mul(1_000_000).into())),
            ])),
        ),
    ])
}

fn the_action(case: &Judged<'_>) -> Value {
    let action = case.action;
    let context = action.context.iter().map(|text| {
        object([
            ("channel", Some(text.channel.as_str().into())),
            ("source", text.source.as_ref().map(|source| source.as_str().into())),
        ])
    });
    let amount = action.amount.as_ref().map(|amount| {
        object([("value", Some(number(amount.value))), ("currency", Some(amount.currency.as_str().into()))])
    });
    let destinations = action.resource.destinations.iter().map(|name| name.as_str().into());
    object([
        ("kind", Some(action.kind.as_str().into())),
        ("operation", Some(action.operation.as_str().into())),
        ("tool", Some(action.tool.as_str().into())),
        (
            "resource",
            Some(object([
                ("type", Some(action.resource.kind.as_str().into())),
                ("name", action.resource.name.as_ref().map(|name| name.as_str().into())),
                ("destinations", Some(list(destinations))),
            ])),
        ),
        ("amount", amount),
        ("count", action.count.map(Value::from)),
        ("environment", Some(action.environment.as_str().into())),
        ("time", Some(action.time.to_string().into())),
        ("payload", Some(value(&action.payload))),
        ("context", Some(list(context))),
    ])
}

/// JSON as Rego has it.
pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(decimal) => number(*decimal),
        Json::Text(text) => text.as_str().into(),
        Json::List(items) => list(items.iter().map(value)),
        Json::Object(entries) => object_of(entries.iter().map(|(key, entry)| (key.as_str(), value(entry)))),
    }
}

/// A number; one that Rego cannot hold becomes a text, so that it is not silently another number.
fn number(decimal: action::Decimal) -> Value {
    if decimal.is_integer() && decimal.trunc() != i64::MAX && decimal.trunc() != i64::MIN {
        return decimal.trunc().into();
    }
    let text = decimal.to_string();
    Value::from_numeric_string(&text).unwrap_or_else(|_| text.into())
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    items.collect::<Vec<Value>>().into()
}

fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    object_of(entries.into_iter().filter_map(|(key, value)| Some((key, value?))))
}

fn object_of<'k>(entries: impl Iterator<Item = (&'k str, Value)>) -> Value {
    entries.map(|(key, value)| (Value::from(key), value)).collect::<BTreeMap<_, _>>().into()
}
