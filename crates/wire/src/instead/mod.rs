//! One call of an answer refused in its place: the call goes, a text stands there instead, and an
//! answer that is left without calls ends like one that never had any.
//!
//! [`answer`] does this for a whole answer, [`Mender`] for one that arrives in pieces.

mod stream;

use std::borrow::Cow;

pub use stream::{MAX_CALLS, Mender};

use crate::dialect::Dialect;
use crate::doc::{Doc, Kind, Value, quoted};
use crate::edit::{Edits, remade};
use crate::shape::{Meaning, Shape, Speaker, Spot, places};

/// A call that is not to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<'t> {
    /// Where the name of the tool stands.
    pub spot: Spot,
    /// What stands there instead; the model reads it, so it says what happened.
    pub text: Cow<'t, str>,
}

/// A call cannot be taken out. The answer is refused as a whole, or its stream cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmendable {
    #[error("no call stands where one is refused")]
    NotThere,
    #[error("this dialect has no calls")]
    NoCalls,
    #[error("an event is no document of its dialect")]
    Unreadable,
    #[error("a stream holds more than {MAX_CALLS} calls")]
    TooMany,
    #[error("an event would be larger than a frame may be")]
    TooLarge,
}

/// Where a dialect has its calls.
struct Manner {
    /// Each answer of several.
    units: &'static str,
    calls: Calls,
    /// Where in a unit it says why it stopped: there, for a call, and otherwise.
    stop: Option<(&'static str, &'static [&'static str], &'static str)>,
}

enum Calls {
    /// Among blocks of content.
    Blocks(&'static str, fn(&str, usize) -> String),
    /// In a list of their own beside the words of a message.
    Beside(&'static str, Words),
}

/// How a message has its words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Text,
    Blocks,
}

fn manner(dialect: &Dialect) -> Option<Manner> {
    let (units, calls, stop) = match dialect.name {
        "openai_chat" => (
            "choices.*",
            Calls::Beside("message", Words::Text),
            Some(("finish_reason", &["tool_calls", "function_call"][..], "stop")),
        ),
        "openai_responses" => ("", Calls::Blocks("output", output_item), None),
        "anthropic_messages" | "bedrock_anthropic" => {
            ("", Calls::Blocks("content", typed_block), Some(("stop_reason", &["tool_use"][..], "end_turn")))
        }
        "gemini" => ("candidates.*", Calls::Blocks("content.parts", plain_block), None),
        "bedrock_converse" => (
            "",
            Calls::Blocks("output.message.content", plain_block),
            Some(("stopReason", &["tool_use"][..], "end_turn")),
        ),
        "cohere_chat" => (
            "",
            Calls::Beside("message", Words::Blocks),
            Some(("finish_reason", &["TOOL_CALL"][..], "COMPLETE")),
        ),
        "ollama" => ("", Calls::Beside("message", Words::Text), None),
        _ => return None,
    };
    Some(Manner { units, calls, stop })
}

fn plain_block(text: &str, _: usize) -> String {
    format!(r#"{{"text":{}}}"#, quoted(text))
}

fn typed_block(text: &str, _: usize) -> String {
    format!(r#"{{"type":"text","text":{}}}"#, quoted(text))
}

/// A message in the place of a call among the items of a response.
fn output_item(text: &str, number: usize) -> String {
    format!(
        r#"{{"type":"message","id":"{}","status":"completed","role":"assistant","content":[{}]}}"#,
        item_id(number),
        output_text(text)
    )
}

fn output_text(text: &str) -> String {
    format!(r#"{{"type":"output_text","text":{},"annotations":[]}}"#, quoted(text))
}

fn item_id(number: usize) -> String {
    format!("msg_refused_{number}")
}

/// Whether the calls of a dialect's streams are never cut in pieces: then a spot says nothing beyond the
/// event that it is in.
pub fn come_whole(dialect: &Dialect) -> bool {
    matches!(dialect.name, "gemini" | "ollama")
}

/// The changes that take calls out of a whole answer.
pub fn answer(dialect: &Dialect, doc: &Doc<'_>, refused: &[Refused<'_>]) -> Result<Edits, Unmendable> {
    let mut edits = Edits::default();
    if refused.is_empty() {
        return Ok(edits);
    }
    let manner = manner(dialect).ok_or(Unmendable::NoCalls)?;
    let mended = mend(doc.root(), &manner, &calls(doc, &dialect.answer), refused, &mut edits);
    if mended == refused.len() { Ok(edits) } else { Err(Unmendable::NotThere) }
}

/// A call, by where the name of its tool stands.
struct Call<'d> {
    spot: Spot,
    name: Value<'d>,
}

fn calls<'d>(doc: &'d Doc<'d>, shape: &Shape) -> Vec<Call<'d>> {
    let mut calls = Vec::new();
    places(doc.root(), shape, &mut |place| {
        if place.meaning == Meaning::CallTool && place.speaker == Speaker::Model {
            calls.push(Call { spot: place.spot, name: place.value });
        }
    });
    calls
}

impl Call<'_> {
    fn is_in(&self, value: Value<'_>) -> bool {
        let (inner, outer) = (self.name.span(), value.span());
        outer.start <= inner.start && inner.end <= outer.end
    }
}

/// Makes the changes and says how many calls went.
fn mend(
    root: Value<'_>,
    manner: &Manner,
    calls: &[Call<'_>],
    refused: &[Refused<'_>],
    edits: &mut Edits,
) -> usize {
    let mut gone = 0;
    let why = |item: Value<'_>| {
        let call = calls.iter().find(|call| call.is_in(item))?;
        refused.iter().find(|refused| refused.spot == call.spot)
    };
    root.at(manner.units, &mut |unit| {
        let before = gone;
        match manner.calls {
            Calls::Blocks(path, block) => unit.at(path, &mut |list| {
                for (number, item) in list.items().enumerate() {
                    if let Some(refused) = why(item) {
                        edits.value(item, block(&refused.text, number));
                        gone += 1;
                    }
                }
            }),
            Calls::Beside(path, words) => unit.at(path, &mut |message| {
                let (changes, texts) = without(message, &why);
                if !texts.is_empty() {
                    gone += texts.len();
                    edits.value(message, with_words(message, changes, &texts, words));
                }
            }),
        }
        let own = calls.iter().filter(|call| call.is_in(unit)).count();
        if gone > before && own == gone - before {
            mend_stop(unit, manner, edits);
        }
    });
    gone
}

fn mend_stop(unit: Value<'_>, manner: &Manner, edits: &mut Edits) {
    let Some((path, called, otherwise)) = manner.stop else { return };
    unit.at(path, &mut |word| {
        if called.iter().any(|call| word.is_text(call)) {
            edits.text(word, otherwise);
        }
    });
}

type Changes = Vec<(&'static str, Option<String>)>;

/// What changes of a message whose refused calls go, and what is said instead of each.
fn without<'r, 't>(
    message: Value<'_>,
    why: &dyn Fn(Value<'_>) -> Option<&'r Refused<'t>>,
) -> (Changes, Vec<&'r str>) {
    let (mut changes, mut texts, mut kept) = (Changes::new(), Vec::new(), Vec::new());
    if let Some(list) = message.get("tool_calls") {
        for item in list.items() {
            match why(item) {
                Some(refused) => texts.push(refused.text.as_ref()),
                None => kept.push(item.raw()),
            }
        }
        if !texts.is_empty() {
            changes.push(("tool_calls", (!kept.is_empty()).then(|| format!("[{}]", kept.join(",")))));
        }
    }
    // The one call of the oldest clients.
    if let Some(refused) = message.get("function_call").and_then(why) {
        texts.push(&refused.text);
        changes.push(("function_call", None));
    }
    (changes, texts)
}

fn with_words(message: Value<'_>, mut changes: Changes, texts: &[&str], words: Words) -> String {
    let content = message.get("content");
    let said = content.and_then(Value::text).unwrap_or_default();
    let blocks = content.filter(|content| content.kind() == Kind::List);
    let new = if blocks.is_some() || words == Words::Blocks && said.is_empty() {
        let own = blocks.into_iter().flat_map(Value::items).map(|block| block.raw().to_owned());
        let more = texts.iter().map(|text| typed_block(text, 0));
        format!("[{}]", own.chain(more).collect::<Vec<_>>().join(","))
    } else {
        let own = Some(said.as_ref()).filter(|said| !said.is_empty());
        quoted(&own.into_iter().chain(texts.iter().copied()).collect::<Vec<_>>().join("\n\n"))
    };
    changes.push(("content", Some(new)));
    remade(message, changes)
}
