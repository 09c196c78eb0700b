//! A policy document: its head, calendars, bands, floors and exceptions. `read_rule` reads the
//! rules in it.

use std::collections::BTreeMap;

use action::{Confidence, Environment, Layer, Vector, Verdict};

use super::bands::Bands;
use super::calendar::Hours;
use super::condition::{Kind, Reader, Sure, Test, View, When, read_hours};
use super::read_rule::{self, Draft};
use super::rule::{Exception, Place, Rule};
use crate::topic::Topics;
use crate::yaml::{Faults, Fields, Node, Value};

/// One policy document in force.
#[derive(Debug, Clone)]
pub struct Document {
    pub name: String,
    pub version: i64,
    pub note: Option<String>,
    pub layer: Layer,
    /// What the document applies to; everything in it applies only there.
    pub scope: When,
    pub bands: BTreeMap<Environment, Bands>,
    pub floors: Vec<Floor>,
    pub file: String,
}

/// A hit of critical confidence below which the verdict cannot fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    pub vector: Vector,
    pub confidence: Confidence,
    pub verdict: Verdict,
}

/// What a document holds before the documents are put together.
#[derive(Debug)]
pub struct Parts {
    pub document: Document,
    pub rules: Vec<Rule>,
    /// Exceptions with the rules, bands or floors they are of, and where each is named.
    pub exceptions: Vec<(Vec<Node>, Exception)>,
    /// The cases written beside the rules, unread, with the rule's id.
    pub cases: Vec<(Option<String>, Node)>,
}

impl Document {
    pub fn applies(&self, view: &View<'_>, sure: Sure) -> bool {
        self.scope.holds(view, sure)
    }
}

/// Reads one document; `None` when its head is too broken to go on. Faults are collected.
pub fn read(file: &str, index: usize, node: &Node, faults: &mut Faults) -> Option<Parts> {
    let mut fields = Fields::of(file, node, faults)?;
    let name = fields.need_text("policy", faults).unwrap_or("").to_owned();
    let version = fields.whole("version", faults).unwrap_or(1);
    let note = fields.text("note", faults).map(str::to_owned);
    let layer = fields.choice("layer", Layer::ALL, Layer::as_str, faults).unwrap_or(Layer::Organisation);
    let hours = fields.get("hours").map(|node| calendars(file, node, faults)).unwrap_or_default();
    let topics = fields.get("topics").and_then(|node| Topics::read_section(file, index, node, faults));
    let scope = fields.get("scope").map(|node| scope(file, node, faults));
    needs_its_layers_scope(&fields, layer, scope.as_ref(), faults);
    let bands = fields.get("bands").map(|node| bands(file, node, faults)).unwrap_or_default();
    let floors = fields.get("floors").map(|node| floors(file, node, faults)).unwrap_or_default();

    let mut draft = Draft {
        file,
        document: index,
        layer,
        hours: &hours,
        topics: topics.as_ref(),
        exceptions: Vec::new(),
        cases: Vec::new(),
    };
    let mut rules = Vec::new();
    for node in fields.list("rules", faults).unwrap_or(&[]) {
        rules.extend(read_rule::rule(&mut draft, node, faults));
    }
    for node in fields.list("exceptions", faults).unwrap_or(&[]) {
        read_rule::standing_exception(&mut draft, node, faults);
    }
    for node in fields.list("cases", faults).unwrap_or(&[]) {
        draft.cases.push((None, node.clone()));
    }
    let Draft { exceptions, cases, .. } = draft;
    fields.finish(faults);
    let document = Document {
        name,
        version,
        note,
        layer,
        scope: scope.unwrap_or(When::All(Vec::new())),
        bands,
        floors,
        file: file.into(),
    };
    Some(Parts { document, rules, exceptions, cases })
}

/// A rule for one application or agent that names none would reach everybody.
pub fn needs_its_layers_scope(fields: &Fields<'_>, layer: Layer, scope: Option<&When>, faults: &mut Faults) {
    let names = |wanted: fn(&Kind) -> bool| {
        scope.is_some_and(|scope| scope.tests().iter().any(|test| wanted(&test.kind)))
    };
    let missing = match layer {
        Layer::Organisation => return,
        Layer::Application => {
            (!names(|k| matches!(k, Kind::Application(_) | Kind::BusinessUnit(_)))).then_some("application")
        }
        Layer::Agent => (!names(|k| matches!(k, Kind::Agent(_)))).then_some("agent"),
    };
    if let Some(key) = missing {
        let message = format!("a document of the layer `{layer}` must say whom it is for");
        fields.fault(faults, "missing_scope", message, Some(format!("add `scope: {{ {key}: … }}`")));
    }
}

pub fn scope(file: &str, node: &Node, faults: &mut Faults) -> When {
    let Some(mut fields) = Fields::of(file, node, faults) else { return When::All(Vec::new()) };
    let mut tests = Vec::new();
    let none = BTreeMap::new();
    for key in ["application", "agent", "business_unit", "environment"] {
        let Some(value) = fields.get(key) else { continue };
        let mut reader = Reader { file, hours: &none, topics: None, faults };
        let kind = match key {
            "application" => reader.patterns(value).map(Kind::Application),
            "agent" => reader.patterns(value).map(Kind::Agent),
            "business_unit" => reader.patterns(value).map(Kind::BusinessUnit),
            _ => fields.choices(key, Environment::ALL, Environment::as_str, faults).map(Kind::Environment),
        };
        tests.extend(kind.map(|kind| When::Test(Test { key, line: value.line, kind })));
    }
    fields.finish(faults);
    When::All(tests)
}

pub fn calendars(file: &str, node: &Node, faults: &mut Faults) -> BTreeMap<String, Hours> {
    let mut hours = BTreeMap::new();
    for (key, value) in entries(file, node, faults) {
        let Some(mut fields) = Fields::of(file, value, faults) else { continue };
        let read = read_hours(file, &mut fields, faults);
        fields.finish(faults);
        hours.extend(read.map(|read| (key.text.clone(), read)));
    }
    hours
}

fn bands(file: &str, node: &Node, faults: &mut Faults) -> BTreeMap<Environment, Bands> {
    let mut bands = BTreeMap::new();
    let Some(mut fields) = Fields::of(file, node, faults) else { return bands };
    for environment in Environment::ALL {
        let Some(value) = fields.get(environment.as_str()) else { continue };
        let bounds: Option<Vec<u8>> =
            value.as_list().and_then(|items| items.iter().map(|item| item.as_text()?.parse().ok()).collect());
        match bounds.as_deref() {
            Some(&[medium, high, critical])
                if 1 <= medium && medium <= high && high <= critical && critical <= 100 =>
            {
                bands.insert(*environment, Bands { medium, high, critical });
            }
            _ => {
                let message = "bands are three rising scores from 1 to 100".to_owned();
                let hint = "the defaults are [40, 60, 86]: sandbox, approve, block from there on";
                faults.add(file, value, "bad_bands", message, Some(hint.into()));
            }
        }
    }
    fields.finish(faults);
    bands
}

fn floors(file: &str, node: &Node, faults: &mut Faults) -> Vec<Floor> {
    let mut floors = Vec::new();
    let Some(mut fields) = Fields::of(file, node, faults) else { return floors };
    for vector in Vector::ALL {
        let Some(verdict) = fields.choice(vector.as_str(), Verdict::ALL, Verdict::as_str, faults) else {
            continue;
        };
        floors.push(Floor { vector: *vector, confidence: Confidence::CRITICAL, verdict });
    }
    fields.finish(faults);
    floors
}

fn entries<'n>(file: &str, node: &'n Node, faults: &mut Faults) -> &'n [(crate::yaml::Key, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => {
            faults.add(file, node, "not_a_mapping", format!("expected names, found {}", node.kind()), None);
            &[]
        }
    }
}

impl Place {
    pub fn of(file: &str, node: &Node) -> Place {
        Place { file: file.into(), line: node.line }
    }
}
