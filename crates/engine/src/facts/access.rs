//! Data-access rules that come from outside, and what outside judges said.

use action::{Confidence, Name, SensitiveClass, Vector};
use serde::{Deserialize, Serialize};

/// What the identity system and the behaviour certificate allow. An absent list is unknown and
/// breaks nothing; an empty list allows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct AccessFacts {
    /// What the identity system grants to the principal and the agent.
    pub granted: Allowed,
    /// What the agent's behaviour certificate declares.
    pub certified: Allowed,
}

/// Lists of what may be used. `*` at the end of an entry stands for any ending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Allowed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Vec<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<SensitiveClass>>,
}

impl Allowed {
    /// Whether an entry covers the name. Case carries no meaning.
    pub fn covers(entries: &[Name], name: &str) -> bool {
        entries.iter().any(|entry| match entry.as_str().strip_suffix('*') {
            Some(stem) => name.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem)),
            None => entry.as_str().eq_ignore_ascii_case(name),
        })
    }

    /// The same for hosts: an entry also covers the hosts below it.
    pub fn covers_host(entries: &[Name], host: &str) -> bool {
        Self::covers(entries, host)
            || entries.iter().any(|entry| {
                host.len()
                    .checked_sub(entry.as_str().len())
                    .and_then(|cut| host.get(..cut).zip(host.get(cut..)))
                    .is_some_and(|(head, tail)| {
                        head.ends_with('.') && tail.eq_ignore_ascii_case(entry.as_str())
                    })
            })
    }
}

/// What an optional outside classifier answered. Advisory: a record, never a verdict of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    pub name: Name,
    pub vector: Vector,
    pub outcome: JudgeOutcome,
    #[serde(default = "no_confidence")]
    pub confidence: Confidence,
}

fn no_confidence() -> Confidence {
    Confidence::new(0)
}

/// A judge that gave no answer says so; it never reads as clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgeOutcome {
    Hit,
    Clean,
    Unavailable,
    Timeout,
}
