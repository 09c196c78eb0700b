//! Sequences: calls that are each allowed and together carry data out.
//!
//! A sequence is a row of a table: what must have been done before, in this order, within the
//! window, and how the present call must be linked to it. Order and data decide: the same calls
//! the other way round, with other data, to our own hosts or long ago are no exfiltration.

mod history;

pub use history::attribute;

use std::borrow::Cow;

use action::{ActionKind, Confidence, Detection, Operation, SensitiveClass, Sensitivity, Severity, Vector};

use super::Scene;
use super::state::Limits;
use crate::facts::Step;

/// One pattern of calls that ends in the present one.
pub struct Pattern {
    pub rule: &'static str,
    pub about: &'static str,
    /// What was done before, oldest first.
    before: &'static [Stage],
    link: Link,
    pub severity: Severity,
    pub confidence: Confidence,
}

/// One kind of earlier step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Read keys, tokens or passwords.
    ReadsSecret,
    /// Read sensitive data, whatever kind.
    ReadsSensitive,
    /// Encoded, compressed or encrypted, or wrote a file.
    Packs,
}

/// How the present call must hang together with the steps before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// It carries data of the first step: the same values, the same classes, as many records, or
    /// something encoded where nobody can look.
    Data,
    /// It carries data of the first step or names what the last step made.
    DataOrProduct,
}

/// Every pattern. The first that fits is reported, with the severity and confidence of its row, or
/// as a medium hint where all that was read is one record of middling sensitivity.
pub const PATTERNS: [Pattern; 3] = [
    Pattern {
        rule: "sequence.secret_then_send",
        about: "a key, token or password is read, then sent out of the estate",
        before: &[Stage::ReadsSecret],
        link: Link::Data,
        severity: Severity::Critical,
        confidence: Confidence::CRITICAL,
    },
    Pattern {
        rule: "sequence.read_pack_send",
        about: "sensitive data is read, packed or written to a file, then sent out of the estate",
        before: &[Stage::ReadsSensitive, Stage::Packs],
        link: Link::DataOrProduct,
        severity: Severity::Critical,
        confidence: Confidence::CRITICAL,
    },
    Pattern {
        rule: "sequence.read_then_send",
        about: "sensitive data is read, then sent out of the estate",
        before: &[Stage::ReadsSensitive],
        link: Link::Data,
        severity: Severity::Critical,
        confidence: Confidence::CRITICAL,
    },
];

/// The present call as the end of a sequence. What was found in the results that came with this
/// action tells what the steps before have read.
pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    let action = scene.action;
    // A model is given what was read: that is how agents work. What leaves with it is the matter of
    // redaction, not of sequences.
    if action.kind == ActionKind::LlmCall {
        return;
    }
    let sends = match action.operation {
        Operation::Send | Operation::Write | Operation::Read => scene.external,
        // Money has its own rules; deleting and granting carry nothing out.
        Operation::Delete | Operation::Pay | Operation::Grant => false,
    };
    let session = &scene.facts.session;
    if !sends || session.steps.is_empty() {
        return;
    }
    let window = i64::try_from(limits.sequence_minutes).unwrap_or(i64::MAX).saturating_mul(60_000);
    let recent = |step: &&Step| step.done && scene.now.since(step.at) <= window;
    let told = scene.read.iter().any(|hit| hit.class.is_some());
    let may_have_read = |step: &Step| is_stage(Stage::ReadsSensitive, step, limits) || told;
    // Most sessions have read nothing sensitive, and most calls need not be looked at more closely.
    if !session.steps.iter().filter(recent).any(may_have_read) {
        return;
    }
    let mut steps = session.steps.clone();
    attribute(&mut steps, &action.context, session.salt, &scene.read);
    steps.retain(|step| recent(&step));
    let carried = history::Carried::of(scene);

    for pattern in &PATTERNS {
        let Some(read) = fits(pattern, &steps, &carried, limits) else { continue };
        let little = read.records <= 1
            && read.sensitivity < Sensitivity::High
            && pattern.before.len() == 1
            && !is_stage(Stage::ReadsSecret, read, limits);
        let (severity, confidence) = match little {
            true => (Severity::Medium, Confidence::MEDIUM),
            false => (pattern.severity, pattern.confidence),
        };
        out.push(Detection {
            vector: Vector::ExfiltrationVelocity,
            rule: Cow::Borrowed(pattern.rule),
            severity,
            confidence,
            class: None,
            evidence: None,
        });
        return;
    }
}

/// The step that read, when the stages occur in order and the present call is linked to it.
fn fits<'s>(
    pattern: &Pattern,
    steps: &'s [Step],
    carried: &history::Carried<'_>,
    limits: &Limits,
) -> Option<&'s Step> {
    let (first, rest) = pattern.before.split_first()?;
    let (_, read) = steps.iter().enumerate().find(|(at, start)| {
        if !is_stage(*first, start, limits) {
            return false;
        }
        let mut later = steps.iter().skip(at + 1);
        let mut last = *start;
        for stage in rest {
            match later.by_ref().find(|step| is_stage(*stage, step, limits)) {
                Some(step) => last = step,
                None => return false,
            }
        }
        match pattern.link {
            Link::Data => carried.data_of(start),
            Link::DataOrProduct => carried.data_of(start) || carried.shares_values(last),
        }
    })?;
    Some(read)
}

fn is_stage(stage: Stage, step: &Step, limits: &Limits) -> bool {
    const SECRETS: [SensitiveClass; 3] =
        [SensitiveClass::ApiKey, SensitiveClass::Jwt, SensitiveClass::Credential];
    let reads = step.operation == Operation::Read;
    match stage {
        Stage::ReadsSecret => reads && step.classes.iter().any(|class| SECRETS.contains(class)),
        Stage::ReadsSensitive => {
            reads
                && (step.sensitivity >= Sensitivity::Medium
                    || step.classes.iter().any(|class| *class != SensitiveClass::IpAddress)
                    || step.records >= limits.bulk)
        }
        Stage::Packs => step.packed || (step.kind == ActionKind::File && step.operation == Operation::Write),
    }
}

#[cfg(test)]
mod tests;
