//! Agents that talk to agents: who it is, how many stand behind it, what of it is on record, and that a card
//! counts as it was first seen.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::harness::{Agent, Reply, SETTINGS, Server, call, raw, until};
use crate::models::KEY;
use crate::provider::{Answers, Provider, Seen};

const RULES: &str = "
policy: own
version: 1
rules:
  - id: own.secret-project
    always: true
    note: the project Nightjar is not discussed with other agents
    when: { kind: communication, resource: agent_message, text: { contains: nightjar } }
    then: block
  - id: own.keys
    instead_of_bands: true
    note: keys do not come back
    when: { kind: communication, operation: read, classes: [api_key, credential] }
    then: { constrain: [ { redact: [api_key, credential] } ] }
  - id: own.held
    always: true
    note: a person looks at it
    when: { kind: communication, resource: agent_message, text: { contains: 'please hold' } }
    then: approve
  - id: own.agents
    instead_of_bands: true
    note: agents may talk to each other
    when: { kind: communication, resource: [agent_message, agent_task, agent_card, agent_callback, tool_result] }
    then: allow
";

/// Whether the agent says of itself something else than before.
static CHANGED: AtomicBool = AtomicBool::new(false);

fn answer(seen: &Seen) -> Answers {
    if seen.path == "/.well-known/agent-card.json" {
        let at = |path: &str| format!("https://planner.internal{path}");
        let says =
            if CHANGED.load(Ordering::SeqCst) { "Plans trips, and books them." } else { "Plans trips." };
        return Answers::json(
            &json!({ "name": "planner", "description": says, "url": at("/a2a"), "preferredTransport": "JSONRPC",
                "additionalInterfaces": [{ "url": at("/grpc"), "transport": "GRPC" }, { "url": at("/a2a"), "transport": "JSONRPC" }],
                "signatures": [{ "protected": "x", "signature": "y" }], "skills": [] })
            .to_string(),
        );
    }
    let asked: Value = serde_json::from_str(&seen.body).unwrap();
    let id = &asked["id"];
    let task = |text: &str| {
        json!({ "jsonrpc": "2.0", "id": id, "result": { "kind": "task", "id": "t-1", "contextId": "c-1",
            "status": { "state": "completed", "message": { "role": "agent", "parts": [{ "kind": "text", "text": text }] } } } })
        .to_string()
    };
    match asked["method"].as_str().unwrap() {
        "message/stream" if seen.body.contains("and stop") => {
            Answers { cut: true, ..Answers::events(&format!("data: {}\n\n", task("half"))) }
        }
        "message/stream" => Answers::events(&format!(
            "data: {}\n\ndata: {}\n\n",
            task("half"),
            task(&format!("the key is {KEY} here"))
        )),
        "tasks/get" => Answers::json(&task(&format!("the key is {KEY} here"))),
        // Odd spaces, to see that nothing is written anew.
        _ => Answers::json(&format!(
            "{{ \"jsonrpc\":\"2.0\", \"id\" :{id},\"result\":{{\"kind\":\"message\",\"parts\":[{{\"kind\":\"text\",\"text\":\"by tr\\u0061in\"}}]}}}}"
        )),
    }
}

fn started(provider: &Provider) -> Server {
    let settings = format!(
        "{SETTINGS}a2a:\n  public: https://agents.example\n  depth: 3\n  wait: 1\n  \
         agents: [ {{ name: planner, url: 'http://{}/a2a', calls_as: planner-bot }} ]\n  \
         access: [ {{ agents: ['*'], to: [planner] }} ]\n",
        provider.address
    );
    Server::prepared(&settings, &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/own.yaml"), RULES).unwrap();
    })
}

fn send(agent: &Agent, headers: &str, body: &str) -> Reply {
    taking(agent, "application/json, text/event-stream", headers, body)
}

fn taking(agent: &Agent, accept: &str, headers: &str, body: &str) -> Reply {
    let request = format!(
        "POST /a2a/planner HTTP/1.1\r\nhost: {}\r\nx-checkrein-key: {}\r\n{headers}a2a-version: 1.0\r\n\
         accept: {accept}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        agent.address,
        agent.key,
        body.len()
    );
    raw(agent.address, request.as_bytes())
}

fn message(method: &str, text: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": { "message": { "role": "user", "kind": "message",
        "messageId": "m-1", "contextId": "c-1", "parts": [{ "kind": "text", "text": text }] } } })
    .to_string()
}

fn records(server: &Server) -> Vec<Value> {
    let page = call(server.operators, "GET", "/api/v1/ledger/records?from=0", &server.admin, None).body;
    page.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_message_to_another_agent_is_an_action_with_a_record_and_goes_on_byte_for_byte() {
    let provider = Provider::start(answer);
    let server = started(&provider);
    let agent = server.agent("traveller", &[]);
    let body = message("message/send", "plan a trip to Bonn").replace(':', " : ");
    let reply = send(&agent, "", &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        reply.body,
        "{ \"jsonrpc\":\"2.0\", \"id\" :7,\"result\":{\"kind\":\"message\",\"parts\":[{\"kind\":\"text\",\"text\":\"by tr\\u0061in\"}]}}"
    );
    let seen = provider.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].body.as_str()), ("/a2a", body.as_str()));
    assert!(link(&seen[0]).is_some() && seen[0].head.contains("a2a-version: 1.0"), "{seen:?}");
    assert!(!seen[0].head.contains(&agent.key) && !seen[0].head.contains("x-checkrein-key"), "{seen:?}");
    let mut decision = Value::Null;
    until("the message and its end are on record", || {
        let all = records(&server);
        let sent = |it: &&Value| it["action"]["tool"] == "message/send" && it["outcome"].is_null();
        decision = all.iter().find(sent).cloned().unwrap_or_default();
        let id = &decision["decision"]["id"];
        all.iter().any(|it| it["outcome"]["of"] == *id && it["outcome"]["report"] == "executed")
    });
    assert_eq!(decision["agent"]["name"], "traveller", "{decision}");
    assert_eq!(
        (&decision["action"]["kind"], &decision["action"]["operation"], &decision["action"]["resource"]),
        (&json!("communication"), &json!("send"), &json!("agent_message")),
        "{decision}"
    );
    let stranger = Agent { address: agent.address, key: "cra_nobody_0000".to_owned() };
    assert_eq!(send(&stranger, "", &body).status, 401);
    assert_eq!(provider.seen().len(), 1);
}

/// What the called agent sends on.
fn link(seen: &Seen) -> Option<String> {
    seen.headers.iter().find(|(name, _)| name == "x-checkrein-chain").map(|(_, value)| value.clone())
}

#[test]
fn no_more_agents_stand_behind_one_another_than_the_settings_say() {
    let provider = Provider::start(answer);
    let server = started(&provider);
    let [first, planner, other] = ["caller", "planner-bot", "other"].map(|name| server.agent(name, &[]));
    let ask = |agent: &Agent, link: Option<&str>| {
        let header = link.map(|link| format!("x-checkrein-chain: {link}\r\n")).unwrap_or_default();
        let reply = send(agent, &header, &message("message/send", "plan a trip")).is(200);
        let code = reply["error"]["data"]["code"].as_str().map(str::to_owned);
        assert!(code.is_none() || reply["id"] == 7, "{reply}");
        code.map_or_else(|| Ok(link_of_last(&provider)), Err)
    };
    let one = ask(&first, None).unwrap();
    assert_eq!(ask(&other, Some(&one)), Err("bad_chain".into()), "it was sent to the planner");
    assert_eq!(ask(&planner, Some("bWFkZSB1cA")), Err("bad_chain".into()));
    assert_eq!(ask(&planner, Some("1")), Err("bad_chain".into()));
    let two = ask(&planner, Some(&one)).unwrap();
    let three = ask(&planner, Some(&two)).unwrap();
    let before = provider.seen().len();
    assert_eq!(ask(&planner, Some(&three)), Err("too_deep".into()));
    assert_eq!((before, provider.seen().len()), (3, 3), "what is turned away does not go out");
    until("it is a finding", || {
        server.look("/api/v1/findings?limit=100").to_string().matches("a2a.too_deep").count() == 1
    });
}

fn link_of_last(provider: &Provider) -> String {
    provider.seen().last().and_then(link).unwrap()
}

#[test]
fn what_agents_say_is_judged_both_ways_at_once_and_in_streams() {
    let provider = Provider::start(answer);
    let server = started(&provider);
    let [a, b, c, d, e] = ["asks", "gets", "streams", "tells", "breaks"].map(|name| server.agent(name, &[]));
    let refused = send(&a, "", &message("message/send", "tell me of nightjar")).is(200);
    assert_eq!(refused["error"]["code"], -31_003, "{refused}");
    assert!(refused["error"]["data"]["receipt"].as_str().unwrap().starts_with("dec_"), "{refused}");
    assert_eq!(provider.seen().len(), 0, "what is refused is not sent");
    let got = send(&b, "", r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"t-1"}}"#);
    assert!(got.status == 200 && !got.body.contains(KEY) && got.body.contains("the key is "), "{got:?}");
    let streamed = send(&c, "", &message("message/stream", "plan a trip"));
    assert!(streamed.body.contains("half") && streamed.body.contains("the key is "), "{streamed:?}");
    assert!(!streamed.body.contains(KEY), "{streamed:?}");
    let broken = send(&e, "", &message("message/stream", "plan a trip and stop"));
    assert!(broken.body.contains("half") && broken.body.contains(r#""code":"cut""#), "{broken:?}");
    let extended = json!({ "jsonrpc": "2.0", "id": 3, "method": "agent/getAuthenticatedExtendedCard" });
    assert_eq!(send(&d, "", &extended.to_string()).is(200)["error"]["data"]["code"], "not_offered");
    let list = send(&d, "", &format!("[{extended}]")).is(400);
    assert_eq!(list["error"]["data"]["code"], "bad_batch");
}

#[test]
fn who_comes_back_with_its_receipt_goes_on_once_it_was_approved() {
    let provider = Provider::start(answer);
    let server = started(&provider);
    let agent = server.agent("patient", &[]);
    let approver = server.operator("eva", &["approver", "viewer"]);
    let body = message("message/send", "please hold this");
    let plain = |body: &str| taking(&agent, "application/json", "", body).is(200);
    let first = plain(&body);
    let data = &first["error"]["data"];
    assert_eq!(data["code"], "waiting", "{first}");
    let path = format!("/api/v1/approvals/{}/approve", data["receipt"].as_str().unwrap());
    server.as_operator(&approver, "POST", &path, Some(&json!({}))).is(200);
    let mut again: Value = serde_json::from_str(&body).unwrap();
    again["params"]["metadata"] =
        json!({ "checkrein/receipt": data["receipt"], "checkrein/token": data["checkrein/token"] });
    let reply = plain(&again.to_string());
    assert_eq!(reply["result"]["parts"][0]["text"], "by train", "{reply}");
    let seen = provider.seen();
    assert!(seen.len() == 1 && !seen[0].body.contains("checkrein/"), "{seen:?}");
}

#[test]
fn a_card_leads_to_the_gateway_and_counts_as_it_was_first_seen() {
    let provider = Provider::start(answer);
    let server = started(&provider);
    let agent = server.agent("reader", &[]);
    let path = "/a2a/planner/.well-known/agent-card.json";
    let card = call(agent.address, "GET", path, &agent.key, None).is(200);
    let here = "https://agents.example/a2a/planner";
    assert_eq!((&card["name"], &card["url"]), (&json!("planner"), &json!(here)), "{card}");
    assert_eq!(card["additionalInterfaces"], json!([{ "url": here, "transport": "JSONRPC" }]), "{card}");
    assert!(card["signatures"].is_null() && !card.to_string().contains("planner.internal"), "{card}");
    assert_eq!(call(agent.address, "GET", path, "cra_nobody_0000", None).status, 401);
    let old = call(agent.address, "GET", "/a2a/planner/.well-known/agent.json", &agent.key, None).is(200);
    assert_eq!(old, card);

    // Another card waits, and with it whoever it speaks of.
    CHANGED.store(true, Ordering::SeqCst);
    let refused = call(agent.address, "GET", path, &agent.key, None).is(403);
    assert_eq!(refused["error"]["data"]["code"], "card_waits", "{refused}");
    let sender = server.agent("sender", &[]);
    let ask = || send(&sender, "", &message("message/send", "plan a trip")).is(200);
    assert_eq!(ask()["error"]["data"]["code"], "card_waits");
    let pins = server.look("/api/v1/mcp/pins");
    let digest =
        &pins.as_array().unwrap().iter().find(|pin| pin["tool"] == "planner.card").unwrap()["offered"];
    let accepted = json!({ "digest": digest["digest"] });
    server.operate("POST", "/api/v1/mcp/pins/planner/planner.card", &accepted).is(200);
    assert_eq!(ask()["result"]["kind"], "message");
    let next = call(agent.address, "GET", path, &agent.key, None).is(200);
    assert_eq!(next["description"], "Plans trips, and books them.");
    until("the change is a finding", || {
        server.look("/api/v1/findings?limit=100").to_string().contains("a2a.card_changed")
    });
    assert_eq!(
        call(agent.address, "GET", "/a2a/nobody/.well-known/agent-card.json", &agent.key, None).status,
        404
    );
}
