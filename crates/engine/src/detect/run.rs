//! Running the table of vectors over one action.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use action::{Action, Channel, Confidence, Detection, Evidence, SensitiveClass, Severity, Timestamp, Vector};

use super::leaf::Leaf;
use super::vectors::{Reads, TextLook, VECTORS};
use super::walk::{Source, Walk};
use super::{Detectors, Hit, Scene, judges};
use crate::detect::state::Limits;
use crate::facts::Facts;

/// Most detections of one action. Beyond it the mildest are left out and the rest says so.
pub const MAX_DETECTIONS: usize = 128;

/// What detection found, and the scene that score and policy go on with.
pub struct Found<'a> {
    pub detections: Vec<Detection>,
    pub scene: Scene<'a>,
}

/// Looks at one action with every vector. Each is independent: a fault in one is reported as
/// `unavailable` by that one, and the others go on.
pub fn run<'a>(
    action: &'a Action,
    facts: &'a Facts,
    detectors: &Detectors,
    limits: &Limits,
    now: Timestamp,
) -> Found<'a> {
    let walk = Walk::of(action, &detectors.hints);
    let leaves: Vec<(Leaf<'_>, Source<'_>)> = walk.leaves().collect();
    let mut detections = Vec::new();
    for row in &VECTORS {
        if let Some(look) = &row.text {
            guarded(row.vector, &mut detections, |out| {
                let mine = leaves
                    .iter()
                    .filter(|(_, source)| look.reads == Reads::Everything || !source.is_context());
                texts(row.vector, look, mine, detectors, out);
            });
        }
    }
    unread(&walk, &leaves, &mut detections);
    let mut scene = Scene::new(action, facts, now, &classes(&detections), limits);
    scene.read = read(&leaves, detectors);
    for row in &VECTORS {
        if let Some(look) = row.scene {
            guarded(row.vector, &mut detections, |out| look(&scene, limits, out));
        }
    }
    judges::find(&facts.judges, &mut detections);
    settle(&mut detections);
    Found { detections, scene }
}

/// Sensitive data in what the agent had read. It is no leak, so it is kept apart from what the
/// action would do; a later step that carries it out is held against it.
fn read(leaves: &[(Leaf<'_>, Source<'_>)], detectors: &Detectors) -> Vec<Detection> {
    let mut found = Vec::new();
    let sensitive = VECTORS.iter().find(|row| row.vector == Vector::Pii);
    if let Some(look) = sensitive.and_then(|row| row.text.as_ref()) {
        let context = leaves.iter().filter(|(_, source)| source.is_context());
        guarded(Vector::Pii, &mut found, |out| texts(Vector::Pii, look, context, detectors, out));
    }
    settle(&mut found);
    found
}

/// A detector that panics has found nothing out; that is reported, never taken for clean.
fn guarded(vector: Vector, detections: &mut Vec<Detection>, look: impl FnOnce(&mut Vec<Detection>)) {
    let mut found = Vec::new();
    let ended = catch_unwind(AssertUnwindSafe(|| look(&mut found)));
    detections.append(&mut found);
    if ended.is_err() {
        detections.push(fact(vector, "unavailable", Severity::High, Confidence::LOW));
    }
}

fn texts<'l>(
    vector: Vector,
    look: &TextLook,
    leaves: impl Iterator<Item = &'l (Leaf<'l>, Source<'l>)>,
    detectors: &Detectors,
    out: &mut Vec<Detection>,
) {
    let mut hits = Vec::new();
    for (leaf, source) in leaves {
        look.look(vector, leaf, detectors, &mut hits);
        out.extend(hits.drain(..).map(|hit| detection(vector, hit, source)));
    }
}

fn detection(vector: Vector, hit: Hit, source: &Source<'_>) -> Detection {
    let Hit { rule, severity, confidence, class, span, via } = hit;
    let span = source.span(span);
    let evidence = Evidence { place: source.place(), start: span.start, end: span.end, via };
    Detection { vector, rule, severity, confidence, class, evidence: Some(evidence) }
}

fn fact(vector: Vector, rule: &'static str, severity: Severity, confidence: Confidence) -> Detection {
    Detection { vector, rule: Cow::Borrowed(rule), severity, confidence, class: None, evidence: None }
}

/// A part of the action that nobody looked at is a finding of its own, never a silent skip.
fn unread(walk: &Walk<'_>, leaves: &[(Leaf<'_>, Source<'_>)], out: &mut Vec<Detection>) {
    for overflow in walk.overflows() {
        let evidence = Evidence { place: overflow.place.clone(), start: 0, end: 0, via: Vec::new() };
        let found = fact(Vector::ResourceExhaustion, overflow.bound.rule(), Severity::High, Confidence::HIGH);
        out.push(Detection { evidence: Some(evidence), ..found });
    }
    if leaves.iter().any(|(leaf, _)| leaf.text.truncated()) {
        out.push(fact(Vector::ResourceExhaustion, "limits.decoding", Severity::Medium, Confidence::MEDIUM));
    }
}

/// The sensitive classes of what the action would send or write.
fn classes(detections: &[Detection]) -> Vec<SensitiveClass> {
    let mut classes: Vec<SensitiveClass> = detections.iter().filter_map(|found| found.class).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Strictest first, then in the order of the table; the same place is not reported twice by one rule.
/// Where the bound cuts, each rule keeps its strictest hit: a flood of one kind of hit must not
/// push the only hit of another off the record, for policy would not hear of it.
fn settle(detections: &mut Vec<Detection>) {
    detections.sort_by(strictest_first);
    let mut seen: BTreeSet<(Vector, Cow<'static, str>)> = BTreeSet::new();
    let (first, again): (Vec<Detection>, Vec<Detection>) =
        detections.drain(..).partition(|found| seen.insert((found.vector, found.rule.clone())));
    let mut kept: Vec<Detection> = Vec::with_capacity((first.len() + again.len()).min(MAX_DETECTIONS));
    for found in first.into_iter().chain(again) {
        if kept.len() == MAX_DETECTIONS {
            kept.push(fact(
                Vector::ResourceExhaustion,
                "limits.detections",
                Severity::Medium,
                Confidence::MEDIUM,
            ));
            break;
        }
        if !kept.iter().any(|other| same(other, &found)) {
            kept.push(found);
        }
    }
    kept.sort_by(strictest_first);
    *detections = kept;
}

fn strictest_first(a: &Detection, b: &Detection) -> std::cmp::Ordering {
    (b.confidence, b.severity).cmp(&(a.confidence, a.severity)).then(a.vector.cmp(&b.vector))
}

fn same(a: &Detection, b: &Detection) -> bool {
    a.vector == b.vector
        && a.rule == b.rule
        && match (&a.evidence, &b.evidence) {
            (Some(a), Some(b)) => a.place == b.place && a.start < b.end && b.start < a.end,
            (None, None) => true,
            _ => false,
        }
}

/// Whether untrusted content has entered the session, by this action's context at the latest.
pub fn is_tainted(action: &Action, facts: &Facts) -> bool {
    facts.session.taint.is_tainted()
        || action.context.iter().any(|content| Channel::is_untrusted(content.channel))
}

#[cfg(test)]
mod tests {
    use action::Place;

    use super::*;

    fn at(vector: Vector, rule: &'static str, confidence: Confidence, start: usize) -> Detection {
        let place = Place::Payload { pointer: "/note".into() };
        let evidence = Evidence { place, start, end: start + 1, via: Vec::new() };
        Detection { evidence: Some(evidence), ..fact(vector, rule, Severity::High, confidence) }
    }

    #[test]
    fn a_flood_of_one_kind_of_hit_hides_no_other() {
        let mut found: Vec<Detection> =
            (0..500).map(|start| at(Vector::Pii, "pii.card", Confidence::CRITICAL, start)).collect();
        found.push(at(Vector::SqlInjection, "sqli.always_true", Confidence::HIGH, 9_000));
        settle(&mut found);
        assert!(found.iter().any(|hit| hit.vector == Vector::SqlInjection));
        assert!(found.iter().any(|hit| hit.rule == "limits.detections"));
        assert_eq!(found.len(), MAX_DETECTIONS + 1);
    }

    #[test]
    fn each_vector_reports_its_own_failure() {
        let mut found = Vec::new();
        for vector in [Vector::SqlInjection, Vector::Xss] {
            guarded(vector, &mut found, |_| std::panic::resume_unwind(Box::new(())));
        }
        settle(&mut found);
        let failed: Vec<Vector> = found.iter().map(|hit| hit.vector).collect();
        assert_eq!(failed, [Vector::SqlInjection, Vector::Xss]);
    }
}
