//! Prompt injection: text that tries to give the agent orders it was not given by its user.
//!
//! Two independent kinds of evidence: rules that name a known trick, and a small trained model that
//! weighs the wording. Either may hit alone; where both do, the hit is sure.

pub mod model;

use std::borrow::Cow;

use action::{Channel, Confidence, SemanticType, Severity};

use self::model::{Head, Judged, Model, Rate};
use super::{Hit, Leaf};

/// Arguments shorter than this are names and values, not prose that could instruct anybody.
const LEAST_ARGUMENT: usize = 48;
/// What a user asks in fewer bytes has too few features to tell an order from a wish: "Write a poem about
/// the sea". The thresholds for rare texts stand on longer ones.
const LEAST_REQUEST: usize = 48;

/// Weighs the wording of one string, in each of its readings. `out` holds what the rules found in it.
pub fn find(leaf: &Leaf<'_>, model: Option<&Model>, out: &mut Vec<Hit>) {
    let named = out.iter().any(|hit| hit.confidence >= Confidence::HIGH);
    let Some((model, head, least)) =
        model.zip(weighed(leaf, !out.is_empty())).map(|(model, (head, least))| (model, head, least))
    else {
        return;
    };
    if let Some(hit) = strongest(leaf, model, head, least, named) {
        out.push(hit);
    }
}

/// Which head reads a string, and how rare its logit must be among harmless texts. `marked` is a string in
/// which a rule found something.
fn weighed(leaf: &Leaf<'_>, marked: bool) -> Option<(Head, Rate)> {
    match leaf.channel {
        Some(Channel::User) if !marked && leaf.text.original().len() < LEAST_REQUEST => {
            Some((Head::User, Rate::One))
        }
        Some(Channel::User) => Some((Head::User, Rate::Ten)),
        Some(Channel::ToolOutput | Channel::Memory | Channel::Retrieved) => Some((Head::Document, Rate::Ten)),
        // What our own model said is not where orders come from; rules still read it.
        Some(Channel::Model) => None,
        // An argument is data of the agent's own task: only what is hardly ever harmless counts.
        None => {
            let prose =
                leaf.semantic == SemanticType::FreeText && leaf.text.original().len() >= LEAST_ARGUMENT;
            prose.then_some((Head::Document, Rate::One))
        }
    }
}

fn strongest(leaf: &Leaf<'_>, model: &Model, head: Head, least: Rate, named: bool) -> Option<Hit> {
    let judged = leaf.text.readings().map(|reading| (reading, model.judge(reading.normal, head)));
    let (reading, judged) = judged.max_by_key(|(_, judged)| judged.logit)?;
    let rate = judged.passes.filter(|rate| *rate >= least)?;
    let (rule, severity, floor) = match rate {
        Rate::Fifty => return None,
        Rate::Ten => ("injection.model.likely", Severity::Medium, Confidence::MEDIUM),
        Rate::Five => ("injection.model.strong", Severity::High, Confidence::HIGH),
        Rate::One => ("injection.model.certain", Severity::Critical, Confidence::CRITICAL),
    };
    Some(Hit {
        rule: Cow::Borrowed(rule),
        severity,
        confidence: confidence(&judged, rate, floor, named),
        class: None,
        span: reading.normal_span(judged.range),
        via: reading.via.to_vec(),
    })
}

/// The calibrated share, kept inside the step of its threshold; a rule that agrees makes it sure.
fn confidence(judged: &Judged, rate: Rate, floor: Confidence, named: bool) -> Confidence {
    let below_critical = Confidence::new(Confidence::CRITICAL.percent() - 1);
    let calibrated = judged.confidence;
    match (rate, named) {
        (Rate::One, _) | (_, true) => calibrated.max(Confidence::CRITICAL),
        (Rate::Fifty | Rate::Ten | Rate::Five, false) => calibrated.max(floor).min(below_critical),
    }
}
