//! Differences between two sets of policies: in their rules, and in what they answer.

use action::Verdict;
use serde::Serialize;

use super::cases::{Case, Given};
use super::judge::judge;
use super::load::Policies;

/// One rule that is new, gone or different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum RuleChange {
    Added {
        rule: String,
        verdict: Verdict,
    },
    Removed {
        rule: String,
        verdict: Verdict,
    },
    /// The verdicts are equal when only its conditions or effects differ.
    Changed {
        rule: String,
        before: Verdict,
        after: Verdict,
    },
}

/// One case that is answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerChange {
    pub case: String,
    pub before: Verdict,
    pub before_by: String,
    pub after: Verdict,
    pub after_by: String,
}

/// What is different in the rules, by id.
pub fn rules(before: &Policies, after: &Policies) -> Vec<RuleChange> {
    let mut changes = Vec::new();
    for old in before.rules() {
        match after.rules().iter().find(|new| new.id == old.id) {
            None => changes.push(RuleChange::Removed { rule: old.id.clone(), verdict: old.verdict }),
            Some(new) if new.written() != old.written() => changes.push(RuleChange::Changed {
                rule: old.id.clone(),
                before: old.verdict,
                after: new.verdict,
            }),
            Some(_) => {}
        }
    }
    let known = |id: &str| before.rules().iter().any(|old| old.id == id);
    let added = after.rules().iter().filter(|new| !known(&new.id));
    changes.extend(added.map(|new| RuleChange::Added { rule: new.id.clone(), verdict: new.verdict }));
    changes
}

/// What is answered otherwise over the cases: a dry run of the second set.
pub fn answers(before: &Policies, after: &Policies, cases: &[Case]) -> Vec<AnswerChange> {
    let nothing = Given::default();
    let mut changes = Vec::new();
    for case in cases {
        let judged = case.judged(case.given.as_ref().unwrap_or(&nothing));
        let (old, new) = (judge(&judged, before).ruling, judge(&judged, after).ruling);
        if (old.verdict, &old.decided_by) != (new.verdict, &new.decided_by) {
            changes.push(AnswerChange {
                case: case.title(),
                before: old.verdict,
                before_by: old.decided_by.into_owned(),
                after: new.verdict,
                after_by: new.decided_by.into_owned(),
            });
        }
    }
    changes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::policy::{Source, cases};
    use crate::yaml::Faults;

    fn load(text: &str) -> Policies {
        Policies::load(&[Source { file: "t.yaml", text }]).unwrap()
    }

    #[test]
    fn rules_and_answers_are_compared() {
        let before = load(
            "policy: t\nrules:\n  - { id: a, when: { count: { over: 5 } }, then: block }\n  - { id: gone, when: {}, then: alert }\n",
        );
        let after = load(
            "policy: t\n\nrules:\n  - { id: a, when: { count: { over: 9 } }, then: block }\n  - { id: new, when: { tool: x }, then: block }\n  \ncases:\n  - { note: seven, action: { count: 7 }, want: { verdict: allow } }\n  - { note: ten, action: { count: 10 }, want: { verdict: block } }\n",
        );
        assert_eq!(
            rules(&before, &after),
            [
                RuleChange::Changed { rule: "a".into(), before: Verdict::Block, after: Verdict::Block },
                RuleChange::Removed { rule: "gone".into(), verdict: Verdict::Alert },
                RuleChange::Added { rule: "new".into(), verdict: Verdict::Block },
            ]
        );
        let cases = cases::of(&after, &mut Faults::default());
        let changed = answers(&before, &after, &cases);
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].before, changed[0].after), (Verdict::Block, Verdict::Allow));
    }

    #[test]
    fn moving_a_rule_in_its_file_changes_nothing() {
        let before = load("policy: t\nrules:\n  - { id: a, when: {}, then: block }\n");
        let after = load("policy: t\n# a remark\nrules:\n\n  - { id: a, when: {}, then: block }\n");
        assert_eq!(rules(&before, &after), []);
    }
}
