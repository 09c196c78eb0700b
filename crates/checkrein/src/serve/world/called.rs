//! Calls of models and of tools through the gateway, over a disk that stalls: A12 on its way out, on its way
//! back, and in the middle of an answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::provider::{Answers, Gate, Provider, Seen};
use super::speak::{Agent, Reply, raw, refund, until};
use super::tools::Tools;
use super::{World, key};

const CARD: &str = "4539 1488 0343 6467";

/// What an answer says is covered where it is a card, so that its record is on the disk before it leaves.
const COVERS: &str = "
policy: own
version: 1
rules:
  - id: own.cards
    instead_of_bands: true
    when: { kind: llm_call, operation: read, classes: [card] }
    then: { constrain: [ { redact: [card] } ] }
";

fn world(provider: &Provider, tools: &Tools) -> (tempfile::TempDir, World) {
    let settings = format!(
        "providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{0}' }}\n  \
         - {{ name: other, kind: anthropic, url: 'http://{0}', key: {{ env: PATH }} }}\n\
         routes:\n  - {{ models: ['gpt*'], to: [main] }}\n  - {{ models: ['claude*'], to: [other] }}\n\
         mcp: {{ servers: [ {{ name: shop, url: 'http://{1}/mcp' }} ] }}\n",
        provider.address, tools.address
    );
    World::with(&settings, &["refunds.yaml"], COVERS)
}

/// A way through the gateway: how it is asked, and where the code of its refusals stands.
struct Way {
    name: &'static str,
    path: &'static str,
    body: Value,
    /// Status and place of the code of a refusal before anything was sent.
    refused: u16,
    code: &'static str,
    /// What stands in an answer that came through.
    shows: &'static str,
}

fn ways() -> Vec<Way> {
    let said = json!([{ "role": "user", "content": "hello" }]);
    let chat = |stream: bool| json!({ "model": "gpt-4o", "stream": stream, "messages": said });
    let messages =
        |stream: bool| json!({ "model": "claude-x", "max_tokens": 9, "stream": stream, "messages": said });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
                       "params": { "name": "read_menu", "arguments": { "n": 1 } } });
    let way = |name, path, body, refused, code, shows| Way { name, path, body, refused, code, shows };
    vec![
        way("chat", "/v1/chat/completions", chat(false), 503, "/error/code", "good day"),
        way("chat stream", "/v1/chat/completions", chat(true), 503, "/error/code", "[DONE]"),
        // This dialect has no place for a code of ours; its own word for the reason stands instead.
        way("messages", "/v1/messages", messages(false), 503, "/error/type", "good day"),
        way("messages stream", "/v1/messages", messages(true), 503, "/error/type", "message_stop"),
        way("mcp", "/mcp/shop", call, 200, "/error/data/code", "done"),
    ]
}

fn request(agent: &Agent, path: &str, session: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nx-checkrein-key: {}\r\naccept: application/json, text/event-stream\r\n\
         {session}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        agent.address,
        agent.key,
        body.len()
    )
    .into_bytes()
}

fn answer(seen: &Seen) -> Answers {
    match (seen.path.starts_with("/v1/messages"), seen.body.contains("\"stream\":true")) {
        (false, false) => Answers::json(
            r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"good day"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        ),
        (false, true) => Answers::events(&chat_events(&["good", " day"]).concat()),
        (true, false) => Answers::json(
            r#"{"id":"m","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"good day"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#,
        ),
        (true, true) => Answers::events(
            &[
                r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"good day"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
                r#"{"type":"message_stop"}"#,
            ]
            .map(|data| format!("data: {data}\n\n"))
            .concat(),
        ),
    }
}

fn chat_events(pieces: &[&str]) -> Vec<String> {
    let event = |delta: Value, finish: Option<&str>| {
        let choice = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        format!("data: {}\n\n", json!({ "id": "c", "object": "chat.completion.chunk", "choices": choice }))
    };
    let said = pieces.iter().map(|piece| event(json!({ "role": "assistant", "content": piece }), None));
    said.chain([event(json!({}), Some("stop")), "data: [DONE]\n\n".to_owned()]).collect()
}

/// An MCP client begins before anything stalls.
fn begun(agent: &Agent, path: &str) -> String {
    if !path.starts_with("/mcp") {
        return String::new();
    }
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let reply = raw(agent.address, &request(agent, path, "", &hello));
    let line = reply.head.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:"));
    format!("{}\r\n", line.unwrap_or_else(|| panic!("{reply:?}")))
}

/// Once this has come back nothing is taken ahead of the disk any more: a record that was taken ahead has
/// waited longer than the window of the ledger is.
fn exhaust_the_window(first: &Agent) {
    let hello = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hello" }] });
    let reply = raw(first.address, &request(first, "/v1/chat/completions", "", &hello));
    assert_eq!(reply.status, 200, "{reply:?}");
    thread::sleep(ledger::Window::default().age * 3);
}

/// A12: no decision for 5 s, by every way through the gateway, plain and streamed.
#[test]
fn a12_through_the_gateway_open_lets_a_call_and_its_answer_through_and_closed_refuses_in_its_dialect() {
    let (provider, tools) = (Provider::start(answer), Tools::start());
    let (_kept, world) = world(&provider, &tools);
    let first = world.agent("first", "staging", &key());
    let asked: Vec<(Way, bool, Agent, String)> = ["staging", "production"]
        .into_iter()
        .flat_map(|environment| ways().into_iter().map(move |way| (way, environment)))
        .enumerate()
        .map(|(n, (way, environment))| {
            let agent = world.agent(&format!("caller-{n}"), environment, &key());
            let session = begun(&agent, way.path);
            (way, environment == "staging", agent, session)
        })
        .collect();

    world.disk.stall(true);
    exhaust_the_window(&first);
    let unrecorded =
        |passed: &str| world.metric(&format!("checkrein_unrecorded_total{{passed=\"{passed}\"}}"));
    let before = unrecorded("yes");
    let (sent, called) = (provider.seen().len(), tools.with("tools/call").len());
    let replies: Vec<(Reply, Duration)> = thread::scope(|scope| {
        let asking: Vec<_> = asked
            .iter()
            .map(|(way, _, agent, session)| {
                scope.spawn(move || {
                    let start = Instant::now();
                    (raw(agent.address, &request(agent, way.path, session, &way.body)), start.elapsed())
                })
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });

    let limit = gateway::limits::DECIDE_WITHIN;
    for ((way, open, ..), (reply, waited)) in asked.iter().zip(&replies) {
        assert!(*waited >= limit, "{}: {waited:?} is before its time", way.name);
        if *open {
            // The call waited, and then its answer.
            assert!(*waited >= limit * 2, "{}: the answer was not judged: {waited:?}", way.name);
            assert_eq!(reply.status, 200, "{}: {reply:?}", way.name);
            assert!(
                reply.body.contains(way.shows) && !reply.body.contains("\"error\""),
                "{}: {reply:?}",
                way.name
            );
        } else {
            assert_eq!(reply.status, way.refused, "{}: {reply:?}", way.name);
            let body = reply.json();
            let code = body.pointer(way.code).unwrap_or_else(|| panic!("{}: {body}", way.name));
            let expected = if way.code == "/error/type" { "api_error" } else { "no_decision_in_time" };
            assert_eq!(code, expected, "{}: {body}", way.name);
        }
    }
    assert_eq!(provider.seen().len() - sent, 4, "what is dropped is not sent");
    assert_eq!(tools.with("tools/call").len() - called, 1);
    assert_eq!(unrecorded("yes") - before, 10, "five calls and five answers");
    assert_eq!(unrecorded("no"), 5);

    world.disk.stall(false);
    until("the passes without a record are told", || {
        let findings = world.look("/api/v1/findings");
        findings["items"].as_array().unwrap().iter().any(|it| it["rule"] == "ledger.open_passes")
    });
    world.end_and_verify();
}

/// Reads a stream until it holds this text.
fn read_to(stream: &mut TcpStream, text: &str) -> String {
    let (mut all, mut piece) = (String::new(), [0u8; 4 << 10]);
    while !all.contains(text) {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the stream ended before `{text}`: {all}");
        all.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    all
}

/// A12 in the middle of an answer: the first words were given, then nobody judges what follows.
#[test]
fn a12_a_stream_whose_judge_falls_silent_ends_with_an_error_or_goes_on_unjudged_as_it_was_chosen() {
    let gate = Gate::default();
    let pieces: Vec<Vec<u8>> = chat_events(&["Good morning. ", "The card is ", CARD, " as you know."])
        .into_iter()
        .map(String::into_bytes)
        .collect();
    let provider = Provider::start({
        let gate = gate.clone();
        move |_| Answers { gate: Some(gate.clone()), ..Answers::pieces("text/event-stream", pieces.clone()) }
    });
    let tools = Tools::start();
    let (_kept, world) = world(&provider, &tools);
    let body =
        json!({ "model": "gpt-4o", "stream": true, "messages": [{ "role": "user", "content": "hello" }] });
    let (begun, begins) = mpsc::channel();
    let reading: Vec<_> = ["staging", "production"]
        .map(|environment| {
            let agent = world.agent(&format!("in-{environment}"), environment, &key());
            let (body, begun) = (body.clone(), begun.clone());
            thread::spawn(move || {
                let mut stream = TcpStream::connect(agent.address).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                stream.write_all(&request(&agent, "/v1/chat/completions", "", &body)).unwrap();
                let mut all = read_to(&mut stream, "Good morning. ");
                begun.send(()).unwrap();
                stream.read_to_string(&mut all).unwrap();
                all
            })
        })
        .into_iter()
        .collect();
    begins.recv().unwrap();
    begins.recv().unwrap();
    until("the calls are on the disk", || {
        let calls = world.records();
        calls.iter().filter(|it| it["kind"] == "decision" && it["action"]["operation"] == "send").count() == 2
    });

    world.disk.stall(true);
    gate.open();
    let ended: Vec<String> = reading.into_iter().map(|reading| reading.join().unwrap()).collect();
    let (open, closed) = (&ended[0], &ended[1]);
    assert!(open.contains(CARD) && open.contains("[DONE]") && !open.contains("\"error\""), "{open}");
    assert!(!closed.contains(CARD) && !closed.contains("4539"), "{closed}");
    assert!(closed.contains("no_decision_in_time") && !closed.contains("[DONE]"), "{closed}");
    assert!(world.metric("checkrein_unrecorded_total{passed=\"yes\"}") >= 2);
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"no\"}"), 1);

    world.disk.stall(false);
    until("how the cut one ended is on record", || {
        let ended = |it: &Value| it["notes"]["ended"] == "no_decision_in_time";
        world.records().iter().any(|it| ended(it) && it["outcome"]["report"] == "failed")
    });
    let one = world.agent("asks", "staging", &key());
    one.ask(&refund(1)).is(200);
    world.end_and_verify();
}
