//! Cohere's chat, as a provider.

use super::chat::{url, write_call, write_tool};
use super::json::{Fields, Object, array, list, object_of, text_at, texts};
use super::neutral::{Answer, Choice, Format, Message, Part, Piece, Request, Role};
use super::{Speaks, Told, Untranslatable};
use crate::doc::{Kind, Value};

pub const SPEAKS: Speaks =
    Speaks { name: "cohere_chat", write_request, read_answer, read_event, client: None };

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    if request.parallel == Some(false) {
        return Err(Untranslatable::Field("parallel_tool_calls"));
    }
    let mut messages: Vec<String> = Vec::new();
    for text in &request.system {
        messages.push(Object::new().text("role", "system").text("content", text).end());
    }
    for message in &request.messages {
        write_message(message, &mut messages)?;
    }
    let tools: Vec<String> = request.tools.iter().map(write_tool).collect();
    let mut body = Object::new()
        .text("model", &request.model)
        .raw("messages", &array(&messages))
        .some_list("tools", &tools);
    match &request.choice {
        Some(Choice::Any) => body = body.text("tool_choice", "REQUIRED"),
        Some(Choice::Never) => body = body.text("tool_choice", "NONE"),
        Some(Choice::Tool(_)) => return Err(Untranslatable::Field("tool_choice")),
        Some(Choice::Auto) | None => {}
    }
    body = body
        .maybe_number("max_tokens", settings.max_tokens)
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("p", settings.top_p.as_deref())
        .maybe_raw("k", settings.top_k.as_deref())
        .maybe_raw("seed", settings.seed.as_deref())
        .maybe_raw("presence_penalty", settings.presence_penalty.as_deref())
        .maybe_raw("frequency_penalty", settings.frequency_penalty.as_deref())
        .some_list("stop_sequences", &texts(&settings.stop));
    let format = Object::new().text("type", "json_object");
    match &request.format {
        Some(Format::Json) => body = body.raw("response_format", &format.end()),
        Some(Format::Schema { schema, .. }) => {
            body = body.raw("response_format", &format.raw("json_schema", schema).end());
        }
        None => {}
    }
    Ok(body.flag("stream", request.stream).end())
}

fn write_message(message: &Message, into: &mut Vec<String>) -> Told<()> {
    let (mut content, mut calls) = (Vec::new(), Vec::new());
    for part in &message.parts {
        match part {
            Part::Text(text) | Part::Refusal(text) => {
                content.push(Object::new().text("type", "text").text("text", text).end());
            }
            Part::Reasoning { .. } => {}
            Part::Image(image) => {
                let address = Object::new().text("url", &url(image)).end();
                content.push(Object::new().text("type", "image_url").raw("image_url", &address).end());
            }
            Part::Call { id, tool, arguments } => calls.push(write_call(id, tool, arguments)),
            Part::Result { id, text, images, .. } => {
                if !images.is_empty() {
                    return Err(Untranslatable::Field("tool_result.image"));
                }
                let message = Object::new().text("role", "tool").text("tool_call_id", id);
                into.push(message.text("content", text).end());
            }
        }
    }
    if content.is_empty() && calls.is_empty() {
        return Ok(());
    }
    let role = if message.role == Role::User { "user" } else { "assistant" };
    let message = Object::new().text("role", role).some_list("content", &content);
    into.push(message.some_list("tool_calls", &calls).end());
    Ok(())
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let message = root.get("message").ok_or(Untranslatable::Malformed("message"))?;
    let mut fields = Fields::of(message, "a message")?;
    fields.hints(&["role"]);
    let mut parts = Vec::new();
    if let Some(text) = fields.text("tool_plan")?.filter(|plan| !plan.is_empty()) {
        parts.push(Part::Reasoning { text, signature: None });
    }
    for block in fields.list("content")? {
        let mut fields = Fields::of(block, "a block")?;
        match fields.need_text("type")?.as_str() {
            "text" => parts.push(Part::Text(fields.need_text("text")?)),
            "thinking" => {
                parts.push(Part::Reasoning { text: fields.need_text("thinking")?, signature: None });
            }
            _ => return Err(Untranslatable::Unknown("a block")),
        }
        fields.done()?;
    }
    for call in fields.list("tool_calls")? {
        parts.push(Part::Call {
            id: text_at(call, "id"),
            tool: text_at(call, "function.name"),
            arguments: object_of(&text_at(call, "function.arguments"), "arguments")?,
        });
    }
    if let Some(citations) = fields.take("citations")
        && !list(citations, "citations")?.is_empty()
    {
        return Err(Untranslatable::Field("citations"));
    }
    fields.done()?;
    Ok(Answer { id: text_at(root, "id"), parts, ..Answer::default() })
}

fn read_event(root: Value<'_>, _: u64, into: &mut Vec<Piece>) -> Told<()> {
    let number = root.get("index").and_then(Value::whole).unwrap_or(0);
    let mut told = |path: &str, piece: &dyn Fn(String) -> Piece| {
        let text = text_at(root, path);
        if !text.is_empty() {
            into.push(piece(text));
        }
    };
    match text_at(root, "type").as_str() {
        "message-start" => {
            into.push(Piece::Begun { id: text_at(root, "id"), model: String::new() });
        }
        "content-start" | "content-delta" => {
            told("delta.message.content.text", &Piece::Text);
            told("delta.message.content.thinking", &Piece::Reasoning);
        }
        "tool-plan-delta" => told("delta.message.tool_plan", &Piece::Reasoning),
        "tool-call-start" => {
            let id = text_at(root, "delta.message.tool_calls.id");
            let tool = text_at(root, "delta.message.tool_calls.function.name");
            into.push(Piece::Call { number, id, tool });
            let text = text_at(root, "delta.message.tool_calls.function.arguments");
            if !text.is_empty() {
                into.push(Piece::Arguments { number, text });
            }
        }
        "tool-call-delta" => {
            told("delta.message.tool_calls.function.arguments", &|text| Piece::Arguments { number, text });
        }
        "message-end" => {
            let failed = root.get("delta").and_then(|delta| delta.get("error"));
            if failed.is_some_and(|error| error.kind() != Kind::Null) {
                return Err(Untranslatable::CutOff);
            }
        }
        "content-end" | "tool-call-end" => {}
        "citation-start" | "citation-end" => return Err(Untranslatable::Field("citations")),
        _ => return Err(Untranslatable::Unknown("an event")),
    }
    Ok(())
}
