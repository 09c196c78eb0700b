//! One call refused in its place: in whole answers and in streams, in every dialect that has calls.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use serde_json::{Value as Json, json};
use wire::dialect::{self, Dialect};
use wire::doc::Doc;
use wire::instead::{MAX_CALLS, Mender, Refused, Unmendable, answer};
use wire::shape::{Meaning, Spot, places};
use wire::stream::{Reader, Reading};
use wire::usage::{Ended, Tally};

fn named(name: &str) -> &'static Dialect {
    dialect::named(name).unwrap_or_else(|| panic!("no dialect is called {name}"))
}

const fn at(turn: u64, part: u64, call: u64) -> Spot {
    Spot { turn, part, call }
}

const NO: &str = "[refused: \"refund\"]";

fn no(spot: Spot) -> Refused<'static> {
    Refused { spot, text: NO.into() }
}

fn args() -> Json {
    json!({ "a": 1 })
}

/// A whole answer of two calls, `keep` and `pay`, with the spot of each.
fn two(name: &str) -> (Json, [Spot; 2]) {
    let function = |name: &str| json!({ "id": name, "type": "function", "function": { "name": name, "arguments": "{\"a\":1}" } });
    match name {
        "openai_chat" => (
            json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": null,
                "tool_calls": [function("keep"), function("pay")] }, "finish_reason": "tool_calls" }] }),
            [at(0, 0, 0), at(0, 0, 1)],
        ),
        "openai_responses" => {
            let item = |name: &str| json!({ "type": "function_call", "id": name, "call_id": name, "name": name, "arguments": "{}" });
            (
                json!({ "status": "completed", "output": [item("keep"), item("pay")] }),
                [at(0, 0, 0), at(1, 0, 0)],
            )
        }
        "anthropic_messages" | "bedrock_anthropic" => {
            let block = |name: &str| json!({ "type": "tool_use", "id": name, "name": name, "input": args() });
            (
                json!({ "content": [{ "type": "text", "text": "Hm." }, block("keep"), block("pay")], "stop_reason": "tool_use" }),
                [at(0, 1, 0), at(0, 2, 0)],
            )
        }
        "gemini" => {
            let part = |name: &str| json!({ "functionCall": { "name": name, "args": args() } });
            (
                json!({ "candidates": [{ "content": { "parts": [part("keep"), part("pay")] }, "finishReason": "STOP" }] }),
                [at(0, 0, 0), at(0, 1, 0)],
            )
        }
        "bedrock_converse" => {
            let block =
                |name: &str| json!({ "toolUse": { "toolUseId": name, "name": name, "input": args() } });
            (
                json!({ "output": { "message": { "role": "assistant", "content": [block("keep"), block("pay")] } }, "stopReason": "tool_use" }),
                [at(0, 0, 0), at(0, 1, 0)],
            )
        }
        "cohere_chat" => (
            json!({ "finish_reason": "TOOL_CALL", "message": { "role": "assistant", "tool_calls": [function("keep"), function("pay")] } }),
            [at(0, 0, 0), at(0, 0, 1)],
        ),
        "ollama" => {
            let call = |name: &str| json!({ "function": { "name": name, "arguments": args() } });
            (
                json!({ "message": { "role": "assistant", "content": "Hm.", "tool_calls": [call("keep"), call("pay")] }, "done": true, "done_reason": "stop" }),
                [at(0, 0, 0), at(0, 0, 1)],
            )
        }
        other => panic!("{other}"),
    }
}

const WITH_CALLS: &[&str] = &[
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "bedrock_anthropic",
    "gemini",
    "bedrock_converse",
    "cohere_chat",
    "ollama",
];

/// The tools that are called, and all words.
fn told(dialect: &Dialect, doc: &Doc<'_>) -> (Vec<String>, String) {
    let (mut tools, mut words) = (Vec::new(), String::new());
    places(doc.root(), &dialect.answer, &mut |place| match place.meaning {
        Meaning::CallTool => tools.push(place.value.text().unwrap().into_owned()),
        Meaning::Text => words.push_str(&place.value.text().unwrap()),
        Meaning::Unknown => panic!("{}: {} is not of the dialect", dialect.name, place.value.raw()),
        _ => {}
    });
    (tools, words)
}

#[test]
fn a_refused_call_is_a_text_where_it_stood() {
    for name in WITH_CALLS {
        let dialect = named(name);
        let (body, spots) = two(name);
        let body = body.to_string();
        let doc = Doc::parse(body.as_bytes()).unwrap();
        let cases: [(&[Spot], &[&str]); 3] =
            [(&spots[1..], &["keep"]), (&spots[..1], &["pay"]), (&spots, &[])];
        for (spots, left) in cases {
            let refused: Vec<Refused<'_>> = spots.iter().copied().map(no).collect();
            let changed = answer(dialect, &doc, &refused).unwrap().apply(doc.source()).unwrap();
            let changed = Doc::parse(changed.as_bytes()).unwrap();
            let (tools, words) = told(dialect, &changed);
            assert_eq!(tools, left, "{name}: {}", changed.source());
            assert_eq!(words.matches(NO).count(), spots.len(), "{name}: {}", changed.source());
            let want = if left.is_empty() { Ended::Stop } else { Ended::ToolCalls };
            assert_eq!(
                Tally::of(dialect, changed.root()).ended(),
                Some(want),
                "{name}: {}",
                changed.source()
            );
        }
        assert!(answer(dialect, &doc, &[]).unwrap().is_empty());
        let nowhere = answer(dialect, &doc, &[no(at(9, 9, 9))]).map(|_| ());
        assert_eq!(nowhere, Err(Unmendable::NotThere), "{name}");
    }
    let doc = Doc::parse(b"{}").unwrap();
    let none = answer(named("openai_embeddings"), &doc, &[no(at(0, 0, 0))]).map(|_| ());
    assert_eq!(none, Err(Unmendable::NoCalls));
}

#[test]
fn only_the_choice_of_the_call_changes() {
    let call = json!({ "id": "1", "type": "function", "function": { "name": "pay", "arguments": "{}" } });
    let choice = |index: u32| {
        json!({ "index": index, "message": { "content": [{ "type": "text", "text": "Hm." }], "tool_calls": [call] },
            "finish_reason": "tool_calls" })
    };
    let body = json!({ "choices": [choice(0), choice(1)] }).to_string();
    let doc = Doc::parse(body.as_bytes()).unwrap();
    let edits = answer(named("openai_chat"), &doc, &[no(at(1, 0, 0))]).unwrap();
    let changed: Json = serde_json::from_str(&edits.apply(doc.source()).unwrap()).unwrap();
    assert_eq!(changed["choices"][0], choice(0));
    let want = json!({ "content": [{ "type": "text", "text": "Hm." }, { "type": "text", "text": NO }] });
    assert_eq!(
        (&changed["choices"][1]["message"], &changed["choices"][1]["finish_reason"]),
        (&want, &json!("stop"))
    );
}

/// The events of a stream with two calls, in pieces.
fn streamed(name: &str) -> (Vec<(&'static str, Json)>, [Spot; 2]) {
    match name {
        "openai_chat" => {
            let chunk = |delta: Json, finish: Option<&str>| {
                (
                    "",
                    json!({ "id": "c", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] }),
                )
            };
            let begun = |index: u32, name: &str| {
                chunk(
                    json!({ "tool_calls": [{ "index": index, "id": name, "type": "function", "function": { "name": name, "arguments": "" } }] }),
                    None,
                )
            };
            let more = |index: u32, text: &str| {
                chunk(json!({ "tool_calls": [{ "index": index, "function": { "arguments": text } }] }), None)
            };
            (
                vec![
                    chunk(json!({ "role": "assistant", "content": null }), None),
                    begun(0, "keep"),
                    more(0, "{\"a\""),
                    more(0, ":1}"),
                    begun(1, "pay"),
                    more(1, "{\"a\":1}"),
                    chunk(json!({}), Some("tool_calls")),
                ],
                [at(0, 0, 0), at(0, 0, 1)],
            )
        }
        "openai_responses" => {
            let item = |name: &str, arguments: &str| json!({ "type": "function_call", "id": name, "call_id": name, "name": name, "arguments": arguments });
            let mut events =
                vec![("response.created", json!({ "response": { "status": "in_progress", "output": [] } }))];
            for (index, name) in ["keep", "pay"].into_iter().enumerate() {
                events.push((
                    "response.output_item.added",
                    json!({ "output_index": index, "item": item(name, "") }),
                ));
                events.push((
                    "response.function_call_arguments.delta",
                    json!({ "output_index": index, "item_id": name, "delta": "{\"a\":1}" }),
                ));
                events.push((
                    "response.function_call_arguments.done",
                    json!({ "output_index": index, "item_id": name, "arguments": "{\"a\":1}" }),
                ));
                events.push((
                    "response.output_item.done",
                    json!({ "output_index": index, "item": item(name, "{\"a\":1}") }),
                ));
            }
            events.push(("response.completed", json!({ "response": { "status": "completed", "output": [item("keep", "{\"a\":1}"), item("pay", "{\"a\":1}")] } })));
            for (number, (name, event)) in events.iter_mut().enumerate() {
                event["type"] = json!(name);
                event["sequence_number"] = json!(number);
            }
            (events, [at(0, 0, 0), at(1, 0, 0)])
        }
        "anthropic_messages" | "bedrock_anthropic" => {
            let mut events =
                vec![("message_start", json!({ "message": { "role": "assistant", "content": [] } }))];
            for (index, name) in ["keep", "pay"].into_iter().enumerate() {
                events.push(("content_block_start", json!({ "index": index, "content_block": { "type": "tool_use", "id": name, "name": name, "input": {} } })));
                events.push(("content_block_delta", json!({ "index": index, "delta": { "type": "input_json_delta", "partial_json": "{\"a\":1}" } })));
                events.push(("content_block_stop", json!({ "index": index })));
            }
            events.push(("message_delta", json!({ "delta": { "stop_reason": "tool_use", "stop_sequence": null }, "usage": { "output_tokens": 5 } })));
            events.push(("message_stop", json!({})));
            for (name, event) in &mut events {
                event["type"] = json!(name);
            }
            (events, [at(0, 0, 0), at(0, 1, 0)])
        }
        "gemini" => {
            let event = |name: &str, finish: Option<&str>| {
                let mut candidate = json!({ "index": 0, "content": { "role": "model", "parts": [{ "functionCall": { "name": name, "args": args() } }] } });
                if let Some(finish) = finish {
                    candidate["finishReason"] = json!(finish);
                }
                ("", json!({ "candidates": [candidate] }))
            };
            (vec![event("keep", None), event("pay", Some("STOP"))], [at(0, 0, 0), at(0, 0, 0)])
        }
        "bedrock_converse" => {
            let mut events = vec![("messageStart", json!({ "role": "assistant" }))];
            for (index, name) in ["keep", "pay"].into_iter().enumerate() {
                events.push(("contentBlockStart", json!({ "contentBlockIndex": index, "start": { "toolUse": { "toolUseId": name, "name": name } } })));
                events.push((
                    "contentBlockDelta",
                    json!({ "contentBlockIndex": index, "delta": { "toolUse": { "input": "{\"a\":1}" } } }),
                ));
                events.push(("contentBlockStop", json!({ "contentBlockIndex": index })));
            }
            events.push(("messageStop", json!({ "stopReason": "tool_use" })));
            (events, [at(0, 0, 0), at(0, 1, 0)])
        }
        "cohere_chat" => {
            let mut events = vec![
                ("message-start", json!({ "id": "c", "delta": { "message": { "role": "assistant" } } })),
                (
                    "content-start",
                    json!({ "index": 0, "delta": { "message": { "content": { "type": "text", "text": "" } } } }),
                ),
                (
                    "content-delta",
                    json!({ "index": 0, "delta": { "message": { "content": { "text": "Hm." } } } }),
                ),
                ("content-end", json!({ "index": 0 })),
            ];
            for (index, name) in ["keep", "pay"].into_iter().enumerate() {
                events.push(("tool-call-start", json!({ "index": index, "delta": { "message": { "tool_calls": { "id": name, "type": "function", "function": { "name": name, "arguments": "" } } } } })));
                events.push(("tool-call-delta", json!({ "index": index, "delta": { "message": { "tool_calls": { "function": { "arguments": "{\"a\":1}" } } } } })));
                events.push(("tool-call-end", json!({ "index": index })));
            }
            events.push(("message-end", json!({ "delta": { "finish_reason": "TOOL_CALL" } })));
            for (name, event) in &mut events {
                event["type"] = json!(name);
            }
            (events, [at(0, 0, 0), at(0, 1, 0)])
        }
        "ollama" => {
            let line = |name: &str| {
                (
                    "",
                    json!({ "message": { "role": "assistant", "content": "", "tool_calls": [{ "function": { "name": name, "arguments": args() } }] }, "done": false }),
                )
            };
            (
                vec![
                    line("keep"),
                    line("pay"),
                    (
                        "",
                        json!({ "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop" }),
                    ),
                ],
                [at(0, 0, 0), at(0, 0, 0)],
            )
        }
        other => panic!("{other}"),
    }
}

/// Sends a stream through a mender that refuses the tools named, each before its first event.
fn mended(name: &str, refuse: &[&str]) -> Vec<u8> {
    let dialect = named(name);
    let (events, spots) = streamed(name);
    let mut reader = Reader::new(dialect);
    for (name, event) in &events {
        let name = Some(*name).filter(|name| !name.is_empty());
        reader.push(&dialect.stream.framed(name, &event.to_string()).unwrap());
    }
    let (mut mender, mut out) = (Mender::new(dialect), Vec::new());
    while let Some(step) = reader.step().unwrap() {
        if let Reading::Event(told) = &step.reading {
            for told in told.iter().filter(|told| told.key.meaning == Meaning::CallTool) {
                for (tool, spot) in ["keep", "pay"].into_iter().zip(spots) {
                    if refuse.contains(&tool) && told.whole.as_deref() == Some(tool)
                        || told.whole.is_none() && refuse.contains(&tool) && told.key.spot == spot
                    {
                        mender.refuse(&no(spot)).unwrap();
                    }
                }
            }
        }
        out.extend_from_slice(&mender.event(&step).unwrap());
    }
    out
}

type Had = (Vec<(String, u64)>, String, Option<Ended>, Vec<Json>);

/// What a client has at the end of a stream: tools with the number and the arguments of each, words,
/// and the end.
fn joined(name: &str, bytes: &[u8]) -> Had {
    let dialect = named(name);
    let mut framing = dialect.stream.framing();
    framing.push(bytes);
    let (mut tools, mut words, mut tally, mut events) =
        (Vec::new(), String::new(), Tally::default(), Vec::new());
    while let Some(frame) = framing.next().unwrap() {
        let doc = Doc::parse(&frame.data).unwrap();
        tally.merge(Tally::of(dialect, doc.root()));
        // What comes again as a whole is looked at by itself.
        let again = doc.root().get("response").is_some()
            || doc.root().get("type").is_some_and(|kind| {
                kind.text().unwrap().ends_with("done") || kind.is_text("response.content_part.added")
            });
        places(doc.root(), &dialect.event, &mut |place| match place.meaning {
            Meaning::CallTool if !again => {
                let number = place.spot.turn.max(place.spot.part).max(place.spot.call);
                tools.push((place.value.text().unwrap().into_owned(), number));
            }
            Meaning::Text if !again => words.push_str(&place.value.text().unwrap()),
            Meaning::Unknown => panic!("{name}: {} is not of the dialect", place.value.raw()),
            _ => {}
        });
        events.push(serde_json::from_slice(&frame.data).unwrap());
    }
    assert!(framing.rest().is_empty());
    (tools, words, tally.ended(), events)
}

#[test]
fn a_refused_call_of_a_stream_is_a_text_in_it() {
    for name in WITH_CALLS {
        for (refuse, left) in [(&["pay"][..], &["keep"][..]), (&["keep"], &["pay"]), (&["keep", "pay"], &[])]
        {
            let out = mended(name, refuse);
            let (tools, words, ended, events) = joined(name, &out);
            let names: Vec<&str> = tools.iter().map(|(tool, _)| tool.as_str()).collect();
            assert_eq!(names, left, "{name}: {events:#?}");
            assert_eq!(words.matches(NO).count(), refuse.len(), "{name}: {events:#?}");
            let want = if left.is_empty() { Ended::Stop } else { Ended::ToolCalls };
            assert_eq!(ended, Some(want), "{name}: {events:#?}");
            let text = String::from_utf8_lossy(&out);
            for tool in refuse {
                assert!(
                    !text.contains(&format!("\"{tool}\"")),
                    "{name}: something of `{tool}` is left\n{text}"
                );
            }
        }
    }
}

#[test]
fn a_stream_in_which_nothing_is_refused_leaves_as_it_came() {
    for name in WITH_CALLS {
        let (events, _) = streamed(name);
        let framed = events.iter().flat_map(|(kind, event)| {
            named(name)
                .stream
                .framed(Some(*kind).filter(|kind| !kind.is_empty()), &event.to_string())
                .unwrap()
        });
        assert_eq!(mended(name, &[]), framed.collect::<Vec<u8>>(), "{name}");
    }
}

#[test]
fn calls_behind_a_refused_one_are_numbered_without_a_gap() {
    for name in ["openai_chat", "cohere_chat"] {
        let (tools, ..) = joined(name, &mended(name, &["keep"]));
        assert_eq!(tools, [("pay".to_owned(), 0)], "{name}");
    }
    let (.., events) = joined("openai_responses", &mended("openai_responses", &["keep"]));
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!((&output[0]["type"], &output[1]["name"]), (&json!("message"), &json!("pay")));
    assert_eq!(output[0]["id"], events[1]["item"]["id"], "the message is the same one all along");
}

#[test]
fn blocks_of_text_that_a_refusal_adds_have_numbers_of_their_own() {
    let (.., events) = joined("cohere_chat", &mended("cohere_chat", &["keep", "pay"]));
    let starts: Vec<&Json> = events.iter().filter(|event| event["type"] == "content-start").collect();
    let numbers: Vec<&Json> = starts.iter().map(|event| &event["index"]).collect();
    assert_eq!(numbers, [&json!(0), &json!(1), &json!(2)]);
}

#[test]
fn a_call_that_went_out_cannot_be_refused_and_calls_have_a_bound() {
    let chat = named("openai_chat");
    let mut reader = Reader::new(chat);
    reader.push(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"pay\"}}]}}]}\n\n");
    let mut mender = Mender::new(chat);
    mender.event(&reader.step().unwrap().unwrap()).unwrap();
    assert_eq!(mender.refuse(&no(at(0, 0, 0))), Err(Unmendable::NotThere));
    for call in 1..MAX_CALLS as u64 {
        mender.refuse(&no(at(0, 0, call))).unwrap();
    }
    assert_eq!(mender.refuse(&no(at(0, 0, u64::MAX))), Err(Unmendable::TooMany));
    assert_eq!(Mender::new(named("mcp")).refuse(&no(at(0, 0, 0))), Err(Unmendable::NoCalls));
}
