//! Providers and their keys: put while the server runs, sealed, in force at once, and shown to nobody.

use serde_json::{Value, json};

use super::harness::{SETTINGS, Server, until};

const KEY: &str = "sk-put-by-an-operator-4711";
const FROM_FILE: &str = "sk-from-the-settings-0815";

fn server() -> Server {
    let settings = format!(
        "{SETTINGS}
providers:
  - {{ name: main, kind: openai, key: {{ file: main.key }} }}
  - {{ name: own, kind: vllm }}
budgets:
  - {{ name: all, per: month, dollars: 10 }}
"
    );
    Server::prepared(&settings, &[], |folder| std::fs::write(folder.join("main.key"), FROM_FILE).unwrap())
}

fn keys(server: &Server) -> Vec<(String, String)> {
    let all = server.look("/api/v1/providers");
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    all["items"].as_array().unwrap().iter().map(|one| (text(one, "name"), text(one, "key"))).collect()
}

fn pairs(all: [(&str, &str); 2]) -> Vec<(String, String)> {
    all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// Everything that the server keeps, and what it wrote to its log.
fn whole(folder: &std::path::Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            whole(&path, all);
        } else if !path.ends_with("main.key") {
            all.extend(std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn a_key_is_put_and_taken_away_without_a_restart_and_is_nowhere_to_be_read() {
    let server = server();
    assert_eq!(keys(&server), pairs([("main", "settings"), ("own", "none")]));
    let put = |server: &Server, name: &str, key: &str| {
        server.operate("PUT", &format!("/api/v1/providers/{name}/key"), &json!({ "key": key }))
    };
    assert_eq!(put(&server, "own", KEY).is(200)["key"], "operator");
    put(&server, "main", KEY).is(200);
    assert_eq!(keys(&server), pairs([("main", "operator"), ("own", "operator")]));
    for (name, key, status) in [("nobody", KEY, 404), ("own", "with blank", 400), ("own", "", 400)] {
        put(&server, name, key).is(status);
    }
    let server = server.crash_and_restart();
    assert_eq!(keys(&server), pairs([("main", "operator"), ("own", "operator")]), "it is kept");
    server.operate("DELETE", "/api/v1/providers/main/key", &Value::Null).is(200);
    assert_eq!(keys(&server), pairs([("main", "settings"), ("own", "operator")]));

    let get = |path| server.as_operator(&server.admin, "GET", path, None).body;
    until("the acts are in the index", || get("/api/v1/acts").contains("provider_key.drop"));
    let paths = ["/api/v1/providers", "/api/v1/acts", "/api/v1/ledger/records"];
    let mut all = paths.map(get).concat().into_bytes();
    whole(&server.folder, &mut all);
    for secret in [KEY, FROM_FILE] {
        let found = all.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "a key is in an answer, a record, a file or the log");
    }
}

#[test]
fn budgets_and_spend_are_shown() {
    let server = server();
    let budgets = server.look("/api/v1/budgets");
    assert_eq!(budgets["items"][0]["name"], "all");
    assert_eq!(budgets["items"][0]["limit"]["micro_dollars"], 10_000_000);
    assert_eq!(budgets["items"][0]["used"]["requests"], 0);
    let spend = server.look("/api/v1/spend?by=agent,model");
    assert_eq!(spend["items"], json!([]));
    server.as_operator(&server.admin, "GET", "/api/v1/spend?by=colour", None).is(400);
}

#[test]
fn a_server_whose_keys_cannot_be_had_does_not_start() {
    let log = server().restart_after(|folder| std::fs::remove_file(folder.join("main.key")).unwrap());
    let log = log.err().expect("it must not start");
    assert!(log.contains("main.key") && log.contains("provider `main`"), "{log}");
    let log = server().restart_after(|folder| std::fs::write(folder.join("data/budgets.json"), "[").unwrap());
    let log = log.err().expect("it must not start");
    assert!(log.contains("budgets.json"), "{log}");
}
