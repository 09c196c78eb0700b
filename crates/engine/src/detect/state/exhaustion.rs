//! Resource exhaustion: what would use up memory, time, calls or money without an end.

use action::{ActionKind, Confidence, Detection, Digest, Operation, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;
use crate::facts::counters::HOUR;

/// Longest cycle of calls that is recognised as a loop.
const LONGEST_CYCLE: usize = 4;

pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    let (action, facts, payload) = (scene.action, scene.facts, &scene.payload);
    let session = &facts.session;
    let read = action.operation == Operation::Read;
    let failures = facts.counters.failures.total(scene.now, HOUR).0;
    // Each row: whether it holds, its rule, how bad and how sure.
    let rows = [
        (payload.bytes > limits.payload_bytes, "exhaustion.payload_bytes", Severity::High, Confidence::HIGH),
        (
            payload.values > limits.payload_values,
            "exhaustion.payload_values",
            Severity::High,
            Confidence::HIGH,
        ),
        (
            payload.depth > limits.payload_depth,
            "exhaustion.payload_depth",
            Severity::Medium,
            Confidence::HIGH,
        ),
        (
            read && scene.records > limits.records_read,
            "exhaustion.records_read",
            Severity::High,
            Confidence::HIGH,
        ),
        (
            read && scene.traits.everything && action.count.is_none() && payload.stated == 0,
            "exhaustion.unbounded_read",
            Severity::Low,
            Confidence::LOW,
        ),
        (
            session.depth > limits.delegation_depth,
            "exhaustion.delegation_depth",
            Severity::High,
            Confidence::HIGH,
        ),
        (
            session.calls >= limits.session_calls,
            "exhaustion.session_calls",
            Severity::Medium,
            Confidence::HIGH,
        ),
        (
            session.tokens >= limits.session_tokens,
            "exhaustion.session_tokens",
            Severity::Medium,
            Confidence::HIGH,
        ),
        (failures >= limits.failures_per_hour, "exhaustion.failures", Severity::Medium, Confidence::MEDIUM),
    ];
    for (_, rule, severity, confidence) in rows.into_iter().filter(|row| row.0) {
        out.push(fact(Vector::ResourceExhaustion, rule, severity, confidence));
    }

    // A question that is put again costs money, and budgets bound that; nothing is done twice by it.
    // Only with a history worth looking at is the payload hashed.
    if action.kind == ActionKind::LlmCall || session.steps.len() < 3 {
        return;
    }
    let present = action.payload_hash();
    let window = i64::try_from(limits.sequence_minutes).unwrap_or(i64::MAX).saturating_mul(60_000);
    let recent = session.steps.iter().filter(|step| scene.now.since(step.at) <= window);
    let history: Vec<Digest> = recent.map(|step| step.payload).chain([present]).collect();
    let same = history.iter().filter(|hash| **hash == present).count() as u64;
    if same >= limits.identical_calls {
        out.push(fact(
            Vector::ResourceExhaustion,
            "exhaustion.repeated_call",
            Severity::Medium,
            Confidence::HIGH,
        ));
    } else if cycles(&history, limits.identical_calls) {
        out.push(fact(
            Vector::ResourceExhaustion,
            "exhaustion.call_cycle",
            Severity::Medium,
            Confidence::MEDIUM,
        ));
    }
}

/// Whether the newest calls repeat a cycle of two to four different calls, half as often as one
/// call may be repeated, but at least three times.
fn cycles(history: &[Digest], identical: u64) -> bool {
    let times = usize::try_from(identical / 2).unwrap_or(usize::MAX).max(3);
    (2..=LONGEST_CYCLE).any(|length| {
        let span = length.saturating_mul(times);
        let newest = history.len().checked_sub(span).and_then(|from| history.get(from..));
        newest.is_some_and(|tail| tail.iter().zip(tail.iter().skip(length)).all(|(a, b)| a == b))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Facts, Step};

    fn step(of: &action::Action) -> Step {
        Step {
            at: now(),
            tool: of.tool.clone(),
            kind: of.kind,
            operation: of.operation,
            resource: of.resource.kind.clone(),
            classes: Vec::new(),
            sensitivity: action::Sensitivity::None,
            records: 1,
            bytes: 1,
            external: false,
            packed: false,
            values: Vec::new(),
            payload: of.payload_hash(),
            tainted: false,
            done: true,
        }
    }

    fn after(calls: &[&action::Action]) -> Facts {
        let mut facts = facts("{}");
        facts.session.steps = calls.iter().map(|call| step(call)).collect();
        facts
    }

    #[test]
    fn a_call_repeated_without_change_is_a_loop_and_paging_is_not() {
        let same = action("{}");
        let facts = after(&[&same; 5]);
        assert_eq!(rules(&found(find, &same, &facts)), ["exhaustion.repeated_call"]);
        let page = action(r#"{ "payload": { "page": 6 } }"#);
        assert!(found(find, &page, &facts).is_empty());
    }

    #[test]
    fn a_cycle_of_calls_is_a_loop_and_a_varied_session_is_not() {
        let (a, b, c) = (action("{}"), action(r#"{ "tool": "b" }"#), action(r#"{ "tool": "c" }"#));
        let looped = after(&[&a, &b, &a, &b, &a]);
        assert_eq!(rules(&found(find, &b, &looped)), ["exhaustion.call_cycle"]);
        assert!(found(find, &b, &after(&[&a, &c, &b, &a, &a])).is_empty());
    }

    #[test]
    fn quotas_size_and_depth_are_bounded() {
        for (text, rule) in [
            (r#"{ "session": { "depth": 7 } }"#, "exhaustion.delegation_depth"),
            (r#"{ "session": { "calls": 2000 } }"#, "exhaustion.session_calls"),
            (r#"{ "session": { "tokens": 4000000 } }"#, "exhaustion.session_tokens"),
        ] {
            assert_eq!(rules(&found(find, &action("{}"), &facts(text))), [rule]);
        }
        let large = action(&format!(r#"{{ "payload": {{ "text": "{}" }} }}"#, "x".repeat(1_100_000)));
        assert_eq!(rules(&found(find, &large, &facts("{}"))), ["exhaustion.payload_bytes"]);
        let scan = action(r#"{ "payload": { "limit": 90000000 } }"#);
        assert_eq!(rules(&found(find, &scan, &facts("{}"))), ["exhaustion.records_read"]);
        assert!(found(find, &action(r#"{ "payload": { "limit": 50 } }"#), &facts("{}")).is_empty());
    }
}
