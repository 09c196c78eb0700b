//! Questions of agents, and what is answered and recorded.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Agent, Server, call, raw, refund, until};

#[test]
fn a_refund_passes_waits_or_is_blocked_by_amount_and_role() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let finance = server.agent("finance-bot", &["Finance-Agent"]);
    assert_eq!(shop.ask(&refund(99)).is(200)["outcome"], "run");
    let big = shop.ask(&refund(1_001));
    let receipt =
        big.head.lines().find_map(|line| line.strip_prefix("checkrein-receipt: ")).unwrap().to_owned();
    let big = big.is(403);
    assert_eq!((big["outcome"].as_str(), big["reason"].as_str()), (Some("refused"), Some("policy")));
    assert_eq!(big["id"], receipt.as_str());
    let with_role = finance.ask(&refund(1_001));
    assert!(matches!(with_role.status, 200 | 202), "{with_role:?}");

    until("the decision is in the index", || {
        call(server.operators, "GET", &format!("/api/v1/decisions/{receipt}"), &server.admin, None).status
            == 200
    });
    let told = server.look(&format!("/api/v1/decisions/{receipt}"));
    assert_eq!(told["decision"]["verdict"], "block");
    assert_eq!(told["decision"]["agent"], "shop-helper");
    assert_ne!(told["decision"]["principal"], "maria@shop.example", "the ledger knows pseudonyms");
}

#[test]
fn what_an_agent_says_of_itself_is_not_believed() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let mut action = refund(1_001);
    action["agent"] = json!({ "name": "finance-bot" });
    assert_eq!(shop.ask(&action).is(403)["error"]["code"], "other_agent");
    let mut action = refund(10);
    action["environment"] = json!("development");
    assert_eq!(shop.ask(&action).is(403)["error"]["code"], "other_environment");
    let mut action = refund(10);
    action["roles"] = json!(["Finance-Agent"]);
    assert_eq!(shop.ask(&action).status, 400, "an action has no roles");
}

#[test]
fn bad_credentials_get_one_answer_and_their_bodies_are_not_read() {
    let server = Server::start(&[]);
    let shop = server.agent("shop-helper", &[]);
    let wrong = format!("{}0", &shop.key[..shop.key.len() - 1]);
    let almost = if wrong == shop.key { format!("{}1", &shop.key[..shop.key.len() - 1]) } else { wrong };
    for key in ["", "x", "cra_000000000000_00", almost.as_str(), server.admin.as_str()] {
        let reply = call(server.agents, "POST", "/ask/v1/decisions", key, Some(&json!("nonsense")));
        assert_eq!(reply.is(401)["error"]["code"], "bad_credentials", "{key}");
    }
    let none = raw(server.agents, b"POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(none.is(401)["error"]["code"], "no_credentials");
    assert_eq!(call(server.operators, "GET", "/api/v1/me", &shop.key, None).status, 401);

    let keys = server.look("/api/v1/agents/shop-helper/keys");
    let prefix = keys[0]["prefix"].as_str().unwrap();
    let revoke = format!("/api/v1/agents/shop-helper/keys/{prefix}");
    call(server.operators, "DELETE", &revoke, &server.admin, None).is(200);
    until("the revoked key is refused", || shop.ask(&refund(1)).status == 401);
}

#[test]
fn bad_bodies_get_a_stable_code_and_nothing_back_of_what_stood_there() {
    let server = Server::start(&[]);
    let shop = server.agent("shop-helper", &[]);
    let secret = "hunter2-secret";
    let bodies: &[(&str, &str)] = &[
        ("{", "malformed"),
        ("[]", "malformed"),
        (&format!(r#"{{"action": "{secret}"}}"#), "malformed"),
        (r#"{"action": {"kind": "payment", "kind": "file"}}"#, "malformed"),
        (r#"{"action": {"kind": "time_travel"}}"#, "malformed"),
        (&format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)), "malformed"),
    ];
    for (body, _) in bodies {
        let request = format!(
            "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            shop.key,
            body.len()
        );
        let reply = raw(server.agents, request.as_bytes());
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.json()["error"]["code"].is_string());
        assert!(!reply.body.contains(secret), "{reply:?}");
    }
    let large = "x".repeat((4 << 20) + 1);
    let request = format!(
        "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{large}",
        shop.key,
        large.len()
    );
    assert_eq!(raw(server.agents, request.as_bytes()).is(413)["error"]["code"], "body_too_large");
}

#[test]
fn the_same_question_under_the_same_key_is_decided_once_also_after_a_crash() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let mut action = refund(99);
    action["idempotency_key"] = json!("order-882-refund");
    let first = shop.ask(&action).is(200);
    let again = shop.ask(&action).is(200);
    assert_eq!((&first["id"], &again["repeated"]), (&again["id"], &json!(true)));
    let mut other = action.clone();
    other["payload"]["amount"] = json!(98);
    assert_eq!(shop.ask(&other).is(409)["error"]["code"], "idempotency_key_reused");

    let key = shop.key.clone();
    let server = server.crash_and_restart();
    let shop = crate::harness::Agent { address: server.agents, key };
    let after = shop.ask(&action).is(200);
    assert_eq!((&first["id"], &after["repeated"]), (&after["id"], &json!(true)));
    assert_eq!(shop.ask(&other).is(409)["error"]["code"], "idempotency_key_reused");
}

#[test]
fn whoever_hangs_up_and_asks_again_finds_the_first_answer() {
    let server = Server::start(&["refunds.yaml"]);
    // Few questions each: one that asks without pause is stopped for that alone.
    let askers: Vec<Agent> = (0..8).map(|number| server.agent(&format!("asker-{number}"), &[])).collect();
    for number in 0..40_usize {
        let shop = &askers[number % askers.len()];
        let mut action = refund(7);
        action["idempotency_key"] = json!(format!("impatient-{number}"));
        let body = json!({ "action": action }).to_string();
        let request = format!(
            "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
            shop.key,
            body.len()
        );
        let mut stream = TcpStream::connect(server.agents).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // Long enough to be read, too short to be answered, or not even that.
        std::thread::sleep(Duration::from_micros(300 * (number as u64 % 7)));
        drop(stream);
        until("it is answered", || matches!(shop.ask(&action).status, 200 | 202));
    }
    until("the index has it all", || server.look("/api/v1/ledger")["behind"] == 0);
    let findings = server.look("/api/v1/findings");
    let twice = findings["items"].as_array().unwrap().iter().find(|it| it["rule"] == "decision.repeated");
    assert!(twice.is_none(), "{twice:?}");
}

#[test]
fn a_report_that_contradicts_the_decision_is_a_finding() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let refused = shop.ask(&refund(5_000)).is(403);
    let path = format!("/ask/v1/decisions/{}/outcome", refused["id"].as_str().unwrap());
    assert_eq!(shop.post(&path, &json!({ "outcome": "executed" })).is(202)["agrees"], false);
    let run = shop.ask(&refund(5)).is(200);
    let path = format!("/ask/v1/decisions/{}/outcome", run["id"].as_str().unwrap());
    assert_eq!(shop.post(&path, &json!({ "outcome": "executed" })).is(202)["agrees"], true);
    let read = json!({
        "kind": "record_change", "operation": "read", "tool": "crm_find", "count": 1,
        "resource": { "type": "crm_record", "name": "contacts" }, "payload": { "id": "k-1" },
    });
    let reader = server.agent("reader", &[]);
    let run = reader.ask(&read).is(200);
    let of_read = format!("/ask/v1/decisions/{}/outcome", run["id"].as_str().unwrap());
    let said = reader.post(&of_read, &json!({ "outcome": "executed" }));
    assert_eq!(said.is(202)["agrees"], true, "also moments after the answer, before the index has it");
    let other = server.agent("other", &[]);
    assert_eq!(other.post(&path, &json!({ "outcome": "executed" })).status, 404);
    until("the finding is in the index", || {
        server.look("/api/v1/findings")["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["rule"] == "outcome.contradicts")
    });
}

#[test]
fn changed_rules_are_in_force_without_a_restart_and_faulty_ones_never_are() {
    let server = Server::start(&[]);
    let shop = server.agent("shop-helper", &[]);
    let read = json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file", "name": "menu.txt" },
        "payload": { "path": "menu.txt" },
    });
    assert_eq!(shop.ask(&read).is(200)["outcome"], "run");
    let rule = "
policy: no-menu
rules:
  - id: menu.closed
    priority: 10
    note: nobody reads the menu
    when: { tool: read_file }
    then: block
";
    let file = server.folder.join("rules/menu.yaml");
    std::fs::write(&file, rule).unwrap();
    until("the new rule blocks", || shop.ask(&read).status == 403);
    // An agent that asks without pause is held for that alone, so each phase has one of its own.
    let patient = server.agent("patient", &[]);
    std::fs::write(&file, "policy: [").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    assert_eq!(patient.ask(&read).status, 403, "the rules in force stay");
    std::fs::remove_file(&file).unwrap();
    until("the rule is gone", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        patient.ask(&read).status == 200
    });
}

#[test]
fn it_drains_and_ends_well_when_it_is_asked_to() {
    let mut server = Server::start(&[]);
    server.agent("shop-helper", &[]).ask(&refund(1));
    assert!(server.stop().success());
}

#[test]
fn what_was_learned_is_saved_within_moments_and_not_only_at_the_end() {
    let server = Server::start(&[]);
    let shop = server.agent("shop-helper", &[]);
    let limit = json!({ "agent": "shop-helper", "settings": { "requests_per_day": 2 } });
    server.operate("PUT", "/api/v1/settings", &limit).is(200);
    let read = json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file" }, "payload": {},
    });
    until("the budget is in force and spent", || shop.ask(&read).status == 429);
    // Longer than the time between two saves, which is what this is about.
    std::thread::sleep(gateway::limits::FACTS_SAVED_EVERY + std::time::Duration::from_secs(1));
    let key = shop.key.clone();
    let server = server.crash_and_restart();
    let shop = crate::harness::Agent { address: server.agents, key };
    assert_eq!(shop.ask(&read).is(429)["error"]["code"], "budget_spent", "a crash gives no new budget");
}
