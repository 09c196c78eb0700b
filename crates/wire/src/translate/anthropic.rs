//! Anthropic's messages.

use super::json::{Fields, Object, array, list, object_of, text, text_at, texts};
use super::neutral::{Answer, Choice, Image, Message, Part, Piece, Request, Role, Settings, Tool};
use super::stream::{Begun, Writer};
use super::{Client, Speaks, Told, Untranslatable};
use crate::doc::{Kind, Value, quoted};
use crate::usage::{Ended, Tally};

pub const SPEAKS: Speaks = Speaks {
    name: "anthropic_messages",
    write_request,
    read_answer,
    read_event,
    client: Some(Client { read_request, write_answer, writer: || Box::new(Blocks::default()) }),
};

/// The format demands a bound; this is one that every model of it takes.
const MAX_TOKENS: u64 = 4_096;

fn read_request(root: Value<'_>) -> Told<Request> {
    let mut fields = Fields::of(root, "the request")?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    if let Some(system) = fields.take("system") {
        for part in read_content(system)? {
            let Part::Text(text) = part else { return Err(Untranslatable::Field("system")) };
            request.system.push(text);
        }
    }
    for message in fields.list("messages")? {
        let mut fields = Fields::of(message, "a message")?;
        let role = match fields.need_text("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return Err(Untranslatable::Malformed("role")),
        };
        let content = fields.take("content").ok_or(Untranslatable::Malformed("content"))?;
        let mut parts = read_content(content)?;
        for part in &mut parts {
            if let Part::Result { id, tool, .. } = part {
                *tool = request.tool_of(id).map(str::to_owned);
            }
        }
        request.say(role, parts);
        fields.done()?;
    }
    for tool in fields.list("tools")? {
        let mut fields = Fields::of(tool, "a tool")?;
        // Any other kind is a tool that this provider runs.
        fields.only("type", "\"custom\"")?;
        request.tools.push(Tool {
            name: fields.need_text("name")?,
            description: fields.text("description")?,
            schema: fields.take("input_schema").map(|schema| schema.raw().to_owned()),
        });
        fields.hints(&["cache_control", "strict"]);
        fields.done()?;
    }
    if let Some(choice) = fields.take("tool_choice") {
        let mut fields = Fields::of(choice, "tool_choice")?;
        request.choice = Some(match fields.need_text("type")?.as_str() {
            "auto" => Choice::Auto,
            "any" => Choice::Any,
            "none" => Choice::Never,
            "tool" => Choice::Tool(fields.need_text("name")?),
            _ => return Err(Untranslatable::Malformed("tool_choice")),
        });
        request.parallel = fields.flag("disable_parallel_tool_use")?.map(|disabled| !disabled);
        fields.done()?;
    }
    request.settings = Settings {
        max_tokens: fields.whole("max_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        stop: fields.texts("stop_sequences")?,
        ..Settings::default()
    };
    if let Some(metadata) = fields.take("metadata") {
        let mut fields = Fields::of(metadata, "metadata")?;
        request.user = fields.text("user_id")?;
        fields.done()?;
    }
    if let Some(thinking) = fields.take("thinking")
        && text_at(thinking, "type") != "disabled"
    {
        return Err(Untranslatable::Field("thinking"));
    }
    request.stream = fields.flag("stream")?.unwrap_or(false);
    fields.hints(&["anthropic_version", "cache_control"]);
    fields.never(&[
        "mcp_servers",
        "service_tier",
        "container",
        "context_management",
        "output_config",
        "output_format",
        "anthropic_beta",
    ])?;
    fields.done()?;
    Ok(request)
}

fn read_content(content: Value<'_>) -> Told<Vec<Part>> {
    if content.kind() == Kind::Text {
        let said = text(content, "content")?;
        return Ok(if said.is_empty() { Vec::new() } else { vec![Part::Text(said)] });
    }
    let mut parts = Vec::new();
    for block in list(content, "content")? {
        let mut fields = Fields::of(block, "a block")?;
        fields.hints(&["cache_control"]);
        match fields.need_text("type")?.as_str() {
            "text" => {
                parts.push(Part::Text(fields.need_text("text")?));
                if fields.take("citations").is_some_and(|citations| citations.items().next().is_some()) {
                    return Err(Untranslatable::Field("citations"));
                }
            }
            "thinking" => parts.push(Part::Reasoning {
                text: fields.need_text("thinking")?,
                signature: fields.text("signature")?.filter(|signature| !signature.is_empty()),
            }),
            // Thoughts that only their own provider can read.
            "redacted_thinking" => fields.hints(&["data"]),
            "image" => {
                let source = fields.take("source").ok_or(Untranslatable::Malformed("source"))?;
                parts.push(Part::Image(read_image(source)?));
            }
            "tool_use" => {
                let input = fields.take("input").map_or("{}", Value::raw);
                parts.push(Part::Call {
                    id: fields.need_text("id")?,
                    tool: fields.need_text("name")?,
                    arguments: object_of(input, "input")?,
                });
                fields.hints(&["caller"]);
            }
            "tool_result" => parts.push(read_result(&mut fields)?),
            "document" => return Err(Untranslatable::Field("document")),
            "search_result" => return Err(Untranslatable::Field("search_result")),
            "server_tool_use" => return Err(Untranslatable::Field("server_tool_use")),
            _ => return Err(Untranslatable::Unknown("a block")),
        }
        fields.done()?;
    }
    Ok(parts)
}

fn read_result(fields: &mut Fields<'_>) -> Told<Part> {
    let id = fields.need_text("tool_use_id")?;
    let failed = fields.flag("is_error")?.unwrap_or(false);
    let (mut said, mut images) = (Vec::new(), Vec::new());
    for part in fields.take("content").map(read_content).transpose()?.unwrap_or_default() {
        match part {
            Part::Text(text) => said.push(text),
            Part::Image(image) => images.push(image),
            _ => return Err(Untranslatable::Field("tool_result")),
        }
    }
    Ok(Part::Result { id, tool: None, text: said.join("\n\n"), images, failed })
}

fn read_image(source: Value<'_>) -> Told<Image> {
    let mut fields = Fields::of(source, "source")?;
    let image = match fields.need_text("type")?.as_str() {
        "base64" => Image::Bytes { kind: fields.need_text("media_type")?, data: fields.need_text("data")? },
        "url" => Image::Url(fields.need_text("url")?),
        _ => return Err(Untranslatable::Field("source")),
    };
    fields.done()?;
    Ok(image)
}

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    for (field, value) in [
        ("seed", &settings.seed),
        ("presence_penalty", &settings.presence_penalty),
        ("frequency_penalty", &settings.frequency_penalty),
    ] {
        if value.is_some() {
            return Err(Untranslatable::Field(field));
        }
    }
    if request.format.is_some() {
        return Err(Untranslatable::Field("response_format"));
    }
    let system: Vec<String> = request.system.iter().map(|text| text_block(text)).collect();
    let mut body = Object::new()
        .text("model", &request.model)
        .number("max_tokens", settings.max_tokens.unwrap_or(MAX_TOKENS))
        .some_list("system", &system)
        .raw("messages", &array(&write_messages(&request.messages)?));
    let tools: Vec<String> = request.tools.iter().map(write_tool).collect();
    body = body.some_list("tools", &tools);
    if let Some(choice) = write_choice(request) {
        body = body.raw("tool_choice", &choice);
    }
    body = body
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("top_p", settings.top_p.as_deref())
        .maybe_raw("top_k", settings.top_k.as_deref())
        .some_list("stop_sequences", &texts(&settings.stop))
        .some_object("metadata", Object::new().maybe_text("user_id", request.user.as_deref()));
    if request.stream {
        body = body.flag("stream", true);
    }
    Ok(body.end())
}

fn write_choice(request: &Request) -> Option<String> {
    let (word, name) = match &request.choice {
        Some(Choice::Auto) => ("auto", None),
        Some(Choice::Any) => ("any", None),
        Some(Choice::Never) => ("none", None),
        Some(Choice::Tool(name)) => ("tool", Some(name.as_str())),
        None if request.parallel.is_some() && !request.tools.is_empty() => ("auto", None),
        None => return None,
    };
    let mut choice = Object::new().text("type", word).maybe_text("name", name);
    if let Some(parallel) = request.parallel.filter(|_| word != "none") {
        choice = choice.flag("disable_parallel_tool_use", !parallel);
    }
    Some(choice.end())
}

fn write_tool(tool: &Tool) -> String {
    Object::new()
        .text("name", &tool.name)
        .maybe_text("description", tool.description.as_deref())
        .raw("input_schema", tool.schema.as_deref().unwrap_or(r#"{"type":"object"}"#))
        .end()
}

/// The roles take turns, so what one of them says in a row is one message.
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
            Part::Text(text) | Part::Refusal(text) => text_block(text),
            Part::Reasoning { text, signature: Some(signature) } => Object::new()
                .text("type", "thinking")
                .text("thinking", text)
                .text("signature", signature)
                .end(),
            // Without its signature the provider does not take a thought back.
            Part::Reasoning { signature: None, .. } => continue,
            Part::Image(image) => write_image(image),
            Part::Call { id, tool, arguments } => Object::new()
                .text("type", "tool_use")
                .text("id", id)
                .text("name", tool)
                .raw("input", &object_of(arguments, "arguments")?)
                .end(),
            Part::Result { id, text, images, failed, .. } => {
                let mut inner: Vec<String> = Vec::new();
                if !text.is_empty() {
                    inner.push(text_block(text));
                }
                inner.extend(images.iter().map(write_image));
                let mut block = Object::new().text("type", "tool_result").text("tool_use_id", id);
                if *failed {
                    block = block.flag("is_error", true);
                }
                block.raw("content", &array(&inner)).end()
            }
        });
    }
    Ok(blocks)
}

fn text_block(text: &str) -> String {
    Object::new().text("type", "text").text("text", text).end()
}

fn write_image(image: &Image) -> String {
    let source = match image {
        Image::Url(url) => Object::new().text("type", "url").text("url", url),
        Image::Bytes { kind, data } => {
            Object::new().text("type", "base64").text("media_type", kind).text("data", data)
        }
    };
    Object::new().text("type", "image").raw("source", &source.end()).end()
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let content = root.get("content").ok_or(Untranslatable::Malformed("content"))?;
    let parts = read_content(content)?;
    Ok(Answer { id: text_at(root, "id"), model: text_at(root, "model"), parts, ..Answer::default() })
}

fn write_answer(answer: &Answer) -> Told<String> {
    let mut blocks = Vec::new();
    for part in &answer.parts {
        match part {
            // A caller shows thoughts of any model; the signature says that nobody vouches for them.
            Part::Reasoning { text, signature: None } => blocks.push(
                Object::new().text("type", "thinking").text("thinking", text).text("signature", "").end(),
            ),
            other => blocks.extend(write_blocks(std::slice::from_ref(other))?),
        }
    }
    Ok(message(&answer.id, &answer.model, &blocks, Some(word(answer.tally.ended())), &answer.tally))
}

fn message(id: &str, model: &str, blocks: &[String], stop: Option<&str>, tally: &Tally) -> String {
    Object::new()
        .text("id", id)
        .text("type", "message")
        .text("role", "assistant")
        .text("model", model)
        .raw("content", &array(blocks))
        .raw("stop_reason", &stop.map_or_else(|| "null".to_owned(), quoted))
        .raw("stop_sequence", "null")
        .raw("usage", &usage(tally))
        .end()
}

const fn word(ended: Option<Ended>) -> &'static str {
    match ended {
        Some(Ended::ToolCalls) => "tool_use",
        Some(Ended::Length) => "max_tokens",
        Some(Ended::Filtered | Ended::Refusal) => "refusal",
        Some(Ended::Stop | Ended::Other) | None => "end_turn",
    }
}

/// What came from a cache is no part of the input here.
fn usage(tally: &Tally) -> String {
    let cached = tally.cached().unwrap_or(0).saturating_add(tally.written().unwrap_or(0));
    Object::new()
        .number("input_tokens", tally.input().unwrap_or(0).saturating_sub(cached))
        .maybe_number("cache_read_input_tokens", tally.cached())
        .maybe_number("cache_creation_input_tokens", tally.written())
        .number("output_tokens", tally.output().unwrap_or(0))
        .end()
}

fn read_event(root: Value<'_>, _: u64, into: &mut Vec<Piece>) -> Told<()> {
    let number = root.get("index").and_then(Value::whole).unwrap_or(0);
    match text_at(root, "type").as_str() {
        "message_start" => {
            into.push(Piece::Begun {
                id: text_at(root, "message.id"),
                model: text_at(root, "message.model"),
            });
        }
        "content_block_start" => match text_at(root, "content_block.type").as_str() {
            "text" => push(into, Piece::Text, text_at(root, "content_block.text")),
            "thinking" => push(into, Piece::Reasoning, text_at(root, "content_block.thinking")),
            "redacted_thinking" => {}
            "tool_use" => {
                let (id, tool) = (text_at(root, "content_block.id"), text_at(root, "content_block.name"));
                into.push(Piece::Call { number, id, tool });
                let mut input = "{}";
                root.at("content_block.input", &mut |value| input = value.raw());
                if object_of(input, "input")?.len() > 2 {
                    into.push(Piece::Arguments { number, text: input.to_owned() });
                }
            }
            _ => return Err(Untranslatable::Unknown("a block")),
        },
        "content_block_delta" => match text_at(root, "delta.type").as_str() {
            "text_delta" => push(into, Piece::Text, text_at(root, "delta.text")),
            "thinking_delta" => push(into, Piece::Reasoning, text_at(root, "delta.thinking")),
            "signature_delta" => push(into, Piece::Signature, text_at(root, "delta.signature")),
            "input_json_delta" => {
                let text = text_at(root, "delta.partial_json");
                push(into, |text| Piece::Arguments { number, text }, text);
            }
            "citations_delta" => return Err(Untranslatable::Field("citations")),
            _ => return Err(Untranslatable::Unknown("delta")),
        },
        "content_block_stop" | "message_delta" | "message_stop" | "ping" => {}
        "error" => return Err(Untranslatable::CutOff),
        _ => return Err(Untranslatable::Unknown("an event")),
    }
    Ok(())
}

fn push(into: &mut Vec<Piece>, piece: impl FnOnce(String) -> Piece, text: String) {
    if !text.is_empty() {
        into.push(piece(text));
    }
}

/// Writes blocks, one after the other: a piece of another kind ends the block before it.
#[derive(Default)]
struct Blocks {
    open: Option<Open>,
    /// The thought that is open has its signature, so that another one begins anew.
    signed: bool,
    next: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call(u64),
}

impl Blocks {
    fn close(&mut self, out: &mut Vec<(&'static str, String)>) {
        self.signed = false;
        if self.open.take().is_some() {
            let event = Object::new().text("type", "content_block_stop").number("index", self.at()).end();
            out.push(("content_block_stop", event));
        }
    }

    fn open(&mut self, kind: Open, block: &str, out: &mut Vec<(&'static str, String)>) {
        if self.open == Some(kind) {
            return;
        }
        self.close(out);
        self.open = Some(kind);
        self.next = self.next.saturating_add(1);
        let event = Object::new().text("type", "content_block_start").number("index", self.at());
        out.push(("content_block_start", event.raw("content_block", block).end()));
    }

    fn delta(&self, delta: Object, out: &mut Vec<(&'static str, String)>) {
        let event = Object::new().text("type", "content_block_delta").number("index", self.at());
        out.push(("content_block_delta", event.raw("delta", &delta.end()).end()));
    }

    /// The block that was opened last.
    const fn at(&self) -> u64 {
        self.next.saturating_sub(1)
    }
}

impl Writer for Blocks {
    fn begin(&mut self, begun: &Begun, out: &mut Vec<(&'static str, String)>) {
        let message = message(&begun.id, &begun.model, &[], None, &begun.tally);
        out.push((
            "message_start",
            Object::new().text("type", "message_start").raw("message", &message).end(),
        ));
    }

    fn piece(&mut self, _: &Begun, piece: &Piece, out: &mut Vec<(&'static str, String)>) -> Told<()> {
        let delta = |kind: &str| Object::new().text("type", kind);
        match piece {
            Piece::Begun { .. } => {}
            Piece::Text(text) | Piece::Refusal(text) => {
                self.open(Open::Text, &text_block(""), out);
                self.delta(delta("text_delta").text("text", text), out);
            }
            Piece::Reasoning(text) => {
                if self.signed {
                    self.close(out);
                }
                self.think(out);
                self.delta(delta("thinking_delta").text("thinking", text), out);
            }
            Piece::Signature(text) => {
                self.think(out);
                self.signed = true;
                self.delta(delta("signature_delta").text("signature", text), out);
            }
            Piece::Call { number, id, tool } => {
                let block = Object::new().text("type", "tool_use").text("id", id).text("name", tool);
                self.close(out);
                self.open(Open::Call(*number), &block.raw("input", "{}").end(), out);
            }
            Piece::Arguments { number, text } => {
                // Blocks come one after the other; pieces of calls that alternate cannot be told.
                if self.open != Some(Open::Call(*number)) {
                    return Err(Untranslatable::Field("tool_calls"));
                }
                self.delta(delta("input_json_delta").text("partial_json", text), out);
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &Begun, tally: &Tally, out: &mut Vec<(&'static str, String)>) {
        self.close(out);
        let stop = Object::new().text("stop_reason", word(tally.ended())).raw("stop_sequence", "null").end();
        let event = Object::new().text("type", "message_delta").raw("delta", &stop);
        out.push(("message_delta", event.raw("usage", &usage(tally)).end()));
        out.push(("message_stop", Object::new().text("type", "message_stop").end()));
    }
}

impl Blocks {
    fn think(&mut self, out: &mut Vec<(&'static str, String)>) {
        let block = Object::new().text("type", "thinking").text("thinking", "").text("signature", "");
        self.open(Open::Thinking, &block.end(), out);
    }
}
