//! Analysis: rules that can never decide, contradict each other, or have run out.
//!
//! It says only what is certain from the rules themselves. A silent analysis is no proof that
//! every rule is useful.

use action::{Decimal, Timestamp, Verdict};
use serde::Serialize;

use super::condition::{Kind, Range, Test, When};
use super::load::Policies;
use super::rule::Rule;

/// Something about a rule that its author should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    pub file: String,
    pub line: usize,
    /// Stable code, for example `shadowed`.
    pub code: &'static str,
    pub rule: String,
    pub message: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {} [{}]", self.file, self.line, self.message, self.code)
    }
}

/// Everything that can be said about the rules in force at a time.
pub fn analyse(policies: &Policies, now: Timestamp) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (at, rule) in policies.rules.iter().enumerate() {
        let mut say = |code, message: String| {
            remarks.push(Remark {
                file: rule.place.file.clone(),
                line: rule.place.line,
                code,
                rule: rule.id.clone(),
                message,
            });
        };
        if let Some(why) = impossible(&rule.when.required()) {
            say("never_holds", format!("`{}` can never match: {why}", rule.id));
        }
        for exception in rule.exceptions.iter().filter(|exception| exception.until <= now) {
            say("expired", format!("exception `{}` of `{}` has expired", exception.id, rule.id));
        }
        for exception in rule.exceptions.iter().filter(|exception| exception.verdict >= rule.verdict) {
            let message = format!("exception `{}` is not milder than `{}`", exception.id, rule.id);
            say("idle_exception", message);
        }
        if rule.instead_of_bands && rule.verdict >= Verdict::Block {
            say("idle_flag", format!("`{}` blocks; standing in for the bands changes nothing", rule.id));
        }
        let earlier = policies.rules.iter().take(at).filter(|earlier| comparable(earlier, rule));
        for earlier in earlier {
            if let Some((code, message)) = against(earlier, rule) {
                say(code, message);
                break;
            }
        }
    }
    for exceptions in policies.exceptions.iter() {
        for exception in exceptions.1.iter().filter(|exception| exception.until <= now) {
            remarks.push(Remark {
                file: exception.place.file.clone(),
                line: exception.place.line,
                code: "expired",
                rule: exceptions.0.clone(),
                message: format!("exception `{}` of `{}` has expired", exception.id, exceptions.0),
            });
        }
    }
    remarks.sort();
    remarks.dedup();
    remarks
}

/// Rules that take part in the same order: of one layer and one scope, not always counted, not in
/// shadow, and saying their verdict themselves.
fn comparable(earlier: &Rule, later: &Rule) -> bool {
    let ordered = |rule: &Rule| !rule.always && !rule.shadow && rule.module.is_none();
    ordered(earlier)
        && ordered(later)
        && earlier.layer == later.layer
        && earlier.document == later.document
        && earlier.exceptions.is_empty()
}

fn against(earlier: &Rule, later: &Rule) -> Option<(&'static str, String)> {
    if !covers(&earlier.when, &later.when) {
        return None;
    }
    let same = covers(&later.when, &earlier.when);
    if same && earlier.priority == later.priority && earlier.verdict != later.verdict {
        let message = format!(
            "`{}` and `{}` match the same actions at one priority, and say {} and {}",
            earlier.id, later.id, earlier.verdict, later.verdict
        );
        return Some(("contradicts", message));
    }
    let milder = if earlier.verdict < later.verdict { ", which is milder" } else { "" };
    let message = format!(
        "`{}` can never decide: `{}` comes first and matches all it matches{milder}",
        later.id, earlier.id
    );
    Some(("shadowed", message))
}

/// Whether the first condition holds wherever the second does. May say no wrongly.
fn covers(wide: &When, narrow: &When) -> bool {
    match wide {
        When::All(parts) => parts.iter().all(|part| covers(part, narrow)),
        When::Any(parts) => parts.iter().any(|part| covers(part, narrow)),
        When::Test(test) => narrow.required().iter().any(|known| implied(&test.kind, &known.kind)),
        When::Not(_) => false,
    }
}

/// Whether the first test holds wherever the second does.
fn implied(wide: &Kind, narrow: &Kind) -> bool {
    let within = |wide: &dyn Fn(usize) -> bool, n: usize| (0..n).all(wide);
    match (wide, narrow) {
        (Kind::Tool(a), Kind::Tool(b))
        | (Kind::Agent(a), Kind::Agent(b))
        | (Kind::AgentVersion(a), Kind::AgentVersion(b))
        | (Kind::Role(a), Kind::Role(b))
        | (Kind::Principal(a), Kind::Principal(b))
        | (Kind::Team(a), Kind::Team(b))
        | (Kind::Application(a), Kind::Application(b))
        | (Kind::BusinessUnit(a), Kind::BusinessUnit(b))
        | (Kind::ResourceType(a), Kind::ResourceType(b))
        | (Kind::ResourceName(a), Kind::ResourceName(b))
        | (Kind::Destination(a), Kind::Destination(b)) => a.covers(b),
        (Kind::WithoutRole(a), Kind::WithoutRole(b)) => b.covers(a),
        (Kind::ActionKind(a), Kind::ActionKind(b)) => {
            within(&|i| b.get(i).is_some_and(|x| a.contains(x)), b.len())
        }
        (Kind::Operation(a), Kind::Operation(b)) => {
            within(&|i| b.get(i).is_some_and(|x| a.contains(x)), b.len())
        }
        (Kind::Environment(a), Kind::Environment(b)) => {
            within(&|i| b.get(i).is_some_and(|x| a.contains(x)), b.len())
        }
        (Kind::External(a), Kind::External(b))
        | (Kind::Tainted(a), Kind::Tainted(b))
        | (Kind::Registered(a), Kind::Registered(b))
        | (Kind::Elevated(a), Kind::Elevated(b))
        | (Kind::Baseline(a), Kind::Baseline(b)) => a == b,
        (Kind::Sensitivity(a), Kind::Sensitivity(b)) => a <= b,
        (Kind::Count(a), Kind::Count(b))
        | (Kind::Score(a), Kind::Score(b))
        | (Kind::Deviation(a), Kind::Deviation(b)) => a.covers(b),
        (Kind::Part(x, a), Kind::Part(y, b)) => x == y && a.covers(b),
        (Kind::Amount(a), Kind::Amount(b)) => a.currency == b.currency && a.range.covers(&b.range),
        (Kind::Classes(a), Kind::Classes(b)) => {
            a.all.is_empty() && !b.any.is_empty() && b.any.iter().all(|class| a.any.contains(class))
        }
        (Kind::Time(a), Kind::Time(b)) => a == b,
        _ => false,
    }
}

/// Why no action can pass all tests, if that is certain.
fn impossible(required: &[&Test]) -> Option<&'static str> {
    for (at, test) in required.iter().enumerate() {
        match &test.kind {
            Kind::Amount(test) if test.range.is_empty() => return Some("the range of `amount` is empty"),
            Kind::Count(range) if beyond(range, u64::MAX) => return Some("the range of `count` is empty"),
            Kind::Score(range) | Kind::Part(_, range) if beyond(range, 100) => {
                return Some("scores go from 0 to 100");
            }
            Kind::Deviation(range) if beyond(range, 100) => return Some("deviation goes from 0 to 100"),
            Kind::Time(moment) if moment.is_empty() => return Some("no moment fulfils `time`"),
            _ => {}
        }
        for other in required.iter().skip(at + 1) {
            if opposed(&test.kind, &other.kind) {
                return Some("two of its conditions exclude each other");
            }
        }
    }
    None
}

/// Whether no whole number from zero to the greatest is in the range.
fn beyond(range: &Range, greatest: u64) -> bool {
    let over = range.low.is_some_and(|low| {
        let top = Decimal::from_u64(greatest);
        low.at > top || (low.at == top && !low.inside)
    });
    let under =
        range.high.is_some_and(|high| high.at.is_negative() || (high.at == Decimal::ZERO && !high.inside));
    range.is_empty() || over || under
}

fn opposed(a: &Kind, b: &Kind) -> bool {
    let apart = |a: &super::Patterns, b: &super::Patterns| match (a.forms(), b.forms()) {
        (Some(forms), Some(_)) => !forms.iter().any(|form| b.resembles(form)),
        _ => false,
    };
    match (a, b) {
        (Kind::External(a), Kind::External(b))
        | (Kind::Tainted(a), Kind::Tainted(b))
        | (Kind::Baseline(a), Kind::Baseline(b)) => a != b,
        (Kind::Baseline(false), Kind::Deviation(_)) | (Kind::Deviation(_), Kind::Baseline(false)) => true,
        (Kind::Role(a), Kind::WithoutRole(b)) | (Kind::WithoutRole(b), Kind::Role(a)) => b.covers(a),
        (Kind::Tool(a), Kind::Tool(b)) | (Kind::Agent(a), Kind::Agent(b)) => apart(a, b),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::policy::Source;

    fn remarks(rules: &str) -> Vec<(&'static str, String)> {
        let text = format!("policy: t\nrules:\n{rules}");
        let policies = Policies::load(&[Source { file: "t.yaml", text: &text }]).unwrap();
        let now = Timestamp::parse("2026-06-01T00:00:00Z").unwrap();
        analyse(&policies, now).into_iter().map(|remark| (remark.code, remark.rule)).collect()
    }

    #[test]
    fn a_rule_behind_a_wider_one_is_shadowed_and_a_narrower_one_is_not() {
        let wide = "  - { id: wide, priority: 1, when: { tool: pay* }, then: alert }\n";
        let narrow =
            "  - { id: narrow, priority: 2, when: { tool: pay_all, count: { over: 5 } }, then: block }\n";
        assert_eq!(remarks(&format!("{wide}{narrow}")), [("shadowed", "narrow".into())]);
        let swapped = narrow.replace("priority: 2", "priority: 0");
        assert_eq!(remarks(&format!("{wide}{swapped}")), []);
    }

    #[test]
    fn always_counted_rules_neither_hide_nor_are_hidden() {
        let wide = "  - { id: wide, priority: 1, when: {}, then: alert, always: true }\n";
        let narrow = "  - { id: narrow, priority: 2, when: { tool: x }, then: block }\n";
        assert_eq!(remarks(&format!("{wide}{narrow}")), []);
    }

    #[test]
    fn contradictions_empty_ranges_and_expired_exceptions_are_told() {
        let twin =
            "  - { id: a, when: { tool: x }, then: block }\n  - { id: b, when: { tool: x }, then: alert }\n";
        assert_eq!(remarks(twin), [("contradicts", "b".into())]);
        let empty = "  - { id: a, when: { amount: { over: 10, under: 5 } }, then: block }\n";
        assert_eq!(remarks(empty), [("never_holds", "a".into())]);
        let odd = "  - { id: a, when: { score: { over: 100 } }, then: block }\n";
        assert_eq!(remarks(odd), [("never_holds", "a".into())]);
        let torn = "  - { id: a, when: { agent: { role: R, without_role: R } }, then: block }\n";
        assert_eq!(remarks(torn), [("never_holds", "a".into())]);
        let expired = "  - id: a\n    when: {}\n    then: block\n    exceptions: [ { id: e, owner: o, reason: r, until: 2026-05-30 } ]\n";
        assert_eq!(remarks(expired), [("expired", "a".into())]);
        let valid = expired.replace("2026-05-30", "2026-06-01");
        assert_eq!(remarks(&valid), []);
    }
}
