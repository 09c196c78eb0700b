//! Session anomaly: context that does not fit the identity the session was opened for, or what is
//! stated about an action that does not fit the action.

use action::{Confidence, Detection, Name, Severity, Vector};

use super::{Limits, fact};
use crate::detect::Scene;
use crate::facts::DenyEntry;
use crate::facts::counters::HOUR;

pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    let (action, facts) = (scene.action, scene.facts);
    let mut report = |rule, severity, confidence| {
        out.push(fact(Vector::SessionAnomaly, rule, severity, confidence));
    };
    let held = |entry: &DenyEntry| entry.expires.is_none_or(|end| scene.now < end);
    if facts.access.denied.iter().any(held) {
        report("session.denied", Severity::Critical, Confidence::CRITICAL);
    }
    if facts.agent.frozen {
        report("session.agent_frozen", Severity::Critical, Confidence::CRITICAL);
    }
    if !facts.agent.registered {
        report("session.agent_unregistered", Severity::Low, Confidence::LOW);
    }

    if let Some(opened) = &facts.session.opened {
        // What is unknown on either side is no change.
        let changed =
            |was: Option<&Name>, is: Option<&Name>| matches!((was, is), (Some(was), Some(is)) if was != is);
        let principal = action.principal.as_ref().map(|principal| &principal.id);
        if changed(opened.principal.as_ref(), principal) {
            report("session.principal_changed", Severity::High, Confidence::HIGH);
        }
        if changed(opened.agent.as_ref(), Some(&action.agent.name)) {
            report("session.agent_changed", Severity::Medium, Confidence::MEDIUM);
        }
        if changed(opened.version.as_ref(), action.agent.version.as_ref()) {
            report("session.version_changed", Severity::Medium, Confidence::MEDIUM);
        }
        if changed(opened.device.as_ref(), facts.session.device.as_ref()) {
            report("session.device_changed", Severity::Medium, Confidence::MEDIUM);
        }
        if changed(opened.region.as_ref(), facts.place.region.as_ref()) {
            report("session.region_changed", Severity::High, Confidence::HIGH);
        }
        if opened.network.is_some_and(|network| network.is_left_for(facts.place.network)) {
            report("session.network_changed", Severity::Medium, Confidence::MEDIUM);
        }
    }

    // What is stated beside the payload, and contradicted by it.
    if scene.money.is_some_and(|money| money.contradicted) {
        report("session.amount_understated", Severity::High, Confidence::HIGH);
    } else if scene.money.is_some_and(|money| !money.stated) {
        report("session.amount_unstated", Severity::Low, Confidence::LOW);
    }
    if action.count.is_some_and(|count| count < scene.records) {
        report("session.count_understated", Severity::Low, Confidence::LOW);
    }

    let seconds = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX).saturating_mul(1000);
    let ahead = action.time.millis().saturating_sub(scene.now.millis());
    if ahead > seconds(limits.clock_skew_seconds) {
        report("session.time_ahead", Severity::Medium, Confidence::HIGH);
    } else if ahead.saturating_neg() > seconds(limits.stale_seconds) {
        report("session.time_stale", Severity::Medium, Confidence::MEDIUM);
    }
    if let Some(started) = facts.session.started {
        let hours = i64::try_from(limits.session_hours).unwrap_or(i64::MAX).saturating_mul(HOUR);
        if scene.now.since(started) > hours {
            report("session.too_old", Severity::Medium, Confidence::MEDIUM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const OPENED: &str = r#"{ "place": { "network": "trusted", "region": "eu-west-1" },
        "session": { "device": "sdk-1", "started": "2026-03-03T11:00:00Z",
            "opened": { "principal": "ann", "agent": "shop-bot", "version": "1", "network": "trusted",
                        "region": "eu-west-1", "device": "sdk-1" } } }"#;
    const ANN: &str = r#"{ "principal": { "id": "ann" } }"#;

    #[test]
    fn the_same_context_is_quiet_and_each_change_is_named() {
        assert!(found(find, &action(ANN), &facts(OPENED)).is_empty());
        for (change, rule) in [
            (OPENED.replace(r#""principal": "ann""#, r#""principal": "bob""#), "session.principal_changed"),
            (OPENED.replace(r#""agent": "shop-bot""#, r#""agent": "hr-bot""#), "session.agent_changed"),
            (OPENED.replace(r#""version": "1""#, r#""version": "2""#), "session.version_changed"),
            (
                OPENED.replace(r#""device": "sdk-1", "started""#, r#""device": "x", "started""#),
                "session.device_changed",
            ),
            (OPENED.replacen("eu-west-1", "ap-south-1", 1), "session.region_changed"),
            (OPENED.replacen("trusted", "internet", 1), "session.network_changed"),
            (OPENED.replace("2026-03-03T11", "2026-03-01T11"), "session.too_old"),
        ] {
            assert_eq!(rules(&found(find, &action(ANN), &facts(&change))), [rule]);
        }
    }

    #[test]
    fn what_is_stated_and_contradicted_by_the_payload_is_named() {
        let pay = |more: &str| action(&format!(r#"{{ "kind": "payment", "operation": "pay", {more} }}"#));
        for (more, rules_expected) in [
            (r#""amount": { "value": 99, "currency": "USD" }, "payload": { "amount": 99 }"#, &[][..]),
            (
                r#""amount": { "value": 99, "currency": "USD" }, "payload": { "amount": 500000 }"#,
                &["session.amount_understated"],
            ),
            (r#""payload": { "amount": 50 }"#, &["session.amount_unstated"]),
            (r#""count": 2, "payload": { "ids": [1, 2, 3] }"#, &["session.count_understated"]),
            (r#""count": 2, "payload": { "limit": "2" }"#, &[]),
        ] {
            assert_eq!(
                rules(&found(find, &pay(more), &facts(r#"{ "agent": { "registered": true } }"#))),
                rules_expected,
                "{more}"
            );
        }
    }

    #[test]
    fn what_is_unknown_is_no_change() {
        assert!(found(find, &action("{}"), &facts(r#"{ "session": { "opened": {} } }"#)).is_empty());
        let no_region = OPENED.replacen(r#", "region": "eu-west-1" }"#, "}", 1);
        assert!(found(find, &action(ANN), &facts(&no_region)).is_empty());
    }

    #[test]
    fn impossible_times_are_named() {
        let at = |time: &str| action(&format!(r#"{{ "time": "{time}" }}"#));
        assert_eq!(rules(&found(find, &at("2026-03-03T12:30:00Z"), &facts("{}"))), ["session.time_ahead"]);
        assert_eq!(rules(&found(find, &at("2026-03-01T12:00:00Z"), &facts("{}"))), ["session.time_stale"]);
        assert!(found(find, &at("2026-03-03T11:30:00Z"), &facts("{}")).is_empty());
    }

    #[test]
    fn a_kill_meets_every_retry_until_it_expires() {
        let denied = |expires: &str| {
            facts(&format!(r#"{{ "access": {{ "denied": [{{ "key": "session"{expires} }}] }} }}"#))
        };
        assert_eq!(rules(&found(find, &action("{}"), &denied(""))), ["session.denied"]);
        let later = denied(r#", "expires": "2026-03-03T13:00:00Z""#);
        assert_eq!(rules(&found(find, &action("{}"), &later)), ["session.denied"]);
        let past = denied(r#", "expires": "2026-03-03T11:00:00Z""#);
        assert!(found(find, &action("{}"), &past).is_empty());
    }

    #[test]
    fn a_frozen_agent_is_certain() {
        let found = found(find, &action("{}"), &facts(r#"{ "agent": { "frozen": true } }"#));
        assert_eq!(found[0].confidence, Confidence::CRITICAL);
    }
}
