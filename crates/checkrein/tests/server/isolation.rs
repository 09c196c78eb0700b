//! Scenario A6: an action that is to be isolated gets a plausible result, and production stays as it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::cluster::{Cluster, path};
use crate::harness::{Agent, SETTINGS, Server, until};
use crate::operators::patiently;

const TARGETS: &str = "
sandbox:
  sql: [ { resource: orders-db, sqlite: orders.db } ]
  http:
    - host: api.example.org
      answers: [ { method: POST, path: /v1/orders, status: 201, body: '{\"number\": \"${id}\", \"sku\": \"${body.sku}\"}' } ]
  files: [ { root: shared, seen_as: /data } ]
";

/// Whatever the tools of these tests change is isolated; reading is free.
const RULE: &str = "
policy: isolated
rules:
  - id: try.isolated
    priority: 10
    note: what is tried out runs in isolation
    when: { tool: try_* }
    then: sandbox
    instead_of_bands: true
  - id: plain.allowed
    priority: 10
    note: the plain tool may do what it does
    when: { tool: plain }
    then: allow
    instead_of_bands: true
";

fn start(settings: &str) -> (Server, PathBuf) {
    let server = Server::with(&format!("{settings}{TARGETS}"), &[]);
    std::fs::write(server.folder.join("rules/isolated.yaml"), RULE).unwrap();
    std::fs::create_dir(server.folder.join("shared")).unwrap();
    std::fs::write(server.folder.join("shared/list.txt"), "milk").unwrap();
    let file = server.folder.join("orders.db");
    let made = Connection::open(&file).unwrap();
    let rows = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT);
                INSERT INTO orders VALUES (1, 'Ana Ruiz'), (2, 'Tom Okafor');";
    made.execute_batch(rows).unwrap();
    made.close().unwrap();
    // Started again, so that the rule is in force from the first question on.
    (server.crash_and_restart(), file)
}

fn agent(server: &Server) -> Agent {
    server.agent("shop-helper", &[])
}

fn statement(sql: &str) -> Value {
    json!({
        "kind": "mcp_tool", "operation": "delete", "tool": "try_query", "count": 1,
        "resource": { "type": "order", "name": "orders-db" }, "payload": { "statement": sql },
        "session": { "id": "s-1" }, "principal": { "id": "maria@shop.example" },
    })
}

fn request(operation: &str, payload: Value) -> Value {
    json!({
        "kind": "mcp_tool", "operation": operation, "tool": "try_request",
        "resource": { "type": "order" }, "payload": payload, "session": { "id": "s-1" },
    })
}

fn verifies(server: &Server) {
    until("all of it is signed", || {
        let ledger = server.look("/api/v1/ledger");
        ledger["signed"] == ledger["durable"]
    });
    let mut verify = Command::new(env!("CARGO_BIN_EXE_checkrein"));
    assert!(verify.args(["ledger", "verify"]).current_dir(&server.folder).status().unwrap().success());
}

#[test]
fn a6_a_delete_gets_a_plausible_result_and_the_database_stays() {
    let (server, file) = start(SETTINGS);
    let agent = agent(&server);
    let before = std::fs::read(&file).unwrap();
    let answer = agent.ask(&statement("DELETE FROM orders WHERE id = 1")).is(203);
    assert_eq!((&answer["outcome"], &answer["result"]), (&json!("isolated"), &json!({ "affected": 1 })));
    assert_eq!(std::fs::read(&file).unwrap(), before);

    let id = answer["id"].as_str().unwrap();
    let path = format!("/ask/v1/decisions/{id}");
    assert_eq!(agent.get(&path).is(200)["state"], "isolated");
    let decision = format!("/api/v1/decisions/{id}");
    let mut history = Value::Null;
    until("the run is in the index", || {
        let found = server.as_operator(&server.admin, "GET", &decision, None);
        history = if found.status == 200 { found.json() } else { Value::Null };
        history["outcomes"][0]["report"] == "isolated"
    });
    assert_eq!(history["decision"]["effective"], "sandbox");
    let mut content = Value::Null;
    until("what it would have changed is kept", || {
        content = server.look(&format!("{decision}/content"));
        ["sandbox", "result"]
            .iter()
            .all(|role| content.as_array().unwrap().iter().any(|it| it["role"] == *role))
    });
    let of = |role: &str| content.as_array().unwrap().iter().find(|it| it["role"] == role).unwrap();
    assert!(of("sandbox")["content"].as_str().unwrap().contains("Ana Ruiz"), "{content}");
    assert_eq!(
        (&of("result")["content"], &of("result")["proven"]),
        (&json!("{\"affected\":1}"), &json!(true))
    );

    let report =
        |outcome: &str| agent.post(&format!("{path}/outcome"), &json!({ "outcome": outcome })).is(202);
    assert_eq!(report("not_executed")["agrees"], true);
    assert_eq!(report("executed")["agrees"], false, "what was isolated was not to be run");
    verifies(&server);
}

#[test]
fn a6_a_write_to_postgresql_over_tls_is_answered_and_nothing_stays() {
    let cluster = Cluster::start();
    cluster.sql(
        "postgres",
        "CREATE ROLE sandbox LOGIN PASSWORD 'hunter2';
         CREATE TABLE orders (id int PRIMARY KEY, customer text);
         INSERT INTO orders VALUES (1, 'Ana Ruiz'), (2, 'Tom Okafor');
         GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO sandbox",
    );
    let rows = || cluster.sql("postgres", "SELECT * FROM orders ORDER BY id");
    let before = rows();
    let secret = cluster.folder.join("sandbox.secret");
    let at = format!("host=localhost port={} user=sandbox password=hunter2 dbname=postgres", cluster.port);
    std::fs::write(&secret, at).unwrap();
    let (secret, ca) = (path(&secret).to_owned(), path(&cluster.authority()).to_owned());
    let targets = format!(
        "sandbox: {{ sql: [ {{ resource: orders-db, postgres: {{ file: {secret}, ca: {ca} }} }} ] }}\n"
    );
    let server = Server::prepared(&format!("{SETTINGS}{targets}"), &[], |_| {});
    std::fs::write(server.folder.join("rules/isolated.yaml"), RULE).unwrap();
    let server = server.crash_and_restart();
    let agent = agent(&server);

    let mut write = statement("UPDATE orders SET customer = $1 WHERE id = 1 RETURNING id, customer");
    write["operation"] = json!("write");
    write["payload"]["parameters"] = json!(["Nobody"]);
    let answer = agent.ask(&write).is(203);
    assert_eq!(answer["outcome"], "isolated");
    assert_eq!(answer["result"]["rows"], json!([[1, "Nobody"]]));
    assert_eq!(rows(), before);
    let mut told = Value::Null;
    until("the run is in the index", || {
        told = server.told(&answer);
        told["outcomes"][0]["report"] == "isolated"
    });
    assert_eq!(told["decision"]["effective"], "sandbox");
    let records = server.as_operator(&server.admin, "GET", "/api/v1/ledger/records", None).body;
    assert!(records.contains(r#""adapter":"postgres""#) && records.contains(r#""writes":"1""#), "{records}");

    // A statement that ends its transaction, and a server that cannot be trusted any more: both wait.
    assert_eq!(
        agent.ask(&statement("DELETE FROM orders WHERE id = 1; COMMIT")).is(202)["unisolated"],
        "leaves"
    );
    std::fs::copy(cluster.stranger(), cluster.authority()).unwrap();
    assert_eq!(agent.ask(&write).is(202)["unisolated"], "unavailable");
    assert_eq!(rows(), before);
    for (outcome, count) in [("ran", 1), ("leaves", 1), ("unavailable", 1)] {
        let line = format!(r#"checkrein_isolated_runs_total{{adapter="postgres",outcome="{outcome}"}}"#);
        assert_eq!(server.metric(&line), count, "{line}");
    }
    let log = std::fs::read_to_string(server.folder.join("log")).unwrap();
    assert!(!log.contains("hunter2"), "{log}");
    verifies(&server);
}

#[test]
fn a_request_is_answered_and_a_session_sees_the_files_that_it_wrote() {
    let (server, _) = start(SETTINGS);
    let agent = agent(&server);
    let post =
        json!({ "method": "POST", "url": "https://api.example.org/v1/orders", "body": { "sku": "a-7" } });
    let answer = agent.ask(&request("write", post)).is(203);
    assert_eq!(answer["result"]["status"], 201);
    assert_eq!(answer["result"]["body"]["sku"], "a-7");

    let write = request("write", json!({ "path": "/data/list.txt", "content": "bread" }));
    assert_eq!(agent.ask(&write).is(203)["result"]["created"], false);
    let read = request("read", json!({ "path": "/data/list.txt" }));
    assert_eq!(agent.ask(&read).is(203)["result"]["content"], "bread");
    assert_eq!(std::fs::read_to_string(server.folder.join("shared/list.txt")).unwrap(), "milk");

    // The same question under the same key runs once; of a large result only the record is kept.
    let mut once = request("write", json!({ "path": "/data/one", "content": "1" }));
    once["idempotency_key"] = json!("k-1");
    assert_eq!(agent.ask(&once).is(203)["result"]["created"], true);
    let again = agent.ask(&once).is(203);
    assert_eq!((&again["result"]["created"], &again["repeated"]), (&json!(true), &json!(true)));
    agent.ask(&request("write", json!({ "path": "/data/long", "content": "x".repeat(20_000) }))).is(203);
    let mut long = request("read", json!({ "path": "/data/long" }));
    long["idempotency_key"] = json!("k-2");
    agent.ask(&long).is(203);
    assert_eq!(agent.ask(&long).is(409)["error"]["code"], "reply_gone");
}

#[test]
fn what_cannot_be_isolated_waits_and_never_runs_by_itself() {
    let (server, file) = start(SETTINGS);
    let agent = agent(&server);
    let before = std::fs::read(&file).unwrap();
    let mut elsewhere = statement("DELETE FROM orders WHERE id = 1");
    elsewhere["resource"]["name"] = json!("other-db");
    let answer = agent.ask(&elsewhere).is(202);
    assert_eq!((&answer["outcome"], &answer["unisolated"]), (&json!("wait"), &json!("no_adapter")));
    let escape = statement("DELETE FROM orders WHERE id = 1; COMMIT");
    let answer = agent.ask(&escape).is(202);
    assert_eq!((&answer["outcome"], &answer["unisolated"]), (&json!("wait"), &json!("leaves")));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let none = r#"checkrein_isolated_runs_total{adapter="none",outcome="no_adapter"}"#;
    assert_eq!(server.metric(none), 1);

    // From here on it is a held action like any other: a person lets it run, and then it may have run.
    let id = answer["id"].as_str().unwrap();
    server.operate("POST", &format!("/api/v1/approvals/{id}/approve"), &json!({})).is(200);
    let resume = json!({ "token": answer["hold"]["token"], "action": escape, "claim": "one" });
    assert_eq!(agent.post(&format!("/ask/v1/decisions/{id}/resume"), &resume).is(200)["outcome"], "run");
    let report = agent.post(&format!("/ask/v1/decisions/{id}/outcome"), &json!({ "outcome": "executed" }));
    assert_eq!(report.is(202)["agrees"], true);
    let mut findings = Vec::new();
    until("why it was not isolated is a finding", || {
        let found = server.as_operator(&server.admin, "GET", &format!("/api/v1/decisions/{id}"), None).json();
        findings = found["findings"].as_array().cloned().unwrap_or_default();
        found["outcomes"].as_array().is_some_and(|all| !all.is_empty())
    });
    assert_eq!(findings.len(), 1, "and the released run contradicts nothing: {findings:?}");
    assert_eq!(findings[0]["rule"], "sandbox.refused");
    verifies(&server);
}

#[test]
fn a_scope_can_isolate_whatever_has_an_effect() {
    let settings = SETTINGS.replace("capture: full", "capture: redacted, isolate_effects: true");
    let (server, file) = start(&settings);
    let agent = agent(&server);
    let before = std::fs::read(&file).unwrap();
    let mut allowed = statement("UPDATE orders SET customer = 'Nobody' WHERE id < 3 RETURNING customer");
    allowed["tool"] = json!("plain");
    allowed["operation"] = json!("write");
    let answer = agent.ask(&allowed).is(203);
    assert_eq!(answer["result"]["rows"], json!([["Nobody"], ["Nobody"]]));
    allowed["operation"] = json!("read");
    allowed["payload"]["statement"] = json!("SELECT 1");
    assert_eq!(agent.ask(&allowed).is(200)["outcome"], "run", "what has no effect runs");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // Nothing looked through what came out of the database, so it is not kept where content is redacted.
    let id = answer["id"].as_str().unwrap();
    let mut content = String::new();
    until("the run is in the index", || {
        content =
            server.as_operator(&server.admin, "GET", &format!("/api/v1/decisions/{id}/content"), None).body;
        content.contains("\"result\"")
    });
    let decision = &server.look(&format!("/api/v1/decisions/{id}"))["decision"];
    assert_eq!((&decision["verdict"], &decision["effective"]), (&json!("allow"), &json!("sandbox")));
    assert!(content.contains("updated") && !content.contains("Ana Ruiz"), "{content}");
    assert_eq!(holds(&server.folder.join("data"), "Ana Ruiz"), Vec::<PathBuf>::new());
}

#[test]
fn one_agent_or_application_can_be_isolated_while_the_others_go_on() {
    let (server, file) = start(SETTINGS);
    let before = std::fs::read(&file).unwrap();
    let profile = json!({ "environments": ["production"], "application": "billing" });
    let (watched, free) = (server.agent("watched", &[]), server.agent("free", &[]));
    let in_application = server.agent("biller", &[]);
    server.operate("PUT", "/api/v1/agents/biller", &profile).is(200);
    let set = |scope: Value, on: Value| {
        let mut body = scope;
        body["settings"] = json!({ "isolate_effects": on });
        server.operate("PUT", "/api/v1/settings", &body).is(200)
    };
    let mut write = statement("DELETE FROM orders WHERE id = 1");
    write["tool"] = json!("plain");
    let outcome = |agent: &Agent| agent.ask(&write).json()["outcome"].clone();
    set(json!({ "agent": "watched" }), json!(true));
    set(json!({ "application": "billing" }), json!(true));
    patiently("the settings are in force", || {
        (outcome(&watched), outcome(&in_application)) == (json!("isolated"), json!("isolated"))
    });
    assert_ne!(outcome(&free), "isolated", "nobody asked for it");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // The narrower scope decides, also when it says no.
    set(json!({ "agent": "biller" }), json!(false));
    patiently("the agent's own settings are in force", || outcome(&in_application) != "isolated");
    let acts = server.as_operator(&server.admin, "GET", "/api/v1/ledger/records", None).body;
    assert_eq!(acts.matches("\"settings.put\"").count(), 3, "{acts}");
}

/// Files below a folder that hold a text.
fn holds(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holds(&path, text));
        } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
            found.push(path);
        }
    }
    found
}
