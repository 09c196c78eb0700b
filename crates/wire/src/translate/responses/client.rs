//! Responses as their callers have them: requests read, answers and streams written.

use crate::doc::{Kind, Value};
use crate::translate::chat::url_image;
use crate::translate::json::{Fields, Object, array, list, object_of, text, text_at};
use crate::translate::neutral::{
    Answer, Choice, Format, Message, Part, Piece, Request, Role, Settings, Tool,
};
use crate::translate::stream::{Begun, Writer};
use crate::translate::{Client, Told, Untranslatable};
use crate::usage::{Ended, Tally};

pub const CLIENT: Client = Client { read_request, write_answer, writer: || Box::new(Items::default()) };

fn read_request(root: Value<'_>) -> Told<Request> {
    let mut fields = Fields::of(root, "the request")?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    request.system.extend(fields.text("instructions")?);
    match fields.take("input") {
        Some(input) if input.kind() == Kind::Text => {
            request.say(Role::User, vec![Part::Text(text(input, "input")?)]);
        }
        Some(input) => {
            for item in list(input, "input")? {
                read_item(item, &mut request)?;
            }
        }
        None => {}
    }
    for tool in fields.list("tools")? {
        request.tools.push(read_tool(tool)?);
    }
    request.choice = fields.take("tool_choice").map(read_choice).transpose()?;
    request.parallel = fields.flag("parallel_tool_calls")?;
    request.settings = Settings {
        max_tokens: fields.whole("max_output_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        ..Settings::default()
    };
    if let Some(words) = fields.take("text") {
        request.format = read_format(words)?;
    }
    request.user = fields.text("user")?;
    request.stream = fields.flag("stream")?.unwrap_or(false);
    fields.only("background", "false")?;
    fields.only("truncation", "\"disabled\"")?;
    // Nothing is kept for a later request; one that builds on it is refused below.
    fields.hints(&["store", "prompt_cache_key", "safety_identifier", "stream_options"]);
    fields.never(&[
        "previous_response_id",
        "conversation",
        "include",
        "max_tool_calls",
        "metadata",
        "prompt",
        "reasoning",
        "service_tier",
        "top_logprobs",
    ])?;
    fields.done()?;
    Ok(request)
}

fn read_item(item: Value<'_>, request: &mut Request) -> Told<()> {
    let mut fields = Fields::of(item, "an item")?;
    fields.hints(&["id", "status"]);
    match fields.text("type")?.as_deref() {
        None | Some("message") => {
            let role = fields.need_text("role")?;
            let content = fields.take("content").ok_or(Untranslatable::Malformed("content"))?;
            let parts = read_content(content)?;
            match role.as_str() {
                "system" | "developer" if request.messages.is_empty() => {
                    for part in parts {
                        let Part::Text(text) = part else { return Err(Untranslatable::Field("system")) };
                        request.system.push(text);
                    }
                }
                "system" | "developer" => return Err(Untranslatable::Field("system")),
                "user" => request.say(Role::User, parts),
                "assistant" => answered(request, parts),
                _ => return Err(Untranslatable::Malformed("role")),
            }
        }
        Some("function_call") => {
            let call = Part::Call {
                id: fields.need_text("call_id")?,
                tool: fields.need_text("name")?,
                arguments: object_of(&fields.text("arguments")?.unwrap_or_default(), "arguments")?,
            };
            answered(request, vec![call]);
        }
        Some("function_call_output") => {
            let id = fields.need_text("call_id")?;
            let tool = request.tool_of(&id).map(str::to_owned);
            let (mut said, mut images) = (Vec::new(), Vec::new());
            for part in fields.take("output").map(read_content).transpose()?.unwrap_or_default() {
                match part {
                    Part::Text(text) => said.push(text),
                    Part::Image(image) => images.push(image),
                    _ => return Err(Untranslatable::Field("output")),
                }
            }
            let text = said.join("\n\n");
            request.say(Role::User, vec![Part::Result { id, tool, text, images, failed: false }]);
        }
        // Thoughts that only their own provider takes back.
        Some("reasoning") => fields.hints(&["summary", "content", "encrypted_content"]),
        Some(_) => return Err(Untranslatable::Field("input")),
    }
    fields.done()
}

/// Items of a model that follow each other are one answer of it.
fn answered(request: &mut Request, parts: Vec<Part>) {
    match request.messages.last_mut() {
        Some(last) if last.role == Role::Assistant => last.parts.extend(parts),
        Some(_) | None => request.messages.push(Message { role: Role::Assistant, parts }),
    }
}

fn read_content(content: Value<'_>) -> Told<Vec<Part>> {
    if content.kind() == Kind::Text {
        let said = text(content, "content")?;
        return Ok(if said.is_empty() { Vec::new() } else { vec![Part::Text(said)] });
    }
    let mut parts = Vec::new();
    for part in list(content, "content")? {
        let mut fields = Fields::of(part, "a part")?;
        match fields.need_text("type")?.as_str() {
            "input_text" | "output_text" => {
                parts.push(Part::Text(fields.need_text("text")?));
                if !fields.list("annotations")?.is_empty() {
                    return Err(Untranslatable::Field("annotations"));
                }
                fields.hints(&["logprobs"]);
            }
            "refusal" => parts.push(Part::Refusal(fields.need_text("refusal")?)),
            "input_image" => {
                let url = fields.text("image_url")?.ok_or(Untranslatable::Field("file_id"))?;
                fields.hints(&["detail"]);
                parts.push(Part::Image(url_image(url)));
            }
            "input_file" => return Err(Untranslatable::Field("input_file")),
            "input_audio" => return Err(Untranslatable::Field("input_audio")),
            _ => return Err(Untranslatable::Unknown("a part")),
        }
        fields.done()?;
    }
    Ok(parts)
}

fn read_tool(tool: Value<'_>) -> Told<Tool> {
    let mut fields = Fields::of(tool, "a tool")?;
    if fields.need_text("type")? != "function" {
        return Err(Untranslatable::Field("tools"));
    }
    let tool = Tool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        schema: fields.take("parameters").map(|schema| schema.raw().to_owned()),
    };
    fields.hints(&["strict"]);
    fields.done()?;
    Ok(tool)
}

fn read_choice(choice: Value<'_>) -> Told<Choice> {
    if choice.kind() == Kind::Object {
        return match text_at(choice, "type").as_str() {
            "function" => Ok(Choice::Tool(text_at(choice, "name"))),
            _ => Err(Untranslatable::Field("tool_choice")),
        };
    }
    match text(choice, "tool_choice")?.as_str() {
        "auto" => Ok(Choice::Auto),
        "none" => Ok(Choice::Never),
        "required" => Ok(Choice::Any),
        _ => Err(Untranslatable::Malformed("tool_choice")),
    }
}

fn read_format(words: Value<'_>) -> Told<Option<Format>> {
    let mut fields = Fields::of(words, "text")?;
    let format = fields.take("format");
    fields.never(&["verbosity"])?;
    fields.done()?;
    let Some(format) = format else { return Ok(None) };
    match text_at(format, "type").as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Json)),
        "json_schema" => {
            let schema = format.get("schema").ok_or(Untranslatable::Malformed("schema"))?;
            Ok(Some(Format::Schema { name: text_at(format, "name"), schema: schema.raw().to_owned() }))
        }
        _ => Err(Untranslatable::Field("text")),
    }
}

fn write_answer(answer: &Answer) -> Told<String> {
    let mut items = Items::default();
    let mut unseen = Vec::new();
    let begun = Begun { id: answer.id.clone(), model: answer.model.clone(), tally: answer.tally };
    for (number, part) in (0..).zip(&answer.parts) {
        match part {
            Part::Text(text) => items.piece(&begun, &Piece::Text(text.clone()), &mut unseen)?,
            Part::Refusal(text) => items.piece(&begun, &Piece::Refusal(text.clone()), &mut unseen)?,
            Part::Reasoning { text, .. } => {
                items.piece(&begun, &Piece::Reasoning(text.clone()), &mut unseen)?;
            }
            Part::Call { id, tool, arguments } => {
                let (id, tool) = (id.clone(), tool.clone());
                items.piece(&begun, &Piece::Call { number, id, tool }, &mut unseen)?;
                items.piece(&begun, &Piece::Arguments { number, text: arguments.clone() }, &mut unseen)?;
            }
            Part::Image(_) | Part::Result { .. } => return Err(Untranslatable::Field("output")),
        }
        items.close(&begun, &mut unseen);
    }
    Ok(response(&begun, &items.done, Some(&answer.tally)))
}

/// The answer as a whole; without a tally it has only begun.
fn response(begun: &Begun, output: &[String], tally: Option<&Tally>) -> String {
    let (status, reason) = match tally.map(Tally::ended) {
        None => ("in_progress", None),
        Some(Some(Ended::Length)) => ("incomplete", Some("max_output_tokens")),
        Some(Some(Ended::Filtered)) => ("incomplete", Some("content_filter")),
        Some(_) => ("completed", None),
    };
    let details = reason.map(|reason| Object::new().text("reason", reason).end());
    Object::new()
        .text("id", &begun.id)
        .text("object", "response")
        .number("created_at", 0)
        .text("status", status)
        .raw("error", "null")
        .raw("incomplete_details", details.as_deref().unwrap_or("null"))
        .raw("instructions", "null")
        .raw("metadata", "{}")
        .text("model", &begun.model)
        .raw("output", &array(output))
        .flag("parallel_tool_calls", true)
        .text("tool_choice", "auto")
        .raw("tools", "[]")
        .raw("usage", tally.and_then(usage).as_deref().unwrap_or("null"))
        .end()
}

fn usage(tally: &Tally) -> Option<String> {
    let (input, output) = (tally.input(), tally.output());
    input.or(output)?;
    let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
    let cached = Object::new().number("cached_tokens", tally.cached().unwrap_or(0)).end();
    let thoughts = Object::new().number("reasoning_tokens", tally.reasoning().unwrap_or(0)).end();
    let usage = Object::new()
        .number("input_tokens", input)
        .raw("input_tokens_details", &cached)
        .number("output_tokens", output)
        .raw("output_tokens_details", &thoughts)
        .number("total_tokens", input.saturating_add(output));
    Some(usage.end())
}

/// Writes items, one after the other. What was written of each is kept, because the format says all
/// of it again at the end; the reader of the stream bounds how much that can be.
#[derive(Default)]
struct Items {
    sequence: u64,
    open: Option<Open>,
    done: Vec<String>,
}

struct Open {
    kind: Item,
    /// What came so far.
    text: String,
}

#[derive(Clone, PartialEq, Eq)]
enum Item {
    Text,
    Refusal,
    Reasoning,
    Call { number: u64, id: String, tool: String },
}

type Out = Vec<(&'static str, String)>;

impl Items {
    fn index(&self) -> u64 {
        u64::try_from(self.done.len()).unwrap_or(u64::MAX)
    }

    /// Items have names of their own; the answer's and the place make one.
    fn name(&self, begun: &Begun, kind: &Item) -> String {
        let mark = match kind {
            Item::Text | Item::Refusal => "msg",
            Item::Reasoning => "rs",
            Item::Call { .. } => "fc",
        };
        format!("{mark}_{}_{}", begun.id, self.index())
    }

    fn emit(&mut self, name: &'static str, fields: Object, out: &mut Out) {
        out.push((name, fields.text("type", name).number("sequence_number", self.sequence).end()));
        self.sequence = self.sequence.saturating_add(1);
    }

    fn item(&self, begun: &Begun, kind: &Item, text: Option<&str>) -> String {
        let status = if text.is_some() { "completed" } else { "in_progress" };
        let item = Object::new().text("id", &self.name(begun, kind));
        let parts =
            |part: fn(&str) -> String| text.map_or_else(|| "[]".to_owned(), |text| array(&[part(text)]));
        match kind {
            Item::Text => item
                .text("type", "message")
                .text("role", "assistant")
                .text("status", status)
                .raw("content", &parts(text_part))
                .end(),
            Item::Refusal => item
                .text("type", "message")
                .text("role", "assistant")
                .text("status", status)
                .raw("content", &parts(refusal_part))
                .end(),
            Item::Reasoning => item.text("type", "reasoning").raw("summary", &parts(summary_part)).end(),
            Item::Call { id, tool, .. } => item
                .text("type", "function_call")
                .text("call_id", id)
                .text("name", tool)
                .text("arguments", text.unwrap_or_default())
                .text("status", status)
                .end(),
        }
    }

    fn place(&self, begun: &Begun, kind: &Item) -> Object {
        let place =
            Object::new().text("item_id", &self.name(begun, kind)).number("output_index", self.index());
        match kind {
            Item::Text | Item::Refusal => place.number("content_index", 0),
            Item::Reasoning => place.number("summary_index", 0),
            Item::Call { .. } => place,
        }
    }

    fn begin_item(&mut self, begun: &Begun, kind: Item, out: &mut Out) {
        if self.open.as_ref().is_some_and(|open| open.kind == kind) {
            return;
        }
        self.close(begun, out);
        let item = self.item(begun, &kind, None);
        let added = Object::new().number("output_index", self.index()).raw("item", &item);
        self.emit("response.output_item.added", added, out);
        let place = self.place(begun, &kind);
        match kind {
            Item::Text => self.emit("response.content_part.added", place.raw("part", &text_part("")), out),
            Item::Refusal => {
                self.emit("response.content_part.added", place.raw("part", &refusal_part("")), out);
            }
            Item::Reasoning => {
                let place = place.raw("part", &summary_part(""));
                self.emit("response.reasoning_summary_part.added", place, out);
            }
            Item::Call { .. } => {}
        }
        self.open = Some(Open { kind, text: String::new() });
    }

    fn add(&mut self, begun: &Begun, piece: &str, out: &mut Out) {
        let Some(mut open) = self.open.take() else { return };
        let delta = self.place(begun, &open.kind).text("delta", piece);
        match open.kind {
            Item::Text => self.emit("response.output_text.delta", delta.raw("logprobs", "[]"), out),
            Item::Refusal => self.emit("response.refusal.delta", delta, out),
            Item::Reasoning => self.emit("response.reasoning_summary_text.delta", delta, out),
            Item::Call { .. } => self.emit("response.function_call_arguments.delta", delta, out),
        }
        open.text.push_str(piece);
        self.open = Some(open);
    }

    fn close(&mut self, begun: &Begun, out: &mut Out) {
        let Some(Open { kind, text }) = self.open.take() else { return };
        let place = || self.place(begun, &kind);
        let (whole, part) = (place(), place());
        match &kind {
            Item::Text => {
                self.emit("response.output_text.done", whole.text("text", &text).raw("logprobs", "[]"), out);
                self.emit("response.content_part.done", part.raw("part", &text_part(&text)), out);
            }
            Item::Refusal => {
                self.emit("response.refusal.done", whole.text("refusal", &text), out);
                self.emit("response.content_part.done", part.raw("part", &refusal_part(&text)), out);
            }
            Item::Reasoning => {
                self.emit("response.reasoning_summary_text.done", whole.text("text", &text), out);
                let part = part.raw("part", &summary_part(&text));
                self.emit("response.reasoning_summary_part.done", part, out);
            }
            Item::Call { tool, .. } => {
                let whole = whole.text("name", tool).text("arguments", &text);
                self.emit("response.function_call_arguments.done", whole, out);
            }
        }
        let item = self.item(begun, &kind, Some(&text));
        let done = Object::new().number("output_index", self.index()).raw("item", &item);
        self.emit("response.output_item.done", done, out);
        self.done.push(item);
    }
}

fn text_part(text: &str) -> String {
    Object::new().text("type", "output_text").text("text", text).raw("annotations", "[]").end()
}

fn refusal_part(text: &str) -> String {
    Object::new().text("type", "refusal").text("refusal", text).end()
}

fn summary_part(text: &str) -> String {
    Object::new().text("type", "summary_text").text("text", text).end()
}

impl Writer for Items {
    fn begin(&mut self, begun: &Begun, out: &mut Out) {
        for name in ["response.created", "response.in_progress"] {
            self.emit(name, Object::new().raw("response", &response(begun, &[], None)), out);
        }
    }

    fn piece(&mut self, begun: &Begun, piece: &Piece, out: &mut Out) -> Told<()> {
        match piece {
            Piece::Begun { .. } | Piece::Signature(_) => {}
            Piece::Text(text) => {
                self.begin_item(begun, Item::Text, out);
                self.add(begun, text, out);
            }
            Piece::Refusal(text) => {
                self.begin_item(begun, Item::Refusal, out);
                self.add(begun, text, out);
            }
            Piece::Reasoning(text) => {
                self.begin_item(begun, Item::Reasoning, out);
                self.add(begun, text, out);
            }
            Piece::Call { number, id, tool } => {
                self.close(begun, out);
                let call = Item::Call { number: *number, id: id.clone(), tool: tool.clone() };
                self.begin_item(begun, call, out);
            }
            Piece::Arguments { number, text } => {
                let own = self.open.as_ref().map(|open| &open.kind);
                // Items come one after the other; pieces of calls that alternate cannot be told.
                if !matches!(own, Some(Item::Call { number: open, .. }) if open == number) {
                    return Err(Untranslatable::Field("tool_calls"));
                }
                self.add(begun, text, out);
            }
        }
        Ok(())
    }

    fn end(&mut self, begun: &Begun, tally: &Tally, out: &mut Out) {
        self.close(begun, out);
        let name = match tally.ended() {
            Some(Ended::Length | Ended::Filtered) => "response.incomplete",
            _ => "response.completed",
        };
        let response = response(begun, &self.done, Some(tally));
        self.emit(name, Object::new().raw("response", &response), out);
    }
}
