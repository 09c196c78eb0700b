//! Explanations for three audiences: nothing, one reason code, or everything.
//!
//! What an agent may learn is a setting of its scope, because every detail of a refusal helps
//! whoever steers a compromised agent to find a way around it. Operators and the record always get
//! the decision itself.

use action::{Decision, Dimension, ExplainLevel, Verdict};
use serde::Serialize;

use crate::guard::whole;

/// What one audience is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub outcome: Outcome,
    /// A sentence that is safe to show to anybody.
    pub message: &'static str,
    /// Why, as one stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Why, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// What happens to the action, as its caller sees it. A caller cannot tell a sandbox from the
/// real thing, so both proceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Proceeds,
    Waits,
    Refused,
}

/// Reason codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The risk score is in a band that does not pass.
    RiskScore,
    /// A threat was found with critical confidence.
    Threat,
    /// A rule of the policy.
    Policy,
    /// A rule that could not be evaluated counted against the action.
    PolicyFault,
}

/// How `decided_by` of a ruling begins, and what that means as a code.
const REASONS: &[(&str, Reason)] =
    &[("band.", Reason::RiskScore), ("floor.", Reason::Threat), ("fault.", Reason::PolicyFault)];

/// Tells one audience about a decision. Total: details that cannot be put together are left out.
pub fn explain(decision: &Decision, level: ExplainLevel) -> Explanation {
    let outcome = outcome(decision.effective);
    let message = match outcome {
        Outcome::Proceeds => "the action proceeds",
        Outcome::Waits => "the action waits for a person to approve it",
        Outcome::Refused => "the action cannot be completed",
    };
    let (reason, details) = match level {
        ExplainLevel::None => (None, Vec::new()),
        ExplainLevel::Category => (reason(decision), Vec::new()),
        ExplainLevel::Full => (reason(decision), whole(|| details(decision)).unwrap_or_default()),
    };
    Explanation { outcome, message, reason, details }
}

/// The level of a scope that states none: nothing in production, a code elsewhere.
pub const fn default_level(environment: action::Environment) -> ExplainLevel {
    match environment {
        action::Environment::Production => ExplainLevel::None,
        action::Environment::Development | action::Environment::Staging => ExplainLevel::Category,
    }
}

const fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Allow | Verdict::Alert | Verdict::Constrain | Verdict::Sandbox => Outcome::Proceeds,
        Verdict::Approve => Outcome::Waits,
        Verdict::Block => Outcome::Refused,
    }
}

fn reason(decision: &Decision) -> Option<Reason> {
    if outcome(decision.effective) == Outcome::Proceeds {
        return None;
    }
    let decided_by = &decision.ruling.decided_by;
    if decision.ruling.faults.iter().any(|fault| fault.rule == **decided_by) {
        return Some(Reason::PolicyFault);
    }
    let known = REASONS.iter().find(|(prefix, _)| decided_by.starts_with(prefix));
    Some(known.map_or(Reason::Policy, |(_, reason)| *reason))
}

fn details(decision: &Decision) -> Vec<String> {
    let ruling = &decision.ruling;
    let mut lines = vec![format!("{}: {} ({})", decision.verdict, ruling.reason, ruling.decided_by)];
    let score = &decision.score;
    let highest = Dimension::ALL.iter().max_by_key(|d| score.part(**d)).copied().unwrap_or(Dimension::Action);
    lines.push(format!(
        "risk score {} of 100: base {} plus {} for threats; highest part {highest} with {}",
        score.value,
        score.base,
        score.uplift,
        score.part(highest)
    ));
    lines.extend(
        decision
            .detections
            .iter()
            .map(|d| format!("{}: {} ({}, {} % sure)", d.vector, d.rule, d.severity, d.confidence.percent())),
    );
    lines.extend(decision.ruling.faults.iter().map(|fault| {
        format!("{} could not be evaluated ({}) and counted as {}", fault.rule, fault.code, fault.counted_as)
    }));
    lines.extend(
        decision
            .counterfactuals
            .iter()
            .map(|c| format!("would have been {} with {}", c.verdict, c.condition)),
    );
    lines
}
