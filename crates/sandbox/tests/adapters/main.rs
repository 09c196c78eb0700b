//! Every adapter against the real thing: what it answers, that nothing of it stays, and that nothing
//! gets out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod cluster;
mod files;
mod http;
mod postgres;
mod sqlite;

use action::{Action, Json};
use sandbox::{Adapter, Bounds, Refused, Run, Sandbox, Target};

/// An action on a resource with a payload.
pub fn action(operation: &str, resource: &str, payload: &str) -> Action {
    in_session("s-1", operation, resource, payload)
}

pub fn in_session(session: &str, operation: &str, resource: &str, payload: &str) -> Action {
    let text = format!(
        r#"{{ "kind": "mcp_tool", "operation": "{operation}", "tool": "t",
              "resource": {{ "type": "thing", "name": "{resource}" }},
              "agent": {{ "name": "shop-helper" }}, "session": {{ "id": "{session}" }},
              "environment": "production", "time": "2026-03-02T14:05:00Z", "payload": {payload} }}"#
    );
    Json::parse_as(text.as_bytes()).unwrap()
}

pub fn statement(sql: &str) -> Action {
    action("write", "orders-db", &format!(r#"{{ "statement": {} }}"#, Json::Text(sql.to_owned()).show()))
}

pub fn sandbox(adapter: Adapter) -> Sandbox {
    bounded(adapter, Bounds::default())
}

pub fn bounded(adapter: Adapter, bounds: Bounds) -> Sandbox {
    Sandbox::new(vec![Target { adapter, agents: Vec::new() }], bounds)
}

/// JSON as text, for comparing and for reading in a failure.
pub trait Show {
    fn show(&self) -> String;
}

impl Show for Json {
    fn show(&self) -> String {
        serde_json::to_string(self).unwrap()
    }
}

#[track_caller]
pub fn ran(run: Result<Run, Refused>) -> Run {
    run.unwrap_or_else(|refused| panic!("{refused:?}"))
}

#[track_caller]
pub fn refused(run: Result<Run, Refused>) -> &'static str {
    match run {
        Ok(run) => panic!("it ran: {run:?}"),
        Err(refused) => refused.code(),
    }
}

#[test]
fn an_action_without_an_adapter_or_of_another_agent_is_not_run() {
    let target = || Adapter::Http(sandbox::Http::new("api.example.org", Vec::new()).unwrap());
    let post = action("write", "x", r#"{"url":"https://api.example.org/a","method":"POST"}"#);
    let elsewhere = action("write", "x", r#"{"url":"https://api.example.com/a","method":"POST"}"#);
    assert_eq!(refused(sandbox(target()).run(&elsewhere)), "no_adapter");
    let only = |name: &str| {
        let agents = vec![action::Name::new(name).unwrap()];
        Sandbox::new(vec![Target { adapter: target(), agents }], Bounds::default())
    };
    assert_eq!(refused(only("somebody-else").run(&post)), "no_adapter");
    assert_eq!(ran(only("shop-helper").run(&post)).writes, 1);
}
