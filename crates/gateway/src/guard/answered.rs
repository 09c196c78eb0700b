//! Which rules a person has answered, by the action that was approved: they do not ask once more about
//! its result, which nobody could wait for and which would be lost after the action was done.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use action::{Decision, Name, Verdict};

/// Approved actions whose result is still expected. Beyond them the oldest is forgotten, and its result
/// is judged as if nobody had been asked.
pub const MAX_ANSWERED: usize = 8_192;

/// Approved actions, and what persons said yes to in them.
#[derive(Default)]
pub struct Answered(Mutex<Table>);

#[derive(Default)]
struct Table {
    rules: HashMap<Name, (Name, Vec<String>)>,
    order: VecDeque<Name>,
}

impl Answered {
    /// Remembers an approved action of an agent, by the decision that its result names.
    pub fn keep(&self, agent: &Name, decision: &Name, rules: Vec<String>) {
        if rules.is_empty() {
            return;
        }
        let mut table = self.lock();
        if table.rules.insert(decision.clone(), (agent.clone(), rules)).is_none() {
            table.order.push_back(decision.clone());
        }
        while table.order.len() > MAX_ANSWERED {
            if let Some(oldest) = table.order.pop_front() {
                table.rules.remove(&oldest);
            }
        }
    }

    /// The rules that were answered for an action of this agent.
    pub fn of(&self, agent: &Name, decision: &Name) -> Vec<String> {
        let table = self.lock();
        let found = table.rules.get(decision).filter(|(of, _)| of == agent);
        found.map(|(_, rules)| rules.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rules that ask for a person in a decision.
pub(super) fn asked_by(decision: &Decision) -> Vec<String> {
    let asks = |verdict| matches!(verdict, Verdict::Sandbox | Verdict::Approve);
    let matched = decision.ruling.matched.iter().filter(|found| asks(found.verdict));
    matched.map(|found| found.rule.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_known_for_its_agent_alone_and_for_so_many_actions() {
        let name = |text: &str| Name::new(text).unwrap();
        let (answered, rules) = (Answered::default(), vec!["pay.ask".to_owned()]);
        answered.keep(&name("a"), &name("dec_0"), rules.clone());
        answered.keep(&name("a"), &name("dec_none"), Vec::new());
        assert_eq!(answered.of(&name("a"), &name("dec_0")), rules);
        assert_eq!(answered.of(&name("b"), &name("dec_0")), [""; 0]);
        assert_eq!(answered.of(&name("a"), &name("dec_none")), [""; 0]);
        for at in 1..=MAX_ANSWERED {
            answered.keep(&name("a"), &name(&format!("dec_{at}")), rules.clone());
        }
        assert_eq!(answered.of(&name("a"), &name("dec_0")), [""; 0], "the oldest is forgotten");
        assert_eq!(answered.of(&name("a"), &name("dec_1")), rules);
    }
}
