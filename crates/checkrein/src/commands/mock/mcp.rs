//! A server of tools among the mocks: streamable HTTP at `/mcp`, with sessions, and four tools.
//!
//! `echo` gives back its arguments, `say` the text that the script has for them, `slow` does so in a
//! stream with a sign of progress before, and `refund` pays nothing back.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::body::Event;
use super::{Scripts, delayed, plain};

const SESSION: &str = "mcp-session-id";

pub async fn post(State(script): Scripts, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return plain(StatusCode::BAD_REQUEST, "application/json", b"{}".to_vec());
    };
    let id = at(&message, "/id").clone();
    let Some(method) = at(&message, "/method").as_str().filter(|_| !id.is_null()) else {
        return plain(StatusCode::ACCEPTED, "application/json", Vec::new());
    };
    let answer = |key: &str, value: Value| json!({ "jsonrpc": "2.0", "id": id, key: value }).to_string();
    if method == "initialize" {
        let result = json!({
            "protocolVersion": at(&message, "/params/protocolVersion").as_str().unwrap_or("2025-06-18"),
            "capabilities": { "tools": { "listChanged": false } },
            "serverInfo": { "name": "checkrein-mock", "version": env!("CARGO_PKG_VERSION") },
        });
        let mut response = json_body(&answer("result", result));
        response.headers_mut().insert(SESSION, HeaderValue::from_static("mock-session-1"));
        return response;
    }
    let named = headers.get(SESSION).is_none_or(|session| session == "mock-session-1");
    if !named {
        return plain(StatusCode::NOT_FOUND, "application/json", b"{}".to_vec());
    }
    let arguments = at(&message, "/params/arguments");
    let text = |text: String| json!({ "content": [ { "type": "text", "text": text } ], "isError": false });
    match (method, at(&message, "/params/name").as_str()) {
        ("ping", _) => json_body(&answer("result", json!({}))),
        ("tools/list", _) => json_body(&answer("result", json!({ "tools": tools() }))),
        ("tools/call", Some("echo")) => json_body(&answer("result", text(arguments.to_string()))),
        ("tools/call", Some("refund")) => json_body(&answer("result", text("paid back".to_owned()))),
        ("tools/call", Some("say")) => {
            let reply = script.reply(&arguments.to_string());
            let body = answer("result", text(reply.text.clone()));
            delayed(&reply, vec![Event { bytes: body.into_bytes(), gap: Duration::ZERO }], "application/json")
        }
        ("tools/call", Some("slow")) => {
            let reply = script.reply(&arguments.to_string());
            let token = at(&message, "/params/_meta/progressToken");
            let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                                   "params": { "progressToken": token, "progress": 1 } });
            let told = (!token.is_null()).then(|| progress.to_string());
            let all = told.into_iter().chain([answer("result", text(reply.text.clone()))]);
            let event = |it: String| Event {
                bytes: format!("event: message\ndata: {it}\n\n").into_bytes(),
                gap: reply.gap,
            };
            delayed(&reply, all.map(event).collect(), "text/event-stream")
        }
        ("tools/call", _) => {
            let unknown = json!({ "code": -32_602, "message": "there is no such tool" });
            json_body(&answer("error", unknown))
        }
        (_, _) => {
            json_body(&answer("error", json!({ "code": -32_601, "message": "there is no such method" })))
        }
    }
}

/// Nothing is told by itself, which the protocol allows.
pub async fn get() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

pub async fn delete() -> StatusCode {
    StatusCode::NO_CONTENT
}

fn tools() -> Value {
    let tool = |name: &str, told: &str| json!({ "name": name, "description": told, "inputSchema": { "type": "object" } });
    json!([
        tool("echo", "Gives back its arguments."),
        tool("say", "Says what the script says."),
        tool("slow", "Says it in a stream."),
        {
            "name": "refund", "description": "Pays an order back.",
            "inputSchema": { "type": "object", "required": ["order", "amount", "currency"], "properties": {
                "order": { "type": "string" }, "amount": { "type": "number", "exclusiveMinimum": 0 },
                "currency": { "type": "string" } } },
        },
    ])
}

fn json_body(body: &str) -> Response {
    plain(StatusCode::OK, "application/json", body.as_bytes().to_vec())
}

/// What stands at a place; nothing where there is none.
fn at<'v>(value: &'v Value, place: &str) -> &'v Value {
    value.pointer(place).unwrap_or(&Value::Null)
}
