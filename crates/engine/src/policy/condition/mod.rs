//! Conditions: the `when` of a rule.
//!
//! [`CONDITIONS`] is the table of everything that can be asked, one row per key; reading, the
//! reference page and the tests walk it. [`Kind`] says when each one holds.

mod kinds;
mod moment;
mod payload;
mod range;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::calendar::Hours;
use super::case::Judged;
use super::names::Names;
use super::pattern::{Pattern, Patterns};
use crate::detect::scene::Money;
use crate::topic::Topics;
use crate::yaml::{Faults, Fields, Node, Value};

pub use kinds::{AmountTest, ClassTest, Kind, TopicTest, TopicWanted, VectorTest};
pub use moment::{Moment, read_hours};
pub use payload::{Check, FieldTest, plain_json};
pub use range::Range;
pub use table::{CONDITIONS, Row, network_name};

/// Deepest nesting of `all`, `any` and `not`.
pub const MAX_NESTING: usize = 8;

/// A tree of conditions.
#[derive(Debug, Clone)]
pub enum When {
    All(Vec<When>),
    Any(Vec<When>),
    Not(Box<When>),
    Test(Test),
}

/// One condition and where it is written.
#[derive(Debug, Clone)]
pub struct Test {
    pub key: &'static str,
    pub line: usize,
    pub kind: Kind,
}

/// How a condition is read where an action can be taken in more than one way: a name that looks
/// like another, an amount nobody stated, a number in quotes, one of several recipients.
///
/// INVARIANT: what holds for sure also holds possibly. `not` turns the reading round, so this
/// stays true of any tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// It holds in one way of taking the action: enough for a rule to speak.
    Possibly,
    /// It holds in every way: needed before a rule hides others or stands in for the bands, and
    /// before an exception softens anything.
    Certainly,
}

impl Sure {
    /// The reading under a `not`.
    pub fn turned(self) -> Self {
        match self {
            Sure::Possibly => Sure::Certainly,
            Sure::Certainly => Sure::Possibly,
        }
    }
}

/// A case as conditions see it. Amount, count, roles and score can be varied, to find out what
/// would have been answered otherwise.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub case: &'a Judged<'a>,
    pub names: &'a Names<'a>,
    pub amount: Option<Money<'a>>,
    pub count: Option<u64>,
    pub score: u8,
    /// Roles that the agent is imagined to have beside its own.
    pub imagined: Option<&'a Patterns>,
}

impl<'a> View<'a> {
    pub fn of(case: &'a Judged<'a>, names: &'a Names<'a>) -> Self {
        // Stating less than the payload shows must not get past a limit.
        let count = case.action.count.max(case.records);
        View { case, names, amount: Money::of(case.action), count, score: case.score.value, imagined: None }
    }

    pub fn has_role(&self, roles: &Patterns) -> bool {
        self.case.facts.agent.roles.iter().any(|role| roles.matches(role.as_str()))
            || self.imagined.is_some_and(|imagined| roles.covers(imagined))
    }
}

impl When {
    pub fn holds(&self, view: &View<'_>, sure: Sure) -> bool {
        match self {
            When::All(parts) => parts.iter().all(|part| part.holds(view, sure)),
            When::Any(parts) => parts.iter().any(|part| part.holds(view, sure)),
            When::Not(part) => !part.holds(view, sure.turned()),
            When::Test(test) => test.kind.holds(view, sure),
        }
    }

    /// The tests of which each must hold.
    pub fn required(&self) -> Vec<&Test> {
        match self {
            When::All(parts) => parts.iter().flat_map(When::required).collect(),
            When::Test(test) => vec![test],
            When::Any(_) | When::Not(_) => Vec::new(),
        }
    }

    /// The tests of a condition that holds, each of which alone could have made it fail.
    pub fn pivots(&self, view: &View<'_>) -> Vec<&Test> {
        match self {
            When::All(parts) => parts.iter().flat_map(|part| part.pivots(view)).collect(),
            When::Any(parts) => {
                let mut holding = parts.iter().filter(|part| part.holds(view, Sure::Possibly));
                match (holding.next(), holding.next()) {
                    (Some(only), None) => only.pivots(view),
                    _ => Vec::new(),
                }
            }
            When::Not(_) => Vec::new(),
            When::Test(test) => vec![test],
        }
    }

    /// Every test in the tree.
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            When::All(parts) | When::Any(parts) => parts.iter().flat_map(When::tests).collect(),
            When::Not(part) => part.tests(),
            When::Test(test) => vec![test],
        }
    }
}

/// Reads conditions out of one document.
pub struct Reader<'a, 'f> {
    pub file: &'a str,
    pub hours: &'a BTreeMap<String, Hours>,
    pub topics: Option<&'a Arc<Topics>>,
    pub faults: &'f mut Faults,
}

impl<'a> Reader<'a, '_> {
    pub fn fault(&mut self, node: &Node, code: &'static str, message: String, hint: Option<String>) {
        self.faults.add(self.file, node, code, message, hint);
    }

    pub fn fields<'n>(&mut self, node: &'n Node) -> Option<Fields<'n>>
    where
        'a: 'n,
    {
        Fields::of(self.file, node, self.faults)
    }

    /// Names or patterns; a single one stands for a list of one.
    pub fn patterns(&mut self, node: &Node) -> Option<Patterns> {
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        let names: Vec<Pattern> = items
            .iter()
            .filter_map(|item| item.as_text().map(str::trim).filter(|text| !text.is_empty()))
            .map(Pattern::new)
            .collect();
        if names.is_empty() || names.len() != items.len() {
            let message = "expected a name or a list of names".to_owned();
            self.fault(node, "wrong_type", message, Some("`*` stands for any run of characters".into()));
            return None;
        }
        Some(Patterns(names))
    }

    /// The `when` of a rule or exception.
    pub fn when(&mut self, node: &Node) -> When {
        self.level(node, 0)
    }

    fn level(&mut self, node: &Node, depth: usize) -> When {
        let Value::Map(entries) = &node.value else {
            self.fault(node, "not_a_mapping", format!("expected conditions, found {}", node.kind()), None);
            return When::Any(Vec::new());
        };
        if depth > MAX_NESTING {
            let message = format!("conditions nest at most {MAX_NESTING} deep");
            self.fault(node, "nested_too_deep", message, None);
            return When::Any(Vec::new());
        }
        let mut parts = Vec::new();
        for (key, value) in entries {
            match key.text.as_str() {
                "all" => parts.push(When::All(self.branches(value, depth))),
                "any" => parts.push(When::Any(self.branches(value, depth))),
                "not" => parts.push(When::Not(Box::new(self.level(value, depth + 1)))),
                name => match CONDITIONS.iter().find(|row| row.key == name) {
                    Some(row) => {
                        let kinds = (row.read)(self, value);
                        let test = |kind| When::Test(Test { key: row.key, line: key.line, kind });
                        parts.extend(kinds.into_iter().map(test));
                    }
                    None => self.unknown(key),
                },
            }
        }
        When::All(parts)
    }

    fn branches(&mut self, node: &Node, depth: usize) -> Vec<When> {
        let items = node.as_list().unwrap_or(&[]);
        if items.is_empty() {
            self.fault(node, "not_a_list", "expected a list of conditions".into(), None);
        }
        items.iter().map(|item| self.level(item, depth + 1)).collect()
    }

    fn unknown(&mut self, key: &crate::yaml::Key) {
        let mut known: Vec<&str> = vec!["all", "any", "not"];
        known.extend(CONDITIONS.iter().map(|row| row.key));
        let hint = match crate::yaml::nearest(&key.text, &known) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known conditions: {}", known.join(", ")),
        };
        let place = Node { line: key.line, column: key.column, value: Value::List(Vec::new()) };
        let message = format!("unknown condition `{}`", crate::yaml::shown(&key.text));
        self.fault(&place, "unknown_condition", message, Some(hint));
    }
}
