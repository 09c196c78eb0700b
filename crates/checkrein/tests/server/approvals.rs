//! Held actions: decided by the right people, released once, over restarts.

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server, refund, until};

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

/// A held action, as its caller knows it.
pub struct Held {
    pub id: String,
    token: String,
    action: Value,
}

impl Held {
    pub fn resume(&self, agent: &Agent, claim: &str) -> crate::harness::Reply {
        resume(agent, &self.id, &self.token, &self.action, claim)
    }
}

pub fn held_action(agent: &Agent) -> Held {
    let (id, token, action) = held(agent);
    Held { id, token, action }
}

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

#[test]
fn a_comment_is_shown_to_operators_and_stands_on_the_ledger_as_a_hash() {
    let mut server = Server::with(&SETTINGS.replace("capture: full", "capture: metadata"), RULES);
    let agent = server.agent("shop-helper", &[]);
    let eva = server.operator("eva", &["approver"]);
    let held = held_action(&agent);
    let canary = "asked the customer by phone, walrus-8841";
    let approve = |body: &Value| {
        server.as_operator(&eva, "POST", &format!("/api/v1/approvals/{}/approve", held.id), Some(body))
    };
    let long = json!({ "comment": "x".repeat(4097) });
    assert_eq!(approve(&long).is(400)["error"]["code"], "comment_too_long");
    approve(&json!({ "comment": canary, "channel": "dashboard" })).is(200);
    for path in [format!("/api/v1/approvals/{}", held.id), format!("/api/v1/decisions/{}", held.id)] {
        until("the comment is shown", || {
            let told = server.as_operator(&server.admin, "GET", &path, None);
            told.status == 200 && told.json()["said"][0]["comment"] == canary
        });
        assert_eq!(server.look(&path)["said"][0]["channel"], "dashboard");
    }
    let auditor = server.operator("otto", &["auditor"]);
    let records = server.as_operator(&auditor, "GET", "/api/v1/ledger/records", None);
    assert!(records.body.contains("\"comment\":{") && !records.body.contains("walrus"));
    assert_eq!(held.resume(&agent, "one").is(200)["outcome"], "run");

    // The words are the approver's: they go with that person, and the decision stays.
    server.operate("POST", "/api/v1/erasures", &json!({ "person": "eva", "basis": "gdpr.17" })).is(200);
    let told = server.look(&format!("/api/v1/decisions/{}", held.id));
    assert_eq!((&told["said"][0]["comment_gone"], &told["said"][0]["comment"]), (&json!(true), &Value::Null));
    assert!(server.stop().success());
    assert_eq!(crate::evidence::holds(&server.folder, b"walrus-8841"), [] as [String; 0]);
}

#[test]
fn who_was_handed_a_queue_decides_in_the_place_of_the_other_and_the_two_are_one() {
    let server = Server::with(
        &SETTINGS
            .replace("explain:", "approval: { needed: 2, from: [eva, maria@shop.example, zoe] }, explain:"),
        RULES,
    );
    let agent = server.agent("shop-helper", &[]);
    let people = ["eva", "tom", "maria@shop.example", "zoe"].map(|name| server.operator(name, &["approver"]));
    let [eva, tom, maria, zoe] = &people;
    let held = held_action(&agent);
    let approve = |token: &str| {
        server.as_operator(token, "POST", &format!("/api/v1/approvals/{}/approve", held.id), Some(&json!({})))
    };
    assert_eq!(approve(tom).is(403)["error"]["code"], "not_your_queue");

    let until_then = crate::operators::in_seconds(3600);
    let hand_on = |token: &str, to: &str| {
        let body = json!({ "until": until_then, "reason": "holiday" });
        server.as_operator(token, "PUT", &format!("/api/v1/delegations/{to}"), Some(&body))
    };
    // Maria asked for it: by the hand of Tom it does not go on either.
    hand_on(maria, "tom").is(201);
    until("the delegation is in force", || approve(tom).json()["error"]["code"] == "hold_own_action");
    server.as_operator(maria, "DELETE", "/api/v1/delegations/tom", None).is(200);
    assert_eq!(server.as_operator(maria, "DELETE", "/api/v1/delegations/tom", None).status, 404);
    until("it is taken back", || approve(tom).json()["error"]["code"] == "not_your_queue");

    hand_on(eva, "tom").is(201);
    assert_eq!(hand_on(eva, "admin-who-is-not").status, 404);
    assert_eq!(server.look("/api/v1/delegations")[0]["delegate"], "tom");
    let mine = || {
        let waiting = server.as_operator(tom, "GET", "/api/v1/approvals", None).is(200);
        waiting[0]["mine"] == true
    };
    until("the queue is Tom's as well", mine);
    assert_eq!(approve(tom).is(200)["approval"], "pending");
    assert_eq!(approve(eva).is(409)["error"]["code"], "hold_voted_already", "the two are one approval");
    let told = || server.told(&json!({ "id": held.id }));
    until("the vote is in the index", || told()["said"][0]["in_place_of"].is_string());
    assert_ne!(told()["said"][0]["by"], told()["said"][0]["in_place_of"]);

    // What stands for Tom and Eva is known after a crash as well.
    let key = agent.key.clone();
    let server = server.crash_and_restart();
    let path = format!("/api/v1/approvals/{}/approve", held.id);
    let again = server.as_operator(eva, "POST", &path, Some(&json!({}))).is(409);
    assert_eq!(again["error"]["code"], "hold_voted_already");
    assert_eq!(server.as_operator(zoe, "POST", &path, Some(&json!({}))).is(200)["approval"], "approved");
    let agent = Agent { address: server.agents, key };
    assert_eq!(held.resume(&agent, "one").is(200)["outcome"], "run");
}
