//! A decision for tests that need one to learn from.

use action::{Action, Decision, Detection, Digest, Mode, Ruling, Score, Verdict};

pub fn decided(action: &Action, detections: Vec<Detection>, verdict: Verdict) -> Decision {
    let ruling = Ruling {
        verdict,
        decided_by: "test".into(),
        reason: String::new(),
        matched: Vec::new(),
        exception: None,
        faults: Vec::new(),
    };
    Decision {
        verdict,
        effective: verdict,
        mode: Mode::Enforce,
        score: Score::default(),
        detections,
        read: Vec::new(),
        ruling,
        constraints: Vec::new(),
        containment: Vec::new(),
        alerts: Vec::new(),
        counterfactuals: Vec::new(),
        shadows: Vec::new(),
        skipped: Vec::new(),
        payload_hash: action.payload_hash(),
        rules_hash: Digest::default(),
        baseline_hash: None,
        at: action.time,
    }
}

pub fn allowed(action: &Action, detections: Vec<Detection>) -> Decision {
    decided(action, detections, Verdict::Allow)
}
