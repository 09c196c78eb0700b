//! The example estate: who acts, and what they do.

use action::{Environment, Name};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

const SHIPPED: &str = include_str!("../../../../../examples/server/estate.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estate {
    pub agents: Vec<Agent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    pub name: Name,
    pub about: String,
    #[serde(default)]
    pub roles: Vec<Name>,
    #[serde(default = "production")]
    pub environments: Vec<Environment>,
    pub acts: Vec<Act>,
}

/// One thing that an agent does, again and again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    pub note: String,
    /// How often, compared with the agent's other acts.
    pub weight: usize,
    /// `{n}` in a text stands for a number that goes up.
    pub action: Value,
}

fn production() -> Vec<Environment> {
    vec![Environment::Production]
}

impl Estate {
    pub fn shipped() -> Result<Self> {
        serde_json::from_str(SHIPPED).context("the example estate cannot be read")
    }
}

impl Agent {
    /// The act of a turn. Turns of one round hold each act as often as its weight says, mixed.
    pub fn act(&self, turn: usize) -> Option<&Act> {
        let round: Vec<&Act> =
            self.acts.iter().flat_map(|act| std::iter::repeat_n(act, act.weight)).collect();
        // A step that shares no factor with the length visits every place once.
        let step = (2..round.len()).find(|step| coprime(*step, round.len())).unwrap_or(1);
        round.get(turn.wrapping_mul(step).checked_rem(round.len())?).copied()
    }
}

impl Act {
    pub fn action(&self, number: usize) -> Value {
        filled(&self.action, &number.to_string())
    }
}

fn filled(value: &Value, number: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{n}", number)),
        Value::Array(items) => items.iter().map(|item| filled(item, number)).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), filled(value, number))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

const fn coprime(mut a: usize, mut b: usize) -> bool {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_round_holds_each_act_as_often_as_its_weight_says() {
        for agent in Estate::shipped().unwrap().agents {
            let round: usize = agent.acts.iter().map(|act| act.weight).sum();
            let mut seen = BTreeMap::new();
            for turn in 0..round {
                *seen.entry(agent.act(turn).unwrap().note.as_str()).or_insert(0) += 1;
            }
            assert!(agent.acts.iter().all(|act| seen[act.note.as_str()] == act.weight), "{}", agent.name);
        }
    }

    #[test]
    fn numbers_go_into_texts_only() {
        let act: Act =
            serde_json::from_str(r#"{"note":"x","weight":1,"action":{"a":["o-{n}",7],"b":{"c":"{n}"}}}"#)
                .unwrap();
        assert_eq!(act.action(12).to_string(), r#"{"a":["o-12",7],"b":{"c":"12"}}"#);
    }
}
