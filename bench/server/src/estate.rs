//! The settings, rules and agents of a run, and the actions that are asked for.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::line::Line;
use crate::server::Server;

pub const SETTINGS: &str = "
data: data
tenant: example
log: example.org/bench
agents: { listen: 127.0.0.1:0 }
operators: { listen: 127.0.0.1:0 }
rules: { preset: standard, files: [rules.yaml, limits.yaml] }
environments:
  production: { mode: enforce, capture: redacted, explain: category, fail: { reads: closed, effects: closed } }
";

/// One write that runs, one that a person decides.
pub const RULES: &str = "
policy: bench
rules:
  - id: note.runs
    priority: 10
    note: notes are written without asking anybody
    when: { tool: note_write, operation: write }
    then: allow
    instead_of_bands: true
  - id: contact.waits
    priority: 10
    note: contacts are changed when a person agrees
    when: { tool: contact_change, operation: write }
    then: approve
";

/// A client that asks without pause is a finding by itself; here that is what is wanted.
pub const LIMITS: &str = "
kind: settings
limits:
  calls_per_minute: 100000000
  calls_burst: 100000000
  session_calls_per_minute: 100000000
  session_calls_burst: 100000000
  tool_calls_per_minute: 100000000
  tool_calls_burst: 100000000
  session_calls: 100000000
  identical_calls: 100000000
  failures_per_hour: 100000000
";

pub fn read(n: u64) -> Value {
    let path = format!("menus/week-{}.txt", n % 50);
    json!({
        "kind": "file", "operation": "read", "tool": "read_file",
        "resource": { "type": "file", "name": path }, "payload": { "path": path },
    })
}

pub fn note(key: &str) -> Value {
    write("note_write", key)
}

pub fn contact(key: &str) -> Value {
    write("contact_change", key)
}

pub fn note_without_key(n: u64) -> Value {
    let mut action = note(&format!("k-{n}"));
    if let Some(fields) = action.as_object_mut() {
        fields.remove("idempotency_key");
    }
    action
}

fn write(tool: &str, key: &str) -> Value {
    json!({
        "kind": "record_change", "operation": "write", "tool": tool,
        "resource": { "type": "crm_record", "name": "contacts" },
        "payload": { "id": key, "fields": { "status": "qualified" } },
        "idempotency_key": key,
    })
}

/// Registers an agent and gives back its key, once it is in force.
pub fn register(server: &Server, admin: &mut Line, name: &str) -> Result<String> {
    let key = make_key(admin, name)?;
    until_in_force(server, &key)?;
    Ok(key)
}

pub fn make_key(admin: &mut Line, name: &str) -> Result<String> {
    let profile = json!({ "environments": ["production"], "roles": [] });
    let put = admin.call("PUT", &format!("/api/v1/agents/{name}"), Some(&profile))?;
    ensure!(matches!(put.status, 200 | 201), "an agent was not registered: {}", put.text());
    let made = admin.post(&format!("/api/v1/agents/{name}/keys"), &json!({ "label": "bench" }))?.is(201)?;
    made["key"].as_str().map(str::to_owned).context("a key without its text")
}

pub fn until_in_force(server: &Server, key: &str) -> Result<()> {
    let start = Instant::now();
    while Line::open(server.agents, key)?.get("/ask/v1/decisions/dec_none")?.status == 401 {
        ensure!(start.elapsed() < Duration::from_secs(20), "a key never came in force");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
