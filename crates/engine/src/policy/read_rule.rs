//! Reading one rule and its exceptions.

use std::collections::BTreeMap;
use std::sync::Arc;

use action::{ConstrainKind, Containment, Decimal, Digest, Layer, RedactionMode, Severity, Verdict, digest};

use super::calendar::{self, Hours};
use super::condition::{Kind, Reader, Test, When, plain_json};
use super::rule::{Change, Exception, Notice, Place, Rule};
use crate::topic::Topics;
use crate::yaml::{Faults, Fields, Node, Value};

/// What is known of the document while its rules are read, and what they leave for later.
pub struct Draft<'a> {
    pub file: &'a str,
    pub document: usize,
    pub layer: Layer,
    pub hours: &'a BTreeMap<String, Hours>,
    pub topics: Option<&'a Arc<Topics>>,
    pub exceptions: Vec<(Vec<Node>, Exception)>,
    pub cases: Vec<(Option<String>, Node)>,
}

/// Priority of a rule that states none.
pub const DEFAULT_PRIORITY: i64 = 100;

const STATES: [&str; 4] = ["active", "shadow", "draft", "retired"];

/// Reads a rule; `None` when it is broken, or not in force (a draft, or retired).
pub fn rule(draft: &mut Draft<'_>, node: &Node, faults: &mut Faults) -> Option<Rule> {
    let file = draft.file;
    let mut fields = Fields::of(file, node, faults)?;
    let id = fields.need_text("id", faults).map(str::to_owned);
    if id.as_deref().is_some_and(|id| !is_id(id)) {
        let hint =
            "letters, digits, `.`, `-` and `_`; not beginning with `band.`, `floor.`, `fault.` or `alert.`";
        fields.fault(faults, "bad_id", "this id cannot be used".into(), Some(hint.into()));
    }
    let priority = fields.whole("priority", faults).unwrap_or(DEFAULT_PRIORITY);
    let note = fields.text("note", faults).map(str::to_owned);
    let then = fields.need("then", faults).and_then(|node| verdict(file, node, faults));
    let when = match fields.get("when") {
        Some(node) => {
            let mut reader = Reader { file, hours: draft.hours, topics: draft.topics, faults };
            Some(reader.when(node))
        }
        None => {
            let hint = Some("write `when: {}` for a rule about every action".into());
            fields.fault(faults, "missing_key", "`when` is missing".into(), hint);
            None
        }
    };
    let alert = fields.get("alert").and_then(|node| notice(file, node, faults));
    let containment =
        fields.choices("containment", Containment::ALL, Containment::as_str, faults).unwrap_or_default();
    let instead_of_bands = fields.flag("instead_of_bands", faults).unwrap_or(false);
    let always = fields.flag("always", faults).unwrap_or(false);
    let state = fields.choice("state", &STATES, |name| name, faults).unwrap_or("active");
    let exceptions = fields
        .list("exceptions", faults)
        .unwrap_or(&[])
        .iter()
        .filter_map(|node| {
            let mut fields = Fields::of(file, node, faults)?;
            let exception = exception(draft, &mut fields, faults);
            fields.finish(faults);
            exception
        })
        .collect();
    for case in fields.list("cases", faults).unwrap_or(&[]) {
        draft.cases.push((id.clone(), case.clone()));
    }
    fields.finish(faults);
    let (verdict, changes) = then?;
    if matches!(state, "draft" | "retired") {
        return None;
    }
    Some(Rule {
        id: id?,
        document: draft.document,
        layer: draft.layer,
        priority,
        note,
        when: when?,
        verdict,
        changes,
        alert,
        containment,
        instead_of_bands,
        always,
        shadow: state == "shadow",
        exceptions,
        module: None,
        place: Place::of(file, node),
        written: written(draft.layer.as_str(), node),
    })
}

/// What is written in a node, whatever its place. Cases beside a rule are not part of it.
pub fn written(layer: &str, node: &Node) -> Digest {
    let mut json = plain_json(node);
    if let action::Json::Object(entries) = &mut json {
        entries.retain(|(key, _)| key != "cases");
    }
    let text = serde_json::to_vec(&json.sorted()).unwrap_or_default();
    digest("checkrein.rule.v1", &[layer.as_bytes(), &text])
}

/// Reads an exception that stands by itself and says what it is of.
pub fn standing_exception(draft: &mut Draft<'_>, node: &Node, faults: &mut Faults) {
    let Some(mut fields) = Fields::of(draft.file, node, faults) else { return };
    let of = fields
        .need("of", faults)
        .map(|node| node.as_list().unwrap_or(std::slice::from_ref(node)).to_vec())
        .unwrap_or_default();
    let exception = exception(draft, &mut fields, faults);
    fields.finish(faults);
    draft.exceptions.extend(exception.map(|exception| (of, exception)));
}

/// An exception without an owner, a reason or an end is refused: it would be a hole, not a permission.
fn exception(draft: &Draft<'_>, fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Exception> {
    let id = fields.need_text("id", faults).map(str::to_owned);
    let owner = fields.need_text("owner", faults).map(str::to_owned);
    let reason = fields.need_text("reason", faults).map(str::to_owned);
    let until = fields.need("until", faults).and_then(|node| {
        let point = node.as_text().and_then(calendar::parse_until);
        if point.is_none() {
            let hint = Some("write `2026-12-31` (its last day) or `2026-12-31T17:00:00Z`".into());
            faults.add(draft.file, node, "bad_date", "`until` must be a date or a time".into(), hint);
        }
        point
    });
    let verdict = fields.choice("verdict", Verdict::ALL, Verdict::as_str, faults).unwrap_or(Verdict::Allow);
    let mut reader = Reader { file: draft.file, hours: draft.hours, topics: draft.topics, faults };
    let mut parts = Vec::new();
    if let Some(node) = fields.get("agent") {
        let kind = reader.patterns(node).map(Kind::Agent);
        parts.extend(kind.map(|kind| When::Test(Test { key: "agent", line: node.line, kind })));
    }
    if let Some(node) = fields.get("when") {
        parts.push(reader.when(node));
    }
    Some(Exception {
        id: id?,
        when: When::All(parts),
        verdict,
        until: until?,
        owner: owner?,
        reason: reason?,
        document: draft.document,
        place: Place::of(draft.file, fields.node()),
    })
}

fn is_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.chars().all(plain)
        && text.len() <= 128
        && !["band.", "floor.", "alert.", "fault."].iter().any(|taken| text.starts_with(taken))
}

/// A verdict by name, or `constrain` with what it changes.
fn verdict(file: &str, node: &Node, faults: &mut Faults) -> Option<(Verdict, Vec<Change>)> {
    if matches!(node.value, Value::Map(_)) {
        let mut fields = Fields::of(file, node, faults)?;
        let items = fields.list("constrain", faults);
        fields.finish(faults);
        let changes: Vec<Change> = items?.iter().flat_map(|item| changes(file, item, faults)).collect();
        if changes.is_empty() {
            faults.add(file, node, "empty_constraint", "nothing is changed here".into(), None);
        }
        return Some((Verdict::Constrain, changes));
    }
    let verdict = crate::yaml::pick(file, node, "then", Verdict::ALL, &Verdict::as_str, faults)?;
    if verdict == Verdict::Constrain {
        let hint = "write `then: { constrain: [ { redact: [card] } ] }`";
        faults.add(file, node, "empty_constraint", "say what to change".into(), Some(hint.into()));
    }
    Some((verdict, Vec::new()))
}

/// One entry of a constrain list.
fn changes(file: &str, node: &Node, faults: &mut Faults) -> Vec<Change> {
    let Some(mut fields) = Fields::of(file, node, faults) else { return Vec::new() };
    let mut found = Vec::new();
    let change = |kind| Change { kind, field: None, limit: None, or_set: false, target: None, mode: None };
    if let Some(targets) = fields.texts("redact", faults) {
        let mode = fields.choice("as", RedactionMode::ALL, RedactionMode::as_str, faults);
        let change = Change { mode, ..change(ConstrainKind::Redact) };
        found.extend(targets.into_iter().map(|target| redaction(target, change.clone())));
    }
    if let Some(mut clamp) = fields.fields("clamp", faults) {
        let field = clamp.need_text("field", faults).map(str::to_owned);
        clamp.need("at", faults);
        let limit = clamp.decimal("at", faults);
        let or_set = clamp.flag("or_set", faults).unwrap_or(false);
        clamp.finish(faults);
        found.push(Change { field, limit, or_set, ..change(ConstrainKind::Clamp) });
    }
    if let Some(target) = fields.text("redirect", faults) {
        found.push(Change { target: Some(target.into()), ..change(ConstrainKind::Redirect) });
    }
    if let Some(rate) = fields.text("throttle", faults) {
        let limit = rate.strip_suffix("/min").and_then(|n| n.trim().parse::<u32>().ok()).filter(|n| *n > 0);
        if limit.is_none() {
            let hint = Some("write `10/min`".into());
            fields.fault(faults, "bad_rate", "`throttle` must be a number of calls per minute".into(), hint);
        }
        found.push(Change {
            limit: limit.map(|n| Decimal::from_u64(n.into())),
            ..change(ConstrainKind::Throttle)
        });
    }
    fields.finish(faults);
    found
}

/// What is redacted is a sensitive class, `all`, or else a field of the payload.
fn redaction(target: &str, change: Change) -> Change {
    let class = target == "all" || action::SensitiveClass::parse(target).is_some();
    let target = Some(target.to_owned());
    if class { Change { target, ..change } } else { Change { field: target, ..change } }
}

/// `security`, or a mapping of team and severity.
pub fn notice(file: &str, node: &Node, faults: &mut Faults) -> Option<Notice> {
    if let Some(team) = node.as_text() {
        return Some(Notice { team: team.into(), severity: None });
    }
    let mut fields = Fields::of(file, node, faults)?;
    let team = fields.need_text("team", faults).map(str::to_owned);
    let severity = fields.choice("severity", Severity::ALL, Severity::as_str, faults);
    fields.finish(faults);
    Some(Notice { team: team?, severity })
}
