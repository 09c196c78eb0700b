//! Ollama's own chat, as a provider.

use super::chat::write_tool;
use super::json::{Fields, Object, array, object_of, text_at, texts};
use super::neutral::{Answer, Choice, Format, Image, Message, Part, Piece, Request, Role};
use super::{Speaks, Told, Untranslatable};
use crate::doc::{Kind, Value};

pub const SPEAKS: Speaks = Speaks { name: "ollama", write_request, read_answer, read_event, client: None };

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    if request.parallel == Some(false) {
        return Err(Untranslatable::Field("parallel_tool_calls"));
    }
    if !matches!(request.choice, None | Some(Choice::Auto)) {
        return Err(Untranslatable::Field("tool_choice"));
    }
    let mut messages: Vec<String> = Vec::new();
    for text in &request.system {
        messages.push(Object::new().text("role", "system").text("content", text).end());
    }
    for message in &request.messages {
        write_message(message, &mut messages)?;
    }
    let tools: Vec<String> = request.tools.iter().map(write_tool).collect();
    let options = Object::new()
        .maybe_number("num_predict", settings.max_tokens)
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("top_p", settings.top_p.as_deref())
        .maybe_raw("top_k", settings.top_k.as_deref())
        .maybe_raw("seed", settings.seed.as_deref())
        .maybe_raw("presence_penalty", settings.presence_penalty.as_deref())
        .maybe_raw("frequency_penalty", settings.frequency_penalty.as_deref())
        .some_list("stop", &texts(&settings.stop));
    let body = Object::new()
        .text("model", &request.model)
        .raw("messages", &array(&messages))
        .some_list("tools", &tools)
        .some_object("options", options);
    let body = match &request.format {
        Some(Format::Json) => body.text("format", "json"),
        Some(Format::Schema { schema, .. }) => body.raw("format", schema),
        None => body,
    };
    Ok(body.flag("stream", request.stream).end())
}

fn write_message(message: &Message, into: &mut Vec<String>) -> Told<()> {
    let (mut words, mut images, mut calls): (Vec<&str>, Vec<String>, Vec<String>) = Default::default();
    let mut results = 0_usize;
    for part in &message.parts {
        match part {
            Part::Text(text) | Part::Refusal(text) => words.push(text),
            Part::Reasoning { .. } => {}
            Part::Image(Image::Bytes { data, .. }) => images.push(data.clone()),
            Part::Image(Image::Url(_)) => return Err(Untranslatable::Field("image_url")),
            Part::Call { id, tool, arguments } => {
                let arguments = object_of(arguments, "arguments")?;
                let function = Object::new().text("name", tool).raw("arguments", &arguments).end();
                calls.push(Object::new().text("id", id).raw("function", &function).end());
            }
            Part::Result { id, tool, text, images, .. } => {
                if !images.is_empty() {
                    return Err(Untranslatable::Field("tool_result.image"));
                }
                results += 1;
                let message = Object::new()
                    .text("role", "tool")
                    .maybe_text("tool_name", tool.as_deref())
                    .text("tool_call_id", id);
                into.push(message.text("content", text).end());
            }
        }
    }
    if results > 0 && words.is_empty() && images.is_empty() {
        return Ok(());
    }
    let role = if message.role == Role::User { "user" } else { "assistant" };
    let message = Object::new()
        .text("role", role)
        .text("content", &words.join("\n\n"))
        .some_list("images", &texts(&images));
    into.push(message.some_list("tool_calls", &calls).end());
    Ok(())
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let mut pieces = Vec::new();
    read_event(root, 0, &mut pieces)?;
    let mut joined = super::stream::Joined::default();
    pieces.into_iter().for_each(|piece| joined.add(piece));
    Ok(joined.answer)
}

/// A whole answer, and each line of a stream.
fn read_event(root: Value<'_>, calls: u64, into: &mut Vec<Piece>) -> Told<()> {
    if root.get("error").is_some() {
        return Err(Untranslatable::CutOff);
    }
    into.push(Piece::Begun { id: String::new(), model: text_at(root, "model") });
    let Some(message) = root.get("message").filter(|message| message.kind() != Kind::Null) else {
        return Ok(());
    };
    let mut fields = Fields::of(message, "a message")?;
    fields.hints(&["role"]);
    if let Some(text) = fields.text("thinking")?.filter(|text| !text.is_empty()) {
        into.push(Piece::Reasoning(text));
    }
    if let Some(text) = fields.text("content")?.filter(|text| !text.is_empty()) {
        into.push(Piece::Text(text));
    }
    let stamp = text_at(root, "created_at");
    for (number, call) in (calls..).zip(fields.list("tool_calls")?) {
        let own = text_at(call, "id");
        // Older servers give no ids; the time of the answer tells its calls from those before.
        let id = if own.is_empty() { format!("call_{}_{number}", digits(&stamp)) } else { own };
        into.push(Piece::Call { number, id, tool: text_at(call, "function.name") });
        let mut arguments = "{}";
        call.at("function.arguments", &mut |value| arguments = value.raw());
        into.push(Piece::Arguments { number, text: object_of(arguments, "arguments")? });
    }
    fields.never(&["images"])?;
    fields.done()
}

fn digits(stamp: &str) -> String {
    stamp.chars().filter(char::is_ascii_digit).collect()
}
