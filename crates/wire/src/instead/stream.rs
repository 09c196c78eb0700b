//! Calls refused in a stream.
//!
//! Every event passes a [`Mender`] after it was judged, in its order. As long as nothing is refused,
//! each leaves as it came. From then on the pieces of refused calls are taken out, later calls are
//! numbered without a gap, because clients join pieces by their number, and the stop reason is mended.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Manner, Refused, Unmendable, item_id, manner, mend, output_item, output_text, typed_block};
use crate::dialect::Dialect;
use crate::doc::{Doc, Value, quoted};
use crate::edit::{Edits, remade};
use crate::shape::{Meaning, Spot};
use crate::stream::{Reading, Step};

/// Calls of one stream; with more it is cut.
pub const MAX_CALLS: usize = 4_096;

/// What leaves of a stream in which calls may be refused.
pub struct Mender {
    dialect: &'static Dialect,
    refused: BTreeMap<Spot, Call>,
    /// Calls that went out, and the number under which.
    passed: BTreeMap<Spot, u64>,
    /// The number of the next event, where events are numbered and some were added or went.
    sequence: Option<u64>,
    /// The number of the next block of text, where these are numbered apart from calls.
    block: u64,
}

struct Call {
    text: String,
    told: bool,
}

impl Mender {
    pub const fn new(dialect: &'static Dialect) -> Self {
        Mender { dialect, refused: BTreeMap::new(), passed: BTreeMap::new(), sequence: None, block: 0 }
    }

    /// Refuses a call none of whose events has passed yet. Where calls are never cut in pieces it
    /// concerns the next event alone.
    pub fn refuse(&mut self, refused: &Refused<'_>) -> Result<(), Unmendable> {
        manner(self.dialect).ok_or(Unmendable::NoCalls)?;
        if self.passed.contains_key(&refused.spot) && !self.is_whole() {
            return Err(Unmendable::NotThere);
        }
        self.has_room()?;
        // Some formats repeat the calls at the end; what was told is not told again.
        let call = || Call { text: refused.text.clone().into_owned(), told: false };
        self.refused.entry(refused.spot).or_insert_with(call);
        Ok(())
    }

    /// An event as it leaves: unchanged, changed, more of them, or nothing.
    pub fn event<'s>(&mut self, step: &'s Step) -> Result<Cow<'s, [u8]>, Unmendable> {
        let Reading::Event(told) = &step.reading else { return Ok(Cow::Borrowed(&step.raw)) };
        if self.refused.is_empty() {
            for told in told {
                let spot = told.key.spot;
                match told.key.meaning {
                    Meaning::CallTool | Meaning::CallArguments => {
                        self.pass(spot, own_number(self.dialect, spot))?;
                    }
                    Meaning::Text => self.block = self.block.max(spot.part.saturating_add(1)),
                    _ => {}
                }
            }
            return Ok(Cow::Borrowed(&step.raw));
        }
        let mut framing = self.dialect.stream.framing();
        framing.push(&step.raw);
        let frame = framing.next().ok().flatten().ok_or(Unmendable::Unreadable)?;
        let doc = Doc::parse(&frame.data).map_err(|_| Unmendable::Unreadable)?;
        let out = match self.dialect.name {
            "openai_chat" => self.chat(&doc)?,
            "openai_responses" => self.responses(&doc)?,
            "anthropic_messages" | "bedrock_anthropic" => self.anthropic(&doc)?,
            "bedrock_converse" => self.bedrock(&doc)?,
            "cohere_chat" => self.cohere(&doc)?,
            "gemini" | "ollama" => self.whole(&doc)?,
            _ => Out::AsItIs,
        };
        self.write(step, out)
    }

    fn write<'s>(&self, step: &'s Step, out: Out) -> Result<Cow<'s, [u8]>, Unmendable> {
        match out {
            Out::AsItIs => Ok(Cow::Borrowed(&step.raw)),
            Out::Changed(data) => {
                let frame = self.dialect.stream.rebuilt(&step.raw, data.as_bytes());
                frame.map(Cow::Owned).ok_or(Unmendable::TooLarge)
            }
            Out::Instead(events) => {
                let mut bytes = Vec::new();
                for (name, data) in events {
                    let frame = self.dialect.stream.framed(Some(name), &data);
                    bytes.extend(frame.ok_or(Unmendable::TooLarge)?);
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// Whether a call comes in one event.
    fn is_whole(&self) -> bool {
        super::come_whole(self.dialect)
    }

    fn has_room(&self) -> Result<(), Unmendable> {
        if self.passed.len() + self.refused.len() < MAX_CALLS { Ok(()) } else { Err(Unmendable::TooMany) }
    }

    /// Notes that a call goes out, and says under which number.
    fn pass(&mut self, spot: Spot, number: u64) -> Result<u64, Unmendable> {
        if let Some(number) = self.passed.get(&spot) {
            return Ok(*number);
        }
        self.has_room()?;
        self.passed.insert(spot, number);
        Ok(number)
    }

    /// The number that comes next among the calls of a turn.
    fn next_number(&self, turn: u64) -> u64 {
        let sent = self.passed.iter().filter(|(spot, _)| spot.turn == turn).map(|(_, number)| *number);
        sent.max().map_or(0, |last| last.saturating_add(1))
    }

    /// The text of a refused call where it is the first time that it is seen.
    fn first(&mut self, spot: Spot) -> Option<String> {
        let call = self.refused.get_mut(&spot)?;
        (!std::mem::replace(&mut call.told, true)).then(|| call.text.clone())
    }

    /// Whether a turn had calls and all of them were refused.
    fn is_bare(&self, turn: u64) -> bool {
        self.refused.keys().any(|spot| spot.turn == turn) && !self.passed.keys().any(|spot| spot.turn == turn)
    }

    fn chat(&mut self, doc: &Doc<'_>) -> Result<Out, Unmendable> {
        let mut edits = Edits::default();
        let choices: Vec<Value<'_>> = doc.root().get("choices").into_iter().flat_map(Value::items).collect();
        for (position, choice) in (0..).zip(choices) {
            let turn = choice.get("index").and_then(Value::whole).unwrap_or(position);
            if let Some(delta) = choice.get("delta") {
                self.chat_delta(turn, delta, &mut edits)?;
            }
            if self.is_bare(turn)
                && let Some(word) = choice.get("finish_reason")
                && (word.is_text("tool_calls") || word.is_text("function_call"))
            {
                edits.text(word, "stop");
            }
        }
        changed(doc, edits)
    }

    fn chat_delta(&mut self, turn: u64, delta: Value<'_>, edits: &mut Edits) -> Result<(), Unmendable> {
        let (mut kept, mut texts, mut differs) = (Vec::new(), Vec::new(), false);
        let list = delta.get("tool_calls");
        for (position, item) in (0..).zip(list.into_iter().flat_map(Value::items)) {
            let own = item.get("index").and_then(Value::whole).unwrap_or(position);
            let spot = Spot { turn, part: 0, call: own };
            if self.refused.contains_key(&spot) {
                texts.extend(self.first(spot));
                differs = true;
                continue;
            }
            let number = self.pass(spot, self.next_number(turn))?;
            differs |= number != own;
            kept.push(remade(item, vec![("index", Some(number.to_string()))]));
        }
        let mut changes: Vec<(&str, Option<String>)> = Vec::new();
        if list.is_some() {
            changes.push(("tool_calls", (!kept.is_empty()).then(|| format!("[{}]", kept.join(",")))));
        }
        let single = Spot { turn, part: 0, call: 0 };
        if delta.get("function_call").is_some() && self.refused.contains_key(&single) {
            texts.extend(self.first(single));
            changes.push(("function_call", None));
            differs = true;
        }
        if !texts.is_empty() {
            let said = delta.get("content").and_then(Value::text).unwrap_or_default();
            changes.push(("content", Some(quoted(&format!("{said}{}", texts.join("\n\n"))))));
        }
        if differs {
            edits.value(delta, remade(delta, changes));
        }
        Ok(())
    }

    /// Blocks have numbers of their own, so that a block of text takes the place of the call.
    fn anthropic(&mut self, doc: &Doc<'_>) -> Result<Out, Unmendable> {
        let root = doc.root();
        if let Some(index) = root.get("index").and_then(Value::whole) {
            let spot = Spot { part: index, ..Spot::default() };
            if self.refused.contains_key(&spot) {
                let Some(text) = self.first(spot) else { return Ok(Out::Instead(Vec::new())) };
                return Ok(Out::Instead(vec![
                    (
                        "content_block_start",
                        format!(
                            r#"{{"type":"content_block_start","index":{index},"content_block":{}}}"#,
                            typed_block("", 0)
                        ),
                    ),
                    (
                        "content_block_delta",
                        format!(
                            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":{}}}}}"#,
                            quoted(&text)
                        ),
                    ),
                    ("content_block_stop", format!(r#"{{"type":"content_block_stop","index":{index}}}"#)),
                ]));
            }
            if root.get("content_block").is_some_and(|block| block.get("input").is_some()) {
                self.pass(spot, index)?;
            }
        }
        self.stop(doc, "delta.stop_reason", "tool_use", "end_turn")
    }

    fn bedrock(&mut self, doc: &Doc<'_>) -> Result<Out, Unmendable> {
        let root = doc.root();
        if let Some(index) = root.get("contentBlockIndex").and_then(Value::whole) {
            let spot = Spot { part: index, ..Spot::default() };
            if self.refused.contains_key(&spot) {
                let Some(text) = self.first(spot) else { return Ok(Out::Instead(Vec::new())) };
                let text = quoted(&text);
                return Ok(Out::Instead(vec![
                    (
                        "contentBlockDelta",
                        format!(r#"{{"contentBlockIndex":{index},"delta":{{"text":{text}}}}}"#),
                    ),
                    ("contentBlockStop", format!(r#"{{"contentBlockIndex":{index}}}"#)),
                ]));
            }
            if root.get("start").is_some_and(|start| start.get("toolUse").is_some()) {
                self.pass(spot, index)?;
            }
        }
        self.stop(doc, "stopReason", "tool_use", "end_turn")
    }

    /// Calls and blocks of text are numbered apart, and a refusal adds a block.
    fn cohere(&mut self, doc: &Doc<'_>) -> Result<Out, Unmendable> {
        let root = doc.root();
        let kind = root.get("type").and_then(Value::text).unwrap_or_default();
        let number = root.get("index").filter(|index| index.whole().is_some());
        let (Some(number), Some(index)) = (number, number.and_then(Value::whole)) else {
            return self.stop(doc, "delta.finish_reason", "TOOL_CALL", "COMPLETE");
        };
        let spot = Spot { part: index, ..Spot::default() };
        let mut edits = Edits::default();
        if kind.starts_with("tool-call") {
            if self.refused.contains_key(&spot) {
                let Some(text) = self.first(spot) else { return Ok(Out::Instead(Vec::new())) };
                let block = self.block;
                self.block = block.saturating_add(1);
                return Ok(Out::Instead(content_of_cohere(block, &text)));
            }
            let sent = self.pass(spot, self.next_number(0))?;
            if sent != index {
                edits.value(number, sent.to_string());
            }
        } else if kind.starts_with("content") {
            if kind == "content-start" {
                self.block = self.block.max(index).saturating_add(1);
            }
            let sent = self.block.saturating_sub(1);
            if sent != index {
                edits.value(number, sent.to_string());
            }
        }
        changed(doc, edits)
    }

    /// A message takes the place of the item. Events are numbered, and those that are added or go
    /// shift the numbers of all that follow.
    fn responses(&mut self, doc: &Doc<'_>) -> Result<Out, Unmendable> {
        let root = doc.root();
        let own = root.get("sequence_number").and_then(Value::whole);
        let mut next = self.sequence.or(own).unwrap_or(0);
        if let Some(index) = root.get("output_index").and_then(Value::whole) {
            let spot = Spot { turn: index, ..Spot::default() };
            if let Some(call) = self.refused_item(index) {
                let Some(text) = self.first(call) else { return Ok(Out::Instead(Vec::new())) };
                let number = usize::try_from(index).unwrap_or(usize::MAX);
                let mut events = item_of_responses(number, &text);
                for (_, data) in &mut events {
                    *data = data.replacen("{\"type\"", &format!("{{\"sequence_number\":{next},\"type\""), 1);
                    next = next.saturating_add(1);
                }
                self.sequence = Some(next);
                return Ok(Out::Instead(events));
            }
            if root.get("item").is_some_and(|item| item.get("call_id").is_some()) {
                self.pass(spot, index)?;
            }
        }
        let mut edits = Edits::default();
        if let Some(response) = root.get("response") {
            let refused: Vec<(Spot, String)> =
                self.refused.iter().map(|(spot, call)| (*spot, call.text.clone())).collect();
            let output = response.get("output").into_iter().flat_map(Value::items);
            for (number, item) in output.enumerate() {
                let turn = u64::try_from(number).unwrap_or(u64::MAX);
                let call = refused.iter().find(|(spot, _)| spot.turn == turn);
                if let Some((_, text)) = call.filter(|_| item.get("call_id").is_some()) {
                    edits.value(item, output_item(text, number));
                }
            }
        }
        if let (Some(own), Some(number)) = (own, root.get("sequence_number")) {
            if next != own {
                edits.value(number, next.to_string());
            }
            self.sequence = Some(next.saturating_add(1));
        }
        changed(doc, edits)
    }

    fn refused_item(&self, index: u64) -> Option<Spot> {
        self.refused.keys().copied().find(|spot| spot.turn == index)
    }

    /// A call is whole in its event, as in an answer that comes at once.
    fn whole(&mut self, doc: &Doc<'_>) -> Result<Out, Unmendable> {
        let refused: Vec<Refused<'_>> = std::mem::take(&mut self.refused)
            .into_iter()
            .map(|(spot, call)| Refused { spot, text: Cow::Owned(call.text) })
            .collect();
        let manner: Manner = manner(self.dialect).ok_or(Unmendable::NoCalls)?;
        let mut edits = Edits::default();
        let calls = super::calls(doc, &self.dialect.event);
        if mend(doc.root(), &manner, &calls, &refused, &mut edits) != refused.len() {
            return Err(Unmendable::NotThere);
        }
        changed(doc, edits)
    }

    fn stop(&self, doc: &Doc<'_>, path: &str, called: &str, otherwise: &str) -> Result<Out, Unmendable> {
        let mut edits = Edits::default();
        if self.is_bare(0) {
            doc.root().at(path, &mut |word| {
                if word.is_text(called) {
                    edits.text(word, otherwise);
                }
            });
        }
        changed(doc, edits)
    }
}

/// What becomes of an event.
enum Out {
    AsItIs,
    Changed(String),
    /// Others in its place, or none.
    Instead(Vec<(&'static str, String)>),
}

fn changed(doc: &Doc<'_>, edits: Edits) -> Result<Out, Unmendable> {
    if edits.is_empty() {
        return Ok(Out::AsItIs);
    }
    edits.apply(doc.source()).map(Out::Changed).map_err(|_| Unmendable::Unreadable)
}

/// Under which number a call went out that was not renumbered.
fn own_number(dialect: &Dialect, spot: Spot) -> u64 {
    if dialect.name == "openai_chat" { spot.call } else { spot.part }
}

fn content_of_cohere(index: u64, text: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "content-start",
            format!(
                r#"{{"type":"content-start","index":{index},"delta":{{"message":{{"content":{}}}}}}}"#,
                typed_block("", 0)
            ),
        ),
        (
            "content-delta",
            format!(
                r#"{{"type":"content-delta","index":{index},"delta":{{"message":{{"content":{{"text":{}}}}}}}}}"#,
                quoted(text)
            ),
        ),
        ("content-end", format!(r#"{{"type":"content-end","index":{index}}}"#)),
    ]
}

#[rustfmt::skip]
fn item_of_responses(index: usize, text: &str) -> Vec<(&'static str, String)> {
    let id = item_id(index);
    let at = format!(r#""item_id":"{id}","output_index":{index},"content_index":0"#);
    let (empty, part, text) = (output_text(""), output_text(text), quoted(text));
    let begun = format!(r#"{{"type":"message","id":"{id}","status":"in_progress","role":"assistant","content":[]}}"#);
    let done = format!(r#"{{"type":"message","id":"{id}","status":"completed","role":"assistant","content":[{part}]}}"#);
    vec![
        ("response.output_item.added", format!(r#"{{"type":"response.output_item.added","output_index":{index},"item":{begun}}}"#)),
        ("response.content_part.added", format!(r#"{{"type":"response.content_part.added",{at},"part":{empty}}}"#)),
        ("response.output_text.delta", format!(r#"{{"type":"response.output_text.delta",{at},"delta":{text},"logprobs":[]}}"#)),
        ("response.output_text.done", format!(r#"{{"type":"response.output_text.done",{at},"text":{text},"logprobs":[]}}"#)),
        ("response.content_part.done", format!(r#"{{"type":"response.content_part.done",{at},"part":{part}}}"#)),
        ("response.output_item.done", format!(r#"{{"type":"response.output_item.done","output_index":{index},"item":{done}}}"#)),
    ]
}
