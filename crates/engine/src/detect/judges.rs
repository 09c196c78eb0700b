//! What outside judges answered, as detections.
//!
//! A judge is a classifier that the caller ran before it asked, for example a model file. Its
//! answer is a fact like any other, so the same facts give the same decision. It advises: its
//! confidence stays below where the shipped rules for texts begin, so it raises the score and
//! stands on the record, and becomes a verdict only by a rule that names it.

use std::borrow::Cow;

use action::{Confidence, Detection, Severity};

use crate::facts::{Judge, JudgeOutcome};

/// As sure as a judge can make us.
pub const GREATEST: Confidence = Confidence::new(Confidence::HIGH.percent() - 1);

/// One detection for every judge that did not answer `clean`. Rules are named after the judge, so
/// that one missing judge does not hide behind another.
pub fn find(judges: &[Judge], out: &mut Vec<Detection>) {
    out.extend(judges.iter().filter_map(detection));
}

/// What one judge's answer says; nothing when it looked and found nothing.
pub fn detection(judge: &Judge) -> Option<Detection> {
    let (ending, severity, confidence) = match judge.outcome {
        JudgeOutcome::Clean => return None,
        // A hit without a stated confidence is still a hit.
        JudgeOutcome::Hit => ("", Severity::Medium, judge.confidence.clamp(Confidence::LOW, GREATEST)),
        JudgeOutcome::Unavailable => (".unavailable", Severity::Low, Confidence::LOW),
        JudgeOutcome::Timeout => (".timeout", Severity::Low, Confidence::LOW),
    };
    Some(Detection {
        vector: judge.vector,
        rule: Cow::Owned(format!("judge.{}{ending}", judge.name)),
        severity,
        confidence,
        class: None,
        evidence: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use action::{Json, Verdict};

    use crate::Rules;
    use crate::detect::state::testing::{action, now};
    use crate::facts::Facts;
    use crate::policy::Source;

    fn facts(judges: &str) -> Facts {
        let text = format!(r#"{{ "agent": {{ "registered": true }}, "judges": {judges} }}"#);
        Json::parse_as(text.as_bytes()).unwrap()
    }

    fn found(judges: &str) -> Vec<(String, u8, Severity)> {
        let mut out = Vec::new();
        find(&facts(judges).judges, &mut out);
        out.into_iter().map(|hit| (hit.rule.into_owned(), hit.confidence.percent(), hit.severity)).collect()
    }

    fn decide(judges: &str, more: &str) -> action::Decision {
        let default = include_str!("../../../../policies/default.yaml");
        let mut sources = vec![Source { file: "default.yaml", text: default }];
        if !more.is_empty() {
            sources.push(Source { file: "more.yaml", text: more });
        }
        let rules = Rules::load(&sources).unwrap_or_else(|faults| panic!("{:?}", faults.0));
        crate::decide(&action(r#"{ "operation": "write" }"#), &facts(judges), &rules, now())
    }

    const SURE: &str =
        r#"[{ "name": "guard", "vector": "prompt_injection", "outcome": "hit", "confidence": 100 }]"#;

    #[test]
    fn a_hit_is_reported_with_a_bounded_confidence_and_a_clean_answer_is_not() {
        assert_eq!(found(SURE), [("judge.guard".to_owned(), 79, Severity::Medium)]);
        let rest = r#"[{ "name": "a", "vector": "xss", "outcome": "hit" },
            { "name": "b", "vector": "xss", "outcome": "hit", "confidence": 64 },
            { "name": "c", "vector": "xss", "outcome": "clean", "confidence": 99 }]"#;
        assert_eq!(
            found(rest),
            [("judge.a".to_owned(), 30, Severity::Medium), ("judge.b".to_owned(), 64, Severity::Medium)]
        );
    }

    #[test]
    fn a_judge_that_gave_no_answer_says_so_and_none_hides_another() {
        let judges = r#"[{ "name": "a", "vector": "prompt_injection", "outcome": "unavailable" },
            { "name": "b", "vector": "prompt_injection", "outcome": "unavailable" },
            { "name": "b", "vector": "prompt_injection", "outcome": "timeout" }]"#;
        let decision = decide(judges, "");
        let mut rules: Vec<_> = decision.detections.iter().map(|hit| hit.rule.as_ref()).collect();
        rules.sort_unstable();
        assert_eq!(rules, ["judge.a.unavailable", "judge.b.timeout", "judge.b.unavailable"]);
        assert!(decision.detections.iter().all(|hit| hit.severity == Severity::Low));
    }

    #[test]
    fn without_a_judge_nothing_is_reported() {
        assert!(decide("[]", "").detections.is_empty());
        assert_eq!(decide("[]", "").score.uplift, 0);
    }

    #[test]
    fn the_surest_judge_raises_the_score_and_decides_nothing_by_itself() {
        let (without, with) = (decide("[]", ""), decide(SURE, ""));
        assert_eq!(with.verdict, without.verdict);
        assert_eq!(with.ruling.decided_by, without.ruling.decided_by);
        assert!(with.score.value > without.score.value);
    }

    #[test]
    fn a_rule_that_names_the_judge_makes_it_a_verdict() {
        let rule = "policy: judges\nlayer: organisation\nrules:\n  - id: judge.guard\n    note: the guard model objects\n    \
            when:\n      vector: { prompt_injection: { rule: judge.guard } }\n    then: approve\n";
        assert_eq!(decide(SURE, rule).verdict, Verdict::Approve);
        assert_ne!(decide("[]", rule).verdict, Verdict::Approve);
    }
}
