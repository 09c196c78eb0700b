//! Rate limits: token buckets of the agent, the session and the tool.

use action::{Confidence, Detection, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;

pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    let facts = scene.facts;
    let (counters, now) = (&facts.counters, scene.now);
    let buckets = [
        ("rate.agent", counters.agent, limits.agent_rate()),
        ("rate.session", facts.session.bucket, limits.session_rate()),
        ("rate.tool", counters.tool(scene.tool_key()), limits.tool_rate()),
    ];
    for (rule, bucket, rate) in buckets {
        if bucket.is_empty(rate, now) {
            // A count is certain; how bad it is depends on what the calls do.
            out.push(fact(Vector::RateLimit, rule, Severity::Medium, Confidence::HIGH));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn the_call_after_the_burst_is_over_the_limit() {
        let mut facts = facts("{}");
        let rate = Limits::default().agent_rate();
        for _ in 0..rate.burst {
            assert!(found(find, &action("{}"), &facts).is_empty());
            facts.counters.agent.take(rate, now());
        }
        assert_eq!(rules(&found(find, &action("{}"), &facts)), ["rate.agent"]);
    }

    #[test]
    fn one_busy_tool_does_not_limit_another() {
        let mut facts = facts("{}");
        let limits = Limits::default();
        let busy = action("{}");
        let key = Scene::new(&busy, &facts, now(), &[], &limits).tool_key();
        for _ in 0..limits.tool_calls_burst {
            facts.counters.take_tool(key, limits.tool_rate(), now());
        }
        assert_eq!(rules(&found(find, &busy, &facts)), ["rate.tool"]);
        assert!(found(find, &action(r#"{ "tool": "other" }"#), &facts).is_empty());
    }
}
