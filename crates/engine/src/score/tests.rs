use action::{
    Action, Confidence, Detection, Dimension, Evidence, Json, Place, SensitiveClass, Severity, Timestamp,
    Vector,
};
use proptest::prelude::*;

use super::*;
use crate::detect::state::Limits;
use crate::facts::Facts;

fn action(text: &str) -> Action {
    Json::parse_as(text.as_bytes()).unwrap()
}

fn facts(text: &str) -> Facts {
    Json::parse_as(text.as_bytes()).unwrap()
}

fn weighed(action: &Action, facts: &Facts, classes: &[SensitiveClass], detections: &[Detection]) -> Scored {
    let limits = Limits::default();
    let scene = Scene::new(action, facts, action.time, classes, &limits);
    let mut all = detections.to_vec();
    crate::detect::VECTORS
        .iter()
        .filter_map(|row| row.scene)
        .for_each(|look| look(&scene, &limits, &mut all));
    weigh(&scene, &all, &Weights::default())
}

fn hit(
    vector: Vector,
    confidence: Confidence,
    class: Option<SensitiveClass>,
    place: Option<Place>,
) -> Detection {
    let evidence = place.map(|place| Evidence { place, start: 0, end: 1, via: Vec::new() });
    Detection { vector, rule: "test.rule".into(), severity: Severity::High, confidence, class, evidence }
}

fn injection() -> Detection {
    hit(
        Vector::PromptInjection,
        Confidence::HIGH,
        None,
        Some(Place::Context { index: 0, channel: action::Channel::Retrieved }),
    )
}

/// The reference scenario: a customer's message made the finance agent try a bulk refund and the
/// deletion of the audit trail, an hour after its usual day.
const REFERENCE: &str = r#"{
    "kind": "payment", "operation": "pay", "tool": "bulk_refund",
    "resource": { "type": "refund" },
    "amount": { "value": 500000, "currency": "USD" },
    "agent": { "name": "finance-bot", "version": "2" },
    "environment": "production", "time": "2026-03-03T18:20:00Z",
    "payload": { "scope": "all_orders", "amount": 500000, "then": "delete_audit_trail" } }"#;
const REFERENCE_FACTS: &str = r#"{
    "scope": { "mode": "enforce" },
    "agent": { "registered": true, "roles": ["Finance-Agent"], "elevated": true, "recent_alerts": 4,
               "recent_blocks": 1, "first_seen": "2026-02-12T08:00:00Z" },
    "place": { "network": "trusted" },
    "baseline": { "typical": { "hours": [9, 17], "tools": ["refund"], "resources": ["refund"],
                               "operations": ["pay", "read"], "amount": 80 } } }"#;

#[test]
fn the_reference_scenario_scores_94() {
    let (action, facts) = (action(REFERENCE), facts(REFERENCE_FACTS));
    let scored = weighed(&action, &facts, &[], &[injection()]);
    assert_eq!(scored.score.parts, [100, 70, 50, 80, 95, 100, 90], "{:#?}", explain(&scored));
    assert_eq!((scored.score.base, scored.score.uplift, scored.score.value), (89, 5, 94));
}

/// A jailbroken agent with valid credentials dumps the customers through an API.
const DUMP: &str = r#"{
    "kind": "external_call", "operation": "send", "tool": "export_customers",
    "resource": { "type": "customer_pii", "destinations": ["https://paste.example/upload"] },
    "count": 48000,
    "agent": { "name": "support-bot" }, "environment": "production", "time": "2026-03-03T11:00:00Z",
    "payload": { "fields": ["name", "email", "ssn"], "filter": "all" } }"#;
const DUMP_FACTS: &str = r#"{
    "agent": { "registered": true, "first_seen": "2025-06-01T00:00:00Z" },
    "place": { "network": "trusted" },
    "baseline": { "typical": { "hours": [8, 18], "tools": ["get_customer"], "resources": ["customer"],
                               "operations": ["read"], "records": 1 } } }"#;

#[test]
fn a_dump_of_customer_data_reaches_the_top_band() {
    let scored = weighed(&action(DUMP), &facts(DUMP_FACTS), &[], &[]);
    assert!(scored.score.value >= 86, "{:?} {:#?}", scored.score, explain(&scored));
}

/// One permission, two ways to use it.
const PROFILE_FACTS: &str = r#"{
    "agent": { "registered": true, "recent_alerts": 3, "first_seen": "2025-06-01T00:00:00Z" },
    "place": { "network": "trusted" },
    "baseline": { "typical": { "hours": [8, 18], "tools": ["get_profile"], "resources": ["customer_profile"],
                               "operations": ["read"], "records": 1 } } }"#;

#[test]
fn one_profile_at_noon_is_low() {
    let read = action(
        r#"{ "kind": "database", "operation": "read", "tool": "get_profile",
        "resource": { "type": "customer_profile" }, "count": 1, "agent": { "name": "crm-bot" },
        "environment": "production", "time": "2026-03-03T12:00:00Z", "payload": { "id": "c-17" } }"#,
    );
    let scored = weighed(&read, &facts(PROFILE_FACTS), &[], &[]);
    assert_eq!(scored.score.parts, [20, 30, 5, 40, 5, 10, 40], "{:#?}", explain(&scored));
    assert!(scored.score.value < 40);
}

#[test]
fn a_hundred_thousand_profiles_at_night_to_the_outside_is_critical() {
    let send = action(
        r#"{ "kind": "external_call", "operation": "send", "tool": "get_profile",
        "resource": { "type": "customer_profile", "destinations": ["https://collector.example/in"] },
        "count": 100000, "agent": { "name": "crm-bot" },
        "environment": "production", "time": "2026-03-03T03:00:00Z", "payload": { "id": "*" } }"#,
    );
    let scored = weighed(&send, &facts(PROFILE_FACTS), &[], &[]);
    assert_eq!(scored.score.parts, [100, 30, 90, 80, 95, 90, 80], "{:#?}", explain(&scored));
    assert_eq!(scored.score.base, 88);
    assert!(scored.score.value >= 86);
}

#[test]
fn a_dump_that_is_called_a_read_is_still_a_dump() {
    let read = DUMP.replace(r#""operation": "send""#, r#""operation": "read""#);
    let scored = weighed(&action(&read), &facts(DUMP_FACTS), &[], &[]);
    assert!(scored.score.value >= 86, "{:?} {:#?}", scored.score, explain(&scored));
}

#[test]
fn one_mail_to_one_customer_stays_below_approval() {
    let mail = action(
        r#"{ "kind": "communication", "operation": "send", "tool": "send_mail",
        "resource": { "type": "customer_mail", "destinations": ["mira@example.net"] }, "count": 1,
        "agent": { "name": "support-bot" }, "environment": "production", "time": "2026-03-03T11:00:00Z",
        "payload": { "subject": "Your order", "body": "It is on its way." } }"#,
    );
    let facts = facts(
        r#"{ "agent": { "registered": true, "first_seen": "2025-06-01T00:00:00Z" },
        "baseline": { "typical": { "hours": [8, 18], "tools": ["send_mail"], "resources": ["customer_mail"],
                                   "operations": ["send"], "destinations": ["example.net"], "records": 1 } } }"#,
    );
    let scored = weighed(&mail, &facts, &[], &[]);
    assert!(scored.score.value < 60, "{:?} {:#?}", scored.score, explain(&scored));
}

#[test]
fn small_refunds_stay_below_approval_for_a_known_agent() {
    let refund = |value: u32| {
        action(&format!(
            r#"{{ "kind": "payment", "operation": "pay", "tool": "refund", "resource": {{ "type": "payment" }},
            "amount": {{ "value": {value}, "currency": "USD" }}, "agent": {{ "name": "finance-bot", "version": "2" }},
            "environment": "production", "time": "2026-03-03T14:00:00Z", "payload": {{ "order": "17" }} }}"#
        ))
    };
    let facts = facts(&REFERENCE_FACTS.replace(r#""resources": ["refund"]"#, r#""resources": ["payment"]"#));
    let value = |amount| weighed(&refund(amount), &facts, &[], &[]).score.value;
    assert!(value(99) < 60, "{}", value(99));
    assert!(value(99) <= value(500) && value(500) <= value(1_001) && value(1_001) < 86);
}

#[test]
fn personal_data_that_leaves_adds_at_least_ten_and_at_rest_adds_nothing() {
    let place = || Some(Place::Payload { pointer: "/body".into() });
    let found = [hit(Vector::Pii, Confidence::HIGH, Some(SensitiveClass::Ssn), place())];
    let classes = [SensitiveClass::Ssn];
    let send = action(&DUMP.replace("48000", "1"));
    let out = weighed(&send, &facts("{}"), &classes, &found);
    let mut kept = send.clone();
    kept.kind = action::ActionKind::Database;
    kept.operation = action::Operation::Write;
    kept.resource.destinations.clear();
    let at_rest = weighed(&kept, &facts("{}"), &classes, &found);
    let points = |scored: &Scored| scored.reasons.iter().find(|r| r.id == "pii").map_or(0, |r| r.points);
    assert!(points(&out) >= 10);
    assert_eq!(points(&at_rest), 0);
}

#[test]
fn a_fact_that_a_dimension_counted_is_not_counted_again() {
    // Unregistered raises the agent part and is a session anomaly; only the part may grow.
    let read = action(&REFERENCE.replace(r#""operation": "pay""#, r#""operation": "read""#));
    let known = weighed(&read, &facts(r#"{ "agent": { "registered": true } }"#), &[], &[]);
    let unknown = weighed(&read, &facts("{}"), &[], &[]);
    assert!(unknown.score.part(Dimension::Agent) > known.score.part(Dimension::Agent));
    assert_eq!(unknown.score.uplift, known.score.uplift);
}

#[test]
fn every_part_is_explained_by_its_reasons() {
    let scored = weighed(&action(REFERENCE), &facts(REFERENCE_FACTS), &[], &[injection()]);
    for dimension in Dimension::ALL {
        let sum: i32 = scored
            .reasons
            .iter()
            .filter(|reason| reason.dimension == Some(*dimension))
            .map(|reason| i32::from(reason.points))
            .sum();
        assert_eq!(sum.clamp(0, 100), i32::from(scored.score.part(*dimension)), "{dimension}");
    }
    assert!(explain(&scored).contains(&"uplift +5 prompt_injection".to_owned()));
}

fn any_hit() -> impl Strategy<Value = Detection> {
    (0usize..12, 0u8..=100)
        .prop_map(|(vector, confidence)| hit(Vector::ALL[vector], Confidence::new(confidence), None, None))
}

proptest! {
    #[test]
    fn the_uplift_is_bounded_and_the_score_is_the_sum(hits in proptest::collection::vec(any_hit(), 0..30)) {
        let scored = weighed(&action(DUMP), &facts("{}"), &[], &hits);
        prop_assert!(scored.score.uplift <= 15);
        prop_assert_eq!(scored.score.value, (scored.score.base + scored.score.uplift).min(100));
    }

    #[test]
    fn one_more_hit_never_lowers_the_score(hits in proptest::collection::vec(any_hit(), 1..10)) {
        let fewer = weighed(&action(DUMP), &facts("{}"), &[], &hits[1..]);
        let more = weighed(&action(DUMP), &facts("{}"), &[], &hits);
        prop_assert!(more.score.value >= fewer.score.value);
    }

    #[test]
    fn every_action_is_weighed_within_bounds_and_alike_each_time(
        count in proptest::option::of(any::<u64>()),
        amount in proptest::option::of(any::<i64>()),
        time in any::<i64>(),
        now in any::<i64>(),
    ) {
        let mut action = action(DUMP);
        action.count = count;
        action.time = Timestamp::from_millis(time);
        action.amount = amount.map(|value| action::Amount {
            value: action::Decimal::from_int(value),
            currency: action::Name::new("USD").unwrap(),
        });
        let facts = facts(DUMP_FACTS);
        let limits = Limits::default();
        let weigh = || {
            let scene = Scene::new(&action, &facts, Timestamp::from_millis(now), &[], &limits);
            super::weigh(&scene, &[], &Weights::default())
        };
        let scored = weigh();
        prop_assert!(scored.score.value <= 100 && scored.score.parts.iter().all(|part| *part <= 100));
        prop_assert_eq!(serde_json::to_vec(&scored.score).unwrap(), serde_json::to_vec(&weigh().score).unwrap());
    }
}
