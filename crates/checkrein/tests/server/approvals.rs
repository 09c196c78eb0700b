//! Held actions: decided by the right people, released once, over restarts.

use serde_json::{Value, json};

use crate::harness::{Agent, Server, refund};

/// A write in production, which the rules of these tests hold for a person.
fn held(agent: &Agent) -> (String, String, Value) {
    let action = json!({
        "kind": "record_change", "operation": "write", "tool": "crm_update",
        "resource": { "type": "crm_record", "name": "contacts" },
        "payload": { "id": "k-77", "fields": { "status": "qualified" } },
        "principal": { "id": "maria@shop.example" },
    });
    let answer = agent.ask(&action).is(202);
    assert_eq!(answer["outcome"], "wait");
    let id = answer["id"].as_str().unwrap().to_owned();
    (id, answer["hold"]["token"].as_str().unwrap().to_owned(), action)
}

fn resume(agent: &Agent, id: &str, token: &str, action: &Value, claim: &str) -> crate::harness::Reply {
    let body = json!({ "token": token, "action": action, "claim": claim });
    agent.post(&format!("/ask/v1/decisions/{id}/resume"), &body)
}

const RULES: &[&str] = &["read-write.yaml"];

#[test]
fn an_approved_action_goes_on_once_and_a_denied_one_never() {
    let server = Server::start(RULES);
    let agent = server.agent("shop-helper", &[]);
    let approver = server.operator("eva", &["approver", "viewer"]);
    let (id, token, action) = held(&agent);
    assert_eq!(resume(&agent, &id, &token, &action, "one").is(409)["error"]["code"], "hold_not_approved");

    let path = format!("/api/v1/approvals/{id}");
    let waiting = server.as_operator(&approver, "GET", "/api/v1/approvals", None).is(200);
    assert!(waiting.as_array().unwrap().iter().any(|row| row["id"] == id.as_str() && row["mine"] == true));
    let viewer = server.operator("victor", &["viewer"]);
    assert_eq!(server.as_operator(&viewer, "POST", &format!("{path}/approve"), Some(&json!({}))).status, 403);
    server.as_operator(&approver, "POST", &format!("{path}/approve"), Some(&json!({}))).is(200);

    let mut other = action.clone();
    other["payload"]["id"] = json!("k-78");
    assert_eq!(resume(&agent, &id, &token, &other, "one").is(403)["error"]["code"], "bad_token");
    let stranger = server.agent("stranger", &[]);
    assert_eq!(resume(&stranger, &id, &token, &action, "one").status, 404);

    assert_eq!(resume(&agent, &id, &token, &action, "one").is(200)["outcome"], "run");
    assert_eq!(resume(&agent, &id, &token, &action, "one").is(200)["repeated"], true);
    assert_eq!(resume(&agent, &id, &token, &action, "two").is(409)["error"]["code"], "hold_released_already");
    let report = format!("/ask/v1/decisions/{id}/outcome");
    for _ in 0..2 {
        let said = agent.post(&report, &json!({ "outcome": "executed" })).is(202);
        assert_eq!(said["agrees"], true, "it was let go, however often it is reported");
    }

    let (id, token, action) = held(&agent);
    server.as_operator(&approver, "POST", &format!("/api/v1/approvals/{id}/deny"), Some(&json!({}))).is(200);
    assert_eq!(resume(&agent, &id, &token, &action, "three").is(409)["error"]["code"], "hold_not_approved");
    assert_eq!(agent.get(&format!("/ask/v1/decisions/{id}")).is(200)["state"], "denied");
}

#[test]
fn a_held_action_survives_crashes_and_is_released_once() {
    let server = Server::start(RULES);
    let agent = server.agent("shop-helper", &[]);
    let (id, token, action) = held(&agent);
    let key = agent.key.clone();
    let server = server.crash_and_restart();
    let agent = Agent { address: server.agents, key: key.clone() };
    server.operate("POST", &format!("/api/v1/approvals/{id}/approve"), &json!({})).is(200);
    let server = server.crash_and_restart();
    let agent = Agent { address: server.agents, ..agent };
    assert_eq!(resume(&agent, &id, &token, &action, "one").is(200)["outcome"], "run");
    let server = server.crash_and_restart();
    let agent = Agent { address: server.agents, ..agent };
    assert_eq!(
        resume(&agent, &id, &token, &action, "one").is(200)["repeated"],
        true,
        "the same caller, again"
    );
    assert_eq!(resume(&agent, &id, &token, &action, "two").status, 409, "nobody else");
}

#[test]
fn who_waits_is_woken_by_the_decision() {
    let server = Server::start(RULES);
    let agent = server.agent("shop-helper", &[]);
    let (id, _, _) = held(&agent);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| agent.get(&format!("/ask/v1/decisions/{id}?wait=20")).is(200));
        server.operate("POST", &format!("/api/v1/approvals/{id}/approve"), &json!({})).is(200);
        let standing = waiting.join().unwrap();
        assert_eq!((&standing["state"], &standing["may_resume"]), (&json!("approved"), &json!(true)));
    });
    assert_eq!(agent.get("/ask/v1/decisions/dec_x?wait=9999").status, 400);
}

#[test]
fn nobody_approves_what_was_asked_for_in_their_own_name() {
    let server = Server::start(RULES);
    let agent = server.agent("shop-helper", &[]);
    let maria = server.operator("maria@shop.example", &["approver"]);
    let (id, _, _) = held(&agent);
    let path = format!("/api/v1/approvals/{id}/approve");
    let own = server.as_operator(&maria, "POST", &path, Some(&json!({}))).is(403);
    assert_eq!(own["error"]["code"], "hold_own_action");
}

#[test]
fn what_was_approved_and_is_blocked_by_now_does_not_go_on() {
    let server = Server::start(RULES);
    let agent = server.agent("shop-helper", &[]);
    let (id, token, action) = held(&agent);
    server.operate("POST", &format!("/api/v1/approvals/{id}/approve"), &json!({})).is(200);
    let rule = "
policy: closed
rules:
  - id: write.closed
    priority: 10
    note: nothing is written today
    when: { operation: write }
    then: block
";
    std::fs::write(server.folder.join("rules/closed.yaml"), rule).unwrap();
    // Asked anew until it is blocked: to try to resume would release it under the old rules.
    let other = server.agent("other", &[]);
    crate::harness::until("the stricter rule is in force", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        other.ask(&action).status == 403
    });
    assert_eq!(resume(&agent, &id, &token, &action, "one").is(403)["error"]["code"], "refused");
    assert_eq!(agent.ask(&refund(1)).status / 100, 2, "other actions go on");
}

#[test]
fn what_is_released_is_the_action_as_the_rules_change_it() {
    let server = Server::start(RULES);
    let agent = server.agent("shop-helper", &[]);
    let rule = "
policy: short
layer: agent
scope: { agent: shop-helper }
rules:
  - id: write.short
    priority: 10
    note: at most ten at once
    when: { tool: crm_update }
    then: { constrain: [ { clamp: { field: limit, at: 10, or_set: true } } ] }
";
    std::fs::write(server.folder.join("rules/short.yaml"), rule).unwrap();
    let probe = json!({
        "kind": "file", "operation": "read", "tool": "crm_update", "resource": { "type": "file" }, "payload": {},
    });
    crate::harness::until("the rule is in force", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        agent.ask(&probe).json()["outcome"] == "run_changed"
    });
    let (id, token, action) = held(&agent);
    server.operate("POST", &format!("/api/v1/approvals/{id}/approve"), &json!({})).is(200);
    let released = resume(&agent, &id, &token, &action, "one").is(203);
    assert_eq!(
        (&released["outcome"], &released["changed"]["payload"]["limit"]),
        (&json!("run_changed"), &json!(10))
    );
}
