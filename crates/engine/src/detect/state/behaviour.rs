//! Behaviour anomaly: the comparison with the baseline, held against a limit.

use action::{Confidence, Detection, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;

pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    let Some(found) = &scene.deviation else { return };
    if u64::from(found.grade) < limits.deviation {
        return;
    }
    let severity = if found.grade >= 90 { Severity::High } else { Severity::Medium };
    // The baseline's own confidence is what there is to say about how sure this is.
    let confidence = Confidence::new(found.confidence.min(90));
    out.push(fact(Vector::BehaviourAnomaly, "behaviour.deviation", severity, confidence));
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn what_the_agent_never_does_is_an_anomaly_and_its_routine_is_not() {
        let facts = facts(
            r#"{ "baseline": { "typical": { "tools": ["get_order"], "resources": ["order"], "records": 1,
                "operations": ["read"] } } }"#,
        );
        assert!(found(find, &action("{}"), &facts).is_empty());
        let dump = action(r#"{ "tool": "dump_orders", "count": 100000 }"#);
        assert_eq!(rules(&found(find, &dump, &facts)), ["behaviour.deviation"]);
    }

    #[test]
    fn without_a_baseline_nothing_is_an_anomaly() {
        assert!(found(find, &action(r#"{ "count": 100000 }"#), &facts("{}")).is_empty());
    }
}
