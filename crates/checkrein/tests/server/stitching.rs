//! R10 to R14 of conversations: a call that goes on with an earlier one is known by its messages, where its client
//! names no session.

use serde_json::{Value, json};

use crate::harness::{Agent, Reply, SETTINGS, Server};
use crate::models::{chat, joined, post, stream};
use crate::provider::{Answers, Provider, Seen};

const RULES: &str = "
policy: own
version: 1
rules:
  - id: own.tainted
    priority: 1
    note: whoever has read what a tool gave writes nothing
    when: { tool: add_note, tainted: true }
    then: block
  - id: own.cards
    priority: 2
    instead_of_bands: true
    when: { kind: llm_call, operation: send, classes: [card] }
    then: { constrain: [ { redact: [card] } ] }
  - id: own.rest
    instead_of_bands: true
    when: {}
    then: allow
";

fn server(provider: &Provider) -> Server {
    let settings = format!(
        "{SETTINGS}providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
         routes: [ {{ models: [m], to: [main] }} ]\n",
        provider.address
    );
    Server::prepared(&settings, &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/own.yaml"), RULES).unwrap();
    })
}

/// Says how many messages it was sent; calls a tool where the last of them asks for that.
fn counting(seen: &Seen) -> Answers {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let last = messages.last().unwrap()["content"].as_str().unwrap_or_default();
    let text = format!("I was told {} things", messages.len());
    let calls = |tool: &str, arguments: &Value| {
        json!([{ "id": "c1", "type": "function",
                 "function": { "name": tool, "arguments": arguments.to_string() } }])
    };
    let message = match last {
        "look" => {
            json!({ "role": "assistant", "content": null, "tool_calls": calls("get_page", &json!({ "n": 1 })) })
        }
        "write" => json!({ "role": "assistant", "content": null,
                           "tool_calls": calls("add_note", &json!({ "text": "hi" })) }),
        _ => json!({ "role": "assistant", "content": text }),
    };
    if body["stream"] == true {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        return Answers::events(&stream(&letters.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    Answers::json(
        &json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } })
        .to_string(),
    )
}

/// A client that keeps its conversation itself, as they all do.
struct Client<'s> {
    agent: &'s Agent,
    messages: Vec<Value>,
}

impl<'s> Client<'s> {
    fn new(agent: &'s Agent) -> Self {
        Client { agent, messages: vec![json!({ "role": "system", "content": "be kind" })] }
    }

    fn body(&self, streams: bool) -> String {
        json!({ "model": "m", "max_tokens": 100, "stream": streams, "messages": self.messages }).to_string()
    }

    fn say(&mut self, text: &str) -> Reply {
        self.hear(json!({ "role": "user", "content": text }))
    }

    fn hear(&mut self, message: Value) -> Reply {
        self.messages.push(message);
        let reply = chat(self.agent, &self.body(false));
        assert_eq!(reply.status, 200, "{reply:?}");
        let mut message = reply.json()["choices"][0]["message"].clone();
        // Clients write it anew, with what they think belongs to it.
        message["name"] = json!("helper");
        self.messages.push(message);
        reply
    }
}

fn receipt(reply: &Reply) -> Value {
    let line = reply.head.lines().find_map(|line| line.strip_prefix("checkrein-receipt: ")).unwrap();
    json!({ "id": line })
}

/// The session of a call, and what its record says of how that is known.
fn seam(server: &Server, reply: &Reply) -> (Option<String>, Option<String>, Option<String>) {
    let told = server.told(&receipt(reply));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let note = |key: &str| text(&told["notes"][key]);
    (text(&told["decision"]["session"]), note("stitched"), note("stitched_to"))
}

#[test]
fn a_conversation_is_one_session_without_a_word_of_its_client() {
    let provider = Provider::start(counting);
    let server = server(&provider);
    let agent = server.agent("writer", &[]);
    let mut client = Client::new(&agent);
    let first = client.say("hello");
    let second = client.say("and then?");
    let third = client.say("and then?");
    let of_first = seam(&server, &first);
    assert_eq!(of_first, (None, None, None));
    let session = format!("stitched:{}", receipt(&first)["id"].as_str().unwrap());
    let sure = (Some(session.clone()), Some("high".to_owned()), Some(session.clone()));
    assert_eq!(seam(&server, &second), sure);
    assert_eq!(seam(&server, &third), sure);

    // A stream that goes on with it, and a call that goes on with the stream.
    client.messages.push(json!({ "role": "user", "content": "once more" }));
    let streamed = chat(&agent, &client.body(true));
    assert_eq!(seam(&server, &streamed), sure);
    client.messages.push(json!({ "role": "assistant", "content": joined(&streamed.body) }));
    let after = client.say("thanks");
    assert_eq!(seam(&server, &after), sure);

    // A hint is no session.
    let hint = |likeness: &str| (None, Some(likeness.to_owned()), Some(session.clone()));
    let mut other = Client::new(&agent);
    other.messages.extend([
        json!({ "role": "user", "content": "hello" }),
        json!({ "role": "assistant", "content": "something that was never said" }),
    ]);
    assert_eq!(seam(&server, &other.say("and then?")), hint("medium"));
    let greeter = server.agent("greeter", &[]);
    let first = Client::new(&greeter).say("hello");
    let begun = Some(format!("stitched:{}", receipt(&first)["id"].as_str().unwrap()));
    let again = Client::new(&greeter).say("hello");
    assert_eq!(seam(&server, &again), (None, Some("low".to_owned()), begun));
    // By now two conversations are the same so far: neither is the parent of what follows.
    let mut either = Client::new(&greeter);
    either.messages.extend([
        json!({ "role": "user", "content": "hello" }),
        again.json()["choices"][0]["message"].clone(),
    ]);
    assert_eq!(seam(&server, &either.say("and then?")), (None, None, None));

    // The same words of another agent, or for another person, are another conversation.
    let stranger = server.agent("stranger", &[]);
    let reply = chat(&stranger, &client.body(false));
    assert_eq!(seam(&server, &reply), (None, None, None));
    let headers = format!("authorization: Bearer {}\r\nx-checkrein-user: ben\r\n", agent.key);
    let reply = post(agent.address, "/v1/chat/completions", &headers, &client.body(false));
    assert_eq!(seam(&server, &reply), (None, None, None));

    // Whoever names a session has that one.
    let headers = format!("authorization: Bearer {}\r\nx-checkrein-session: s-1\r\n", agent.key);
    let reply = post(agent.address, "/v1/chat/completions", &headers, &client.body(false));
    assert_eq!(seam(&server, &reply), (Some("s-1".to_owned()), None, None));
}

/// In another format, translated on both ways: what counts is what the client was given.
#[test]
fn a_conversation_in_another_format_is_one_session_too() {
    let provider = Provider::start(counting);
    let server = server(&provider);
    let agent = server.agent("writer", &[]);
    let headers = format!("x-api-key: {}\r\nanthropic-version: 2023-06-01\r\n", agent.key);
    let mut messages = vec![json!({ "role": "user", "content": "hello" })];
    let mut receipts = Vec::new();
    for _ in 0..2 {
        let body = json!({ "messages": messages, "model": "m", "max_tokens": 100, "system": "be kind" });
        let reply = post(agent.address, "/v1/messages", &headers, &body.to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
        messages.push(json!({ "content": reply.json()["content"], "role": "assistant" }));
        messages.push(json!({ "role": "user", "content": [{ "type": "text", "text": "and then?" }] }));
        receipts.push(reply);
    }
    let session = Some(format!("stitched:{}", receipt(&receipts[0])["id"].as_str().unwrap()));
    assert_eq!(seam(&server, &receipts[1]), (session.clone(), Some("high".to_owned()), session));
}

#[test]
fn what_a_tool_gave_in_the_first_turn_taints_the_third() {
    let provider = Provider::start(counting);
    let server = server(&provider);
    let (reader, writer) = (server.agent("reader", &[]), server.agent("writer", &[]));
    let mut tainted = Client::new(&reader);
    tainted.say("look");
    tainted.hear(json!({ "role": "tool", "tool_call_id": "c1", "content": "a page of somebody else's" }));
    let third = tainted.say("write");
    assert_eq!(seam(&server, &third).1.as_deref(), Some("high"));
    let refused = third.is(200);
    assert!(!refused.to_string().contains("add_note"), "{refused}");

    let mut clean = Client::new(&writer);
    clean.say("hello");
    clean.say("and then?");
    let third = clean.say("write");
    assert_eq!(seam(&server, &third).1.as_deref(), Some("high"));
    assert!(third.is(200).to_string().contains("add_note"));
}

#[test]
fn a_stitched_conversation_has_one_replacement_for_a_value() {
    let provider = Provider::start(counting);
    let server = server(&provider);
    let agent = server.agent("writer", &[]);
    let mut client = Client::new(&agent);
    client.say("pay with 4539 1488 0343 6467");
    client.say("once more");
    let sent: Vec<Value> =
        provider.seen().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    let words = |n: usize| sent[n]["messages"][1]["content"].as_str().unwrap().to_owned();
    assert_eq!(words(0), words(1));
    assert!(!words(0).contains("4539 1488 0343 6467"), "{}", words(0));
}
