//! The table of conditions: key, dimension, meaning, reader.

use std::sync::Arc;

use action::{
    ActionKind, Channel, Confidence, Dimension, Environment, Mode, Operation, SensitiveClass, Sensitivity,
    Severity, Vector,
};

use super::{
    AmountTest, ClassTest, FieldTest, Kind, Range, Reader, TopicTest, TopicWanted, VectorTest, moment,
    payload,
};
use crate::facts::Network;
use crate::topic::Standing;
use crate::yaml::{Node, Value, pick};

/// One condition that rules can state.
pub struct Row {
    pub key: &'static str,
    /// Which of the nine condition dimensions it belongs to, or `scope`.
    pub dimension: &'static str,
    pub about: &'static str,
    /// A value that can stand after the key.
    pub example: &'static str,
    pub read: fn(&mut Reader<'_, '_>, &Node) -> Vec<Kind>,
}

/// Every condition. The reference page and the tests walk this table.
pub const CONDITIONS: &[Row] = &[
    Row {
        key: "agent",
        dimension: "agent identity, agent role",
        about: "name, version, role, without_role, registered, elevated; a text is a name",
        example: "{ name: finance-*, version: \"2\", without_role: Finance-Agent }",
        read: agent,
    },
    Row {
        key: "principal",
        dimension: "agent identity",
        about: "on whose behalf: id, team; a text is an id",
        example: "{ team: accounting }",
        read: principal,
    },
    Row {
        key: "resource",
        dimension: "resource type",
        about: "type, name, destination; a text is a type",
        example: "{ type: customer_profile, destination: \"*.example\" }",
        read: resource,
    },
    Row {
        key: "environment",
        dimension: "resource type",
        about: "where the action would execute",
        example: "production",
        read: |r, n| choices(r, n, Environment::ALL, Environment::as_str, Kind::Environment),
    },
    Row {
        key: "external",
        dimension: "resource type",
        about: "whether something is sent outside the estate",
        example: "true",
        read: |r, n| flag(r, n, Kind::External),
    },
    Row {
        key: "sensitivity",
        dimension: "resource type",
        about: "at least this sensitive",
        example: "high",
        read: |r, n| {
            choice(r, n, Sensitivity::ALL, Sensitivity::as_str).map(Kind::Sensitivity).into_iter().collect()
        },
    },
    Row {
        key: "kind",
        dimension: "action type",
        about: "family of the target",
        example: "[database, record_change]",
        read: |r, n| choices(r, n, ActionKind::ALL, ActionKind::as_str, Kind::ActionKind),
    },
    Row {
        key: "operation",
        dimension: "action type",
        about: "what the action would do to its target",
        example: "[write, delete]",
        read: |r, n| choices(r, n, Operation::ALL, Operation::as_str, Kind::Operation),
    },
    Row {
        key: "tool",
        dimension: "action type",
        about: "function, statement family or endpoint",
        example: "refund",
        read: |r, n| r.patterns(n).map(Kind::Tool).into_iter().collect(),
    },
    Row {
        key: "payload",
        dimension: "payload content",
        about: "fields by path (`*` for every item): equals, one_of, over, at_least, under, at_most, contains, starts_with, ends_with, matches, exists, not",
        example: "{ \"recipients.*\": { not: { ends_with: \"@corp.example\" } } }",
        read: fields,
    },
    Row {
        key: "text",
        dimension: "payload content",
        about: "some string of the payload: contains, starts_with, ends_with, matches, not",
        example: "{ contains: [\"begin private key\"] }",
        read: |r, n| vec![Kind::Text(payload::read_checks(r, n))],
    },
    Row {
        key: "classes",
        dimension: "payload content",
        about: "sensitive classes found: a list means any; or any, all",
        example: "[ssn, card]",
        read: classes,
    },
    Row {
        key: "channel",
        dimension: "payload content",
        about: "the agent had read text from one of these channels",
        example: "[memory, retrieved]",
        read: |r, n| choices(r, n, Channel::ALL, Channel::as_str, Kind::Channel),
    },
    Row {
        key: "tainted",
        dimension: "payload content",
        about: "whether untrusted content has marked the session",
        example: "true",
        read: |r, n| flag(r, n, Kind::Tainted),
    },
    Row {
        key: "topic",
        dimension: "payload content",
        about: "the newest message of a user is about one of these subjects of the document's `topics`",
        example: "billing",
        read: topic,
    },
    Row {
        key: "off_topic",
        dimension: "payload content",
        about: "whether that message is about none of them: true, false, or unsure in between",
        example: "true",
        read: off_topic,
    },
    Row {
        key: "time",
        dimension: "time",
        about: "within or outside a calendar, or zone, days, from, to; since and until a date",
        example: "{ days: sat-sun, from: \"22:00\", to: \"06:00\", zone: Europe/Berlin }",
        read: |r, n| moment::read(r, n).map(|m| Kind::Time(Box::new(m))).into_iter().collect(),
    },
    Row {
        key: "deviation",
        dimension: "behaviour baseline",
        about: "how far from the agent's baseline (over, at_least, under, at_most), or baseline: false",
        example: "{ over: 50 }",
        read: deviation,
    },
    Row {
        key: "amount",
        dimension: "amount",
        about: "money: over, at_least, under, at_most, currency",
        example: "{ over: 1000, currency: USD }",
        read: amount,
    },
    Row {
        key: "count",
        dimension: "amount",
        about: "records, messages or files: over, at_least, under, at_most",
        example: "{ over: 1000 }",
        read: |r, n| range(r, n).map(Kind::Count).into_iter().collect(),
    },
    Row {
        key: "score",
        dimension: "risk score with vectors",
        about: "risk score: over, at_least, under, at_most; part: one of the seven, likewise",
        example: "{ at_least: 60, part: { behaviour: { over: 50 } } }",
        read: score,
    },
    Row {
        key: "vector",
        dimension: "risk score with vectors",
        about: "a hit: a name, a list (any), or names with confidence, severity, rule",
        example: "{ prompt_injection: { confidence: 80 } }",
        read: vectors,
    },
    Row {
        key: "application",
        dimension: "scope",
        about: "the application that the agent belongs to",
        example: "shop",
        read: |r, n| r.patterns(n).map(Kind::Application).into_iter().collect(),
    },
    Row {
        key: "business_unit",
        dimension: "scope",
        about: "the business unit",
        example: "retail",
        read: |r, n| r.patterns(n).map(Kind::BusinessUnit).into_iter().collect(),
    },
    Row {
        key: "mode",
        dimension: "scope",
        about: "the mode of the scope",
        example: "enforce",
        read: |r, n| choices(r, n, Mode::ALL, Mode::as_str, Kind::Mode),
    },
    Row {
        key: "network",
        dimension: "scope",
        about: "the network that the agent runs in",
        example: "internet",
        read: |r, n| choices(r, n, &NETWORKS, network_name, Kind::Network),
    },
];

const NETWORKS: [Network; 3] = [Network::Trusted, Network::Internet, Network::Unknown];

pub fn network_name(network: Network) -> &'static str {
    match network {
        Network::Trusted => "trusted",
        Network::Internet => "internet",
        Network::Unknown => "unknown",
    }
}

fn choice<T: Copy>(
    reader: &mut Reader<'_, '_>,
    node: &Node,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Option<T> {
    pick(reader.file, node, "condition", all, &name, reader.faults)
}

fn choices<T: Copy>(
    reader: &mut Reader<'_, '_>,
    node: &Node,
    all: &[T],
    name: fn(T) -> &'static str,
    make: fn(Vec<T>) -> Kind,
) -> Vec<Kind> {
    let items = node.as_list().unwrap_or(std::slice::from_ref(node));
    if items.is_empty() {
        reader.fault(node, "empty_list", "an empty list matches nothing".into(), None);
    }
    vec![make(items.iter().filter_map(|item| choice(reader, item, all, name)).collect())]
}

fn flag(reader: &mut Reader<'_, '_>, node: &Node, make: fn(bool) -> Kind) -> Vec<Kind> {
    match node.as_text().and_then(|text| text.trim().parse().ok()) {
        Some(value) => vec![make(value)],
        None => {
            reader.fault(node, "wrong_type", "expected `true` or `false`".into(), None);
            Vec::new()
        }
    }
}

fn range(reader: &mut Reader<'_, '_>, node: &Node) -> Option<Range> {
    let before = reader.faults.0.len();
    let mut fields = reader.fields(node)?;
    let range = Range::read(&mut fields, reader.faults);
    fields.finish(reader.faults);
    if range.is_everything() && reader.faults.0.len() == before {
        let hint = Some("over, at_least, under, at_most".into());
        reader.fault(node, "empty_condition", "no limit is given".into(), hint);
    }
    Some(range)
}

type OfNames = fn(super::Patterns) -> Kind;
type OfFlag = fn(bool) -> Kind;

/// A text or list under the short name, or a mapping read by `rest`.
fn named_or(
    reader: &mut Reader<'_, '_>,
    node: &Node,
    short: OfNames,
    keys: &[(&'static str, OfNames)],
    flags: &[(&'static str, OfFlag)],
) -> Vec<Kind> {
    if !matches!(node.value, Value::Map(_)) {
        return reader.patterns(node).map(short).into_iter().collect();
    }
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let mut kinds = Vec::new();
    for (key, make) in keys {
        if let Some(value) = fields.get(key) {
            kinds.extend(reader.patterns(value).map(make));
        }
    }
    for (key, make) in flags {
        kinds.extend(fields.flag(key, reader.faults).map(make));
    }
    fields.finish(reader.faults);
    if kinds.is_empty() {
        reader.fault(node, "empty_condition", "nothing to check here".into(), None);
    }
    kinds
}

fn agent(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    named_or(
        reader,
        node,
        Kind::Agent,
        &[
            ("name", Kind::Agent),
            ("version", Kind::AgentVersion),
            ("role", Kind::Role),
            ("without_role", Kind::WithoutRole),
        ],
        &[("registered", Kind::Registered), ("elevated", Kind::Elevated)],
    )
}

fn principal(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    named_or(reader, node, Kind::Principal, &[("id", Kind::Principal), ("team", Kind::Team)], &[])
}

fn resource(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    named_or(
        reader,
        node,
        Kind::ResourceType,
        &[("type", Kind::ResourceType), ("name", Kind::ResourceName), ("destination", Kind::Destination)],
        &[],
    )
}

fn fields(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let Value::Map(entries) = &node.value else {
        reader.fault(node, "not_a_mapping", "expected payload fields and what they must be".into(), None);
        return Vec::new();
    };
    entries
        .iter()
        .map(|(key, value)| {
            Kind::Payload(FieldTest { path: key.text.clone(), checks: payload::read_checks(reader, value) })
        })
        .collect()
}

fn classes(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let name = SensitiveClass::as_str;
    if !matches!(node.value, Value::Map(_)) {
        return choices(reader, node, SensitiveClass::ALL, name, |any| {
            Kind::Classes(ClassTest { any, all: Vec::new() })
        });
    }
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let mut list = |key| fields.choices(key, SensitiveClass::ALL, name, reader.faults).unwrap_or_default();
    let test = ClassTest { any: list("any"), all: list("all") };
    fields.finish(reader.faults);
    vec![Kind::Classes(test)]
}

fn topic(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let Some(names) = reader.patterns(node) else { return Vec::new() };
    let unknown = reader.topics.is_some_and(|topics| !topics.names().iter().any(|name| names.matches(name)));
    if unknown {
        let message = "no subject under `topics` has such a name".to_owned();
        reader.fault(node, "unknown_topic", message, None);
    }
    of_topics(reader, node, TopicWanted::Named(names))
}

fn off_topic(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let wanted = match node.as_text().map(str::trim) {
        Some("true") => Standing::Off,
        Some("false") => Standing::On,
        Some("unsure") => Standing::Unsure,
        _ => {
            reader.fault(node, "wrong_type", "expected `true`, `false` or `unsure`".into(), None);
            return Vec::new();
        }
    };
    of_topics(reader, node, TopicWanted::Standing(wanted))
}

fn of_topics(reader: &mut Reader<'_, '_>, node: &Node, wanted: TopicWanted) -> Vec<Kind> {
    match reader.topics {
        Some(topics) => vec![Kind::Topic(TopicTest { topics: Arc::clone(topics), wanted })],
        None => {
            let hint = "add `topics: { about: { billing: [ … ] } }` to the document";
            reader.fault(node, "no_topics", "this document has no `topics`".into(), Some(hint.into()));
            Vec::new()
        }
    }
}

fn deviation(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let range = Range::read(&mut fields, reader.faults);
    let baseline = fields.flag("baseline", reader.faults).map(Kind::Baseline);
    fields.finish(reader.faults);
    let range = (!range.is_everything()).then_some(Kind::Deviation(range));
    if range.is_none() && baseline.is_none() {
        reader.fault(node, "empty_condition", "no limit is given".into(), None);
    }
    range.into_iter().chain(baseline).collect()
}

fn amount(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let before = reader.faults.0.len();
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let range = Range::read(&mut fields, reader.faults);
    let currency = fields.text("currency", reader.faults).map(str::to_owned);
    fields.finish(reader.faults);
    if range.is_everything() && currency.is_none() && reader.faults.0.len() == before {
        reader.fault(node, "empty_condition", "no limit is given".into(), None);
    }
    vec![Kind::Amount(AmountTest { range, currency })]
}

fn score(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let whole = Range::read(&mut fields, reader.faults);
    let mut kinds: Vec<Kind> = (!whole.is_everything()).then_some(Kind::Score(whole)).into_iter().collect();
    if let Some(mut parts) = fields.fields("part", reader.faults) {
        for dimension in Dimension::ALL {
            if let Some(value) = parts.get(dimension.as_str()) {
                kinds.extend(range(reader, value).map(|range| Kind::Part(*dimension, range)));
            }
        }
        parts.finish(reader.faults);
    }
    fields.finish(reader.faults);
    if kinds.is_empty() {
        reader.fault(node, "empty_condition", "no limit is given".into(), None);
    }
    kinds
}

fn vectors(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Kind> {
    let any =
        |vector| VectorTest { vector, confidence: Confidence::MEDIUM, severity: Severity::Low, rules: None };
    let Value::Map(_) = &node.value else {
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        let named = items.iter().filter_map(|item| choice(reader, item, Vector::ALL, Vector::as_str));
        let tests: Vec<VectorTest> = named.map(any).collect();
        return vec![Kind::Vector(tests)];
    };
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let mut tests = Vec::new();
    for vector in Vector::ALL {
        let Some(mut hit) = fields.fields(vector.as_str(), reader.faults) else { continue };
        let percent = hit.whole("confidence", reader.faults);
        if percent.is_some_and(|percent| !(0..=100).contains(&percent)) {
            hit.fault(reader.faults, "out_of_range", "`confidence` goes from 0 to 100".into(), None);
        }
        let confidence =
            percent.and_then(|p| u8::try_from(p).ok()).map_or(Confidence::MEDIUM, Confidence::new);
        let severity =
            hit.choice("severity", Severity::ALL, Severity::as_str, reader.faults).unwrap_or(Severity::Low);
        let rules = hit.get("rule").and_then(|names| reader.patterns(names));
        hit.finish(reader.faults);
        tests.push(VectorTest { vector: *vector, confidence, severity, rules });
    }
    fields.finish(reader.faults);
    vec![Kind::Vector(tests)]
}
