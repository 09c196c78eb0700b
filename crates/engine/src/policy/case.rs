//! What a ruling is made from, and what it is made into.

use action::{
    Action, Alert, Constraint, Containment, Counterfactual, Detection, Mode, Ruling, Score, SensitiveClass,
    Sensitivity, Shadow, Timestamp, Verdict,
};

use crate::facts::Facts;

/// Everything that policy may look at for one action.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    pub action: &'a Action,
    pub facts: &'a Facts,
    /// Rules about time read this clock, never the time that the action claims.
    pub now: Timestamp,
    pub detections: &'a [Detection],
    pub score: &'a Score,
    /// The sensitive classes found in the action.
    pub classes: &'a [SensitiveClass],
    pub sensitivity: Sensitivity,
    /// Records that the payload speaks of, for an action that does not say how many it touches.
    pub records: Option<u64>,
    /// Whether it sends something outside the estate.
    pub external: bool,
    /// Whether untrusted content has marked the session.
    pub tainted: bool,
    /// How far it is from the agent's baseline, 0 to 100; `None` without a baseline.
    pub deviation: Option<u8>,
}

/// What policy said, with everything that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub ruling: Ruling,
    /// The verdict as the mode of the scope lets it be carried out.
    pub effective: Verdict,
    /// How the action is changed before it runs; empty when it is blocked.
    pub constraints: Vec<Constraint>,
    pub containment: Vec<Containment>,
    pub alerts: Vec<Alert>,
    pub counterfactuals: Vec<Counterfactual>,
    /// Rules in the state `shadow` that matched: evaluated, never carried out.
    pub shadows: Vec<Shadow>,
}

/// What a mode lets be carried out of a verdict.
pub fn effective(verdict: Verdict, mode: Mode) -> Verdict {
    match mode {
        Mode::Enforce => verdict,
        Mode::Monitor => verdict.min(Verdict::Alert),
        Mode::Simulate => Verdict::Allow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_never_makes_a_verdict_stricter() {
        for verdict in Verdict::ALL {
            assert_eq!(effective(*verdict, Mode::Enforce), *verdict);
            assert!(effective(*verdict, Mode::Monitor) <= Verdict::Alert);
            assert_eq!(effective(*verdict, Mode::Simulate), Verdict::Allow);
        }
    }
}
