//! Google's generateContent, as a provider.

use super::json::{Fields, Object, array, list, object_of, text_at, texts};
use super::neutral::{Answer, Choice, Format, Image, Message, Part, Piece, Request, Role};
use super::{Speaks, Told, Untranslatable};
use crate::doc::{Kind, Value};

pub const SPEAKS: Speaks = Speaks { name: "gemini", write_request, read_answer, read_event, client: None };

/// Newer models demand the signature of the thought behind each call. For calls that another client
/// or model brings along, the documentation gives this word.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    if request.parallel == Some(false) {
        return Err(Untranslatable::Field("parallel_tool_calls"));
    }
    let mut body = Object::new();
    let system: Vec<String> = request.system.iter().map(|text| text_part(text)).collect();
    if !system.is_empty() {
        body = body.raw("systemInstruction", &Object::new().raw("parts", &array(&system)).end());
    }
    let contents = request.messages.iter().map(write_content).collect::<Told<Vec<_>>>()?;
    body = body.raw("contents", &array(&contents));
    if !request.tools.is_empty() {
        let declared: Vec<String> = request
            .tools
            .iter()
            .map(|tool| {
                Object::new()
                    .text("name", &tool.name)
                    .maybe_text("description", tool.description.as_deref())
                    .maybe_raw("parametersJsonSchema", tool.schema.as_deref())
                    .end()
            })
            .collect();
        let tools = Object::new().raw("functionDeclarations", &array(&declared)).end();
        body = body.raw("tools", &array(&[tools]));
    }
    if let Some(choice) = &request.choice {
        let mode = match choice {
            Choice::Auto => Object::new().text("mode", "AUTO"),
            Choice::Never => Object::new().text("mode", "NONE"),
            Choice::Any => Object::new().text("mode", "ANY"),
            Choice::Tool(name) => Object::new()
                .text("mode", "ANY")
                .raw("allowedFunctionNames", &array(&texts(std::slice::from_ref(name)))),
        };
        body = body.raw("toolConfig", &Object::new().raw("functionCallingConfig", &mode.end()).end());
    }
    let mut generation = Object::new()
        .maybe_number("maxOutputTokens", settings.max_tokens)
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("topP", settings.top_p.as_deref())
        .maybe_raw("topK", settings.top_k.as_deref())
        .maybe_raw("seed", settings.seed.as_deref())
        .maybe_raw("presencePenalty", settings.presence_penalty.as_deref())
        .maybe_raw("frequencyPenalty", settings.frequency_penalty.as_deref())
        .some_list("stopSequences", &texts(&settings.stop));
    match &request.format {
        Some(Format::Json) => generation = generation.text("responseMimeType", "application/json"),
        Some(Format::Schema { schema, .. }) => {
            generation =
                generation.text("responseMimeType", "application/json").raw("responseJsonSchema", schema);
        }
        None => {}
    }
    Ok(body.some_object("generationConfig", generation).end())
}

fn write_content(message: &Message) -> Told<String> {
    let mut parts = Vec::new();
    for part in &message.parts {
        parts.push(match part {
            Part::Text(text) | Part::Refusal(text) => text_part(text),
            Part::Reasoning { .. } => continue,
            Part::Image(Image::Bytes { kind, data }) => {
                let bytes = Object::new().text("mimeType", kind).text("data", data).end();
                Object::new().raw("inlineData", &bytes).end()
            }
            // The provider takes addresses of its own store alone.
            Part::Image(Image::Url(_)) => return Err(Untranslatable::Field("image_url")),
            Part::Call { tool, arguments, .. } => {
                let call = Object::new().text("name", tool).raw("args", &object_of(arguments, "arguments")?);
                let part = Object::new().raw("functionCall", &call.end());
                part.text("thoughtSignature", NO_SIGNATURE).end()
            }
            Part::Result { tool, text, images, failed, .. } => {
                if !images.is_empty() {
                    return Err(Untranslatable::Field("tool_result.image"));
                }
                let tool = tool.as_deref().ok_or(Untranslatable::Malformed("tool_call_id"))?;
                let response = Object::new().text(if *failed { "error" } else { "result" }, text).end();
                let result = Object::new().text("name", tool).raw("response", &response).end();
                Object::new().raw("functionResponse", &result).end()
            }
        });
    }
    let role = if message.role == Role::User { "user" } else { "model" };
    Ok(Object::new().text("role", role).raw("parts", &array(&parts)).end())
}

fn text_part(text: &str) -> String {
    Object::new().text("text", text).end()
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let mut pieces = Vec::new();
    read_event(root, 0, &mut pieces)?;
    let mut joined = super::stream::Joined::default();
    pieces.into_iter().for_each(|piece| joined.add(piece));
    Ok(joined.answer)
}

/// Each event is an answer of its own with what is new.
fn read_event(root: Value<'_>, calls: u64, into: &mut Vec<Piece>) -> Told<()> {
    if root.get("error").is_some() {
        return Err(Untranslatable::CutOff);
    }
    let id = text_at(root, "responseId");
    into.push(Piece::Begun { id: id.clone(), model: text_at(root, "modelVersion") });
    let mut number = calls;
    for (position, candidate) in root.get("candidates").into_iter().flat_map(Value::items).enumerate() {
        if position > 0 || candidate.get("index").and_then(Value::whole).unwrap_or(0) > 0 {
            return Err(Untranslatable::Field("candidates"));
        }
        let parts = candidate.get("content").and_then(|content| content.get("parts"));
        for part in parts.map_or(Ok(Vec::new()), |parts| list(parts, "parts"))? {
            let mut fields = Fields::of(part, "a part")?;
            let thought = fields.flag("thought")?.unwrap_or(false);
            fields.hints(&["thoughtSignature"]);
            if let Some(text) = fields.text("text")?.filter(|text| !text.is_empty()) {
                into.push(if thought { Piece::Reasoning(text) } else { Piece::Text(text) });
            }
            if let Some(call) = fields.take("functionCall") {
                let own = text_at(call, "id");
                // Ids are given where the provider gives none; they differ between answers.
                let id = if own.is_empty() { format!("call_{id}_{number}") } else { own };
                let tool = text_at(call, "name");
                into.push(Piece::Call { number, id, tool });
                let arguments = call.get("args").filter(|args| args.kind() != Kind::Null);
                let text = object_of(arguments.map_or("{}", Value::raw), "args")?;
                into.push(Piece::Arguments { number, text });
                number = number.saturating_add(1);
            }
            fields.never(&["inlineData", "fileData", "executableCode", "codeExecutionResult"])?;
            fields.done()?;
        }
    }
    Ok(())
}
