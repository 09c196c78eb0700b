//! What one decision changes in the facts: the state for the next action.

use action::{Action, Channel, Confidence, Decision, Timestamp, Vector, Verdict};

use super::{Baseline, Facts, Identity, SessionFacts, Step};
use crate::detect::Scene;
use crate::detect::state::Limits;
use crate::detect::taint;

/// The facts after one decision. Pure: the caller stores what it gets.
///
/// - Counters and the session count every action, refused ones too.
/// - The baseline learns only what was let through, was no anomaly and raised nothing at high
///   confidence, so that an attacker cannot teach it, and a slow drift is held by the limit.
/// - Volumes that left are counted only when the action was carried out.
/// - Time comes from `now`. A clock that goes backwards moves the windows along: nothing is
///   refilled and nothing gets stuck. A jump ahead empties windows and adds one day at most.
pub fn learn(facts: &Facts, action: &Action, decision: &Decision, now: Timestamp, limits: &Limits) -> Facts {
    let mut classes: Vec<_> = decision
        .detections
        .iter()
        .filter(|hit| !matches!(&hit.evidence, Some(e) if matches!(e.place, action::Place::Context { .. })))
        .filter_map(|hit| hit.class)
        .collect();
    classes.sort_unstable();
    classes.dedup();
    let scene = Scene::new(action, facts, now, &classes, limits);
    let done = carried_out(decision.effective);
    let mut next = facts.clone();

    let counters = &mut next.counters;
    counters.advance(now);
    counters.agent.take(limits.agent_rate(), now);
    counters.take_tool(scene.tool_key(), limits.tool_rate(), now);
    counters.minute.add(now, 60_000, 1, 0);
    if !done {
        counters.failures.add(now, super::counters::HOUR, 1, 0);
    }
    if done && scene.external {
        for to in scene.destinations.iter().filter(|to| to.external) {
            counters.send(scene.destination_key(to), now, scene.records, scene.payload.bytes);
        }
    }

    session(&mut next.session, &scene, decision, done, limits);

    let mut baseline = facts.baseline.unwrap_or_else(|| Baseline::begin(facts.agent.salt));
    if done && is_ordinary(decision, limits, &scene) {
        baseline.observe(&scene.observation());
    } else {
        baseline.observe_failure();
    }
    next.baseline = Some(baseline);
    next
}

/// Whether the action ran, changed or not.
fn carried_out(effective: Verdict) -> bool {
    match effective {
        Verdict::Allow | Verdict::Alert | Verdict::Constrain => true,
        Verdict::Sandbox | Verdict::Approve | Verdict::Block => false,
    }
}

/// Whether an action may teach what is normal. What the policy would have stopped in `enforce`
/// must not become normal in `monitor`, so the verdict counts, not only what was carried out.
fn is_ordinary(decision: &Decision, limits: &Limits, scene: &Scene<'_>) -> bool {
    let usual = scene.deviation.as_ref().is_none_or(|found| u64::from(found.grade) < limits.deviation);
    let quiet = decision.detections.iter().all(|hit| {
        hit.confidence < Confidence::HIGH || matches!(hit.vector, Vector::Pii | Vector::RateLimit)
    });
    usual && quiet && carried_out(decision.verdict)
}

fn session(it: &mut SessionFacts, scene: &Scene<'_>, decision: &Decision, done: bool, limits: &Limits) {
    let (action, now) = (scene.action, scene.now);
    if let Some(back) = it.last.map(|last| now.millis().saturating_sub(last.millis())).filter(|gap| *gap < 0)
    {
        it.bucket.shift(back);
        it.steps.iter_mut().for_each(|step| step.at = step.at.plus_millis(back));
    }
    it.started = it.started.or(Some(now)).map(|started| started.min(now));
    it.last = Some(now);
    it.opened.get_or_insert_with(|| Identity {
        principal: action.principal.as_ref().map(|principal| principal.id.clone()),
        agent: Some(action.agent.name.clone()),
        version: action.agent.version.clone(),
        network: Some(scene.facts.place.network),
        region: scene.facts.place.region.clone(),
        device: scene.facts.session.device.clone(),
    });
    it.bucket.take(limits.session_rate(), now);
    it.calls = it.calls.saturating_add(1);

    for content in &action.context {
        if content.channel.is_untrusted() && !it.taint.channels.contains(&content.channel) {
            it.taint.channels.push(content.channel);
            it.taint.channels.sort_unstable();
            it.taint.since.get_or_insert(now);
        }
        taint::remember(&mut it.provenance, it.salt, content);
    }
    let injected = decision.detections.iter().any(|hit| {
        let read = matches!(&hit.evidence, Some(e) if matches!(&e.place,
            action::Place::Context { channel, .. } if *channel != Channel::Model));
        hit.vector == Vector::PromptInjection && hit.confidence >= Confidence::MEDIUM && read
    });
    if injected {
        it.taint.injection = true;
        it.taint.since.get_or_insert(now);
    }

    while it.steps.len() >= SessionFacts::STEPS {
        it.steps.remove(0);
    }
    it.steps.push(Step {
        at: now,
        tool: action.tool.clone(),
        kind: action.kind,
        operation: action.operation,
        resource: action.resource.kind.clone(),
        classes: scene.classes.clone(),
        records: scene.records,
        bytes: scene.payload.bytes,
        external: scene.external,
        packed: scene.traits.packs,
        values: taint::sample(it.salt, &action.payload, Step::VALUES),
        payload: decision.payload_hash,
        done,
    });
}
