//! The agent's record. A clean history keeps it low; new, alerted or over-privileged raises it.

use super::Reasons;
use crate::detect::Scene;
use crate::facts::counters::DAY;

pub fn weigh(scene: &Scene<'_>, reasons: &mut Reasons) {
    let agent = &scene.facts.agent;
    reasons.add("agent.base", 10);
    if !agent.registered {
        reasons.add("agent.unregistered", 20);
    }
    if agent.frozen {
        reasons.add("agent.frozen", 60);
    }
    if agent.elevated {
        reasons.add("agent.elevated", 20);
    }
    match agent.first_seen.map(|first| scene.now.since(first) / DAY) {
        None => reasons.add("agent.age_unknown", 10),
        Some(0..7) => reasons.add("agent.new_this_week", 20),
        Some(7..30) => reasons.add("agent.new_this_month", 10),
        Some(_) => {}
    }
    match agent.recent_alerts {
        0 => {}
        1..=2 => reasons.add("agent.alerts", 10),
        3..=9 => reasons.add("agent.alerts_some", 20),
        _ => reasons.add("agent.alerts_many", 30),
    }
    match agent.recent_blocks {
        0 => {}
        1..=4 => reasons.add("agent.blocks", 10),
        _ => reasons.add("agent.blocks_many", 20),
    }
    let known = scene.facts.baseline.as_ref().filter(|baseline| baseline.learned().version != 0);
    if known.is_some_and(|baseline| {
        let version = scene.action.agent.version.as_ref().map(|version| version.as_str());
        baseline.version_key(version) != baseline.learned().version
    }) {
        reasons.add("agent.version_changed", 10);
    }
    // What it usually fails at says whether it probes.
    let learned = scene.facts.baseline.as_ref().map(|baseline| baseline.learned());
    if learned.is_some_and(|it| it.failures.saturating_mul(10) > it.observed && it.observed > 0) {
        reasons.add("agent.often_refused", 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use action::{Dimension, Json};

    use crate::detect::state::Limits;
    use crate::detect::state::testing::{action, now};
    use crate::facts::Facts;
    use crate::score::FACTORS;

    fn part(known: &str) -> u8 {
        let (read, facts) = (action("{}"), Json::parse_as::<Facts>(known.as_bytes()).unwrap());
        let scene = Scene::new(&read, &facts, now(), &[], &Limits::default());
        let mut reasons = Reasons::new(Dimension::Agent);
        weigh(&scene, &mut reasons);
        reasons.part()
    }

    #[test]
    fn everything_that_the_table_names_counts_and_nothing_else() {
        let quiet = r#""registered": true, "first_seen": "2025-01-01T00:00:00Z""#;
        let with = |more: &str| part(&format!(r#"{{ "agent": {{ {quiet}{more} }} }}"#));
        let least = with("");
        for (named, raised) in [
            ("registration", part(r#"{ "agent": { "first_seen": "2025-01-01T00:00:00Z" } }"#)),
            ("age", part(r#"{ "agent": { "registered": true } }"#)),
            ("freeze", with(r#", "frozen": true"#)),
            ("credentials", with(r#", "elevated": true"#)),
            ("alerts", with(r#", "recent_alerts": 1"#)),
            ("refusals", with(r#", "recent_blocks": 1"#)),
        ] {
            assert!(raised > least, "{named}");
            assert!(FACTORS[Dimension::Agent.index()].about.contains(named), "{named}");
        }
        let tainted = part(&format!(
            r#"{{ "agent": {{ {quiet} }}, "session": {{ "taint": {{ "channels": ["retrieved"] }} }} }}"#
        ));
        assert_eq!(tainted, least, "taint belongs to the session, which policy asks about");
    }
}
