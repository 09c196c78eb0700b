//! Requests and answers in the words of another dialect: there and back, at once and in pieces, and
//! what cannot be said is refused by name.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use wire::dialect::{self, Dialect};
use wire::doc::Doc;
use wire::shape::{Meaning, places};
use wire::translate::neutral::{Answer, Choice, Image, Message, Part, Request, Role, Settings, Tool};
use wire::translate::{self, Joined, Stream, Untranslatable};
use wire::usage::{Ended, Tally};

const CALLERS: &[&str] = &["openai_chat", "anthropic_messages", "openai_responses"];
const PROVIDERS: &[&str] = &[
    "openai_chat",
    "anthropic_messages",
    "gemini",
    "bedrock_converse",
    "cohere_chat",
    "ollama",
    "openai_responses",
];

fn named(name: &str) -> &'static Dialect {
    dialect::named(name).unwrap_or_else(|| panic!("no dialect is called {name}"))
}

/// Nothing that is written is unknown to the dialect's own reader.
fn is_of(dialect: &Dialect, shape: &wire::shape::Shape, body: &str) {
    let doc = Doc::parse(body.as_bytes()).unwrap_or_else(|fault| panic!("{}: {fault}: {body}", dialect.name));
    places(doc.root(), shape, &mut |place| {
        assert_ne!(place.meaning, Meaning::Unknown, "{}: {} in {body}", dialect.name, place.value.raw());
    });
}

fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zäß\"\\\\ \n0-9]{1,20}"
}

fn id() -> impl Strategy<Value = String> {
    "[a-z]{3,8}_[0-9]{1,3}"
}

/// Pictures by their bytes: an address is not taken everywhere.
fn image() -> impl Strategy<Value = Image> {
    let kind = prop_oneof![Just("image/png"), Just("image/jpeg")];
    (kind, "[A-Za-z0-9]{4,8}").prop_map(|(kind, data)| Image::Bytes { kind: kind.to_owned(), data })
}

fn arguments() -> impl Strategy<Value = String> {
    prop::collection::btree_map("[a-z]{1,4}", any::<i32>(), 0..3).prop_map(|map| json!(map).to_string())
}

/// One turn: the user speaks, the model answers and perhaps calls, and the tools give results.
fn turn() -> impl Strategy<Value = Vec<Message>> {
    let user = (words(), prop::collection::vec(image(), 0..2));
    let calls = prop::collection::vec((id(), "[a-z_]{1,8}", arguments(), words()), 0..3);
    (user, prop::option::of(words()), calls).prop_map(|((said, images), answer, calls)| {
        let mut user = vec![Part::Text(said)];
        user.extend(images.into_iter().map(Part::Image));
        let mut parts: Vec<Part> = answer.into_iter().map(Part::Text).collect();
        let mut results = Vec::new();
        for (number, (id, tool, arguments, text)) in calls.into_iter().enumerate() {
            let id = format!("{id}_{number}");
            parts.push(Part::Call { id: id.clone(), tool: tool.clone(), arguments });
            results.push(Part::Result { id, tool: Some(tool), text, images: Vec::new(), failed: false });
        }
        let mut messages = vec![Message { role: Role::User, parts: user }];
        if !parts.is_empty() {
            messages.push(Message { role: Role::Assistant, parts });
        }
        if !results.is_empty() {
            messages.push(Message { role: Role::User, parts: results });
        }
        messages
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    ("[a-z_]{1,8}", prop::option::of(words())).prop_map(|(name, description)| Tool {
        name,
        description,
        schema: Some(r#"{"type":"object","properties":{"z":{},"a":{"minimum":1.50}}}"#.to_owned()),
    })
}

/// Requests that every provider can be asked.
fn request() -> impl Strategy<Value = Request> {
    let settings = (
        prop::option::of(1..9_000_u64),
        prop::option::of(prop_oneof![Just("0.70"), Just("1")]),
        prop::option::of(Just("0.95")),
    );
    let system = prop::collection::vec(words(), 0..2);
    (system, turn(), prop::collection::vec(tool(), 0..3), settings, any::<bool>()).prop_map(
        |(system, messages, tools, (max_tokens, temperature, top_p), stream)| Request {
            model: "m".to_owned(),
            system,
            messages,
            choice: (!tools.is_empty()).then_some(Choice::Auto),
            tools,
            settings: Settings {
                max_tokens,
                temperature: temperature.map(str::to_owned),
                top_p: top_p.map(str::to_owned),
                ..Settings::default()
            },
            stream,
            ..Request::default()
        },
    )
}

fn tally(ended: &str, input: u64, output: u64, cached: Option<u64>, reasoning: Option<u64>) -> Tally {
    let body = json!({ "choices": [{ "finish_reason": ended }], "usage": {
        "prompt_tokens": input, "completion_tokens": output,
        "prompt_tokens_details": { "cached_tokens": cached },
        "completion_tokens_details": { "reasoning_tokens": reasoning } } });
    let body = body.to_string();
    Tally::of(named("openai_chat"), Doc::parse(body.as_bytes()).unwrap().root())
}

fn answer() -> impl Strategy<Value = Answer> {
    let calls = prop::collection::vec((id(), "[a-z_]{1,8}", arguments()), 0..3);
    let counts = (10..90_u64, 0..90_u64, prop::option::of(0..10_u64));
    let ended = prop_oneof![Just("stop"), Just("length")];
    (prop::option::of(words()), prop::option::of(words()), calls, ended, counts).prop_map(
        |(thought, text, calls, ended, (input, output, cached))| {
            let ended = if calls.is_empty() { ended } else { "tool_calls" };
            let mut parts: Vec<Part> =
                thought.into_iter().map(|text| Part::Reasoning { text, signature: None }).collect();
            parts.extend(text.map(Part::Text));
            for (number, (id, tool, arguments)) in calls.into_iter().enumerate() {
                parts.push(Part::Call { id: format!("{id}_{number}"), tool, arguments });
            }
            let tally = tally(ended, input, output, cached, None);
            Answer { id: "a1".to_owned(), model: "m".to_owned(), parts, tally }
        },
    )
}

type Facts = (String, String, Vec<Part>, Option<u64>, Option<u64>, Option<u64>, Option<Ended>);

fn facts(answer: &Answer) -> Facts {
    let tally = answer.tally;
    let parts = answer.parts.iter().map(|part| match part {
        // An empty signature is none.
        Part::Reasoning { text, signature } => Part::Reasoning {
            text: text.clone(),
            signature: signature.clone().filter(|signature| !signature.is_empty()),
        },
        other => other.clone(),
    });
    (
        answer.id.clone(),
        answer.model.clone(),
        parts.collect(),
        tally.input(),
        tally.output(),
        tally.cached().filter(|cached| *cached > 0),
        tally.ended(),
    )
}

/// A whole answer of a caller's dialect as the stream that a provider of it would send.
fn pieces_of(answer: &Answer) -> Vec<Json> {
    let chunk = |delta: Json, finish: Option<&str>| json!({ "id": answer.id, "model": answer.model, "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), None)];
    let mut calls = 0;
    for part in &answer.parts {
        match part {
            Part::Text(text) => {
                events.extend(text.chars().map(|piece| chunk(json!({ "content": piece.to_string() }), None)))
            }
            Part::Reasoning { text, .. } => events.extend(
                text.chars().map(|piece| chunk(json!({ "reasoning_content": piece.to_string() }), None)),
            ),
            Part::Call { id, tool, arguments } => {
                events.push(chunk(json!({ "tool_calls": [{ "index": calls, "id": id, "type": "function", "function": { "name": tool, "arguments": "" } }] }), None));
                events.extend(arguments.chars().map(|piece| chunk(json!({ "tool_calls": [{ "index": calls, "function": { "arguments": piece.to_string() } }] }), None)));
                calls += 1;
            }
            _ => panic!("{part:?}"),
        }
    }
    let tally = answer.tally;
    let finish = match tally.ended() {
        Some(Ended::ToolCalls) => "tool_calls",
        Some(Ended::Length) => "length",
        _ => "stop",
    };
    events.push(chunk(json!({}), Some(finish)));
    events.push(json!({ "id": answer.id, "model": answer.model, "choices": [], "usage": { "prompt_tokens": tally.input(), "completion_tokens": tally.output(), "prompt_tokens_details": { "cached_tokens": tally.cached() } } }));
    events
}

/// What a client of the dialect has when a stream has ended.
fn joined(dialect: &'static Dialect, bytes: &[u8]) -> Answer {
    let mut framing = dialect.stream.framing();
    framing.push(bytes);
    // Read by going through the translation once more, into the other caller's dialect and its parts.
    let mut events = Vec::new();
    while let Some(frame) = framing.next().unwrap() {
        if dialect.ends_with.is_none_or(|end| frame.data != end.as_bytes()) {
            events.push(frame.data);
        }
    }
    assert!(framing.rest().is_empty());
    join(dialect, &events)
}

fn join(dialect: &'static Dialect, events: &[Vec<u8>]) -> Answer {
    let (mut joined, mut tally, mut calls) = (Joined::default(), Tally::default(), 0);
    for event in events {
        is_of(dialect, &dialect.event, std::str::from_utf8(event).unwrap());
        let doc = Doc::parse(event).unwrap();
        tally.merge(Tally::of(dialect, doc.root()));
        for piece in translate::read_event(dialect, &doc, calls).unwrap() {
            calls += u64::from(matches!(piece, translate::neutral::Piece::Call { .. }));
            joined.add(piece);
        }
    }
    Answer { tally, ..joined.answer }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_request_comes_back_as_it_went(request in request()) {
        for name in CALLERS {
            let dialect = named(name);
            let mut want = request.clone();
            if *name == "anthropic_messages" {
                // The one field that this dialect demands.
                want.settings.max_tokens = Some(want.settings.max_tokens.unwrap_or(4_096));
            }
            let body = translate::write_request(dialect, &want).unwrap();
            is_of(dialect, &dialect.request, &body);
            let read = translate::read_request(dialect, &Doc::parse(body.as_bytes()).unwrap()).unwrap();
            prop_assert_eq!(read, want, "{}: {}", name, body);
        }
    }

    #[test]
    fn every_provider_can_be_asked_in_its_own_words(request in request()) {
        for name in PROVIDERS {
            let dialect = named(name);
            is_of(dialect, &dialect.request, &translate::write_request(dialect, &request).unwrap());
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_went(answer in answer()) {
        for name in CALLERS {
            let dialect = named(name);
            let body = translate::write_answer(dialect, &answer).unwrap();
            is_of(dialect, &dialect.answer, &body);
            let read = translate::read_answer(dialect, &Doc::parse(body.as_bytes()).unwrap()).unwrap();
            prop_assert_eq!(facts(&read), facts(&answer), "{}: {}", name, body);
        }
    }

    #[test]
    fn a_stream_says_what_the_whole_answer_says(answer in answer()) {
        let chat = named("openai_chat");
        for name in CALLERS {
            let caller = named(name);
            let mut stream = Stream::new(chat, caller, "", "").unwrap();
            let mut out = Vec::new();
            for event in pieces_of(&answer) {
                let event = event.to_string();
                out.extend(stream.event(&Doc::parse(event.as_bytes()).unwrap()).unwrap());
            }
            out.extend(stream.end().unwrap());
            prop_assert_eq!(facts(&joined(caller, &out)), facts(&answer), "{}: {}", name, String::from_utf8_lossy(&out));
        }
    }
}

/// What each provider's whole answer and its stream say, in one neutral form.
#[test]
fn each_provider_says_the_same_at_once_and_in_pieces() {
    let call = |id: &str| Part::Call {
        id: id.to_owned(),
        tool: "refund".to_owned(),
        arguments: r#"{"amount":40}"#.to_owned(),
    };
    let words = Part::Text("I pay it back.".to_owned());
    let thought = Part::Reasoning { text: "A refund, then.".to_owned(), signature: None };
    for (name, whole, events, id) in [
        (
            "anthropic_messages",
            json!({ "id": "a1", "model": "m", "content": [{ "type": "thinking", "thinking": "A refund, then.", "signature": "" }, { "type": "text", "text": "I pay it back." }, { "type": "tool_use", "id": "c1", "name": "refund", "input": { "amount": 40 } }], "stop_reason": "tool_use", "usage": { "input_tokens": 9, "output_tokens": 5 } }),
            vec![
                json!({ "type": "message_start", "message": { "id": "a1", "model": "m", "content": [], "usage": { "input_tokens": 9, "output_tokens": 1 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "", "signature": "" } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "A refund, then." } }),
                json!({ "type": "content_block_stop", "index": 0 }),
                json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "text", "text": "" } }),
                json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": "I pay it back." } }),
                json!({ "type": "content_block_stop", "index": 1 }),
                json!({ "type": "content_block_start", "index": 2, "content_block": { "type": "tool_use", "id": "c1", "name": "refund", "input": {} } }),
                json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "input_json_delta", "partial_json": "{\"amount\"" } }),
                json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "input_json_delta", "partial_json": ":40}" } }),
                json!({ "type": "content_block_stop", "index": 2 }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 5 } }),
                json!({ "type": "message_stop" }),
            ],
            "c1",
        ),
        (
            "gemini",
            json!({ "responseId": "a1", "modelVersion": "m", "candidates": [{ "content": { "role": "model", "parts": [{ "text": "A refund, then.", "thought": true }, { "text": "I pay it back." }, { "functionCall": { "name": "refund", "args": { "amount": 40 } }, "thoughtSignature": "c2ln" }] }, "finishReason": "STOP" }], "usageMetadata": { "promptTokenCount": 9, "candidatesTokenCount": 5 } }),
            vec![
                json!({ "responseId": "a1", "modelVersion": "m", "candidates": [{ "content": { "role": "model", "parts": [{ "text": "A refund, then.", "thought": true }] } }], "usageMetadata": { "promptTokenCount": 9 } }),
                json!({ "responseId": "a1", "modelVersion": "m", "candidates": [{ "content": { "role": "model", "parts": [{ "text": "I pay it" }] } }] }),
                json!({ "responseId": "a1", "modelVersion": "m", "candidates": [{ "content": { "role": "model", "parts": [{ "text": " back." }] } }] }),
                json!({ "responseId": "a1", "modelVersion": "m", "candidates": [{ "content": { "role": "model", "parts": [{ "functionCall": { "name": "refund", "args": { "amount": 40 } } }] }, "finishReason": "STOP" }], "usageMetadata": { "promptTokenCount": 9, "candidatesTokenCount": 5 } }),
            ],
            "call_a1_0",
        ),
        (
            "bedrock_converse",
            json!({ "output": { "message": { "role": "assistant", "content": [{ "reasoningContent": { "reasoningText": { "text": "A refund, then." } } }, { "text": "I pay it back." }, { "toolUse": { "toolUseId": "c1", "name": "refund", "input": { "amount": 40 } } }] } }, "stopReason": "tool_use", "usage": { "inputTokens": 9, "outputTokens": 5 } }),
            vec![
                json!({ "role": "assistant" }),
                json!({ "contentBlockIndex": 0, "delta": { "reasoningContent": { "text": "A refund, then." } } }),
                json!({ "contentBlockIndex": 1, "delta": { "text": "I pay it back." } }),
                json!({ "contentBlockIndex": 2, "start": { "toolUse": { "toolUseId": "c1", "name": "refund" } } }),
                json!({ "contentBlockIndex": 2, "delta": { "toolUse": { "input": "{\"amount\":40}" } } }),
                json!({ "contentBlockIndex": 2 }),
                json!({ "stopReason": "tool_use" }),
                json!({ "usage": { "inputTokens": 9, "outputTokens": 5 }, "metrics": { "latencyMs": 1 } }),
            ],
            "c1",
        ),
        (
            "cohere_chat",
            json!({ "id": "a1", "finish_reason": "TOOL_CALL", "message": { "role": "assistant", "tool_plan": "A refund, then.", "content": [{ "type": "text", "text": "I pay it back." }], "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "refund", "arguments": "{\"amount\":40}" } }] }, "usage": { "tokens": { "input_tokens": 9, "output_tokens": 5 } } }),
            vec![
                json!({ "type": "message-start", "id": "a1", "delta": { "message": { "role": "assistant" } } }),
                json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": "A refund, then." } } }),
                json!({ "type": "content-start", "index": 0, "delta": { "message": { "content": { "type": "text", "text": "" } } } }),
                json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "text": "I pay it back." } } } }),
                json!({ "type": "content-end", "index": 0 }),
                json!({ "type": "tool-call-start", "index": 0, "delta": { "message": { "tool_calls": { "id": "c1", "type": "function", "function": { "name": "refund", "arguments": "" } } } } }),
                json!({ "type": "tool-call-delta", "index": 0, "delta": { "message": { "tool_calls": { "function": { "arguments": "{\"amount\":40}" } } } } }),
                json!({ "type": "tool-call-end", "index": 0 }),
                json!({ "type": "message-end", "delta": { "finish_reason": "TOOL_CALL", "usage": { "tokens": { "input_tokens": 9, "output_tokens": 5 } } } }),
            ],
            "c1",
        ),
        (
            "ollama",
            json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": { "role": "assistant", "thinking": "A refund, then.", "content": "I pay it back.", "tool_calls": [{ "function": { "name": "refund", "arguments": { "amount": 40 } } }] }, "done": true, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 5 }),
            vec![
                json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": { "role": "assistant", "content": "", "thinking": "A refund, then." }, "done": false }),
                json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": { "role": "assistant", "content": "I pay it back." }, "done": false }),
                json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": { "role": "assistant", "content": "", "tool_calls": [{ "function": { "name": "refund", "arguments": { "amount": 40 } } }] }, "done": false }),
                json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 5 }),
            ],
            "call_20260101000000_0",
        ),
        (
            "openai_responses",
            json!({ "id": "a1", "model": "m", "status": "completed", "output": [{ "type": "reasoning", "id": "r", "summary": [{ "type": "summary_text", "text": "A refund, then." }] }, { "type": "message", "id": "m1", "role": "assistant", "content": [{ "type": "output_text", "text": "I pay it back.", "annotations": [] }] }, { "type": "function_call", "id": "f", "call_id": "c1", "name": "refund", "arguments": "{\"amount\":40}" }], "usage": { "input_tokens": 9, "output_tokens": 5 } }),
            vec![
                json!({ "type": "response.created", "response": { "id": "a1", "model": "m", "status": "in_progress", "output": [] } }),
                json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "A refund, then." }),
                json!({ "type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "I pay it back." }),
                json!({ "type": "response.output_item.added", "output_index": 2, "item": { "type": "function_call", "id": "f", "call_id": "c1", "name": "refund", "arguments": "" } }),
                json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"amount\":40}" }),
                json!({ "type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"amount\":40}" }),
                json!({ "type": "response.completed", "response": { "id": "a1", "model": "m", "status": "completed", "output": [{ "type": "function_call", "id": "f", "call_id": "c1", "name": "refund", "arguments": "{\"amount\":40}" }], "usage": { "input_tokens": 9, "output_tokens": 5 } } }),
            ],
            "c1",
        ),
    ] {
        let dialect = named(name);
        let body = whole.to_string();
        let doc = Doc::parse(body.as_bytes()).unwrap();
        let read = translate::read_answer(dialect, &doc).unwrap();
        let want = [thought.clone(), words.clone(), call(id)];
        assert_eq!(facts(&read).2, want, "{name}");
        assert_eq!(
            (read.tally.input(), read.tally.output(), read.tally.ended()),
            (Some(9), Some(5), Some(Ended::ToolCalls)),
            "{name}"
        );
        let bytes: Vec<Vec<u8>> = events.iter().map(|event| event.to_string().into_bytes()).collect();
        assert_eq!(facts(&join(dialect, &bytes)), facts(&read), "{name}");

        // And so has each caller, whichever way it came.
        for caller in CALLERS {
            let caller = named(caller);
            let plain = translate::answer(dialect, caller, &doc, "a1", "m").unwrap();
            let plain = translate::read_answer(caller, &Doc::parse(plain.as_bytes()).unwrap()).unwrap();
            let mut stream = Stream::new(dialect, caller, "a1", "m").unwrap();
            let mut out = Vec::new();
            for event in &bytes {
                out.extend(stream.event(&Doc::parse(event).unwrap()).unwrap());
            }
            out.extend(stream.end().unwrap());
            assert_eq!(facts(&joined(caller, &out)), facts(&plain), "{name} for {}", caller.name);
            assert_eq!(facts(&plain).2, want, "{name} for {}", caller.name);
        }
    }
}

fn refused(caller: &str, provider: &str, body: &Json) -> Untranslatable {
    let body = body.to_string();
    let doc = Doc::parse(body.as_bytes()).unwrap();
    translate::request(named(caller), named(provider), &doc, "m", false).unwrap_err()
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    let said = json!([{ "role": "user", "content": "hi" }]);
    let chat = |more: Json| {
        let mut body = json!({ "model": "m", "messages": said });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (provider, more, field) in [
        ("anthropic_messages", json!({ "seed": 7 }), "seed"),
        ("anthropic_messages", json!({ "n": 2 }), "n"),
        ("anthropic_messages", json!({ "logit_bias": { "1": 2 } }), "logit_bias"),
        ("anthropic_messages", json!({ "response_format": { "type": "json_object" } }), "response_format"),
        ("bedrock_converse", json!({ "top_k": 4 }), "top_k"),
        ("bedrock_converse", json!({ "parallel_tool_calls": false }), "parallel_tool_calls"),
        ("ollama", json!({ "tool_choice": "required" }), "tool_choice"),
        ("openai_responses", json!({ "stop": ["x"] }), "stop"),
        (
            "gemini",
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "https://pictures.example/1.png" } }] }] }),
            "image_url",
        ),
        ("gemini", json!({ "messages": [{ "role": "user", "name": "maria", "content": "hi" }] }), "name"),
        (
            "gemini",
            json!({ "messages": [{ "role": "user", "content": [{ "type": "input_audio", "input_audio": {} }] }] }),
            "input_audio",
        ),
    ] {
        assert_eq!(refused("openai_chat", provider, &chat(more)), Untranslatable::Field(field), "{provider}");
    }
    let unknown = refused("openai_chat", "gemini", &chat(json!({ "AKIAIOSFODNN7EXAMPLE": 1 })));
    assert_eq!(unknown, Untranslatable::Unknown("the request"));
    assert!(!unknown.to_string().contains("AKIA"), "what is not known is not repeated");
    let thinking = json!({ "model": "m", "max_tokens": 9, "messages": said, "thinking": { "type": "enabled", "budget_tokens": 1024 } });
    assert_eq!(refused("anthropic_messages", "openai_chat", &thinking), Untranslatable::Field("thinking"));
    assert_eq!(refused("gemini", "openai_chat", &json!({})), Untranslatable::Pair);
    assert_eq!(refused("openai_embeddings", "openai_chat", &json!({})), Untranslatable::Pair);
}

#[test]
fn a_stream_that_is_cut_has_no_good_end() {
    let mut stream = Stream::new(named("openai_chat"), named("anthropic_messages"), "a", "m").unwrap();
    let event =
        Doc::parse(br#"{"choices":[{"index":0,"delta":{"content":"Hm"},"finish_reason":null}]}"#).unwrap();
    assert!(!stream.event(&event).unwrap().is_empty());
    assert_eq!(stream.end(), Err(Untranslatable::CutOff));
    let error = Doc::parse(br#"{"error":{"message":"overloaded"}}"#).unwrap();
    assert_eq!(stream.event(&error), Err(Untranslatable::CutOff));
}

/// The fixtures in the caller's folder, as each provider is asked. `UPDATE_GOLDEN=1` writes them anew.
#[test]
fn requests_are_translated_as_reviewed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/translate");
    for caller in CALLERS {
        let body = std::fs::read_to_string(root.join(format!("{caller}.json"))).unwrap();
        let doc = Doc::parse(body.as_bytes()).unwrap();
        for provider in PROVIDERS.iter().filter(|provider| *provider != caller) {
            let written =
                translate::request(named(caller), named(provider), &doc, "the-model", true).unwrap();
            is_of(named(provider), &named(provider).request, &written);
            let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Json>(&written).unwrap())
                .unwrap()
                + "\n";
            let path = root.join(format!("{caller}.to.{provider}.json"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &pretty).unwrap();
            }
            assert_eq!(pretty, std::fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
        }
    }
}
