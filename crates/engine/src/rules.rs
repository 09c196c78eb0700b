//! The rules in force: everything that an operator may write, read together.

use std::sync::OnceLock;

use action::{Digest, digest};

use crate::detect::rules::{Compile, load as load_detectors};
use crate::detect::state::LimitSet;
use crate::detect::{Detectors, TypeHints};
use crate::live::Watch;
use crate::policy::{Policies, Source};
use crate::score::Weights;
use crate::yaml::{self, Faults, Fields, Node, Value};

/// Detection rules, limits, weights and policies, checked as a whole. Never changes: a new set
/// replaces the old one, and an action is judged to its end by the set it began with.
pub struct Rules {
    pub detectors: Detectors,
    pub limits: LimitSet,
    pub weights: Weights,
    pub policies: Policies,
    hash: Digest,
    /// Made when the first answer streams: patterns of the operator's own are compiled for it.
    answers: OnceLock<Watch>,
}

/// What a document is, by its first key `kind`; a document without it is policy.
enum Family {
    Detectors,
    Settings(Node),
    Policy,
}

impl Rules {
    /// Reads all documents. Either every one is sound, or every fault in them is told.
    pub fn load(sources: &[Source<'_>]) -> Result<Rules, Faults> {
        let mut faults = Faults::default();
        let mut detectors: Vec<(&str, &str)> = Vec::new();
        let mut policies: Vec<Source<'_>> = Vec::new();
        let mut settings = Settings::default();
        for source in sources {
            match family(source) {
                Family::Detectors => detectors.push((source.file, source.text)),
                Family::Settings(node) => settings.read(source.file, &node, &mut faults),
                Family::Policy => policies.push(*source),
            }
        }
        let book =
            load_detectors(&detectors, Compile::UnlessShipped).map_err(|more| faults.0.extend(more.0)).ok();
        let policies = Policies::load(&policies).map_err(|more| faults.0.extend(more.0)).ok();
        let (Some(book), Some(policies), true) = (book, policies, faults.is_empty()) else {
            return Err(faults);
        };
        let detectors = Detectors::new(book, settings.hints);
        let hash = digest(
            "checkrein.rules.v1",
            &[
                policies.hash().as_bytes(),
                settings.weights.hash().as_bytes(),
                settings.limits.hash().as_bytes(),
                detectors.hash().as_bytes(),
            ],
        );
        Ok(Rules {
            detectors,
            limits: settings.limits,
            weights: settings.weights,
            policies,
            hash,
            answers: OnceLock::new(),
        })
    }

    /// What matters in an answer while it streams.
    pub fn answers(&self) -> &Watch {
        self.answers.get_or_init(|| Watch::of_answers(self))
    }

    /// The version of all of it: changes when anything that can change a decision changes.
    pub fn hash(&self) -> Digest {
        self.hash
    }
}

/// The tables that a `kind: settings` document may change.
#[derive(Default)]
struct Settings {
    weights: Weights,
    limits: LimitSet,
    hints: TypeHints,
}

impl Settings {
    fn read(&mut self, file: &str, node: &Node, faults: &mut Faults) {
        let Some(mut fields) = Fields::of(file, node, faults) else { return };
        fields.get("kind");
        if let Some(node) = fields.get("weights") {
            self.weights = Weights::read(file, node, faults);
        }
        if let Some(node) = fields.get("limits") {
            self.limits = LimitSet::read(file, node, faults);
        }
        if let Some(node) = fields.get("types") {
            self.hints = TypeHints::read(file, node, faults);
        }
        fields.finish(faults);
    }
}

fn family(source: &Source<'_>) -> Family {
    if source.file.ends_with(".rego") {
        return Family::Policy;
    }
    // A document that cannot be read goes to policy, whose loader reports the fault.
    let Ok(node) = yaml::parse(source.file, source.text) else { return Family::Policy };
    let kind = match &node.value {
        Value::Map(entries) => {
            entries.iter().find(|(key, _)| key.text == "kind").and_then(|(_, v)| v.as_text())
        }
        Value::Scalar { .. } | Value::List(_) => None,
    };
    match kind {
        Some("detectors") => Family::Detectors,
        Some("settings") => Family::Settings(node),
        _ => Family::Policy,
    }
}
