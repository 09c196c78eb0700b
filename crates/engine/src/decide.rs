//! The decision.

use action::{Action, Decision, Timestamp};

use crate::detect::run;
use crate::facts::{Baseline, Facts};
use crate::policy::{self, Judged};
use crate::rules::Rules;
use crate::score;

/// Decides one action. Total: every input gets a decision, a broken policy included.
pub fn decide(action: &Action, facts: &Facts, rules: &Rules, now: Timestamp) -> Decision {
    let found = run::run(action, facts, &rules.detectors, rules.limits.of(&action.agent.name), now);
    let scored = score::weigh(&found.scene, &found.detections, &rules.weights);
    let judgement = policy::judge(
        &Judged {
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
        },
        &rules.policies,
    );
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
        payload_hash: action.payload_hash(),
        rules_hash: rules.hash(),
        baseline_hash: facts.baseline.as_ref().map(Baseline::snapshot),
        at: now,
    }
}
