//! OpenAI's chat completions, and all who took them over.

use super::json::{Fields, Object, array, data_url, list, object_of, text, text_at, texts};
use super::neutral::{Answer, Choice, Format, Image, Message, Part, Piece, Request, Role, Settings, Tool};
use super::stream::{Begun, Writer};
use super::{Client, Speaks, Told, Untranslatable};
use crate::doc::{Kind, Value, quoted};
use crate::usage::{Ended, Tally};

pub const SPEAKS: Speaks = Speaks {
    name: "openai_chat",
    write_request,
    read_answer,
    read_event,
    client: Some(Client { read_request, write_answer, writer: || Box::new(Chunks::default()) }),
};

fn read_request(root: Value<'_>) -> Told<Request> {
    let mut fields = Fields::of(root, "the request")?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    for message in fields.list("messages")? {
        read_message(message, &mut request)?;
    }
    for tool in fields.list("tools")? {
        request.tools.push(read_tool(tool)?);
    }
    request.choice = fields.take("tool_choice").map(read_choice).transpose()?;
    request.parallel = fields.flag("parallel_tool_calls")?;
    let newer = fields.whole("max_completion_tokens")?;
    request.settings = Settings {
        max_tokens: fields.whole("max_tokens")?.or(newer),
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        seed: fields.number("seed")?,
        presence_penalty: fields.number("presence_penalty")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        stop: match fields.take("stop") {
            Some(one) if one.kind() == Kind::Text => vec![text(one, "stop")?],
            Some(several) => {
                list(several, "stop")?.into_iter().map(|word| text(word, "stop")).collect::<Told<_>>()?
            }
            None => Vec::new(),
        },
    };
    request.format = match fields.take("response_format") {
        Some(format) => read_format(format)?,
        None => None,
    };
    request.user = fields.text("user")?;
    request.stream = fields.flag("stream")?.unwrap_or(false);
    fields.only("n", "1")?;
    fields.only("store", "false")?;
    fields.only("logprobs", "false")?;
    fields.hints(&["stream_options", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"]);
    fields.never(&[
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "metadata",
        "modalities",
        "prediction",
        "reasoning_effort",
        "service_tier",
        "top_logprobs",
        "verbosity",
        "web_search_options",
    ])?;
    fields.done()?;
    Ok(request)
}

fn read_message(message: Value<'_>, request: &mut Request) -> Told<()> {
    let mut fields = Fields::of(message, "a message")?;
    let content = fields.take("content");
    let mut parts = Vec::new();
    match fields.need_text("role")?.as_str() {
        // Where somebody has spoken, what the configuration says later belongs to that place.
        "system" | "developer" if request.messages.is_empty() => {
            request.system.extend(words(content)?);
        }
        "system" | "developer" => return Err(Untranslatable::Field("system")),
        "user" => {
            read_content(content, &mut parts)?;
            request.say(Role::User, parts);
        }
        "assistant" => {
            read_said(&mut fields, content, &mut parts)?;
            request.say(Role::Assistant, parts);
        }
        "tool" => {
            let id = fields.need_text("tool_call_id")?;
            let tool = request.tool_of(&id).map(str::to_owned);
            let text = words(content)?.join("\n\n");
            request.say(Role::User, vec![Part::Result { id, tool, text, images: Vec::new(), failed: false }]);
        }
        _ => return Err(Untranslatable::Malformed("role")),
    }
    fields.never(&["name", "audio", "function_call"])?;
    fields.done()
}

/// What a model said: in the history of a request, and in an answer.
fn read_said(fields: &mut Fields<'_>, content: Option<Value<'_>>, parts: &mut Vec<Part>) -> Told<()> {
    for key in ["reasoning_content", "reasoning"] {
        if let Some(text) = fields.text(key)?.filter(|text| !text.is_empty()) {
            parts.push(Part::Reasoning { text, signature: None });
        }
    }
    read_content(content, parts)?;
    if let Some(text) = fields.text("refusal")? {
        parts.push(Part::Refusal(text));
    }
    for call in fields.list("tool_calls")? {
        let mut fields = Fields::of(call, "a call")?;
        fields.hints(&["type", "index"]);
        let mut function =
            Fields::of(fields.take("function").ok_or(Untranslatable::Field("custom"))?, "a function")?;
        parts.push(Part::Call {
            id: fields.need_text("id")?,
            tool: function.need_text("name")?,
            arguments: object_of(&function.text("arguments")?.unwrap_or_default(), "arguments")?,
        });
        function.done()?;
        fields.done()?;
    }
    Ok(())
}

fn read_content(content: Option<Value<'_>>, parts: &mut Vec<Part>) -> Told<()> {
    let Some(content) = content else { return Ok(()) };
    if content.kind() == Kind::Text {
        let said = text(content, "content")?;
        if !said.is_empty() {
            parts.push(Part::Text(said));
        }
        return Ok(());
    }
    for part in list(content, "content")? {
        let mut fields = Fields::of(part, "a part")?;
        match fields.need_text("type")?.as_str() {
            "text" => parts.push(Part::Text(fields.need_text("text")?)),
            "refusal" => parts.push(Part::Refusal(fields.need_text("refusal")?)),
            "image_url" => {
                let url = fields.take("image_url").ok_or(Untranslatable::Malformed("image_url"))?;
                let mut fields = Fields::of(url, "image_url")?;
                let url = fields.need_text("url")?;
                // How closely a picture is looked at is for the provider.
                fields.hints(&["detail"]);
                fields.done()?;
                parts.push(Part::Image(url_image(url)));
            }
            "input_audio" => return Err(Untranslatable::Field("input_audio")),
            "file" => return Err(Untranslatable::Field("file")),
            _ => return Err(Untranslatable::Unknown("a part")),
        }
        fields.done()?;
    }
    Ok(())
}

/// Content that is words alone.
pub fn words(content: Option<Value<'_>>) -> Told<Vec<String>> {
    let mut parts = Vec::new();
    read_content(content, &mut parts)?;
    parts
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => Ok(text),
            _ => Err(Untranslatable::Field("content")),
        })
        .collect()
}

pub fn read_tool(tool: Value<'_>) -> Told<Tool> {
    let mut fields = Fields::of(tool, "a tool")?;
    fields.hints(&["type"]);
    let function = fields.take("function").ok_or(Untranslatable::Field("tools"))?;
    let mut function = Fields::of(function, "a function")?;
    let tool = Tool {
        name: function.need_text("name")?,
        description: function.text("description")?,
        schema: function.take("parameters").map(|schema| schema.raw().to_owned()),
    };
    // Whether arguments must fit the schema is promised by few; it is checked by whoever calls.
    function.hints(&["strict"]);
    function.done()?;
    fields.done()?;
    Ok(tool)
}

pub fn read_choice(choice: Value<'_>) -> Told<Choice> {
    if choice.kind() == Kind::Object {
        let name = text_at(choice, "function.name");
        return if name.is_empty() {
            Err(Untranslatable::Field("tool_choice"))
        } else {
            Ok(Choice::Tool(name))
        };
    }
    match text(choice, "tool_choice")?.as_str() {
        "auto" => Ok(Choice::Auto),
        "none" => Ok(Choice::Never),
        "required" => Ok(Choice::Any),
        _ => Err(Untranslatable::Malformed("tool_choice")),
    }
}

fn read_format(format: Value<'_>) -> Told<Option<Format>> {
    match text_at(format, "type").as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Json)),
        "json_schema" => {
            let mut schema = None;
            format.at("json_schema.schema", &mut |value| schema = Some(value.raw().to_owned()));
            let schema = schema.ok_or(Untranslatable::Malformed("response_format"))?;
            Ok(Some(Format::Schema { name: text_at(format, "json_schema.name"), schema }))
        }
        _ => Err(Untranslatable::Field("response_format")),
    }
}

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    let mut messages: Vec<String> = Vec::new();
    for text in &request.system {
        messages.push(Object::new().text("role", "system").text("content", text).end());
    }
    for message in &request.messages {
        write_message(message, &mut messages)?;
    }
    let tools: Vec<String> = request.tools.iter().map(write_tool).collect();
    let mut body = Object::new().text("model", &request.model).raw("messages", &array(&messages));
    body = body.some_list("tools", &tools);
    if let Some(choice) = &request.choice {
        body = body.raw("tool_choice", &write_choice(choice));
    }
    if let Some(parallel) = request.parallel {
        body = body.flag("parallel_tool_calls", parallel);
    }
    body = body
        .maybe_number("max_tokens", settings.max_tokens)
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("top_p", settings.top_p.as_deref())
        .maybe_raw("top_k", settings.top_k.as_deref())
        .maybe_raw("seed", settings.seed.as_deref())
        .maybe_raw("presence_penalty", settings.presence_penalty.as_deref())
        .maybe_raw("frequency_penalty", settings.frequency_penalty.as_deref())
        .some_list("stop", &texts(&settings.stop))
        .maybe_text("user", request.user.as_deref());
    match &request.format {
        Some(Format::Json) => body = body.raw("response_format", r#"{"type":"json_object"}"#),
        Some(Format::Schema { name, schema }) => {
            let schema = Object::new().text("name", name).raw("schema", schema).end();
            let format = Object::new().text("type", "json_schema").raw("json_schema", &schema).end();
            body = body.raw("response_format", &format);
        }
        None => {}
    }
    if request.stream {
        // Without this the provider does not tell what a stream took.
        body = body.flag("stream", true).raw("stream_options", r#"{"include_usage":true}"#);
    }
    Ok(body.end())
}

fn write_message(message: &Message, into: &mut Vec<String>) -> Told<()> {
    let mut parts = Vec::new();
    let mut said = false;
    for part in &message.parts {
        match part {
            Part::Text(text) => parts.push(Object::new().text("type", "text").text("text", text).end()),
            Part::Image(image) if message.role == Role::User => {
                let url = Object::new().text("url", &url(image)).end();
                parts.push(Object::new().text("type", "image_url").raw("image_url", &url).end());
            }
            Part::Image(_) => return Err(Untranslatable::Field("image")),
            Part::Result { id, text, images, .. } => {
                if !images.is_empty() {
                    return Err(Untranslatable::Field("tool_result.image"));
                }
                // That a call failed has no place of its own here; the words of the result say it.
                let message = Object::new().text("role", "tool").text("tool_call_id", id);
                into.push(message.text("content", text).end());
            }
            Part::Refusal(_) | Part::Reasoning { .. } | Part::Call { .. } => said = true,
        }
    }
    if message.role == Role::Assistant {
        into.push(write_said(&message.parts, false));
    } else if said {
        return Err(Untranslatable::Malformed("messages"));
    } else if let [Part::Text(text)] = message.parts.as_slice() {
        into.push(Object::new().text("role", "user").text("content", text).end());
    } else if !parts.is_empty() {
        into.push(Object::new().text("role", "user").raw("content", &array(&parts)).end());
    }
    Ok(())
}

/// What a model said, as a message.
fn write_said(parts: &[Part], with_thoughts: bool) -> String {
    let mut message = Object::new().text("role", "assistant");
    let mut words: Vec<&str> = Vec::new();
    let (mut refusal, mut thoughts, mut calls) = (None, String::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(text) => words.push(text),
            Part::Refusal(text) => refusal = Some(text.as_str()),
            Part::Reasoning { text, .. } => thoughts.push_str(text),
            Part::Call { id, tool, arguments } => calls.push(write_call(id, tool, arguments)),
            Part::Image(_) | Part::Result { .. } => {}
        }
    }
    message = if words.is_empty() {
        message.raw("content", "null")
    } else {
        message.text("content", &words.join("\n\n"))
    };
    message = message.maybe_text("refusal", refusal);
    if with_thoughts && !thoughts.is_empty() {
        message = message.text("reasoning_content", &thoughts);
    }
    message.some_list("tool_calls", &calls).end()
}

pub fn write_call(id: &str, tool: &str, arguments: &str) -> String {
    let function = Object::new().text("name", tool).text("arguments", arguments).end();
    Object::new().text("id", id).text("type", "function").raw("function", &function).end()
}

pub fn write_tool(tool: &Tool) -> String {
    let function = Object::new()
        .text("name", &tool.name)
        .maybe_text("description", tool.description.as_deref())
        .maybe_raw("parameters", tool.schema.as_deref());
    Object::new().text("type", "function").raw("function", &function.end()).end()
}

fn write_choice(choice: &Choice) -> String {
    match choice {
        Choice::Auto => quoted("auto"),
        Choice::Never => quoted("none"),
        Choice::Any => quoted("required"),
        Choice::Tool(name) => {
            let function = Object::new().text("name", name).end();
            Object::new().text("type", "function").raw("function", &function).end()
        }
    }
}

/// A picture by its address, or by the bytes that are written into it.
pub fn url_image(url: String) -> Image {
    match data_url(&url) {
        Some((kind, data)) => Image::Bytes { kind: kind.to_owned(), data: data.to_owned() },
        None => Image::Url(url),
    }
}

pub fn url(image: &Image) -> String {
    match image {
        Image::Url(url) => url.clone(),
        Image::Bytes { kind, data } => format!("data:{kind};base64,{data}"),
    }
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let choices = root.get("choices").ok_or(Untranslatable::Malformed("choices"))?;
    let mut choices = list(choices, "choices")?.into_iter();
    let choice = choices.next().ok_or(Untranslatable::Malformed("choices"))?;
    if choices.next().is_some() {
        return Err(Untranslatable::Field("choices"));
    }
    let message = choice.get("message").ok_or(Untranslatable::Malformed("message"))?;
    let mut fields = Fields::of(message, "a message")?;
    let content = fields.take("content");
    let mut parts = Vec::new();
    read_said(&mut fields, content, &mut parts)?;
    fields.never(&["audio", "function_call"])?;
    Ok(Answer { id: text_at(root, "id"), model: text_at(root, "model"), parts, ..Answer::default() })
}

fn write_answer(answer: &Answer) -> Told<String> {
    let choice = Object::new()
        .number("index", 0)
        .raw("message", &write_said(&answer.parts, true))
        .raw("logprobs", "null")
        .text("finish_reason", finish(&answer.tally));
    let body = Object::new()
        .text("id", &answer.id)
        .text("object", "chat.completion")
        .number("created", 0)
        .text("model", &answer.model)
        .raw("choices", &array(&[choice.end()]));
    Ok(body.maybe_raw("usage", usage(&answer.tally).as_deref()).end())
}

const fn word(ended: Option<Ended>) -> &'static str {
    match ended {
        Some(Ended::ToolCalls) => "tool_calls",
        Some(Ended::Length) => "length",
        Some(Ended::Filtered) => "content_filter",
        Some(Ended::Stop | Ended::Refusal | Ended::Other) | None => "stop",
    }
}

fn finish(tally: &Tally) -> &'static str {
    word(tally.ended())
}

fn usage(tally: &Tally) -> Option<String> {
    let (input, output) = (tally.input(), tally.output());
    input.or(output)?;
    let total = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
    let cached = Object::new().maybe_number("cached_tokens", tally.cached());
    let thoughts = Object::new().maybe_number("reasoning_tokens", tally.reasoning());
    let usage = Object::new()
        .number("prompt_tokens", input.unwrap_or(0))
        .number("completion_tokens", output.unwrap_or(0))
        .number("total_tokens", total)
        .some_object("prompt_tokens_details", cached)
        .some_object("completion_tokens_details", thoughts);
    Some(usage.end())
}

fn read_event(root: Value<'_>, _: u64, into: &mut Vec<Piece>) -> Told<()> {
    if root.get("error").is_some_and(|error| error.kind() != Kind::Null) {
        return Err(Untranslatable::CutOff);
    }
    into.push(Piece::Begun { id: text_at(root, "id"), model: text_at(root, "model") });
    for choice in root.get("choices").into_iter().flat_map(Value::items) {
        if choice.get("index").and_then(Value::whole).unwrap_or(0) > 0 {
            return Err(Untranslatable::Field("choices"));
        }
        let Some(delta) = choice.get("delta") else { continue };
        let said = |key: &str| delta.get(key).and_then(Value::text).filter(|text| !text.is_empty());
        for key in ["reasoning_content", "reasoning"] {
            into.extend(said(key).map(|text| Piece::Reasoning(text.into_owned())));
        }
        into.extend(said("content").map(|text| Piece::Text(text.into_owned())));
        into.extend(said("refusal").map(|text| Piece::Refusal(text.into_owned())));
        for (position, call) in (0..).zip(delta.get("tool_calls").into_iter().flat_map(Value::items)) {
            let number = call.get("index").and_then(Value::whole).unwrap_or(position);
            let (id, tool) = (text_at(call, "id"), text_at(call, "function.name"));
            if !tool.is_empty() {
                into.push(Piece::Call { number, id, tool });
            }
            let text = text_at(call, "function.arguments");
            if !text.is_empty() {
                into.push(Piece::Arguments { number, text });
            }
        }
    }
    Ok(())
}

/// Writes chunks.
#[derive(Default)]
struct Chunks {
    /// How many calls were begun: clients join pieces by the number.
    calls: Vec<u64>,
}

impl Chunks {
    fn index(&self, number: u64) -> u64 {
        let at = self.calls.iter().rposition(|call| *call == number).unwrap_or_default();
        u64::try_from(at).unwrap_or_default()
    }
}

fn chunk(begun: &Begun, choices: &[String], usage: Option<&str>) -> String {
    let chunk = Object::new()
        .text("id", &begun.id)
        .text("object", "chat.completion.chunk")
        .number("created", 0)
        .text("model", &begun.model)
        .raw("choices", &array(choices));
    chunk.maybe_raw("usage", usage).end()
}

fn choice(delta: Object, finish: Option<&str>) -> String {
    let finish = finish.map_or_else(|| "null".to_owned(), quoted);
    Object::new().number("index", 0).raw("delta", &delta.end()).raw("finish_reason", &finish).end()
}

impl Writer for Chunks {
    fn begin(&mut self, begun: &Begun, out: &mut Vec<(&'static str, String)>) {
        let delta = Object::new().text("role", "assistant").text("content", "");
        out.push(("", chunk(begun, &[choice(delta, None)], None)));
    }

    fn piece(&mut self, begun: &Begun, piece: &Piece, out: &mut Vec<(&'static str, String)>) -> Told<()> {
        let delta = match piece {
            Piece::Begun { .. } | Piece::Signature(_) => return Ok(()),
            Piece::Text(text) => Object::new().text("content", text),
            Piece::Refusal(text) => Object::new().text("refusal", text),
            Piece::Reasoning(text) => Object::new().text("reasoning_content", text),
            Piece::Call { number, id, tool } => {
                self.calls.push(*number);
                let function = Object::new().text("name", tool).text("arguments", "").end();
                let call = Object::new().number("index", self.index(*number)).text("id", id);
                let call = call.text("type", "function").raw("function", &function).end();
                Object::new().raw("tool_calls", &array(&[call]))
            }
            Piece::Arguments { number, text } => {
                let function = Object::new().text("arguments", text).end();
                let call =
                    Object::new().number("index", self.index(*number)).raw("function", &function).end();
                Object::new().raw("tool_calls", &array(&[call]))
            }
        };
        out.push(("", chunk(begun, &[choice(delta, None)], None)));
        Ok(())
    }

    fn end(&mut self, begun: &Begun, tally: &Tally, out: &mut Vec<(&'static str, String)>) {
        out.push(("", chunk(begun, &[choice(Object::new(), Some(finish(tally)))], None)));
        if let Some(usage) = usage(tally) {
            out.push(("", chunk(begun, &[], Some(&usage))));
        }
    }
}
