//! Amazon Bedrock's Converse, as a provider.

use super::json::{Fields, Object, array, list, object_of, text_at, texts};
use super::neutral::{Answer, Choice, Image, Message, Part, Piece, Request, Role};
use super::{Speaks, Told, Untranslatable};
use crate::doc::Value;

pub const SPEAKS: Speaks =
    Speaks { name: "bedrock_converse", write_request, read_answer, read_event, client: None };

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    for (field, there) in [
        ("top_k", settings.top_k.is_some()),
        ("seed", settings.seed.is_some()),
        ("presence_penalty", settings.presence_penalty.is_some()),
        ("frequency_penalty", settings.frequency_penalty.is_some()),
        ("response_format", request.format.is_some()),
        ("parallel_tool_calls", request.parallel == Some(false)),
        ("tool_choice", request.choice == Some(Choice::Never)),
    ] {
        if there {
            return Err(Untranslatable::Field(field));
        }
    }
    let system: Vec<String> =
        request.system.iter().map(|text| Object::new().text("text", text).end()).collect();
    let mut body = Object::new()
        .some_list("system", &system)
        .raw("messages", &array(&write_messages(&request.messages)?));
    if !request.tools.is_empty() {
        let tools: Vec<String> = request
            .tools
            .iter()
            .map(|tool| {
                let schema = tool.schema.as_deref().unwrap_or(r#"{"type":"object"}"#);
                let spec = Object::new()
                    .text("name", &tool.name)
                    .maybe_text("description", tool.description.as_deref())
                    .raw("inputSchema", &Object::new().raw("json", schema).end());
                Object::new().raw("toolSpec", &spec.end()).end()
            })
            .collect();
        let choice = request.choice.as_ref().map(|choice| match choice {
            Choice::Any => r#"{"any":{}}"#.to_owned(),
            Choice::Tool(name) => Object::new().raw("tool", &Object::new().text("name", name).end()).end(),
            Choice::Auto | Choice::Never => r#"{"auto":{}}"#.to_owned(),
        });
        let config = Object::new().raw("tools", &array(&tools)).maybe_raw("toolChoice", choice.as_deref());
        body = body.raw("toolConfig", &config.end());
    }
    let inference = Object::new()
        .maybe_number("maxTokens", settings.max_tokens)
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("topP", settings.top_p.as_deref())
        .some_list("stopSequences", &texts(&settings.stop));
    Ok(body.some_object("inferenceConfig", inference).end())
}

/// The roles must take turns.
fn write_messages(messages: &[Message]) -> Told<Vec<String>> {
    let mut written: Vec<(Role, Vec<String>)> = Vec::new();
    for message in messages {
        let blocks = write_blocks(&message.parts)?;
        match written.last_mut() {
            Some((role, own)) if *role == message.role => own.extend(blocks),
            Some(_) | None => written.push((message.role, blocks)),
        }
    }
    let message = |(role, blocks): (Role, Vec<String>)| {
        let role = if role == Role::User { "user" } else { "assistant" };
        Object::new().text("role", role).raw("content", &array(&blocks)).end()
    };
    Ok(written.into_iter().filter(|(_, blocks)| !blocks.is_empty()).map(message).collect())
}

fn write_blocks(parts: &[Part]) -> Told<Vec<String>> {
    let mut blocks = Vec::new();
    for part in parts {
        blocks.push(match part {
            Part::Text(text) | Part::Refusal(text) => Object::new().text("text", text).end(),
            Part::Reasoning { text, signature: Some(signature) } => {
                let words = Object::new().text("text", text).text("signature", signature).end();
                let thought = Object::new().raw("reasoningText", &words).end();
                Object::new().raw("reasoningContent", &thought).end()
            }
            Part::Reasoning { signature: None, .. } => continue,
            Part::Image(image) => write_image(image)?,
            Part::Call { id, tool, arguments } => {
                let call = Object::new()
                    .text("toolUseId", id)
                    .text("name", tool)
                    .raw("input", &object_of(arguments, "arguments")?);
                Object::new().raw("toolUse", &call.end()).end()
            }
            Part::Result { id, text, images, failed, .. } => {
                let mut inner = vec![Object::new().text("text", text).end()];
                for image in images {
                    inner.push(write_image(image)?);
                }
                let mut result = Object::new().text("toolUseId", id).raw("content", &array(&inner));
                if *failed {
                    result = result.text("status", "error");
                }
                Object::new().raw("toolResult", &result.end()).end()
            }
        });
    }
    Ok(blocks)
}

fn write_image(image: &Image) -> Told<String> {
    let Image::Bytes { kind, data } = image else { return Err(Untranslatable::Field("image_url")) };
    let format = match kind.as_str() {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return Err(Untranslatable::Field("media_type")),
    };
    let source = Object::new().text("bytes", data).end();
    let image = Object::new().text("format", format).raw("source", &source).end();
    Ok(Object::new().raw("image", &image).end())
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let mut content = None;
    root.at("output.message.content", &mut |value| content = Some(value));
    let content = content.ok_or(Untranslatable::Malformed("content"))?;
    let mut parts = Vec::new();
    for block in list(content, "content")? {
        let mut fields = Fields::of(block, "a block")?;
        if let Some(text) = fields.text("text")? {
            parts.push(Part::Text(text));
        }
        if let Some(call) = fields.take("toolUse") {
            let mut fields = Fields::of(call, "toolUse")?;
            let input = fields.take("input").map_or("{}", Value::raw);
            parts.push(Part::Call {
                id: fields.need_text("toolUseId")?,
                tool: fields.need_text("name")?,
                arguments: object_of(input, "input")?,
            });
            fields.hints(&["type"]);
            fields.done()?;
        }
        if let Some(thought) = fields.take("reasoningContent") {
            let signature = text_at(thought, "reasoningText.signature");
            let text = text_at(thought, "reasoningText.text");
            if !text.is_empty() {
                let signature = Some(signature).filter(|signature| !signature.is_empty());
                parts.push(Part::Reasoning { text, signature });
            }
        }
        fields.never(&["image", "document", "video", "citationsContent", "toolResult"])?;
        fields.done()?;
    }
    Ok(Answer { parts, ..Answer::default() })
}

fn read_event(root: Value<'_>, _: u64, into: &mut Vec<Piece>) -> Told<()> {
    let number = root.get("contentBlockIndex").and_then(Value::whole).unwrap_or(0);
    if let Some(call) = root.get("start").and_then(|start| start.get("toolUse")) {
        into.push(Piece::Call { number, id: text_at(call, "toolUseId"), tool: text_at(call, "name") });
    }
    if let Some(delta) = root.get("delta") {
        let mut told = |path: &str, piece: &dyn Fn(String) -> Piece| {
            let text = text_at(delta, path);
            if !text.is_empty() {
                into.push(piece(text));
            }
        };
        told("text", &Piece::Text);
        told("reasoningContent.text", &Piece::Reasoning);
        told("reasoningContent.signature", &Piece::Signature);
        told("toolUse.input", &|text| Piece::Arguments { number, text });
        if delta.get("citation").is_some() {
            return Err(Untranslatable::Field("citation"));
        }
    }
    // Exceptions of a stream carry a message and nothing else.
    if root.get("message").is_some() {
        return Err(Untranslatable::CutOff);
    }
    Ok(())
}
