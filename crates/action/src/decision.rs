//! The decision: what was answered, and everything that led to it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    ConstrainKind, Containment, Decimal, Detection, Digest, Dimension, Layer, Mode, RedactionMode, Severity,
    Timestamp, Verdict,
};

/// The answer to one action with its reasons. Same inputs, same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decision {
    /// What the policy says.
    pub verdict: Verdict,
    /// What is carried out: the verdict in `enforce`, at most an alert in `monitor`, allow in
    /// `simulate`.
    pub effective: Verdict,
    pub mode: Mode,
    pub score: Score,
    pub detections: Vec<Detection>,
    /// Sensitive data in what the agent had read: no leak by itself, but later steps are held
    /// against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<Detection>,
    pub ruling: Ruling,
    /// How a constrain verdict changes the action. Carried out in `enforce` only; otherwise what
    /// would have been.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// Effects on what is already running. Carried out in `enforce` only; otherwise what would have
    /// been.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containment: Vec<Containment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// One condition that alone decided, and what would have changed the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counterfactuals: Vec<Counterfactual>,
    /// Rules that are only tried out and would have spoken: what each says, and what the answer would
    /// be if it were in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadows: Vec<Shadow>,
    /// Stages that were not run: a definite block made them needless, or one before them failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Stage>,
    pub payload_hash: Digest,
    /// The rules that were in force.
    pub rules_hash: Digest,
    /// The baseline it was compared with; absent when the agent has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_hash: Option<Digest>,
    pub at: Timestamp,
}

/// Integer risk score from 0 to 100 with its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Score {
    pub value: u8,
    /// The weighted power mean of the parts.
    pub base: u8,
    /// Points that threat vectors add, 0 to 15.
    pub uplift: u8,
    /// The seven part scores, in the order of [`Dimension::ALL`].
    pub parts: [u8; 7],
    /// The weights, exponent and uplift table that were used.
    pub weights_hash: Digest,
}

impl Score {
    pub fn part(&self, dimension: Dimension) -> u8 {
        self.parts.get(dimension.index()).copied().unwrap_or(0)
    }

    /// Low under 40, medium to 59, high to 85, critical above.
    pub const fn level(&self) -> Severity {
        match self.value {
            0..40 => Severity::Low,
            40..60 => Severity::Medium,
            60..=85 => Severity::High,
            _ => Severity::Critical,
        }
    }
}

/// What the policy said and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ruling {
    pub verdict: Verdict,
    /// The rule that decided: `band.high`, `floor.prompt_injection` or a rule's own id.
    pub decided_by: Cow<'static, str>,
    /// A sentence for people, written by the rule's author or generated for bands and floors.
    pub reason: String,
    /// Every rule that matched, by layer and priority.
    pub matched: Vec<RuleMatch>,
    /// The exception that made the answer milder, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// Rules that could not be evaluated, and how that counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleMatch {
    pub rule: String,
    pub layer: Layer,
    pub verdict: Verdict,
    /// Whether the rule stands in for the score bands for what it matches.
    #[serde(default)]
    pub replaces_bands: bool,
    /// It matches only if the action is not quite what it is written as: a name that looks like the
    /// one the rule names, an amount that cannot be compared, one of several recipients. Then it
    /// adds its verdict and takes the place of no other rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub possibly: bool,
}

/// A rule in the state `shadow` that would have spoken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shadow {
    pub rule: String,
    pub layer: Layer,
    /// What the rule says.
    pub verdict: Verdict,
    /// What the answer would be if the rule were in force.
    pub would: Verdict,
    /// Why it could not be evaluated; `verdict` is then what that counts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Cow<'static, str>>,
}

/// A rule, or a stage of the engine (`fault.score`), that could not be evaluated. It counts as the
/// verdict named here, never as allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fault {
    pub rule: String,
    /// Stable code, for example `rego_too_long`.
    pub code: Cow<'static, str>,
    pub counted_as: Verdict,
}

/// One change to an action that then passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Constraint {
    pub kind: ConstrainKind,
    /// The rule that asks for it.
    pub rule: String,
    /// The payload field it applies to; absent for the whole payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The greatest value of a clamp, or the calls per minute of a throttle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Decimal>,
    /// Whether a clamp also sets the limit where the field is absent, no number or below zero.
    /// Without it such a field stays as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_set: bool,
    /// The destination of a redirect, or its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How a redaction replaces; absent for the way that its plane can best undo.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub mode: Option<RedactionMode>,
}

/// Somebody should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alert {
    pub severity: Severity,
    /// Whom it concerns, for example `security`.
    pub team: Cow<'static, str>,
    pub reason: String,
}

/// "Would have been allowed up to 1,000 USD": one changed condition and the milder answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counterfactual {
    pub verdict: Verdict,
    pub rule: String,
    /// Follows "with", for example `amount at most 1000 USD` or `role Finance-Agent`.
    pub condition: String,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Stage {
    Detection,
    Score,
    Policy,
    /// Putting the answer together, with its hashes.
    Record,
}

impl Stage {
    /// In the order in which they run.
    pub const ALL: [Stage; 4] = [Stage::Detection, Stage::Score, Stage::Policy, Stage::Record];

    /// The name under which a failure of the stage decides.
    pub const fn fault(self) -> &'static str {
        match self {
            Stage::Detection => "fault.detection",
            Stage::Score => "fault.score",
            Stage::Policy => "fault.policy",
            Stage::Record => "fault.record",
        }
    }
}
