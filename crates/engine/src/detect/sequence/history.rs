//! What the steps before have read, and whether the present call carries it.

use action::{Channel, Content, Detection, Json, Place};

use crate::detect::Scene;
use crate::detect::taint;
use crate::facts::{SessionFacts, Step};

/// Adds to each step what its result holds: the classes that were found in it and a sample of its
/// values. A result belongs to the newest step of the tool it names as its source, or to the
/// newest step.
pub fn attribute(steps: &mut [Step], context: &[Content], salt: u64, found: &[Detection]) {
    for (index, content) in context.iter().enumerate() {
        if content.channel != Channel::ToolOutput {
            continue;
        }
        let mut newest = steps.iter_mut().rev();
        let step = match &content.source {
            Some(source) => newest.find(|step| step.tool == *source),
            None => newest.next(),
        };
        let Some(step) = step else { continue };
        step.classes.extend(found.iter().filter(|hit| is_in(hit, index)).filter_map(|hit| hit.class));
        step.classes.sort_unstable();
        step.classes.dedup();
        taint::values_of(&content.text, salt, &mut step.values);
        step.values.sort_unstable();
        step.values.dedup();
        // The smallest hashes are a fair sample, and the same one whoever takes it.
        step.values.truncate(Step::VALUES);
    }
}

fn is_in(hit: &Detection, index: usize) -> bool {
    matches!(&hit.evidence, Some(evidence)
        if matches!(&evidence.place, Place::Context { index: at, .. } if *at == index))
}

/// What the present call carries.
pub struct Carried<'a> {
    scene: &'a Scene<'a>,
    /// Hashes of its telling literals that the user did not say himself, sorted.
    values: Vec<u64>,
    /// Of these, how many some tool returned.
    returned: usize,
    encoded: bool,
    /// Hashes of where it goes.
    destinations: Vec<u64>,
}

/// A payload of fewer records than this may have their number by chance.
const LEAST_RECORDS: u64 = 50;
/// An encoded text shorter than this is an id or a checksum.
const LEAST_ENCODED: usize = 120;

impl<'a> Carried<'a> {
    pub fn of(scene: &'a Scene<'a>) -> Self {
        let session: &SessionFacts = &scene.facts.session;
        let mut values = taint::sample(session.salt, &scene.action.payload, usize::MAX);
        let mut own = Vec::new();
        for content in scene.action.context.iter().filter(|content| content.channel == Channel::User) {
            taint::values_of(&content.text, session.salt, &mut own);
        }
        values.retain(|value| !session.provenance.user.contains(*value) && !own.contains(value));
        let returned = values.iter().filter(|value| session.provenance.tools.contains(**value)).count();
        let mut destinations = Vec::new();
        for to in &scene.destinations {
            taint::values_of(&to.full, session.salt, &mut destinations);
        }
        let encoded = has_encoded(&scene.action.payload);
        Carried { scene, values, returned, encoded, destinations }
    }

    /// Whether the call carries data of a step that read.
    pub fn data_of(&self, step: &Step) -> bool {
        if self.goes_to_its_subject(step) {
            return false;
        }
        let scene = self.scene;
        let classes = scene.classes.iter().any(|class| step.classes.contains(class));
        let as_many = step.records >= LEAST_RECORDS && scene.records >= (step.records / 2).max(LEAST_RECORDS);
        self.shares_values(step) || classes || as_many || self.encoded
    }

    /// Whether one record goes to the address that stands in it: a customer is told of his order.
    fn goes_to_its_subject(&self, step: &Step) -> bool {
        step.records <= 1
            && !self.destinations.is_empty()
            && self.destinations.iter().all(|to| step.values.binary_search(to).is_ok())
    }

    /// Whether it names values that the step handled. Where the step had more than the sample
    /// holds, values that some tool returned count too, but only in numbers.
    pub fn shares_values(&self, step: &Step) -> bool {
        let shared = self.values.iter().any(|value| step.values.binary_search(value).is_ok());
        shared || (step.values.len() >= Step::VALUES && self.returned >= 3)
    }
}

/// Whether a payload holds a long text of one run in an alphabet that machines write: base64, hex.
fn has_encoded(value: &Json) -> bool {
    match value {
        Json::Text(text) => {
            text.len() >= LEAST_ENCODED
                && text.split_ascii_whitespace().any(|run| {
                    run.len() >= LEAST_ENCODED
                        && run.bytes().all(|b| {
                            b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=')
                        })
                })
        }
        Json::List(items) => items.iter().any(has_encoded),
        Json::Object(entries) => entries.iter().any(|(_, item)| has_encoded(item)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}
