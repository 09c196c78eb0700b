//! Exfiltration velocity: how much leaves the estate, at once and over time.

use action::{Confidence, Detection, Operation, Sensitivity, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;
use crate::facts::counters::{DAY, HOUR};

pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    if !scene.external || scene.action.operation == Operation::Pay {
        return;
    }
    let (records, bytes) = volume(scene);
    let mut report = |rule, severity, confidence| {
        out.push(fact(Vector::ExfiltrationVelocity, rule, severity, confidence));
    };
    if records > limits.records_out {
        report("exfiltration.records", Severity::High, Confidence::HIGH);
    }
    if bytes > limits.bytes_out {
        report("exfiltration.bytes", Severity::High, Confidence::HIGH);
    }
    // Data and destination together say what neither says alone.
    if scene.sensitivity >= Sensitivity::Medium && records >= limits.bulk {
        report("exfiltration.sensitive_bulk", Severity::Critical, Confidence::CRITICAL);
    }

    // Slow exfiltration: each send is small, the sum is not. Spreading over many destinations
    // does not help, since all of them together have the same limit.
    let counters = &scene.facts.counters;
    let (hour, day) = counters.outflow(scene.now);
    let over = |sum: (u64, u64), most: (u64, u64)| {
        // What this action alone exceeds has been reported above.
        (sum.0 > 0 || sum.1 > 0)
            && (sum.0.saturating_add(records) > most.0 || sum.1.saturating_add(bytes) > most.1)
    };
    let per_hour = (limits.records_out_per_hour, limits.bytes_out_per_hour);
    let per_day = (limits.records_out_per_day, limits.bytes_out_per_day);
    let to_one = |pick: &dyn Fn(u64) -> (u64, u64), most| {
        scene.destinations.iter().any(|to| over(pick(scene.destination_key(to)), most))
    };
    if to_one(&|key| counters.destination(key).hour.total(scene.now, HOUR), per_hour) {
        report("exfiltration.destination_hour", Severity::High, Confidence::HIGH);
    } else if over(hour, per_hour) {
        report("exfiltration.total_hour", Severity::High, Confidence::HIGH);
    }
    if to_one(&|key| counters.destination(key).day.total(scene.now, DAY), per_day) {
        report("exfiltration.destination_day", Severity::High, Confidence::HIGH);
    } else if over(day, per_day) {
        report("exfiltration.total_day", Severity::High, Confidence::HIGH);
    }
    let sensitive: u64 = scene
        .facts
        .session
        .steps
        .iter()
        .filter(|step| step.external && step.done && !step.classes.is_empty())
        .filter(|step| scene.now.since(step.at) <= DAY)
        .map(|step| step.records.max(1))
        .fold(0, u64::saturating_add);
    if !scene.classes.is_empty()
        && sensitive > 0
        && sensitive.saturating_add(records) > limits.sensitive_records_out_per_day
    {
        report("exfiltration.sensitive_total", Severity::High, Confidence::HIGH);
    }
}

/// What one action would carry out: records, bytes.
pub fn volume(scene: &Scene<'_>) -> (u64, u64) {
    (scene.records, scene.payload.bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const SEND: &str = r#"{ "kind": "external_call", "operation": "send", "tool": "post",
        "resource": { "type": "order", "destinations": ["https://sink.example/x"] }, "count": 900 }"#;

    #[test]
    fn one_large_send_is_found_and_an_inside_one_is_not() {
        let large = SEND.replace("900", "100000");
        assert!(rules(&found(find, &action(&large), &facts("{}"))).contains(&"exfiltration.records"));
        let inside = large.replace("https://sink.example/x", "store.internal");
        assert!(found(find, &action(&inside), &facts("{}")).is_empty());
        assert!(found(find, &action(SEND), &facts("{}")).is_empty());
    }

    #[test]
    fn many_small_sends_add_up_to_one_destination_and_over_all() {
        let mut facts = facts("{}");
        let one = action(SEND);
        let limits = Limits::default();
        let key = {
            let scene = Scene::new(&one, &facts, now(), &[], &limits);
            scene.destination_key(&scene.destinations[0])
        };
        for _ in 0..22 {
            facts.counters.send(key, now(), 900, 10);
        }
        assert_eq!(rules(&found(find, &one, &facts)), ["exfiltration.destination_hour"]);
        facts.counters = Default::default();
        for other in 0..22 {
            facts.counters.send(other, now(), 900, 10);
        }
        assert_eq!(rules(&found(find, &one, &facts)), ["exfiltration.total_hour"]);
    }

    #[test]
    fn yesterday_does_not_count() {
        let mut facts = facts("{}");
        facts.counters.send(1, now().plus_millis(-3 * DAY), 49_999, 10);
        assert!(found(find, &action(SEND), &facts).is_empty());
    }
}
