//! Calls of models from outside: what a provider sees, what a client gets.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::{Agent, Reply, SETTINGS, Server, raw, until};
use crate::provider::{Answers, Provider};

/// An AWS key that nobody has. In two parts, so that no scanner takes this file for a leak.
pub const KEY: &str = concat!("AKIA", "Q3EGX7MNPLZ2RT4V");
pub const CARD: &str = "4539 1488 0343 6467";

const RULES: &str = "
policy: models
version: 1
rules:
  - id: models.no-keys
    always: true
    note: keys are not sent to a model
    when: { kind: llm_call, operation: send, classes: [api_key, credential, jwt] }
    then: block
  - id: models.cards
    instead_of_bands: true
    note: a model sees other numbers
    when: { kind: llm_call, operation: send, classes: [card] }
    then: { constrain: [ { redact: [card] } ] }
  - id: models.answers
    instead_of_bands: true
    note: keys in an answer are covered
    when: { kind: llm_call, operation: read, classes: [api_key, credential, jwt, card] }
    then: { constrain: [ { redact: [api_key, credential, jwt, card] } ] }
  - id: models.no-wipe
    always: true
    note: nobody wipes
    when: { tool: wipe_everything }
    then: block
  - id: models.no-effects
    always: true
    note: no call of a tool changes anything here
    when: { operation: [write, delete, pay, grant] }
    then: block
  - id: models.ask-first
    always: true
    note: a person looks at it
    when: { kind: llm_call, operation: send, text: { contains: 'please hold' } }
    then: approve
";

/// A server in front of a provider that speaks every dialect.
pub fn server(provider: &Provider) -> Server {
    server_with(provider, "")
}

/// The same with one more rule.
pub fn server_with(provider: &Provider, rule: &str) -> Server {
    server_at(provider.address, rule)
}

pub fn server_at(provider: SocketAddr, rule: &str) -> Server {
    let kinds = ["openai_compatible", "openai", "anthropic", "gemini", "bedrock", "cohere", "ollama"];
    let all: String = kinds
        .iter()
        .map(|kind| {
            format!("  - {{ name: {kind}, kind: {kind}, url: 'http://{provider}', key: {{ env: PATH }} }}\n")
        })
        .collect();
    Server::prepared(&format!("{SETTINGS}providers:\n{all}"), &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/models.yaml"), format!("{RULES}{rule}")).unwrap();
    })
}

pub fn post(address: SocketAddr, path: &str, headers: &str, body: &str) -> Reply {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut reply = raw(address, request.as_bytes());
    if reply.head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        reply.body = unchunked(&reply.body);
    }
    reply
}

fn unchunked(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&rest[..size]);
        body = &rest[size + 2..];
        if size == 0 {
            break;
        }
    }
    out
}

pub fn chat(agent: &Agent, body: &str) -> Reply {
    post(agent.address, "/v1/chat/completions", &format!("authorization: Bearer {}\r\n", agent.key), body)
}

fn said(text: &str) -> String {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": text }] }).to_string()
}

fn streamed(text: &str) -> String {
    json!({ "model": "gpt-4o", "stream": true, "messages": [{ "role": "user", "content": text }] })
        .to_string()
}

fn answered(text: &str) -> Answers {
    Answers::json(&json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } }).to_string())
}

fn event(delta: &Value, finish: Option<&str>) -> String {
    let body = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    format!("data: {body}\n\n")
}

fn stream(pieces: &[&str]) -> String {
    let mut out = event(&json!({ "role": "assistant", "content": "" }), None);
    for piece in pieces {
        out.push_str(&event(&json!({ "content": piece }), None));
    }
    out.push_str(&event(&json!({}), Some("stop")));
    out.push_str("data: [DONE]\n\n");
    out
}

/// The text that a client puts together of a stream.
pub fn joined(body: &str) -> String {
    body.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn what_is_allowed_goes_both_ways_byte_for_byte() {
    let odd = "{ \"choices\" : [ {\"index\":0, \"message\": {\"role\":\"assistant\",\"content\":\"h\\u0069\"}} ] ,\"x_new\":1.50}";
    let provider = Provider::start(move |_| Answers::json(odd));
    let server = server(&provider);
    let agent = server.agent("writer", &[]);
    let body = "{\"model\":\"gpt-4o\" , \"temperature\": 0.70,\n \"messages\":[{\"content\":\"h\\u0065llo\",\"role\":\"user\"}],\"x_own\":null}";
    let reply = chat(&agent, body);
    assert_eq!((reply.status, reply.body.as_str()), (200, odd), "{reply:?}");
    assert!(reply.head.contains("checkrein-receipt: dec_") && reply.head.contains("x-request-id: req_1"));
    let seen = provider.seen();
    assert_eq!((seen.len(), seen[0].body.as_str()), (1, body));
    assert!(!provider.all().contains(&agent.key), "the agent's own key stays here");
}

#[test]
fn every_official_client_shows_its_key_its_own_way() {
    let provider = Provider::start(|_| answered("hi"));
    let server = server(&provider);
    let agent = server.agent("clients", &[]);
    let key = &agent.key;
    for headers in [
        format!("authorization: Bearer {key}"),
        format!("x-api-key: {key}"),
        format!("api-key: {key}"),
        format!("x-goog-api-key: {key}"),
        format!("x-checkrein-key: {key}"),
    ] {
        let reply = post(agent.address, "/v1/chat/completions", &format!("{headers}\r\n"), &said("hello"));
        assert_eq!(reply.status, 200, "{headers}: {reply:?}");
    }
    let reply = post(agent.address, &format!("/v1/chat/completions?key={key}"), "", &said("hello"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = post(agent.address, "/v1/messages", "x-api-key: cra_nobody\r\n", "{}");
    assert_eq!(reply.is(401)["error"]["type"], "authentication_error");
    assert!(!provider.all().contains(key.as_str()));
}

#[test]
fn a_key_in_a_prompt_never_leaves_and_is_not_repeated() {
    let provider = Provider::start(|_| answered("hi"));
    let server = server(&provider);
    let agent = server.agent("leaky", &[]);
    for body in [said(&format!("use {KEY} please")), streamed(&format!("use {KEY} please"))] {
        let reply = chat(&agent, &body);
        assert_eq!(reply.status, 403, "{reply:?}");
        assert!(!reply.body.contains(KEY) && reply.body.contains("permission_error"), "{reply:?}");
    }
    assert_eq!(provider.seen().len(), 0);
}

#[test]
fn a_stream_leaves_byte_for_byte_and_a_key_in_it_is_covered_wherever_it_is_cut() {
    let plain = stream(&["Good", " morning", ", all", " of you."]);
    let whole = plain.clone();
    let provider = Provider::start(move |seen| match seen.body.contains("plain") {
        true => Answers::pieces("text/event-stream", whole.bytes().map(|byte| vec![byte]).collect()),
        false => {
            let at = 1 + seen.body.len() % 19;
            let (a, b) = KEY.split_at(at);
            Answers::events(&stream(&["The key is ", a, b, " and so on."]))
        }
    });
    let server = server(&provider);
    let agent = server.agent("streamer", &[]);
    assert_eq!(chat(&agent, &streamed("plain")).body, plain);
    let others: Vec<Agent> = (0..4).map(|n| server.agent(&format!("streamer-{n}"), &[])).collect();
    for n in 0..19 {
        let reply = chat(&others[n % 4], &streamed(&"x".repeat(n + 1)));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!reply.body.contains(KEY) && !joined(&reply.body).contains(KEY), "{}", reply.body);
        let text = joined(&reply.body);
        assert!(text.starts_with("The key is ") && text.ends_with(" and so on."), "{text}");
        assert!(reply.body.ends_with("data: [DONE]\n\n"), "{}", reply.body);
    }
}

#[test]
fn a_card_is_another_one_for_the_provider_and_the_same_again_for_the_client() {
    let provider = Provider::start(|seen| {
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let text = body["messages"][0]["content"].as_str().unwrap().to_owned();
        match body["stream"].as_bool() {
            Some(true) => {
                let letters: Vec<String> = text.chars().map(String::from).collect();
                Answers::events(&stream(&letters.iter().map(String::as_str).collect::<Vec<_>>()))
            }
            _ => answered(&text),
        }
    });
    let server = server(&provider);
    let agent = server.agent("payer", &[]);
    let text = format!("charge card {CARD} with 5 euros");
    let reply = chat(&agent, &said(&text)).is(200);
    assert_eq!(reply["choices"][0]["message"]["content"], text);
    let reply = chat(&agent, &streamed(&text));
    assert_eq!(joined(&reply.body), text, "{}", reply.body);
    let all = provider.all();
    assert!(!all.contains(CARD) && all.contains("charge card "), "{all}");
}

fn call_of(tool: &str, arguments: &str, finish: &str) -> Answers {
    Answers::json(&json!({ "choices": [{ "index": 0, "finish_reason": finish, "message": { "role": "assistant", "content": null,
        "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": tool, "arguments": arguments } }] } }] }).to_string())
}

#[test]
fn a_call_that_a_model_asks_for_is_an_action_of_its_own() {
    let provider = Provider::start(|seen| {
        let tool = if seen.body.contains("wipe") { "wipe_everything" } else { "get_weather" };
        match seen.body.contains("\"stream\":true") {
            false => call_of(tool, r#"{"city":"Bonn"}"#, "tool_calls"),
            true => {
                let begin = json!({ "role": "assistant", "content": null, "tool_calls": [{ "index": 0, "id": "call_1", "type": "function",
                    "function": { "name": tool, "arguments": "" } }] });
                let piece =
                    |text: &str| json!({ "tool_calls": [{ "index": 0, "function": { "arguments": text } }] });
                Answers::events(
                    &[
                        event(&begin, None),
                        event(&piece("{\"city\":"), None),
                        event(&piece("\"Bonn\"}"), None),
                        event(&json!({}), Some("tool_calls")),
                        "data: [DONE]\n\n".to_owned(),
                    ]
                    .concat(),
                )
            }
        }
    });
    let server = server(&provider);
    // One for each: an agent that asks without pause is held up.
    let [agent, second, third, fourth] =
        ["caller", "caller-2", "caller-3", "caller-4"].map(|name| server.agent(name, &[]));
    let reply = chat(&agent, &said("weather")).is(200);
    assert_eq!(reply["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "get_weather");
    let reply = chat(&second, &streamed("weather"));
    assert!(reply.body.contains("get_weather") && reply.body.ends_with("data: [DONE]\n\n"), "{}", reply.body);
    for (agent, body) in [(&third, said("wipe")), (&fourth, streamed("wipe"))] {
        let reply = chat(agent, &body);
        assert!(!reply.body.contains("wipe_everything"), "{reply:?}");
        assert!(reply.body.contains("not allowed"), "{reply:?}");
    }
    until("each call of a tool is a decision", || {
        let found = server.look("/api/v1/decisions?limit=100");
        let text = found.to_string();
        text.contains("get_weather") && text.contains("wipe_everything")
    });
}

#[test]
fn a_provider_that_fails_is_told_in_the_callers_dialect() {
    let provider = Provider::start(|seen| match seen.body.len() % 2 {
        _ if seen.body.contains("cut") => Answers { cut: true, ..Answers::events(&stream(&["half"])[..200]) },
        _ if seen.body.contains("garbage") => Answers::events("data: {\"choices\": [nonsense\n\n"),
        _ => Answers::pieces("text/html", vec![b"<html>".to_vec()]),
    });
    let server = server(&provider);
    let agent = server.agent("unlucky", &[]);
    let reply = chat(&agent, &said("html"));
    assert_eq!(reply.is(503)["error"]["code"], "unreadable_answer");
    for (text, code) in [("cut", "answer_cut"), ("garbage", "unreadable_event")] {
        let reply = chat(&agent, &streamed(text));
        assert_eq!(reply.status, 200);
        assert!(reply.body.contains(code) && !reply.body.contains("nonsense"), "{text}: {}", reply.body);
        assert!(!reply.body.contains("[DONE]"), "a cut stream does not look whole");
    }
    let reply = chat(&agent, "{\"messages\": [");
    assert_eq!(reply.is(400)["error"]["type"], "invalid_request_error");
}

#[test]
fn a_call_waits_for_a_person_and_goes_on_by_itself() {
    let provider = Provider::start(|seen| match seen.body.contains("\"stream\":true") {
        true => Answers::events(&stream(&["done"])),
        false => answered("done"),
    });
    let server = server(&provider);
    let agent = server.agent("patient", &[]);
    for body in [said("please hold a"), streamed("please hold b")] {
        let waiting = std::thread::spawn({
            let (address, key) = (agent.address, agent.key.clone());
            move || chat(&Agent { address, key }, &body)
        });
        let held = || server.look("/api/v1/approvals");
        until("it waits", || held().to_string().contains("dec_"));
        let before = provider.seen().len();
        let id = held()[0]["id"].as_str().unwrap_or_default().to_owned();
        server
            .operate("POST", &format!("/api/v1/approvals/{id}/approve"), &json!({ "comment": "fine" }))
            .is(200);
        let reply = waiting.join().unwrap();
        assert!(reply.status == 200 && reply.body.contains("done"), "{reply:?}");
        assert_eq!(provider.seen().len(), before + 1, "it went out once, and only then");
    }
}
