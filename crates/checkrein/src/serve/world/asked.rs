//! Whoever asks before it acts, over a disk that stalls and a clock that jumps.

use std::time::{Duration, Instant};

use ledger::Clock as _;
use serde_json::{Value, json};

use super::speak::{Agent, refund, until};
use super::{World, key};

/// A12: no decision for 5 s. What then happens is what each environment chose, and nothing else.
#[test]
fn a12_after_five_seconds_without_a_decision_open_lets_through_and_closed_drops() {
    let (_kept, world) = World::new(&["refunds.yaml"]);
    let open = world.agent("stager", "staging", &key());
    let closed = world.agent("payer", "production", &key());
    let mut once = refund(7);
    once["idempotency_key"] = json!("seven");
    open.ask(&refund(1)).is(200);
    closed.ask(&refund(1)).is(200);
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"yes\"}"), 0);

    world.disk.stall(true);
    let timed = |agent: &Agent, action: &Value| {
        let start = Instant::now();
        (agent.ask(action), start.elapsed())
    };
    let ((passed, waited), (dropped, waited_too)) = std::thread::scope(|scope| {
        let passed = scope.spawn(|| timed(&open, &refund(2)));
        let dropped = scope.spawn(|| timed(&closed, &once));
        (passed.join().unwrap(), dropped.join().unwrap())
    });
    let limit = gateway::limits::DECIDE_WITHIN;
    assert!(waited >= limit && waited_too >= limit, "{waited:?}, {waited_too:?}: not before its time");
    let passed = passed.is(200);
    assert_eq!((&passed["outcome"], &passed["unrecorded"]), (&json!("run"), &json!(true)));
    assert_eq!(dropped.is(503)["error"]["code"], "no_decision_in_time");
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"yes\"}"), 1);
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"no\"}"), 1);
    // While its record may still come, the same question under its key is not decided again.
    assert_eq!(closed.ask(&once).is(409)["error"]["code"], "still_deciding");

    world.disk.stall(false);
    let mut again = Value::Null;
    until("what was decided in time or not is known by its key", || {
        let reply = closed.ask(&once);
        again = if reply.status == 200 { reply.json() } else { Value::Null };
        again != Value::Null
    });
    assert_eq!((&again["outcome"], &again["repeated"]), (&json!("run"), &json!(true)));
    let with_id = |id: &Value| world.records().iter().filter(|it| it["decision"]["id"] == *id).count();
    assert_eq!(with_id(&again["id"]), 1, "one question, one record");
    until("the pass without a record is told", || {
        let findings = world.look("/api/v1/findings");
        findings["items"].as_array().unwrap().iter().any(|it| it["rule"] == "ledger.open_passes")
    });
    closed.ask(&refund(3)).is(200);
    let world = world.again();
    assert_eq!(world.records().iter().filter(|it| it["decision"]["id"] == again["id"]).count(), 1);
    world.end_and_verify();
}

/// A write that the rules of the test hold for a person.
fn held() -> Value {
    json!({
        "kind": "record_change", "operation": "write", "tool": "crm_update",
        "resource": { "type": "crm_record", "name": "contacts" },
        "payload": { "id": "k-77", "fields": { "status": "qualified" } },
        "principal": { "id": "maria@shop.example" },
    })
}

fn reading() -> Value {
    json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file" }, "payload": {},
    })
}

/// A clock that is set by hours, ahead and back: what has a time ends by the time of day as it is read
/// then, nothing that was acknowledged is lost, and the ledger says that the clock was set.
#[test]
fn a_clock_that_jumps_by_hours_loses_nothing_and_is_on_the_ledger() {
    let (_kept, world) = World::new(&["read-write.yaml"]);
    let agent = world.agent("shop-helper", "production", &key());
    let in_one_hour = world.clock.now().timestamp().plus_millis(3_600_000).to_string();
    let short = world.agent("short", "production", &json!({ "label": "test", "expires": in_one_hour }));
    let thrifty = world.agent("thrifty", "production", &key());
    let limit = json!({ "agent": "thrifty", "settings": { "requests_per_day": 2 } });
    world.operate("PUT", "/api/v1/settings", &limit).is(200);
    until("the budget is in force and spent", || thrifty.ask(&reading()).status == 429);

    let mut acknowledged = Vec::new();
    let waits = |acknowledged: &mut Vec<Value>| {
        let answer = agent.ask(&held()).is(202);
        acknowledged.push(answer["id"].clone());
        answer
    };
    let state = |answer: &Value| {
        let id = answer["id"].as_str().unwrap();
        agent.get(&format!("/ask/v1/decisions/{id}")).is(200)["state"].clone()
    };
    let before = waits(&mut acknowledged);

    // Five hours back. Nothing expires, nothing opens: what was waiting waits, the budget stays spent.
    world.clock.set(-5);
    let during = waits(&mut acknowledged);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!((state(&before), state(&during)), (json!("pending"), json!("pending")));
    assert_ne!(short.ask(&reading()).status, 401);
    assert_eq!(thrifty.ask(&reading()).is(429)["error"]["code"], "budget_spent");
    let approve = format!("/api/v1/approvals/{}/approve", before["id"].as_str().unwrap());
    world.operate("POST", &approve, &json!({})).is(200);
    let resume = json!({ "token": before["hold"]["token"], "action": held(), "claim": "one" });
    let path = format!("/ask/v1/decisions/{}/resume", before["id"].as_str().unwrap());
    assert_eq!(
        agent.post(&path, &resume).is(200)["outcome"],
        "run",
        "released once, at a time before its request"
    );

    // Thirty hours ahead: deadlines and keys are over, and a new day has a new budget.
    world.clock.set(30);
    until("what waited has expired", || state(&during) == "expired");
    let token = json!({ "token": during["hold"]["token"], "action": held(), "claim": "one" });
    let path = format!("/ask/v1/decisions/{}/resume", during["id"].as_str().unwrap());
    assert_eq!(agent.post(&path, &token).status, 403, "expired is refused");
    assert_eq!(short.ask(&reading()).status, 401);
    assert_ne!(thrifty.ask(&reading()).status, 429);
    let later = waits(&mut acknowledged);

    // And back to now. What has expired stays so; a key is good again, since only its time had passed.
    world.clock.set(0);
    assert_eq!(state(&during), "expired");
    assert_eq!(state(&later), "pending");
    assert_ne!(short.ask(&reading()).status, 401);
    assert_ne!(thrifty.ask(&reading()).status, 429, "the second of the two of the new day");
    assert_eq!(thrifty.ask(&reading()).status, 429, "the day before gives no third budget");
    acknowledged.push(agent.ask(&reading()).json()["id"].clone());

    let check = |world: &World| {
        let records = world.records();
        for id in &acknowledged {
            assert_eq!(records.iter().filter(|it| it["decision"]["id"] == *id).count(), 1, "{id}");
        }
        records.iter().filter(|it| it["kind"] == "clock").count()
    };
    assert_eq!(check(&world), 3, "each jump is a record");
    let world = world.again();
    assert!(check(&world) >= 3);
    world.end_and_verify();
}
