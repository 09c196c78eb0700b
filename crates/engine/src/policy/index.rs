//! The dispatch index: which rules can match an action at all.
//!
//! A rule that requires one of some plain names (a tool, a resource type, an agent) or one of
//! some kinds or operations is filed under those; every other rule is tried always. What is
//! looked up for an action is thus the rules about it, however many rules about others exist.

use std::collections::BTreeMap;

use action::{Action, ActionKind, Operation};

use super::condition::{Kind, Test};
use super::names::Names;

/// Rules, by position, filed under what they require; names in the form of look-alikes, so that
/// whatever a rule may speak about is found.
#[derive(Debug, Clone, Default)]
pub struct Index {
    tools: BTreeMap<Box<str>, Vec<usize>>,
    resources: BTreeMap<Box<str>, Vec<usize>>,
    agents: BTreeMap<Box<str>, Vec<usize>>,
    kinds: BTreeMap<ActionKind, Vec<usize>>,
    operations: BTreeMap<Operation, Vec<usize>>,
    anything: Vec<usize>,
}

/// The drawers, most selective first. A rule is filed in one only.
const DRAWERS: [fn(&mut Index, &Kind, usize) -> bool; 5] = [
    |index, kind, at| matches!(kind, Kind::Tool(names) if file(&mut index.tools, names.forms(), at)),
    |index, kind, at| matches!(kind, Kind::ResourceType(names) if file(&mut index.resources, names.forms(), at)),
    |index, kind, at| matches!(kind, Kind::Agent(names) if file(&mut index.agents, names.forms(), at)),
    |index, kind, at| matches!(kind, Kind::ActionKind(list) if file_each(&mut index.kinds, list, at)),
    |index, kind, at| matches!(kind, Kind::Operation(list) if file_each(&mut index.operations, list, at)),
];

impl Index {
    /// Files a rule, by the tests of which each must hold for it to match.
    pub fn add(&mut self, at: usize, required: &[&Test]) {
        for drawer in DRAWERS {
            if required.iter().any(|test| drawer(self, &test.kind, at)) {
                return;
            }
        }
        self.anything.push(at);
    }

    /// The rules that may match, in the order of their positions.
    pub fn candidates(&self, action: &Action, names: &Names<'_>) -> Vec<usize> {
        let drawers = [
            self.tools.get(&*names.tool),
            self.resources.get(&*names.resource),
            self.agents.get(&*names.agent),
            self.kinds.get(&action.kind),
            self.operations.get(&action.operation),
            Some(&self.anything),
        ];
        let mut found: Vec<usize> = drawers.into_iter().flatten().flatten().copied().collect();
        found.sort_unstable();
        found
    }
}

fn file(drawer: &mut BTreeMap<Box<str>, Vec<usize>>, names: Option<Vec<&str>>, at: usize) -> bool {
    let Some(mut names) = names else { return false };
    names.sort_unstable();
    names.dedup();
    names.into_iter().for_each(|name| drawer.entry(name.into()).or_default().push(at));
    true
}

fn file_each<K: Copy + Ord>(drawer: &mut BTreeMap<K, Vec<usize>>, keys: &[K], at: usize) -> bool {
    let keys: std::collections::BTreeSet<K> = keys.iter().copied().collect();
    keys.into_iter().for_each(|key| drawer.entry(key).or_default().push(at));
    true
}
