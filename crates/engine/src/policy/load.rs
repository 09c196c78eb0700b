//! Loading: several documents become one set of policies in force.

use std::collections::{BTreeMap, BTreeSet};

use action::{Digest, Vector, digest};

use super::bands;
use super::document::{self, Document, Parts};
use super::index::Index;
use super::rego;
use super::rule::{Exception, Rule};
use crate::yaml::{self, Fault, Faults, Node};

/// One policy file: native YAML, or Rego by the ending `.rego`.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// The policies in force: read once, checked as a whole, indexed. Never changes.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(super) documents: Vec<Document>,
    /// In the order in which they are tried.
    pub(super) rules: Vec<Rule>,
    pub(super) index: Index,
    /// Exceptions of bands and floors, by name.
    pub(super) exceptions: BTreeMap<String, Vec<Exception>>,
    pub(super) cases: Vec<RuleCase>,
    hash: Digest,
}

/// A case that is written beside a rule.
#[derive(Debug, Clone)]
pub struct RuleCase {
    pub file: String,
    /// The rule it stands at; absent for a case of the whole document.
    pub rule: Option<String>,
    pub node: Node,
}

/// Most rules in force at once.
pub const MAX_RULES: usize = 20_000;

impl Policies {
    /// Reads all documents. Either every document is sound, or every fault in them is told.
    pub fn load(sources: &[Source<'_>]) -> Result<Policies, Faults> {
        let mut faults = Faults::default();
        let mut parts = Vec::new();
        for source in sources {
            parts.extend(read(source, parts.len(), &mut faults));
        }
        let mut draft = Policies {
            documents: Vec::new(),
            rules: Vec::new(),
            index: Index::default(),
            exceptions: BTreeMap::new(),
            cases: Vec::new(),
            hash: hash(sources),
        };
        let mut standing = Vec::new();
        for part in parts {
            let file = part.document.file.clone();
            draft.cases.extend(part.cases.into_iter().map(|(rule, node)| RuleCase {
                file: file.clone(),
                rule,
                node,
            }));
            standing.extend(part.exceptions);
            draft.rules.extend(part.rules);
            draft.documents.push(part.document);
        }
        draft.refuse_twins(&mut faults);
        for (of, exception) in standing {
            draft.attach(&of, exception, &mut faults);
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        draft.order();
        Ok(draft)
    }

    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The rules in force, in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    pub(super) fn has_modules(&self) -> bool {
        self.rules.iter().any(|rule| rule.module.is_some())
    }

    /// The cases written beside the rules.
    pub fn cases(&self) -> &[RuleCase] {
        &self.cases
    }

    /// Two rules of one id could not be told apart in a record; nor two documents of one name.
    fn refuse_twins(&self, faults: &mut Faults) {
        let mut ids = BTreeMap::new();
        for rule in &self.rules {
            if let Some(first) = ids.insert(rule.id.as_str(), &rule.place) {
                let message = format!("the id `{}` is taken", rule.id);
                let hint = format!("{}:{} has it", first.file, first.line);
                faults.0.push(at_line(&rule.place.file, rule.place.line, "duplicate_id", message, hint));
            }
        }
        let mut names = BTreeMap::new();
        for document in &self.documents {
            if let Some(first) = names.insert(document.name.as_str(), document.file.as_str()) {
                let message = format!("the policy name `{}` is taken", yaml::shown(&document.name));
                let hint = format!("{first} has it");
                faults.0.push(at_line(&document.file, 1, "duplicate_policy", message, hint));
            }
        }
        if self.rules.len() > MAX_RULES {
            let message = format!("{} rules; at most {MAX_RULES} are loaded", self.rules.len());
            faults.0.push(at_line("", 1, "too_many_rules", message, "remove some".into()));
        }
    }

    /// Gives an exception to each rule, band or floor that it names.
    fn attach(&mut self, of: &[Node], exception: Exception, faults: &mut Faults) {
        for node in of {
            let name = node.as_text().unwrap_or("");
            if fixed_names().contains(name) {
                self.exceptions.entry(name.to_owned()).or_default().push(exception.clone());
                continue;
            }
            match self.rules.iter_mut().find(|rule| rule.id == name) {
                Some(rule) => rule.exceptions.push(exception.clone()),
                None => {
                    let ids: Vec<&str> = self.rules.iter().map(|rule| rule.id.as_str()).collect();
                    let hint = yaml::nearest(name, &ids).map(|known| format!("did you mean `{known}`?"));
                    let hint = hint.unwrap_or_else(|| "a rule's id, `band.…` or `floor.…`".into());
                    let file = exception.place.file.as_str();
                    let message = "`of` names nothing that is in force".to_owned();
                    faults.add(file, node, "unknown_rule", message, Some(hint));
                }
            }
        }
    }

    /// Layer, priority, stricter first; file and line only keep the order the same everywhere.
    fn order(&mut self) {
        self.rules.sort_by(|a, b| {
            let key = |rule: &Rule| (rule.layer, rule.priority, std::cmp::Reverse(rule.verdict));
            key(a).cmp(&key(b)).then_with(|| (a.document, a.place.line).cmp(&(b.document, b.place.line)))
        });
        for (at, rule) in self.rules.iter().enumerate() {
            let mut required = rule.when.required();
            if let Some(document) = self.documents.get(rule.document) {
                required.extend(document.scope.required());
            }
            self.index.add(at, &required);
        }
    }
}

/// Every name under which a band or a floor can be excepted.
fn fixed_names() -> BTreeSet<&'static str> {
    let bands = action::Severity::ALL.iter().map(|band| bands::name(*band));
    bands.chain(Vector::ALL.iter().map(|vector| bands::floor_name(*vector))).collect()
}

fn read(source: &Source<'_>, index: usize, faults: &mut Faults) -> Option<Parts> {
    if source.file.ends_with(".rego") {
        return rego::read(source.file, index, source.text, faults);
    }
    match yaml::parse(source.file, source.text) {
        Ok(node) => document::read(source.file, index, &node, faults),
        Err(fault) => {
            faults.0.push(fault);
            None
        }
    }
}

fn at_line(file: &str, line: usize, code: &'static str, message: String, hint: String) -> Fault {
    Fault { file: file.into(), line, column: 1, code, message, hint: Some(hint) }
}

fn hash(sources: &[Source<'_>]) -> Digest {
    let parts: Vec<&[u8]> =
        sources.iter().flat_map(|source| [source.file.as_bytes(), source.text.as_bytes()]).collect();
    digest("checkrein.policies.v1", &parts)
}

/// The policies of an estate that has none: the default bands and nothing else.
impl Default for Policies {
    fn default() -> Self {
        Policies {
            documents: Vec::new(),
            rules: Vec::new(),
            index: Index::default(),
            exceptions: BTreeMap::new(),
            cases: Vec::new(),
            hash: hash(&[]),
        }
    }
}
