//! OpenAI's Responses, as a provider and, in `client`, as a caller.

mod client;

use crate::doc::{Value, quoted};
use crate::translate::chat::url;
use crate::translate::json::{Fields, Object, array, list, object_of, text_at};
use crate::translate::neutral::{Answer, Choice, Format, Message, Part, Piece, Request, Role};
use crate::translate::{Speaks, Told, Untranslatable};

pub const SPEAKS: Speaks =
    Speaks { name: "openai_responses", write_request, read_answer, read_event, client: Some(client::CLIENT) };

fn write_request(request: &Request) -> Told<String> {
    let settings = &request.settings;
    for (field, there) in [
        ("top_k", settings.top_k.is_some()),
        ("seed", settings.seed.is_some()),
        ("presence_penalty", settings.presence_penalty.is_some()),
        ("frequency_penalty", settings.frequency_penalty.is_some()),
        ("stop", !settings.stop.is_empty()),
    ] {
        if there {
            return Err(Untranslatable::Field(field));
        }
    }
    let mut items = Vec::new();
    for message in &request.messages {
        write_items(message, &mut items)?;
    }
    let tools: Vec<String> = request
        .tools
        .iter()
        .map(|tool| {
            Object::new()
                .text("type", "function")
                .text("name", &tool.name)
                .maybe_text("description", tool.description.as_deref())
                .raw("parameters", tool.schema.as_deref().unwrap_or(r#"{"type":"object"}"#))
                .flag("strict", false)
                .end()
        })
        .collect();
    let mut body = Object::new().text("model", &request.model);
    if !request.system.is_empty() {
        body = body.text("instructions", &request.system.join("\n\n"));
    }
    body = body.raw("input", &array(&items)).some_list("tools", &tools);
    if let Some(choice) = &request.choice {
        let choice = match choice {
            Choice::Auto => quoted("auto"),
            Choice::Never => quoted("none"),
            Choice::Any => quoted("required"),
            Choice::Tool(name) => Object::new().text("type", "function").text("name", name).end(),
        };
        body = body.raw("tool_choice", &choice);
    }
    if let Some(parallel) = request.parallel {
        body = body.flag("parallel_tool_calls", parallel);
    }
    body = body
        .maybe_number("max_output_tokens", settings.max_tokens)
        .maybe_raw("temperature", settings.temperature.as_deref())
        .maybe_raw("top_p", settings.top_p.as_deref())
        .maybe_text("user", request.user.as_deref());
    let format = match &request.format {
        Some(Format::Json) => Some(Object::new().text("type", "json_object")),
        Some(Format::Schema { name, schema }) => {
            Some(Object::new().text("type", "json_schema").text("name", name).raw("schema", schema))
        }
        None => None,
    };
    if let Some(format) = format {
        body = body.raw("text", &Object::new().raw("format", &format.end()).end());
    }
    // The conversation lies with the caller, who sends all of it each time.
    body = body.flag("store", false);
    if request.stream {
        body = body.flag("stream", true);
    }
    Ok(body.end())
}

fn write_items(message: &Message, into: &mut Vec<String>) -> Told<()> {
    let (role, kind) =
        if message.role == Role::User { ("user", "input_text") } else { ("assistant", "output_text") };
    let mut content: Vec<String> = Vec::new();
    let said = |content: &mut Vec<String>, into: &mut Vec<String>| {
        if !content.is_empty() {
            into.push(Object::new().text("role", role).raw("content", &array(content)).end());
            content.clear();
        }
    };
    for part in &message.parts {
        match part {
            Part::Text(text) => content.push(Object::new().text("type", kind).text("text", text).end()),
            Part::Refusal(text) => {
                content.push(Object::new().text("type", "refusal").text("refusal", text).end());
            }
            Part::Reasoning { .. } => {}
            Part::Image(image) if message.role == Role::User => {
                let image = Object::new().text("type", "input_image").text("image_url", &url(image));
                content.push(image.text("detail", "auto").end());
            }
            Part::Image(_) => return Err(Untranslatable::Field("image")),
            Part::Call { id, tool, arguments } => {
                said(&mut content, into);
                let call = Object::new().text("type", "function_call").text("call_id", id);
                into.push(call.text("name", tool).text("arguments", arguments).end());
            }
            Part::Result { id, text, images, .. } => {
                if !images.is_empty() {
                    return Err(Untranslatable::Field("tool_result.image"));
                }
                said(&mut content, into);
                let result = Object::new().text("type", "function_call_output").text("call_id", id);
                into.push(result.text("output", text).end());
            }
        }
    }
    said(&mut content, into);
    Ok(())
}

fn read_answer(root: Value<'_>) -> Told<Answer> {
    let output = root.get("output").ok_or(Untranslatable::Malformed("output"))?;
    let mut parts = Vec::new();
    for item in list(output, "output")? {
        match text_at(item, "type").as_str() {
            "message" => {
                let content = item.get("content").ok_or(Untranslatable::Malformed("content"))?;
                for part in list(content, "content")? {
                    let mut fields = Fields::of(part, "a part")?;
                    match fields.need_text("type")?.as_str() {
                        "output_text" => parts.push(Part::Text(fields.need_text("text")?)),
                        "refusal" => parts.push(Part::Refusal(fields.need_text("refusal")?)),
                        _ => return Err(Untranslatable::Unknown("a part")),
                    }
                    if !fields.list("annotations")?.is_empty() {
                        return Err(Untranslatable::Field("annotations"));
                    }
                    fields.hints(&["logprobs"]);
                    fields.done()?;
                }
            }
            "function_call" => parts.push(Part::Call {
                id: text_at(item, "call_id"),
                tool: text_at(item, "name"),
                arguments: object_of(&text_at(item, "arguments"), "arguments")?,
            }),
            "reasoning" => {
                let mut thoughts = Vec::new();
                for path in ["summary.*.text", "content.*.text"] {
                    item.at(path, &mut |text| thoughts.extend(text.text().map(|text| text.into_owned())));
                }
                if !thoughts.is_empty() {
                    parts.push(Part::Reasoning { text: thoughts.join(""), signature: None });
                }
            }
            _ => return Err(Untranslatable::Unknown("an item")),
        }
    }
    Ok(Answer { id: text_at(root, "id"), model: text_at(root, "model"), parts, ..Answer::default() })
}

fn read_event(root: Value<'_>, _: u64, into: &mut Vec<Piece>) -> Told<()> {
    let number = root.get("output_index").and_then(Value::whole).unwrap_or(0);
    let delta = || text_at(root, "delta");
    match text_at(root, "type").as_str() {
        "response.created" => {
            into.push(Piece::Begun {
                id: text_at(root, "response.id"),
                model: text_at(root, "response.model"),
            });
        }
        "response.output_text.delta" => into.push(Piece::Text(delta())),
        "response.refusal.delta" => into.push(Piece::Refusal(delta())),
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
            into.push(Piece::Reasoning(delta()));
        }
        "response.function_call_arguments.delta" => into.push(Piece::Arguments { number, text: delta() }),
        "response.output_item.added" => match text_at(root, "item.type").as_str() {
            "function_call" => {
                let (id, tool) = (text_at(root, "item.call_id"), text_at(root, "item.name"));
                into.push(Piece::Call { number, id, tool });
            }
            "message" | "reasoning" => {}
            _ => return Err(Untranslatable::Unknown("an item")),
        },
        "response.output_text.annotation.added" => return Err(Untranslatable::Field("annotations")),
        "response.failed" | "error" => return Err(Untranslatable::CutOff),
        // Each of these says again what the pieces said, or how far the provider is.
        "response.queued"
        | "response.in_progress"
        | "response.completed"
        | "response.incomplete"
        | "response.output_item.done"
        | "response.content_part.added"
        | "response.content_part.done"
        | "response.output_text.done"
        | "response.refusal.done"
        | "response.reasoning_text.done"
        | "response.reasoning_summary_text.done"
        | "response.reasoning_summary_part.added"
        | "response.reasoning_summary_part.done"
        | "response.function_call_arguments.done" => {}
        _ => return Err(Untranslatable::Unknown("an event")),
    }
    Ok(())
}
