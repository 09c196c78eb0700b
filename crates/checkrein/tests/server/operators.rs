//! What operators can do to what agents may do: freezes, approval policies, facts about agents.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server, refund, until};

/// So many seconds from now, as the API takes it.
pub fn in_seconds(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let millis = i64::try_from(now.as_millis()).unwrap() + i64::try_from(seconds).unwrap() * 1000;
    action::Timestamp::from_millis(millis).to_string()
}

fn read() -> Value {
    json!({
        "kind": "file", "operation": "read", "tool": "read_file",
        "resource": { "type": "file", "name": "menu.txt" }, "payload": { "path": "menu.txt" },
    })
}

/// The same as [`until`] with a pause: an agent that asks without one is held for that alone.
#[track_caller]
pub fn patiently(what: &str, mut holds: impl FnMut() -> bool) {
    until(what, || {
        std::thread::sleep(std::time::Duration::from_millis(250));
        holds()
    });
}

/// An agent with this profile.
fn agent_of(server: &Server, name: &str, profile: &Value) -> Agent {
    let agent = server.agent(name, &[]);
    let path = format!("/api/v1/agents/{name}");
    server.operate("PUT", &path, profile).is(200);
    agent
}

/// What operators did, newest first, once the index has an act of this name.
fn act(server: &Server, name: &str) -> Value {
    let mut found = Value::Null;
    until(&format!("`{name}` is in the index"), || {
        let acts = server.look("/api/v1/acts");
        found = acts["items"].as_array().unwrap().iter().find(|act| act["act"] == name).cloned().into();
        !found.is_null()
    });
    found
}

#[test]
fn a_frozen_scope_stands_still_in_every_mode_until_it_ends_or_is_lifted() {
    let server = Server::with(&SETTINGS.replace("mode: enforce", "mode: monitor"), &[]);
    let billing = json!({ "environments": ["production"], "application": "billing" });
    let bot = agent_of(&server, "bot", &billing);
    let other = server.agent("other", &[]);
    let analyst = server.operator("ann", &["analyst"]);
    let viewer = server.operator("victor", &["viewer"]);
    let path = "/api/v1/freezes/application:billing/production";
    let freeze = |body: &Value| server.as_operator(&analyst, "PUT", path, Some(body));
    assert_eq!(server.as_operator(&viewer, "PUT", path, Some(&json!({ "reason": "x" }))).status, 403);
    let past = json!({ "reason": "x", "until": "2020-01-01T00:00:00Z" });
    assert_eq!(freeze(&past).is(400)["error"]["code"], "expired");
    for wrong in ["/api/v1/freezes/team:x/all", "/api/v1/freezes/organisation/moon"] {
        assert_eq!(server.operate("PUT", wrong, &json!({ "reason": "x" })).status, 400, "{wrong}");
    }

    freeze(&json!({ "reason": "incident 7" })).is(201);
    assert_eq!(server.look("/api/v1/freezes")[0]["reason"], "incident 7");
    patiently("the scope stands still", || bot.ask(&read()).status == 403);
    assert_eq!(other.ask(&read()).is(200)["outcome"], "run", "nobody else does");
    let refused = bot.ask(&read()).is(403);
    let told = server.told(&refused);
    assert_eq!(told["decision"]["effective"], "block", "there is a record: {told:#}");
    let created = act(&server, "freeze.create");
    assert_eq!(
        (&created["on"], &created["notes"]["environment"]),
        (&json!("application:billing"), &json!("production"))
    );

    server.as_operator(&analyst, "DELETE", path, None).is(200);
    assert_eq!(server.as_operator(&analyst, "DELETE", path, None).status, 404);
    patiently("the freeze is lifted", || bot.ask(&read()).status == 200);

    // One that ends by itself, with nobody asking anything meanwhile.
    freeze(&json!({ "reason": "a moment", "until": in_seconds(4) })).is(201);
    patiently("the scope stands still", || bot.ask(&read()).status == 403);
    patiently("the freeze has ended", || bot.ask(&read()).status == 200);
    assert_eq!(act(&server, "freeze.expire")["by"], "checkrein");
    assert_eq!(server.look("/api/v1/freezes"), json!([]));
}

#[test]
fn what_was_approved_does_not_go_on_in_a_frozen_scope() {
    let server = Server::start(&["read-write.yaml"]);
    let bot = server.agent("bot", &[]);
    let held = crate::approvals::held_action(&bot);
    server.operate("POST", &format!("/api/v1/approvals/{}/approve", held.id), &json!({})).is(200);
    server.operate("PUT", "/api/v1/freezes/organisation/all", &json!({ "reason": "incident" })).is(201);
    patiently("everything stands still", || bot.ask(&read()).status == 403);
    assert_eq!(held.resume(&bot, "one").is(403)["error"]["code"], "refused");
    server.operate("DELETE", "/api/v1/freezes/organisation/all", &json!(null)).is(200);
    patiently("it goes on", || bot.ask(&read()).status == 200);
    assert_eq!(held.resume(&bot, "one").is(200)["outcome"], "run");
}

#[test]
fn settings_of_an_application_hold_for_its_agents() {
    let server = Server::start(&[]);
    let bot = agent_of(&server, "bot", &json!({ "environments": ["production"], "application": "billing" }));
    let other = server.agent("other", &[]);
    let limit = json!({ "application": "billing", "settings": { "requests_per_day": 1 } });
    let put = server.operate("PUT", "/api/v1/settings", &limit);
    assert!(put.head.to_lowercase().contains("etag: \"1\""), "{put:?}");
    patiently("the budget is in force and spent", || bot.ask(&read()).status == 429);
    assert_eq!(other.ask(&read()).status, 200);
    assert_eq!(other.ask(&read()).status, 200);
}

#[test]
fn rules_see_the_facts_that_operators_set_about_an_agent() {
    let server = Server::start(&[]);
    let rule = "
policy: elevated
rules:
  - id: elevated.waits
    priority: 10
    note: whoever holds more than its role needs waits for a person
    when: { tool: read_file, agent: { elevated: true } }
    then: block
";
    std::fs::write(server.folder.join("rules/elevated.yaml"), rule).unwrap();
    let plain = json!({ "environments": ["production"], "business_unit": "finance" });
    let bot = agent_of(&server, "bot", &plain);
    assert_eq!(server.look("/api/v1/agents/bot")["business_unit"], "finance");
    assert_eq!(bot.ask(&read()).is(200)["outcome"], "run");
    let elevated = json!({ "environments": ["production"], "elevated": true });
    server.operate("PUT", "/api/v1/agents/bot", &elevated).is(200);
    patiently("the rule blocks", || bot.ask(&read()).status == 403);

    // A tool that the certificate does not declare is found, and one that it does is not.
    let certified = |tools: Value| {
        let profile = json!({ "environments": ["production"], "certified": { "tools": tools } });
        server.operate("PUT", "/api/v1/agents/careful", &profile);
    };
    let careful = server.agent("careful", &[]);
    let finds = || {
        let told = server.told(&careful.ask(&read()).json());
        told["detections"].as_array().unwrap().iter().any(|hit| hit["vector"] == "policy_violation")
    };
    assert!(!finds(), "an absent list is unknown");
    certified(json!(["send_*"]));
    patiently("the undeclared tool is found", finds);
    certified(json!(["read_*"]));
    patiently("the declared tool is not", || !finds());
    let bad = json!({ "environments": ["production"], "certified": { "colours": [] } });
    assert_eq!(server.operate("PUT", "/api/v1/agents/careful", &bad).status, 400);
}

#[test]
fn how_many_must_approve_follows_from_the_narrowest_policy_and_the_amount() {
    let server = Server::start(&[]);
    let rule = "
policy: held
rules:
  - id: refund.waits
    priority: 10
    note: refunds wait for a person
    when: { tool: refund }
    then: approve
";
    std::fs::write(server.folder.join("rules/held.yaml"), rule).unwrap();
    let (eva, tom) = (server.operator("eva", &["approver"]), server.operator("tom", &["approver"]));
    let author = server.operator("paul", &["policy_author"]);
    let wide = "/api/v1/approval-policies/organisation/all";
    let narrow = "/api/v1/approval-policies/agent:bot/production";
    let policy = json!({
        "approvers": ["eva", "tom"], "quorum": 1, "deadline_seconds": 600,
        "more": [{ "amount_over": { "value": 1000, "currency": "USD" }, "quorum": 2 }],
    });
    assert_eq!(server.as_operator(&eva, "PUT", wide, Some(&policy)).status, 403);
    let put = server.as_operator(&author, "PUT", wide, Some(&policy));
    assert!(put.head.to_lowercase().contains("etag: \"1\""), "{put:?}");
    let impossible = json!({ "approvers": ["eva"], "quorum": 2, "deadline_seconds": 600 });
    assert_eq!(
        server.as_operator(&author, "PUT", narrow, Some(&impossible)).is(409)["error"]["code"],
        "approvals.policy"
    );

    let (bot, other) = (server.agent("bot", &[]), server.agent("other", &[]));
    let held = |agent: &Agent, amount| {
        let answer = agent.ask(&refund(amount)).is(202);
        let id = answer["id"].as_str().unwrap().to_owned();
        let row = server.look(&format!("/api/v1/approvals/{id}"));
        (id, row)
    };
    patiently("policy and rule are in force", || {
        let answer = other.ask(&refund(10));
        answer.status == 202
            && server.look(&format!("/api/v1/approvals/{}", answer.json()["id"].as_str().unwrap()))["from"]
                == json!(["eva", "tom"])
    });
    let (_, small) = held(&bot, 99);
    assert_eq!((&small["needed"], &small["from"]), (&json!(1), &json!(["eva", "tom"])));
    let (id, large) = held(&bot, 1001);
    assert_eq!(large["needed"], 2);
    let approve = |token: &str| {
        server.as_operator(token, "POST", &format!("/api/v1/approvals/{id}/approve"), Some(&json!({})))
    };
    assert_eq!(approve(&eva).is(200)["approval"], "pending");
    assert_eq!(approve(&eva).is(409)["error"]["code"], "hold_voted_already");
    assert_eq!(approve(&server.admin).is(403)["error"]["code"], "not_your_queue");
    assert_eq!(approve(&tom).is(200)["approval"], "approved");

    let own = json!({ "quorum": 1, "deadline_seconds": 2 });
    server.as_operator(&author, "PUT", narrow, Some(&own)).is(200);
    patiently("the narrower policy holds whole", || held(&bot, 1001).1["needed"] == 1);
    let (id, _) = held(&bot, 1002);
    patiently("no answer by the deadline is no", || {
        bot.get(&format!("/ask/v1/decisions/{id}")).json()["state"] == "expired"
    });
    assert_eq!(held(&other, 1003).1["needed"], 2, "others keep the wider one");
    server.as_operator(&author, "DELETE", narrow, None).is(200);
    assert_eq!(server.look("/api/v1/approval-policies").as_array().unwrap().len(), 1);
    assert_eq!(act(&server, "approval_policy.drop")["on"], "agent:bot");
}
