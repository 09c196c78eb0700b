//! The document that a module sees as `input`.
//!
//! | key | what |
//! |---|---|
//! | `action` | the action; `amount` and `count` as they count (the greater of what was stated and what the payload shows, without a sign), texts of `context` left out |
//! | `alike` | tool, resource (type, name), destinations in the form in which look-alikes are equal |
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
use super::super::condition::{View, network_name};
use super::super::names::Names;
use super::needs::Needs;

/// The input document of one case, as far as somebody looks at it.
pub fn input(view: &View<'_>, needs: &Needs) -> Value {
    let case = view.case;
    let (action, facts) = (case.action, case.facts);
    let name = |name: &Option<action::Name>| name.as_ref().map(|name| Value::from(name.as_str()));
    let mut at = Builder { needs, path: String::new() };
    at.object("", |at, entries| {
        at.put(entries, "action", |at| Some(the_action(view, at)));
        at.put(entries, "alike", |at| Some(forms(view, at)));
        at.put(entries, "agent", |at| {
            Some(at.object("agent", |at, entries| {
                at.put(entries, "name", |_| Some(action.agent.name.as_str().into()));
                at.put(entries, "version", |_| name(&action.agent.version));
                let roles = || list(facts.agent.roles.iter().map(|role| role.as_str().into()));
                at.put(entries, "roles", |_| Some(roles()));
                at.put(entries, "registered", |_| Some(facts.agent.registered.into()));
                at.put(entries, "elevated", |_| Some(facts.agent.elevated.into()));
            }))
        });
        at.put(entries, "principal", |_| action.principal.as_ref().map(principal));
        at.put(entries, "session", |_| action.session.as_ref().map(session));
        at.put(entries, "facts", |_| {
            Some(object([
                ("application", name(&facts.scope.application)),
                ("business_unit", name(&facts.scope.business_unit)),
                ("mode", Some(facts.scope.mode.as_str().into())),
                ("network", Some(network_name(facts.place.network).into())),
            ]))
        });
        at.put(entries, "score", |_| Some(score(case)));
        at.put(entries, "findings", |_| Some(list(case.detections.iter().map(finding))));
        at.put(entries, "classes", |_| Some(list(case.classes.iter().map(|class| class.as_str().into()))));
        at.put(entries, "sensitivity", |_| Some(case.sensitivity.as_str().into()));
        at.put(entries, "external", |_| Some(case.external.into()));
        at.put(entries, "taint", |_| Some(case.tainted.into()));
        at.put(entries, "deviation", |_| case.deviation.map(|part| u64::from(part).into()));
        at.put(entries, "time", |_| {
            Some(object([
                ("now", Some(case.now.to_string().into())),
                ("now_ns", Some(case.now.millis().saturating_mul(1_000_000).into())),
            ]))
        });
    })
}

/// Builds objects, leaving out what nobody looks at.
struct Builder<'n> {
    needs: &'n Needs,
    path: String,
}

type Entries = BTreeMap<Value, Value>;

impl Builder<'_> {
    fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self, &mut Entries)) -> Value {
        let before = self.path.len();
        if !key.is_empty() {
            self.path.push_str(key);
            self.path.push('.');
        }
        let mut entries = BTreeMap::new();
        fill(self, &mut entries);
        self.path.truncate(before);
        entries.into()
    }

    fn put(&mut self, entries: &mut Entries, key: &str, make: impl FnOnce(&mut Self) -> Option<Value>) {
        let before = self.path.len();
        self.path.push_str(key);
        let wanted = self.needs.wants(&self.path);
        self.path.truncate(before);
        if let Some(value) = wanted.then(|| make(self)).flatten() {
            entries.insert(key.into(), value);
        }
    }
}

/// Names as rules that tighten compare them.
fn forms(view: &View<'_>, at: &mut Builder<'_>) -> Value {
    let resource = &view.case.action.resource;
    at.object("alike", |at, entries| {
        at.put(entries, "tool", |_| Some((&*view.names.tool).into()));
        at.put(entries, "resource", |_| {
            Some(object([
                ("type", Some((&*view.names.resource).into())),
                ("name", resource.name.as_ref().map(|name| (&*Names::form(name)).into())),
            ]))
        });
        at.put(entries, "destinations", |_| {
            Some(list(view.names.destinations().iter().map(|form| form.as_str().into())))
        });
    })
}

fn the_action(view: &View<'_>, at: &mut Builder<'_>) -> Value {
    let action = view.case.action;
    let destinations = || list(action.resource.destinations.iter().map(|name| name.as_str().into()));
    at.object("action", |at, entries| {
        at.put(entries, "kind", |_| Some(action.kind.as_str().into()));
        at.put(entries, "operation", |_| Some(action.operation.as_str().into()));
        at.put(entries, "tool", |_| Some(action.tool.as_str().into()));
        at.put(entries, "resource", |_| {
            Some(object([
                ("type", Some(action.resource.kind.as_str().into())),
                ("name", action.resource.name.as_ref().map(|name| name.as_str().into())),
                ("destinations", Some(destinations())),
            ]))
        });
        at.put(entries, "amount", |_| {
            let money = view.amount?;
            Some(object([
                ("value", Some(number(money.value))),
                ("currency", money.currency.map(Value::from)),
            ]))
        });
        at.put(entries, "count", |_| view.count.map(Value::from));
        at.put(entries, "environment", |_| Some(action.environment.as_str().into()));
        at.put(entries, "time", |_| Some(action.time.to_string().into()));
        at.put(entries, "payload", |_| Some(value(&action.payload)));
        at.put(entries, "context", |_| Some(list(action.context.iter().map(content))));
    })
}

fn content(text: &action::Content) -> Value {
    object([
        ("channel", Some(text.channel.as_str().into())),
        ("source", text.source.as_ref().map(|source| source.as_str().into())),
    ])
}

fn principal(principal: &action::Principal) -> Value {
    object([
        ("id", Some(principal.id.as_str().into())),
        ("team", principal.team.as_ref().map(|team| team.as_str().into())),
    ])
}

fn session(session: &action::Session) -> Value {
    object([
        ("id", Some(session.id.as_str().into())),
        ("trace", session.trace.map(|trace| trace.to_string().into())),
    ])
}

fn score(case: &Judged<'_>) -> Value {
    let parts = Dimension::ALL.iter().map(|d| (d.as_str(), Value::from(u64::from(case.score.part(*d)))));
    object([
        ("value", Some(u64::from(case.score.value).into())),
        ("uplift", Some(u64::from(case.score.uplift).into())),
        ("level", Some(case.score.level().as_str().into())),
        ("parts", Some(object_of(parts))),
    ])
}

fn finding(hit: &action::Detection) -> Value {
    object([
        ("vector", Some(hit.vector.as_str().into())),
        ("rule", Some((&*hit.rule).into())),
        ("severity", Some(hit.severity.as_str().into())),
        ("confidence", Some(u64::from(hit.confidence.percent()).into())),
        ("class", hit.class.map(|class| class.as_str().into())),
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
