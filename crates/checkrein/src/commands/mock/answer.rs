//! Whole answers, dialect by dialect.

use serde_json::{Value, json};
use wire::dialect::{Dialect, Family};

use super::script::{Call, Reply};

/// The name under which every model of the mock provider answers.
pub const MODEL: &str = "mock";

pub fn whole(dialect: &Dialect, reply: &Reply) -> Vec<u8> {
    let body = match (dialect.name, dialect.family) {
        ("openai_responses", _) => responses(reply),
        ("openai_completions", _) => completion(&reply.text, Some("stop")),
        ("ollama_generate", _) => ollama_continued(&reply.text, reply.reasoning.as_deref(), true),
        ("bedrock_anthropic", _) => anthropic(reply),
        ("bedrock_invoke", _) => titan(&reply.text),
        (_, Family::OpenAi) => chat(reply),
        (_, Family::Anthropic) => anthropic(reply),
        (_, Family::Google) => gemini(reply),
        (_, Family::Amazon) => bedrock(reply),
        (_, Family::Cohere) => cohere(reply),
        (_, Family::Ollama) => ollama(reply),
        (_, Family::Mcp) => json!({}),
    };
    body.to_string().into_bytes()
}

/// Why it stopped, in two words: for a text, for a call.
pub fn stopped<'w>(reply: &Reply, text: &'w str, call: &'w str) -> &'w str {
    if reply.calls.is_empty() { text } else { call }
}

pub fn numbered(calls: &[Call]) -> impl Iterator<Item = (String, &Call)> {
    calls.iter().enumerate().map(|(number, call)| (format!("call_{number}"), call))
}

pub fn function(id: &str, call: &Call) -> Value {
    json!({ "id": id, "type": "function",
        "function": { "name": call.tool, "arguments": call.arguments.to_string() } })
}

fn chat(reply: &Reply) -> Value {
    let mut message = json!({ "role": "assistant", "content": reply.text, "refusal": null });
    if let Some(reasoning) = &reply.reasoning {
        set(&mut message, "reasoning_content", json!(reasoning));
    }
    if !reply.calls.is_empty() {
        let calls: Vec<Value> = numbered(&reply.calls).map(|(id, call)| function(&id, call)).collect();
        set(&mut message, "tool_calls", json!(calls));
    }
    json!({
        "id": "chatcmpl-mock", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{ "index": 0, "message": message, "logprobs": null,
            "finish_reason": stopped(reply, "stop", "tool_calls") }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 },
    })
}

pub fn responses(reply: &Reply) -> Value {
    let mut output = Vec::new();
    if let Some(reasoning) = &reply.reasoning {
        output.push(json!({ "type": "reasoning", "id": "rs_mock",
            "summary": [{ "type": "summary_text", "text": reasoning }] }));
    }
    if !reply.text.is_empty() {
        output.push(json!({ "type": "message", "id": "msg_mock", "status": "completed", "role": "assistant",
            "content": [{ "type": "output_text", "text": reply.text, "annotations": [] }] }));
    }
    output.extend(numbered(&reply.calls).map(|(id, call)| {
        json!({ "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "status": "completed",
            "name": call.tool, "arguments": call.arguments.to_string() })
    }));
    json!({
        "id": "resp_mock", "object": "response", "created_at": 0, "status": "completed", "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {}, "model": MODEL, "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": { "input_tokens": 10, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 10,
            "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 20 },
    })
}

/// A completion, or one event of one.
pub fn completion(text: &str, finish: Option<&str>) -> Value {
    let choice = json!({ "index": 0, "text": text, "logprobs": null, "finish_reason": finish });
    let mut body = json!({ "id": "cmpl-mock", "object": "text_completion", "created": 0, "model": MODEL,
        "choices": [choice] });
    if finish.is_some() {
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 });
        set(&mut body, "usage", usage);
    }
    body
}

/// Amazon's own model, as an example of a maker whose format the product does not know.
fn titan(text: &str) -> Value {
    json!({ "inputTextTokenCount": 10,
        "results": [{ "tokenCount": 10, "outputText": text, "completionReason": "FINISH" }] })
}

fn anthropic(reply: &Reply) -> Value {
    let mut content = Vec::new();
    if let Some(reasoning) = &reply.reasoning {
        content.push(json!({ "type": "thinking", "thinking": reasoning, "signature": "bW9jaw==" }));
    }
    if !reply.text.is_empty() {
        content.push(json!({ "type": "text", "text": reply.text }));
    }
    content.extend(numbered(&reply.calls).map(
        |(id, call)| json!({ "type": "tool_use", "id": id, "name": call.tool, "input": call.arguments }),
    ));
    json!({
        "id": "msg_mock", "type": "message", "role": "assistant", "model": MODEL, "content": content,
        "stop_reason": stopped(reply, "end_turn", "tool_use"), "stop_sequence": null,
        "usage": { "input_tokens": 10, "output_tokens": 10 },
    })
}

fn gemini(reply: &Reply) -> Value {
    let mut parts = Vec::new();
    if let Some(reasoning) = &reply.reasoning {
        parts.push(json!({ "text": reasoning, "thought": true }));
    }
    if !reply.text.is_empty() {
        parts.push(json!({ "text": reply.text }));
    }
    parts.extend(
        reply
            .calls
            .iter()
            .map(|call| json!({ "functionCall": { "name": call.tool, "args": call.arguments } })),
    );
    candidate(&parts, Some("STOP"))
}

/// One answer, or one event of a stream.
pub fn candidate(parts: &[Value], finish: Option<&str>) -> Value {
    let mut candidate = json!({ "index": 0, "content": { "role": "model", "parts": parts } });
    if let Some(finish) = finish {
        set(&mut candidate, "finishReason", json!(finish));
    }
    json!({
        "candidates": [candidate], "modelVersion": MODEL, "responseId": "mock",
        "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 10, "totalTokenCount": 20 },
    })
}

fn bedrock(reply: &Reply) -> Value {
    let mut content = Vec::new();
    if let Some(reasoning) = &reply.reasoning {
        content.push(json!({ "reasoningContent": { "reasoningText": { "text": reasoning } } }));
    }
    if !reply.text.is_empty() {
        content.push(json!({ "text": reply.text }));
    }
    content.extend(numbered(&reply.calls).map(
        |(id, call)| json!({ "toolUse": { "toolUseId": id, "name": call.tool, "input": call.arguments } }),
    ));
    json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stopped(reply, "end_turn", "tool_use"),
        "usage": { "inputTokens": 10, "outputTokens": 10, "totalTokens": 20 }, "metrics": { "latencyMs": 1 },
    })
}

fn cohere(reply: &Reply) -> Value {
    let mut message = json!({ "role": "assistant" });
    if !reply.text.is_empty() {
        set(&mut message, "content", json!([{ "type": "text", "text": reply.text }]));
    }
    if let Some(reasoning) = &reply.reasoning {
        set(&mut message, "tool_plan", json!(reasoning));
    }
    if !reply.calls.is_empty() {
        let calls: Vec<Value> = numbered(&reply.calls).map(|(id, call)| function(&id, call)).collect();
        set(&mut message, "tool_calls", json!(calls));
    }
    json!({
        "id": "mock", "finish_reason": stopped(reply, "COMPLETE", "TOOL_CALL"), "message": message,
        "usage": { "tokens": { "input_tokens": 10, "output_tokens": 10 } },
    })
}

fn ollama(reply: &Reply) -> Value {
    let mut message = json!({ "role": "assistant", "content": reply.text });
    if let Some(reasoning) = &reply.reasoning {
        set(&mut message, "thinking", json!(reasoning));
    }
    if !reply.calls.is_empty() {
        set(&mut message, "tool_calls", json!(ollama_calls(reply)));
    }
    ollama_line(&message, true)
}

pub fn ollama_calls(reply: &Reply) -> Vec<Value> {
    let call = |call: &Call| json!({ "function": { "name": call.tool, "arguments": call.arguments } });
    reply.calls.iter().map(call).collect()
}

pub fn ollama_line(message: &Value, done: bool) -> Value {
    let mut line =
        json!({ "model": MODEL, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": done });
    if done {
        set(&mut line, "done_reason", json!("stop"));
        set(&mut line, "eval_count", json!(10));
        set(&mut line, "prompt_eval_count", json!(10));
    }
    line
}

/// What generate answers, or one line of it.
pub fn ollama_continued(text: &str, thinking: Option<&str>, done: bool) -> Value {
    let mut line = ollama_line(&Value::Null, done);
    if let Some(entries) = line.as_object_mut() {
        entries.remove("message");
    }
    set(&mut line, "response", json!(text));
    if let Some(thinking) = thinking {
        set(&mut line, "thinking", json!(thinking));
    }
    line
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(entries) = object.as_object_mut() {
        entries.insert(key.to_owned(), value);
    }
}
