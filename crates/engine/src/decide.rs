//! The decision.

use std::borrow::Cow;

use action::{
    Action, Alert, Decision, Detection, Digest, Fault, Ruling, Score, Severity, Stage, Timestamp, Verdict,
};

use crate::detect::run::{self, Found};
use crate::detect::state::Limits;
use crate::detect::{Detectors, Scene};
use crate::facts::{Baseline, Facts};
use crate::guard::whole;
use crate::policy::{self, Judged, Judgement, Policies};
use crate::rules::Rules;
use crate::score::{self, Scored, Weights};

/// Decides one action. Total: every input gets a decision, a broken policy and a fault of our own
/// included.
pub fn decide(action: &Action, facts: &Facts, rules: &Rules, now: Timestamp) -> Decision {
    decide_by(&ENGINE, action, facts, rules, now)
}

/// The stages of a decision. A table, so that a test can put in one that fails.
struct Stages {
    detect: for<'a> fn(&'a Action, &'a Facts, &Detectors, &Limits, Timestamp) -> Found<'a>,
    score: fn(&Scene<'_>, &[Detection], &Weights) -> Scored,
    judge: fn(&Judged<'_>, &Policies) -> Judgement,
    hash: fn(&Action, &Facts, &Rules) -> Hashes,
}

const ENGINE: Stages =
    Stages { detect: run::run, score: score::weigh, judge: policy::judge, hash: Hashes::of };

fn decide_by(stages: &Stages, action: &Action, facts: &Facts, rules: &Rules, now: Timestamp) -> Decision {
    let limits = rules.limits.of(&action.agent.name);
    let failed = |stage, found, score| failed(stage, found, score, action, facts, rules, now);
    let Some(found) = whole(|| (stages.detect)(action, facts, &rules.detectors, limits, now)) else {
        return failed(Stage::Detection, Vec::new(), Score::default());
    };
    let Some(scored) = whole(|| (stages.score)(&found.scene, &found.detections, &rules.weights)) else {
        return failed(Stage::Score, found.detections, Score::default());
    };
    let Some(judgement) =
        whole(|| (stages.judge)(&case(action, facts, now, &found, &scored), &rules.policies))
    else {
        return failed(Stage::Policy, found.detections, scored.score);
    };
    let Some(hashes) = whole(|| (stages.hash)(action, facts, rules)) else {
        return failed(Stage::Record, found.detections, scored.score);
    };
    Decision {
        verdict: judgement.ruling.verdict,
        effective: judgement.effective,
        mode: facts.scope.mode,
        score: scored.score,
        detections: found.detections,
        read: found.scene.read,
        ruling: judgement.ruling,
        constraints: judgement.constraints,
        containment: judgement.containment,
        alerts: judgement.alerts,
        counterfactuals: judgement.counterfactuals,
        shadows: judgement.shadows,
        skipped: Vec::new(),
        payload_hash: hashes.payload,
        rules_hash: hashes.rules,
        baseline_hash: hashes.baseline,
        at: now,
    }
}

fn case<'a>(
    action: &'a Action,
    facts: &'a Facts,
    now: Timestamp,
    found: &'a Found<'_>,
    scored: &'a Scored,
) -> Judged<'a> {
    Judged {
        action,
        facts,
        now,
        detections: &found.detections,
        score: &scored.score,
        classes: &found.scene.classes,
        sensitivity: found.scene.sensitivity,
        records: Some(found.scene.records).filter(|records| *records > 1),
        external: found.scene.external,
        tainted: run::is_tainted(action, facts),
        deviation: found.scene.deviation.as_ref().map(|deviation| deviation.grade),
    }
}

/// What a decision is bound to.
#[derive(Default)]
struct Hashes {
    payload: Digest,
    rules: Digest,
    baseline: Option<Digest>,
}

impl Hashes {
    fn of(action: &Action, facts: &Facts, rules: &Rules) -> Self {
        Hashes {
            payload: action.payload_hash(),
            rules: rules.hash(),
            baseline: facts.baseline.as_ref().map(Baseline::snapshot),
        }
    }
}

/// The answer when a stage failed: block, with what the stages before it had made. Nothing is known
/// of what this one would have found, so nothing milder can be defended; the mode of the scope
/// still says what is carried out.
fn failed(
    stage: Stage,
    detections: Vec<Detection>,
    score: Score,
    action: &Action,
    facts: &Facts,
    rules: &Rules,
    now: Timestamp,
) -> Decision {
    let (rule, counted_as) = (stage.fault(), Verdict::Block);
    let reason = format!("the engine failed ({rule}), which counts as {counted_as}");
    // A hash that cannot be made stays zero, which no payload has: nothing can be approved by it.
    let hashes = whole(|| Hashes::of(action, facts, rules)).unwrap_or_default();
    Decision {
        verdict: counted_as,
        effective: policy::effective(counted_as, facts.scope.mode),
        mode: facts.scope.mode,
        score,
        detections,
        read: Vec::new(),
        ruling: Ruling {
            verdict: counted_as,
            decided_by: Cow::Borrowed(rule),
            reason: reason.clone(),
            matched: Vec::new(),
            exception: None,
            faults: vec![Fault { rule: rule.to_owned(), code: Cow::Borrowed("stage_failed"), counted_as }],
        },
        constraints: Vec::new(),
        containment: Vec::new(),
        alerts: vec![Alert { severity: Severity::High, team: Cow::Borrowed("security"), reason }],
        counterfactuals: Vec::new(),
        shadows: Vec::new(),
        skipped: Stage::ALL.iter().copied().filter(|later| *later > stage).collect(),
        payload_hash: hashes.payload,
        rules_hash: hashes.rules,
        baseline_hash: hashes.baseline,
        at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use action::{ExplainLevel, Mode};

    use crate::detect::state::testing::{action, facts, now};
    use crate::explain::{Reason, explain};
    use crate::policy::Source;

    fn broken() -> ! {
        std::panic::resume_unwind(Box::new("a fault of our own"))
    }

    /// Each stage failing in turn.
    const BROKEN: [(Stage, Stages); 4] = [
        (Stage::Detection, Stages { detect: |_, _, _, _, _| broken(), ..ENGINE }),
        (Stage::Score, Stages { score: |_, _, _| broken(), ..ENGINE }),
        (Stage::Policy, Stages { judge: |_, _| broken(), ..ENGINE }),
        (Stage::Record, Stages { hash: |_, _, _| broken(), ..ENGINE }),
    ];

    fn rules() -> Rules {
        Rules::load(&[Source {
            file: "t.yaml",
            text: "policy: t\nrules: [ { id: free, when: {}, then: allow } ]\n",
        }])
        .unwrap_or_else(|faults| panic!("{:?}", faults.0))
    }

    #[test]
    fn a_stage_that_fails_is_a_block_that_names_it_and_the_next_action_is_decided_as_ever() {
        let (rules, read) = (rules(), action(r#"{ "payload": { "note": "call 4111 1111 1111 1111" } }"#));
        let enforced = facts(r#"{ "scope": { "mode": "enforce" } }"#);
        let before = decide(&read, &enforced, &rules, now());
        assert!(before.verdict < Verdict::Block);
        for (stage, stages) in BROKEN {
            let decision = decide_by(&stages, &read, &enforced, &rules, now());
            assert_eq!((decision.verdict, decision.effective), (Verdict::Block, Verdict::Block), "{stage:?}");
            assert_eq!(decision.ruling.decided_by, stage.fault());
            assert_eq!(decision.ruling.faults.len(), 1);
            assert!(decision.skipped.iter().all(|skipped| *skipped > stage) && decision.alerts.len() == 1);
            assert_eq!(decision.payload_hash, before.payload_hash);
            assert_eq!(explain(&decision, ExplainLevel::Category).reason, Some(Reason::PolicyFault));
            if stage > Stage::Detection {
                assert_eq!(decision.detections, before.detections, "what was found stays on the record");
            }
            assert_eq!(decide(&read, &enforced, &rules, now()), before, "after a fault in {stage:?}");
        }
    }

    #[test]
    fn a_scope_that_only_observes_is_not_stopped_by_our_fault() {
        let (rules, read) = (rules(), action("{}"));
        for (stage, stages) in BROKEN {
            let decision = decide_by(&stages, &read, &facts("{}"), &rules, now());
            assert_eq!((decision.mode, decision.effective), (Mode::Monitor, Verdict::Alert), "{stage:?}");
        }
    }
}
