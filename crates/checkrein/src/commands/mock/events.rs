//! Streamed answers, dialect by dialect, in the order in which the providers send them.

use serde_json::{Value, json};
use wire::dialect::{Dialect, Family};

use super::answer::{
    MODEL, candidate, completion, function, numbered, ollama_calls, ollama_continued, ollama_line, responses,
    stopped,
};
use super::body::Event;
use super::script::{Fault, Reply};

/// One event before it is written: its name, where the framing has one, and what it carries.
type Named = (&'static str, Value);

pub fn of(dialect: &Dialect, reply: &Reply) -> Vec<Event> {
    let events = match (dialect.name, dialect.family) {
        ("openai_responses", _) => responses_events(reply),
        ("openai_completions", _) => completions(reply),
        ("ollama_generate", _) => ollama_generate(reply),
        ("bedrock_anthropic", _) => anthropic(reply),
        ("bedrock_invoke", _) => titan(reply),
        (_, Family::OpenAi) => chat(reply),
        (_, Family::Anthropic) => anthropic(reply),
        (_, Family::Google) => gemini(reply),
        (_, Family::Amazon) => bedrock(reply),
        (_, Family::Cohere) => cohere(reply),
        (_, Family::Ollama) => ollama(reply),
        (_, Family::Mcp) => Vec::new(),
    };
    let middle = events.len() / 2;
    let mut written: Vec<Vec<u8>> = events
        .iter()
        .enumerate()
        .map(|(number, (name, value))| {
            let garbage = reply.fault == Some(Fault::Garbage) && number == middle;
            let data = if garbage { "{\"broken\": [".to_owned() } else { value.to_string() };
            frame(dialect, name, &data)
        })
        .collect();
    if let Some(end) = dialect.ends_with.filter(|_| dialect.name != "openai_responses") {
        written.push(format!("data: {end}\n\n").into_bytes());
    }
    written.into_iter().map(|bytes| Event { bytes, gap: reply.gap }).collect()
}

fn frame(dialect: &Dialect, name: &str, data: &str) -> Vec<u8> {
    match dialect.family {
        // This provider ends its lines with both characters.
        Family::Google => format!("data: {data}\r\n\r\n").into_bytes(),
        Family::OpenAi
        | Family::Anthropic
        | Family::Cohere
        | Family::Ollama
        | Family::Amazon
        | Family::Mcp => {
            let name = Some(name).filter(|name| !name.is_empty());
            dialect.stream.framed(name, data).unwrap_or_default()
        }
    }
}

fn completions(reply: &Reply) -> Vec<Named> {
    let mut events: Vec<Named> =
        reply.cut(&reply.text).iter().map(|piece| ("", completion(piece, None))).collect();
    events.push(("", completion("", Some("stop"))));
    events
}

fn ollama_generate(reply: &Reply) -> Vec<Named> {
    let mut events: Vec<Named> = Vec::new();
    for piece in reply.cut(reply.reasoning.as_deref().unwrap_or_default()) {
        events.push(("", ollama_continued("", Some(&piece), false)));
    }
    for piece in reply.cut(&reply.text) {
        events.push(("", ollama_continued(&piece, None, false)));
    }
    events.push(("", ollama_continued("", None, true)));
    events
}

fn titan(reply: &Reply) -> Vec<Named> {
    let pieces = reply.cut(&reply.text);
    let last = pieces.len().saturating_sub(1);
    let event = |(number, piece): (usize, &String)| {
        let reason = (number == last).then_some("FINISH");
        ("", json!({ "outputText": piece, "index": 0, "completionReason": reason }))
    };
    pieces.iter().enumerate().map(event).collect()
}

fn chat(reply: &Reply) -> Vec<Named> {
    let chunk = |delta: Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        (
            "",
            json!({ "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
            "choices": [choice] }),
        )
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), None)];
    for piece in reply.cut(reply.reasoning.as_deref().unwrap_or_default()) {
        events.push(chunk(json!({ "reasoning_content": piece }), None));
    }
    for piece in reply.cut(&reply.text) {
        events.push(chunk(json!({ "content": piece }), None));
    }
    for (index, (id, call)) in numbered(&reply.calls).enumerate() {
        // In one piece, as some providers of this dialect send a call.
        if reply.pieces <= 1 {
            let mut whole = function(&id, call);
            if let Some(entries) = whole.as_object_mut() {
                entries.insert("index".to_owned(), json!(index));
            }
            events.push(chunk(json!({ "tool_calls": [whole] }), None));
            continue;
        }
        let begun = json!({ "index": index, "id": id, "type": "function",
            "function": { "name": call.tool, "arguments": "" } });
        events.push(chunk(json!({ "tool_calls": [begun] }), None));
        for piece in reply.cut(&call.arguments.to_string()) {
            let more = json!({ "index": index, "function": { "arguments": piece } });
            events.push(chunk(json!({ "tool_calls": [more] }), None));
        }
    }
    events.push(chunk(json!({}), Some(stopped(reply, "stop", "tool_calls"))));
    events
}

fn responses_events(reply: &Reply) -> Vec<Named> {
    let whole = responses(reply);
    let mut begun = whole.clone();
    if let Some(entries) = begun.as_object_mut() {
        entries.insert("output".to_owned(), json!([]));
        entries.insert("status".to_owned(), json!("in_progress"));
        entries.insert("usage".to_owned(), Value::Null);
    }
    let mut events: Vec<Named> = vec![("response.created", json!({ "response": begun }))];
    let items = whole.get("output").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        let id = item.get("id").cloned().unwrap_or_default();
        events.push(("response.output_item.added", json!({ "output_index": index, "item": emptied(item) })));
        let place = |more: Value| {
            let mut event = json!({ "item_id": id, "output_index": index });
            if let (Some(into), Some(from)) = (event.as_object_mut(), more.as_object()) {
                into.extend(from.clone());
            }
            event
        };
        match item.get("type").and_then(Value::as_str) {
            Some("message") => {
                let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [] });
                events.push((
                    "response.content_part.added",
                    place(json!({ "content_index": 0, "part": part("") })),
                ));
                for piece in reply.cut(&reply.text) {
                    let delta = json!({ "content_index": 0, "delta": piece, "logprobs": [] });
                    events.push(("response.output_text.delta", place(delta)));
                }
                let done = json!({ "content_index": 0, "text": reply.text, "logprobs": [] });
                events.push(("response.output_text.done", place(done)));
                let done = json!({ "content_index": 0, "part": part(&reply.text) });
                events.push(("response.content_part.done", place(done)));
            }
            Some("function_call") => {
                let arguments = item.get("arguments").and_then(Value::as_str).unwrap_or_default();
                for piece in reply.cut(arguments) {
                    events.push(("response.function_call_arguments.delta", place(json!({ "delta": piece }))));
                }
                events.push((
                    "response.function_call_arguments.done",
                    place(json!({ "arguments": arguments })),
                ));
            }
            Some("reasoning") => {
                for piece in reply.cut(reply.reasoning.as_deref().unwrap_or_default()) {
                    let delta = json!({ "summary_index": 0, "delta": piece });
                    events.push(("response.reasoning_summary_text.delta", place(delta)));
                }
            }
            Some(_) | None => {}
        }
        events.push(("response.output_item.done", json!({ "output_index": index, "item": item })));
    }
    events.push(("response.completed", json!({ "response": whole })));
    for (number, (name, event)) in events.iter_mut().enumerate() {
        if let Some(entries) = event.as_object_mut() {
            entries.insert("type".to_owned(), json!(name));
            entries.insert("sequence_number".to_owned(), json!(number));
        }
    }
    events
}

/// An item as it is announced, before anything of it has come.
fn emptied(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(entries) = item.as_object_mut() {
        for (key, empty) in [("content", json!([])), ("summary", json!([])), ("arguments", json!(""))] {
            if let Some(value) = entries.get_mut(key) {
                *value = empty;
            }
        }
        entries.insert("status".to_owned(), json!("in_progress"));
    }
    item
}

fn anthropic(reply: &Reply) -> Vec<Named> {
    let message = json!({ "id": "msg_mock", "type": "message", "role": "assistant", "model": MODEL, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 10, "output_tokens": 1 } });
    let mut events: Vec<Named> = vec![("message_start", json!({ "message": message })), ("ping", json!({}))];
    let mut index = 0;
    let mut block = |begun: Value, deltas: Vec<Value>| {
        events.push(("content_block_start", json!({ "index": index, "content_block": begun })));
        for delta in deltas {
            events.push(("content_block_delta", json!({ "index": index, "delta": delta })));
        }
        events.push(("content_block_stop", json!({ "index": index })));
        index += 1;
    };
    if let Some(reasoning) = &reply.reasoning {
        let pieces = reply.cut(reasoning).into_iter();
        let mut deltas: Vec<Value> =
            pieces.map(|piece| json!({ "type": "thinking_delta", "thinking": piece })).collect();
        deltas.push(json!({ "type": "signature_delta", "signature": "bW9jaw==" }));
        block(json!({ "type": "thinking", "thinking": "", "signature": "" }), deltas);
    }
    if !reply.text.is_empty() {
        let pieces = reply.cut(&reply.text).into_iter();
        let deltas = pieces.map(|piece| json!({ "type": "text_delta", "text": piece })).collect();
        block(json!({ "type": "text", "text": "" }), deltas);
    }
    for (id, call) in numbered(&reply.calls) {
        let pieces = reply.cut(&call.arguments.to_string()).into_iter();
        let deltas =
            pieces.map(|piece| json!({ "type": "input_json_delta", "partial_json": piece })).collect();
        block(json!({ "type": "tool_use", "id": id, "name": call.tool, "input": {} }), deltas);
    }
    let stop = json!({ "stop_reason": stopped(reply, "end_turn", "tool_use"), "stop_sequence": null });
    events.push(("message_delta", json!({ "delta": stop, "usage": { "output_tokens": 10 } })));
    events.push(("message_stop", json!({})));
    typed(events)
}

fn gemini(reply: &Reply) -> Vec<Named> {
    let mut parts: Vec<Value> = Vec::new();
    for piece in reply.cut(reply.reasoning.as_deref().unwrap_or_default()) {
        parts.push(json!({ "text": piece, "thought": true }));
    }
    parts.extend(reply.cut(&reply.text).into_iter().map(|piece| json!({ "text": piece })));
    parts.extend(
        reply
            .calls
            .iter()
            .map(|call| json!({ "functionCall": { "name": call.tool, "args": call.arguments } })),
    );
    let last = parts.len().saturating_sub(1);
    let event = |(number, part): (usize, Value)| ("", candidate(&[part], (number == last).then_some("STOP")));
    parts.into_iter().enumerate().map(event).collect()
}

fn bedrock(reply: &Reply) -> Vec<Named> {
    let mut events: Vec<Named> = vec![("messageStart", json!({ "role": "assistant" }))];
    let mut index = 0;
    let mut block = |begun: Option<Value>, deltas: Vec<Value>| {
        if let Some(begun) = begun {
            events.push(("contentBlockStart", json!({ "contentBlockIndex": index, "start": begun })));
        }
        for delta in deltas {
            events.push(("contentBlockDelta", json!({ "contentBlockIndex": index, "delta": delta })));
        }
        events.push(("contentBlockStop", json!({ "contentBlockIndex": index })));
        index += 1;
    };
    if let Some(reasoning) = &reply.reasoning {
        let pieces = reply.cut(reasoning).into_iter();
        block(None, pieces.map(|piece| json!({ "reasoningContent": { "text": piece } })).collect());
    }
    if !reply.text.is_empty() {
        block(None, reply.cut(&reply.text).into_iter().map(|piece| json!({ "text": piece })).collect());
    }
    for (id, call) in numbered(&reply.calls) {
        let pieces = reply.cut(&call.arguments.to_string()).into_iter();
        let deltas = pieces.map(|piece| json!({ "toolUse": { "input": piece } })).collect();
        block(Some(json!({ "toolUse": { "toolUseId": id, "name": call.tool } })), deltas);
    }
    events.push(("messageStop", json!({ "stopReason": stopped(reply, "end_turn", "tool_use") })));
    let usage = json!({ "inputTokens": 10, "outputTokens": 10, "totalTokens": 20 });
    events.push(("metadata", json!({ "usage": usage, "metrics": { "latencyMs": 1 } })));
    events
}

fn cohere(reply: &Reply) -> Vec<Named> {
    let start =
        json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
    let mut events: Vec<Named> =
        vec![("message-start", json!({ "id": "mock", "delta": { "message": start } }))];
    let message = |event: Value, index: usize| json!({ "index": index, "delta": { "message": event } });
    for piece in reply.cut(reply.reasoning.as_deref().unwrap_or_default()) {
        events.push(("tool-plan-delta", json!({ "delta": { "message": { "tool_plan": piece } } })));
    }
    if !reply.text.is_empty() {
        let begun = json!({ "content": { "type": "text", "text": "" } });
        events.push(("content-start", message(begun, 0)));
        for piece in reply.cut(&reply.text) {
            events.push(("content-delta", message(json!({ "content": { "text": piece } }), 0)));
        }
        events.push(("content-end", json!({ "index": 0 })));
    }
    for (index, (id, call)) in numbered(&reply.calls).enumerate() {
        let mut begun = function(&id, call);
        if let Some(arguments) = begun.pointer_mut("/function/arguments") {
            *arguments = json!("");
        }
        events.push(("tool-call-start", message(json!({ "tool_calls": begun }), index)));
        for piece in reply.cut(&call.arguments.to_string()) {
            let more = json!({ "tool_calls": { "function": { "arguments": piece } } });
            events.push(("tool-call-delta", message(more, index)));
        }
        events.push(("tool-call-end", json!({ "index": index })));
    }
    let end = json!({ "finish_reason": stopped(reply, "COMPLETE", "TOOL_CALL"),
        "usage": { "tokens": { "input_tokens": 10, "output_tokens": 10 } } });
    events.push(("message-end", json!({ "delta": end })));
    typed(events)
}

fn ollama(reply: &Reply) -> Vec<Named> {
    let line = |message: Value| ("", ollama_line(&message, false));
    let mut events = Vec::new();
    for piece in reply.cut(reply.reasoning.as_deref().unwrap_or_default()) {
        events.push(line(json!({ "role": "assistant", "content": "", "thinking": piece })));
    }
    for piece in reply.cut(&reply.text) {
        events.push(line(json!({ "role": "assistant", "content": piece })));
    }
    if !reply.calls.is_empty() {
        events.push(line(json!({ "role": "assistant", "content": "", "tool_calls": ollama_calls(reply) })));
    }
    events.push(("", ollama_line(&json!({ "role": "assistant", "content": "" }), true)));
    events
}

/// These providers repeat an event's name in what it carries.
fn typed(mut events: Vec<Named>) -> Vec<Named> {
    for (name, event) in &mut events {
        if let Some(entries) = event.as_object_mut() {
            entries.insert("type".to_owned(), json!(name));
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use wire::dialect::ALL;
    use wire::doc::Doc;
    use wire::endpoint::towards;
    use wire::shape::{Meaning, places};
    use wire::stream::{Reader, Reading};

    use super::super::answer::whole;
    use super::super::script::Call;
    use super::*;

    fn reply() -> Reply {
        Reply {
            text: "Order 882 left on Monday, and is paid back.".to_owned(),
            reasoning: Some("A refund, then.".to_owned()),
            calls: vec![Call {
                tool: "refund".to_owned(),
                arguments: json!({ "order": "882", "amount": 40 }),
            }],
            pieces: 5,
            ..Reply::default()
        }
    }

    /// The dialects in which a model speaks; those whose words the product can name, and which know
    /// calls, where it is about these.
    fn models() -> impl Iterator<Item = &'static Dialect> {
        let speaks = |dialect: &Dialect| towards(dialect, wire::endpoint::Call::Generate, true).is_some();
        ALL.iter().copied().filter(move |dialect| speaks(dialect))
    }

    fn named() -> impl Iterator<Item = &'static Dialect> {
        models().filter(|dialect| dialect.name != "bedrock_invoke")
    }

    fn calls(dialect: &Dialect) -> bool {
        !matches!(dialect.name, "openai_completions" | "ollama_generate")
    }

    /// The product's own reader of each dialect finds in an answer what the script put in.
    #[test]
    fn answers_hold_what_the_script_says_and_nothing_that_their_dialect_does_not_know() {
        for dialect in named() {
            let bytes = whole(dialect, &reply());
            let doc = Doc::parse(&bytes).unwrap();
            let (mut text, mut tools) = (String::new(), Vec::new());
            places(doc.root(), &dialect.answer, &mut |place| match place.meaning {
                Meaning::Text => text.push_str(&place.value.text().unwrap()),
                Meaning::CallTool => tools.push(place.value.text().unwrap().into_owned()),
                Meaning::Unknown => panic!("{}: {}", dialect.name, place.value.raw()),
                _ => {}
            });
            assert!(text.contains(&reply().text), "{}: {text}", dialect.name);
            let want: &[&str] = if calls(dialect) { &["refund"] } else { &[] };
            assert_eq!(tools, want, "{}", dialect.name);
        }
    }

    #[test]
    fn streams_join_to_what_the_script_says() {
        for dialect in named() {
            let mut reader = Reader::new(dialect);
            for event in of(dialect, &reply()) {
                reader.push(&event.bytes);
            }
            let mut wholes = Vec::new();
            while let Some(step) = reader.step().unwrap() {
                match step.reading {
                    Reading::Event(told) => wholes.extend(told),
                    Reading::End => {}
                    other => panic!("{}: {other:?}", dialect.name),
                }
            }
            assert!(reader.rest().is_empty(), "{}", dialect.name);
            let unknown: Vec<_> = wholes.iter().filter(|told| told.key.meaning == Meaning::Unknown).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", dialect.name);
            let joined = |meaning| -> String {
                reader.texts().filter(|(key, _)| key.meaning == meaning).map(|(_, text)| text).collect()
            };
            assert!(joined(Meaning::Text).contains(&reply().text), "{}", dialect.name);
            if !calls(dialect) {
                continue;
            }
            let arguments = joined(Meaning::CallArguments);
            let whole = wholes.iter().find(|told| {
                told.key.meaning == Meaning::CallArguments
                    && told.whole.as_ref().is_some_and(|text| text.len() > 2)
            });
            let arguments =
                if arguments.is_empty() { whole.unwrap().whole.clone().unwrap() } else { arguments };
            assert_eq!(
                serde_json::from_str::<Value>(&arguments).unwrap(),
                reply().calls[0].arguments,
                "{}",
                dialect.name
            );
        }
    }

    #[test]
    fn a_scripted_fault_is_one_unreadable_event() {
        for dialect in models() {
            let broken = Reply { fault: Some(Fault::Garbage), ..reply() };
            let mut reader = Reader::new(dialect);
            of(dialect, &broken).iter().for_each(|event| reader.push(&event.bytes));
            let mut unreadable = 0;
            while let Some(step) = reader.step().unwrap() {
                unreadable += usize::from(matches!(step.reading, Reading::Unreadable(_)));
            }
            assert_eq!(unreadable, 1, "{}", dialect.name);
        }
    }
}
