//! Rules beside those in force, for the operators' API: whether a text can stand there, and what a
//! version would have answered.

use std::sync::Arc;

use action::{Action, Timestamp};
use arc_swap::ArcSwap;
use control::{Answer, Compare};
use engine::Rules;
use engine::facts::Facts;
use gateway::Book;
use store::{RuleVersion, Snapshot};

use super::config::Config;
use super::publish;

/// Everything that stands beside a text.
pub struct Beside {
    pub config: Arc<Config>,
    pub kept: Arc<ArcSwap<Snapshot>>,
    pub book: Arc<ArcSwap<Book>>,
}

impl control::RuleCheck for Beside {
    fn faults(&self, name: &str, rego: bool, text: &str) -> Vec<String> {
        publish::faults(&self.config, &self.kept.load(), name, rego, text)
    }

    fn compare(&self, version: &RuleVersion) -> Result<Box<dyn Compare>, String> {
        let after = publish::rules_with(&self.config, &self.kept.load(), version)
            .map_err(|error| format!("{error:#}"))?;
        Ok(Box::new(Replay { book: self.book.load_full(), after }))
    }
}

/// Judges an action by two sets of rules, over the same facts.
struct Replay {
    book: Arc<Book>,
    after: Arc<Rules>,
}

impl Compare for Replay {
    fn answers(&self, action: &Action, at: Timestamp) -> Option<(Answer, Answer)> {
        let facts = self.facts(action)?;
        let answer = |rules: &Rules| {
            let decision = engine::decide(action, &facts, rules, at);
            Answer { verdict: decision.verdict, rule: decision.ruling.decided_by.to_string() }
        };
        Some((answer(&self.book.rules.active), answer(&self.after)))
    }
}

impl Replay {
    /// What operators say of the agent today. What was remembered of it when it asked is not recorded,
    /// so both sides go without.
    fn facts(&self, action: &Action) -> Option<Facts> {
        let agent = self.book.agents.get(&action.agent.name)?;
        let scope = self.book.settings.of(agent, action.environment);
        let mut facts = Facts::default();
        facts.scope.application = agent.application.clone();
        facts.scope.business_unit = agent.business_unit.clone();
        facts.scope.own_domains = scope.own_domains.clone();
        facts.scope.mode = scope.mode;
        facts.agent.roles = agent.roles.clone();
        facts.agent.registered = true;
        facts.agent.elevated = agent.elevated;
        facts.access = self.book.access(agent, Vec::new());
        Some(facts)
    }
}
