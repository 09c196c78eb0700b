//! Rules before they are in force for everybody: dry runs over what happened, and roll-outs that go
//! back by themselves.

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server, until};
use crate::operators::{in_seconds, patiently};

const CLOSED: &str = "
policy: closed
rules:
  - id: menu.closed
    priority: 10
    note: nobody reads the menu
    when: { tool: read_menu }
    then: block
";

fn read(tool: &str, session: &str) -> Value {
    json!({
        "kind": "file", "operation": "read", "tool": tool, "session": { "id": session },
        "resource": { "type": "file", "name": "menu.txt" }, "payload": { "path": "menu.txt" },
        "principal": { "id": "maria@shop.example" },
    })
}

/// A rule set with one version of this text, still a draft.
fn draft(server: &Server, set: &str, text: &str) {
    let new = json!({ "layer": "organisation", "language": "yaml" });
    server.operate("PUT", &format!("/api/v1/rules/{set}"), &new).is(201);
    let version = json!({ "text": text, "note": "to try" });
    server.operate("POST", &format!("/api/v1/rules/{set}/versions"), &version).is(201);
}

fn state(server: &Server, body: &Value) -> crate::harness::Reply {
    server.operate("POST", "/api/v1/rules/menu/versions/1/state", body)
}

#[test]
fn a_dry_run_shows_what_a_version_would_have_answered_and_what_it_cannot_know() {
    let settings = SETTINGS.replace(
        "\n  production:",
        "\n  staging: { mode: enforce, capture: redacted, fail: { reads: open, effects: closed } }\n  \
         development: { mode: enforce, capture: metadata, fail: { reads: open, effects: closed } }\n  production:",
    );
    let server = Server::with(&settings, &[]);
    let start = in_seconds(0);
    let agents = json!({ "environments": ["production", "staging", "development"] });
    let shop = server.agent("shop-helper", &[]);
    server.operate("PUT", "/api/v1/agents/shop-helper", &agents).is(200);
    let asked = |agent: &Agent, tool: &str, environment: &str| {
        let mut action = read(tool, "s-1");
        action["environment"] = json!(environment);
        let answer = agent.ask(&action);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    patiently("every environment is open", || {
        let mut action = read("probe", "s-0");
        action["environment"] = json!("development");
        shop.ask(&action).status == 200
    });
    let menu = asked(&shop, "read_menu", "production");
    asked(&shop, "read_bill", "production");
    asked(&shop, "read_menu", "staging");
    let last = asked(&shop, "read_menu", "development");
    server.told(&json!({ "id": last }));
    let content = format!("/api/v1/decisions/{menu}/content");
    until("the content is kept", || server.look(&content).to_string().contains("read_menu"));
    draft(&server, "menu", CLOSED);

    let path = "/api/v1/rules/menu/versions/1/dry-run";
    let range = json!({ "from": start, "to": in_seconds(60) });
    let author = server.operator("paul", &["policy_author"]);
    let viewer = server.operator("victor", &["viewer"]);
    assert_eq!(server.as_operator(&viewer, "POST", path, Some(&range)).status, 403);
    let outcome = server.as_operator(&author, "POST", path, Some(&range)).is(200);
    assert_eq!(outcome["replayed"], 2, "{outcome:#}");
    assert_eq!(outcome["before"], json!({ "allow": 2 }));
    assert_eq!(outcome["after"], json!({ "allow": 1, "block": 1 }));
    assert_eq!(outcome["not_replayed"]["redacted"], 1, "{outcome:#}");
    assert!(outcome["not_replayed"]["not_captured"].as_u64() >= Some(2), "{outcome:#}");
    assert_eq!(outcome["differences"].as_array().unwrap().len(), 1);
    let difference = &outcome["differences"][0];
    assert_eq!((&difference["id"], &difference["after_by"]), (&json!(menu), &json!("menu.closed")));
    assert_eq!((&difference["recorded"], &difference["before"]), (&json!("allow"), &json!("allow")));
    assert!(outcome["without"].to_string().contains("baseline"), "{outcome:#}");
    assert_eq!(outcome.get("stopped"), None);
    asked(&shop, "read_menu", "production");

    let few = json!({ "from": start, "to": in_seconds(60), "most": 1 });
    let outcome = server.as_operator(&author, "POST", path, Some(&few)).is(200);
    assert_eq!((&outcome["looked_at"], &outcome["stopped"]), (&json!(1), &json!("most")));
    for bad in
        [json!({ "from": start, "to": start }), json!({ "from": start, "to": in_seconds(9), "most": 10_001 })]
    {
        assert_eq!(
            server.as_operator(&author, "POST", path, Some(&bad)).is(400)["error"]["code"],
            "bad_range"
        );
    }
    let none = path.replace("versions/1", "versions/7");
    assert_eq!(server.as_operator(&author, "POST", &none, Some(&range)).status, 404);

    server
        .operate("POST", "/api/v1/erasures", &json!({ "person": "maria@shop.example", "basis": "gdpr.17" }))
        .is(200);
    until("the erasure is known", || {
        let outcome = server.as_operator(&author, "POST", path, Some(&range)).is(200);
        outcome["replayed"] == 0 && outcome["not_replayed"]["erased"].as_u64() >= Some(4)
    });
}

#[test]
fn a_roll_out_that_blocks_too_much_goes_back_by_itself() {
    let server = Server::start(&[]);
    let shop = server.agent("shop-helper", &[]);
    draft(&server, "menu", CLOSED);
    state(&server, &json!({ "to": "shadow" })).is(200);
    let when = json!({ "blocked_share_above": 20, "within_seconds": 60, "least_decisions": 3 });
    let all = state(&server, &json!({ "to": "active", "percent": 100, "return_when": when })).is(409);
    assert_eq!(all["error"]["code"], "rules.return", "there would be nothing to compare it with");
    let active = json!({ "to": "active", "percent": 50, "return_when": when });
    assert_eq!(state(&server, &active).is(200)["return_when"]["blocked_share_above"], 20);

    // An agent that asks without pause is held for that alone; several share the work.
    let agents: Vec<Agent> = (0..4).map(|number| server.agent(&format!("reader-{number}"), &[])).collect();
    let ask = |number: usize| {
        let agent = agents.get(number % agents.len()).unwrap_or(&shop);
        agent.ask(&read("read_menu", &format!("s-{number}"))).status
    };
    let mut number = 0;
    patiently("some sessions meet the new version", || {
        number += 1;
        ask(number) == 403
    });
    // A change of something else does not make it forget how it fared.
    server.operator("eva", &["viewer"]);
    patiently("enough sessions met it", || {
        number += 1;
        ask(number);
        server.look("/api/v1/rules/menu/versions/1")["state"] == "shadow"
    });
    patiently("every session meets the old rules", || {
        (0..8).all(|more| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            shop.ask(&read("read_menu", &format!("t-{more}"))).status == 200
        })
    });
    until("the return is told", || {
        let acts = server.look("/api/v1/acts").to_string();
        let findings = server.look("/api/v1/findings").to_string();
        acts.contains("rules.return") && findings.contains("rules.returned")
    });
    let acts = server.look("/api/v1/acts");
    let back = acts["items"].as_array().unwrap().iter().find(|act| act["act"] == "rules.return").unwrap();
    assert_eq!((&back["by"], &back["on"]), (&json!("checkrein"), &json!("menu")));
    assert_eq!(back["notes"]["why"], "blocked_share_above");
}

#[test]
fn a_roll_out_that_fares_like_the_others_stays() {
    let server = Server::start(&[]);
    let shop = server.agent("shop-helper", &[]);
    draft(&server, "menu", CLOSED);
    state(&server, &json!({ "to": "shadow" })).is(200);
    let when = json!({ "blocked_share_above": 20, "within_seconds": 60, "least_decisions": 10 });
    state(&server, &json!({ "to": "active", "percent": 50, "return_when": when })).is(200);
    let blocked = |session: &str| shop.ask(&read("read_menu", session)).status == 403;
    let mut number = 0;
    patiently("the version decides some sessions", || {
        number += 1;
        blocked(&format!("s-{number}"))
    });
    let session = format!("s-{number}");
    // One blocked among many that are not: below the share.
    for _ in 0..12 {
        std::thread::sleep(std::time::Duration::from_millis(150));
        assert_eq!(shop.ask(&read("read_bill", &session)).entry(), 200);
    }
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(server.look("/api/v1/rules/menu/versions/1")["state"], "active");
}

#[test]
fn a_draft_is_looked_at_beside_everything_in_force_and_not_only_the_preset() {
    let server = Server::start(&["refunds.yaml"]);
    draft(&server, "menu", CLOSED);
    state(&server, &json!({ "to": "shadow" })).is(200);
    state(&server, &json!({ "to": "active", "percent": 100 })).is(200);
    let (menu, refunds) = (CLOSED.replace("policy: closed", "policy: other"), "policy: refunds\nrules: []\n");
    let new = json!({ "layer": "organisation", "language": "yaml" });
    server.operate("PUT", "/api/v1/rules/twin", &new).is(201);
    let offered = |set: &str, text: &str| {
        let version = json!({ "text": text, "note": "to try" });
        server.operate("POST", &format!("/api/v1/rules/{set}/versions"), &version)
    };
    let faulty = |text: &str| offered("twin", text).is(400)["error"].to_string();
    until("the first set is in force", || offered("twin", &menu).status == 400);
    let told = faulty(&menu);
    assert!(told.contains("faulty_rules") && told.contains("menu.closed"), "{told}");
    let told = faulty(refunds);
    assert!(told.contains("refunds"), "a policy of a rule file: {told}");
    // In its own set the same text is the next version of itself.
    offered("menu", CLOSED).is(201);
    assert_eq!(offered("twin", &menu.replace("menu.closed", "menu.shut")).status, 201);
}
