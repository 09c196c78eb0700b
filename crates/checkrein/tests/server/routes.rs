//! Where calls of models go, what they may cost, and what is said instead of an answer.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server, until};
use crate::models::{chat, joined, post};
use crate::provider::{Answers, Provider};

fn said(model: &str, text: &str) -> String {
    json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": text }] })
        .to_string()
}

fn answer(text: &str) -> Answers {
    Answers::json(
        &json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 } })
        .to_string(),
    )
}

fn with(settings: &str, rules: &[&str]) -> Server {
    Server::with(&format!("{SETTINGS}{settings}"), rules)
}

fn text(reply: &Value) -> &str {
    reply["choices"][0]["message"]["content"].as_str().unwrap()
}

/// A13: what is left is what goes out, however many ask at once.
#[test]
fn a_budget_for_ten_lets_ten_through_of_sixty_four_at_once() {
    let provider = Provider::start(|_| answer("hi"));
    let server = with(
        &format!(
            "providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
             routes:\n  - {{ models: ['*'], to: [main] }}\n\
             budgets:\n  - {{ name: few, per: day, requests: 10, alert_at: [50], on_limit: block }}\n",
            provider.address
        ),
        &[],
    );
    let agents: Vec<Agent> = (0..16).map(|n| server.agent(&format!("racer-{n}"), &[])).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..64)
            .map(|n| {
                let agent = &agents[n % agents.len()];
                scope.spawn(move || chat(agent, &said("m", &format!("question {n}"))).status)
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let count = |status: u16| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(200), count(429)), (10, 54), "{statuses:?}");
    assert_eq!(provider.seen().len(), 10);
    let reply = post(
        agents[0].address,
        "/v1/messages",
        &format!("x-api-key: {}\r\n", agents[0].key),
        &said("m", "one more"),
    );
    assert_eq!(reply.is(429)["error"]["type"], "rate_limit_error", "in the caller's own dialect");
    until("the threshold and the limit are findings", || {
        let found = server.look("/api/v1/findings?limit=100").to_string();
        found.contains("budget.threshold") && found.contains("budget.spent")
    });
}

/// A15: the next one is asked when it is certain that the first did nothing.
#[test]
fn a_provider_that_cannot_be_reached_or_declines_is_passed_over() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let busy =
        Provider::start(|_| Answers { status: 503, ..Answers::json(r#"{"error":{"message":"busy"}}"#) });
    let spare = Provider::start(|_| answer("from the spare one"));
    let twin = Provider::start(|_| answer("from its twin"));
    let server = with(
        &format!(
            "providers:\n  - {{ name: gone, kind: openai_compatible, url: 'http://{nobody}' }}\n  \
             - {{ name: busy, kind: openai_compatible, url: 'http://{}' }}\n  \
             - {{ name: spare, kind: openai_compatible, url: 'http://{}' }}\n  \
             - {{ name: twin, kind: openai_compatible, url: 'http://{}' }}\n\
             routes:\n  - {{ models: ['a*'], to: [gone, busy, spare] }}\n  \
             - {{ models: ['turns*'], to: [twin, spare], by: round_robin }}\n",
            busy.address, spare.address, twin.address
        ),
        &[],
    );
    let agents: Vec<Agent> = (0..6).map(|n| server.agent(&format!("caller-{n}"), &[])).collect();
    let reply = chat(&agents[0], &said("a-model", "hello")).is(200);
    assert_eq!(text(&reply), "from the spare one");
    assert_eq!((busy.seen().len(), spare.seen().len()), (1, 1));
    let reply = chat(&agents[1], &said("unknown", "hello"));
    assert_eq!(reply.is(400)["error"]["code"], "unknown_model");
    for agent in &agents[2..] {
        chat(agent, &said("turns", "hello")).is(200);
    }
    assert_eq!((twin.seen().len(), spare.seen().len()), (2, 3), "one after the other");
    let via = post(
        agents[0].address,
        "/via/spare/v1/chat/completions",
        &format!("authorization: Bearer {}\r\n", agents[0].key),
        &said("a-model", "once more"),
    );
    assert_eq!(text(&via.is(200)), "from the spare one");
}

/// R68: whatever fails, data that may not go somewhere does not.
#[test]
fn data_that_is_forbidden_at_a_provider_does_not_go_there_however_it_is_asked() {
    let (home, abroad) = (Provider::start(|_| answer("home")), Provider::start(|_| answer("abroad")));
    let server = with(
        &format!(
            "providers:\n  - {{ name: abroad, kind: openai_compatible, url: 'http://{}' }}\n  \
             - {{ name: home, kind: openai_compatible, url: 'http://{}' }}\n\
             routes:\n  - {{ models: ['*'], to: [abroad, home], never: {{ classes: [email], providers: [abroad] }} }}\n",
            abroad.address, home.address
        ),
        &[],
    );
    let [plain, personal, asked] = ["plain", "personal", "asked"].map(|name| server.agent(name, &[]));
    assert_eq!(text(&chat(&plain, &said("m", "hello")).is(200)), "abroad");
    let letter = said("m", "write to maria.sol@shop.example please");
    assert_eq!(text(&chat(&personal, &letter).is(200)), "home");
    let named = post(
        asked.address,
        "/via/abroad/v1/chat/completions",
        &format!("authorization: Bearer {}\r\n", asked.key),
        &letter,
    );
    assert_eq!(named.is(403)["error"]["code"], "provider_forbidden");
    assert!(!abroad.all().contains("maria.sol"));
}

/// A14: off its subject an assistant says what the operator wrote, as if the model had said it.
#[test]
fn an_off_topic_question_is_answered_with_the_operators_words() {
    let provider = Provider::start(|_| answer("about your invoice"));
    let server = with(
        &format!(
            "providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
             routes:\n  - {{ models: ['*'], to: [main] }}\n",
            provider.address
        ),
        &["topics.yaml"],
    );
    let agents: Vec<Agent> = (0..4).map(|n| server.agent(&format!("shop-{n}"), &[])).collect();
    let on = chat(&agents[0], &said("m", "I need a copy of my last invoice")).is(200);
    assert_eq!(text(&on), "about your invoice");
    let off = "Write a poem about the sea and the mountains of Italy";
    let reply = chat(&agents[1], &said("m", off)).is(200);
    let words = text(&reply).to_owned();
    assert!(!words.contains("invoice") && !words.is_empty(), "{reply}");
    let streamed = json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": off }] });
    let reply = chat(&agents[2], &streamed.to_string());
    assert_eq!(joined(&reply.body), words, "{}", reply.body);
    let reply = post(
        agents[3].address,
        "/v1/messages",
        &format!("x-api-key: {}\r\n", agents[3].key),
        &said("m", off),
    );
    assert_eq!(reply.is(200)["content"][0]["text"], words.as_str());
    assert_eq!(provider.seen().len(), 1, "nothing else was asked");
}

/// A client of one format and a provider of another.
#[test]
fn a_client_is_answered_in_its_own_dialect_whatever_the_provider_speaks() {
    let provider = Provider::start(|seen| {
        assert!(seen.path.starts_with("/v1/messages"), "{seen:?}");
        match seen.body.contains("\"stream\":true") {
            false => Answers::json(
                r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"good day"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#,
            ),
            true => Answers::events(&[
                r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"good"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" day"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}"#,
                r#"{"type":"message_stop"}"#,
            ]
            .map(|data| format!("data: {data}\n\n"))
            .concat()),
        }
    });
    let server = with(
        &format!(
            "providers:\n  - {{ name: main, kind: anthropic, url: 'http://{}', key: {{ env: PATH }} }}\n\
             routes:\n  - {{ models: ['claude*'], to: [main] }}\n",
            provider.address
        ),
        &[],
    );
    let [plain, pieces] = ["plain", "pieces"].map(|name| server.agent(name, &[]));
    let reply = chat(&plain, &said("claude-x", "hello")).is(200);
    assert_eq!((text(&reply), &reply["choices"][0]["finish_reason"]), ("good day", &json!("stop")));
    assert_eq!(reply["usage"]["completion_tokens"], 2);
    let streamed = json!({ "model": "claude-x", "stream": true, "max_tokens": 50, "messages": [{ "role": "user", "content": "hello" }] });
    let reply = chat(&pieces, &streamed.to_string());
    assert_eq!(joined(&reply.body), "good day", "{}", reply.body);
    assert!(reply.body.ends_with("data: [DONE]\n\n"), "{}", reply.body);
    let seen = provider.seen();
    assert!(
        seen[0].head.contains("x-api-key") && seen[0].head.contains("anthropic-version"),
        "{:?}",
        seen[0]
    );
}
