//! A request to a model in the form in which it is judged, and the way back into its bytes.
//!
//! Every text of a body, known to its dialect or not, becomes one leaf of the payload:
//!
//! ```text
//! { model, max_tokens, …,
//!   messages: [ { role, content | reasoning | refusal | tool | arguments | media } … ],
//!   tools:    [ { role: tool, name | description | schema } … ],
//!   notes:    [ … ] }                       what stands nowhere else: metadata, ids, unknown keys
//! ```
//!
//! What a rule changes in a leaf is spliced into the bytes where the leaf came from; all others
//! leave as they came.

use action::{Channel, Content, Decimal, Json, Name};
use base64::Engine as _;
use wire::dialect::Dialect;
use wire::doc::{Doc, Kind, Value};
use wire::edit::{Clash, Edits};
use wire::shape::{Meaning, Place, Shape, Speaker, Spot, places};

use super::bounds;

/// A body as it is judged.
pub struct Asked<'d> {
    pub payload: Json,
    pub model: Option<String>,
    pub person: Option<Name>,
    /// What the user and the tools said, newest last.
    pub heard: Vec<Content>,
    calls: Vec<Calling>,
    leaves: Vec<Leaf<'d>>,
    root: Value<'d>,
    dialect: &'static Dialect,
}

/// Where a leaf stands in the payload, and where it came from.
struct Leaf<'d> {
    list: List,
    index: usize,
    key: &'static str,
    value: Value<'d>,
    /// It is judged in a decoded form, into which nothing can be spliced.
    decoded: bool,
    /// The words once more, token by token: they go when the words are changed.
    echo: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Messages,
    Tools,
    Notes,
}

impl List {
    const fn name(self) -> &'static str {
        match self {
            List::Messages => "messages",
            List::Tools => "tools",
            List::Notes => "notes",
        }
    }
}

/// A call of a tool, and where its arguments stand among the messages.
#[derive(Debug)]
pub struct Calling {
    pub tool: String,
    pub arguments: Json,
    pub spot: Spot,
    index: Option<usize>,
}

impl Calling {
    /// Puts other arguments into a payload, in the form in which these came.
    pub fn put(&self, payload: &mut Json, arguments: Json) {
        let Json::Object(entries) = payload else { return };
        let messages = entries.iter_mut().find(|(key, _)| key == List::Messages.name());
        let Some((_, Json::List(items))) = messages else { return };
        let Some(Json::Object(fields)) = self.index.and_then(|index| items.get_mut(index)) else { return };
        for (_, value) in fields.iter_mut().filter(|(key, _)| key == "arguments") {
            *value = match value {
                Json::Text(_) => Json::Text(serde_json::to_string(&arguments).unwrap_or_default()),
                _ => arguments.clone(),
            };
        }
    }
}

/// A change cannot be made in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a change that a rule asks for has no place in this body")]
pub struct NoPlace;

impl From<Clash> for NoPlace {
    fn from(_: Clash) -> Self {
        NoPlace
    }
}

impl<'d> Asked<'d> {
    /// What a caller sends.
    pub fn request(doc: &'d Doc<'d>, dialect: &'static Dialect) -> Self {
        Self::read(doc, dialect, &dialect.request)
    }

    /// What came back at once.
    pub fn answer(doc: &'d Doc<'d>, dialect: &'static Dialect) -> Self {
        Self::read(doc, dialect, &dialect.answer)
    }

    fn read(doc: &'d Doc<'d>, dialect: &'static Dialect, shape: &Shape) -> Self {
        let mut filling = Filling::default();
        places(doc.root(), shape, &mut |place| filling.take(place));
        let Filling { messages, tools, notes, leaves, model, person, heard, calls } = filling;
        let mut entries = Vec::with_capacity(8);
        if let Some(model) = &model {
            entries.push(("model".to_owned(), Json::Text(model.clone())));
        }
        for (key, number) in bounds::numbers(doc.root(), dialect) {
            entries.push((key, number));
        }
        for (list, items) in [(List::Messages, messages), (List::Tools, tools), (List::Notes, notes)] {
            if !items.is_empty() {
                entries.push((list.name().to_owned(), Json::List(items)));
            }
        }
        Asked {
            payload: Json::Object(entries),
            model,
            person,
            heard,
            calls,
            leaves,
            root: doc.root(),
            dialect,
        }
    }

    /// The calls of tools in it, in their order.
    pub fn calls(&self) -> &[Calling] {
        &self.calls
    }

    /// The bytes with what `changed` says otherwise than this payload. `None` where nothing does.
    pub fn spliced(&self, source: &str, changed: &Json) -> Result<Option<String>, NoPlace> {
        let mut edits = Edits::default();
        let mut echoes = Vec::new();
        for leaf in &self.leaves {
            let now = changed
                .get(leaf.list.name())
                .and_then(|list| match list {
                    Json::List(items) => items.get(leaf.index),
                    _ => None,
                })
                .map(|item| match leaf.list {
                    List::Notes => Some(item),
                    List::Messages | List::Tools => item.get(leaf.key),
                })
                .ok_or(NoPlace)?
                .ok_or(NoPlace)?;
            match (leaf.value.kind(), now) {
                _ if leaf.echo => {
                    // Nobody mends single tokens: what has something in it goes as a whole.
                    match read_whole(leaf.value) == *now {
                        true => echoes.push(leaf.value),
                        false => edits.value(leaf.value, "null".to_owned()),
                    }
                }
                _ if leaf.decoded => {
                    if decoded(leaf.value).as_ref() != Some(now) {
                        return Err(NoPlace);
                    }
                }
                (Kind::Text, Json::Text(text)) => {
                    if leaf.value.text().as_deref() != Some(text) {
                        edits.text(leaf.value, text);
                    }
                }
                (_, now) => {
                    if read_whole(leaf.value) != *now {
                        edits.value(leaf.value, serde_json::to_string(now).map_err(|_| NoPlace)?);
                    }
                }
            }
        }
        bounds::write(self.root, self.dialect, &self.payload, changed, &mut edits)?;
        if edits.is_empty() {
            return Ok(None);
        }
        echoes.into_iter().for_each(|echo| edits.value(echo, "null".to_owned()));
        Ok(Some(edits.apply(source)?))
    }
}

#[derive(Default)]
struct Filling<'d> {
    messages: Vec<Json>,
    tools: Vec<Json>,
    notes: Vec<Json>,
    leaves: Vec<Leaf<'d>>,
    model: Option<String>,
    person: Option<Name>,
    heard: Vec<Content>,
    calls: Vec<Calling>,
}

impl<'d> Filling<'d> {
    fn take(&mut self, place: Place<'d>) {
        let (list, key) = stands(place.meaning);
        let text = || place.value.text().unwrap_or_else(|| place.value.raw().into());
        match place.meaning {
            Meaning::Protocol if is_word_of_a_format(place.value) => return,
            Meaning::Model if self.model.is_none() => self.model = Some(text().into_owned()),
            // The name of a model's message or of a tool's is no person's.
            Meaning::Person
                if self.person.is_none() && matches!(place.speaker, Speaker::User | Speaker::Nobody) =>
            {
                self.person = Name::new(&text()).ok();
            }
            Meaning::Text => {
                let channel = match place.speaker {
                    Speaker::User => Some(Channel::User),
                    Speaker::Tool => Some(Channel::ToolOutput),
                    Speaker::System | Speaker::Model | Speaker::Nobody => None,
                };
                if let Some(channel) = channel {
                    self.heard.push(Content { channel, source: None, text: text().into_owned() });
                }
            }
            Meaning::CallTool => self.call(place.spot).tool = text().into_owned(),
            Meaning::CallArguments => {
                let (index, arguments) = (self.messages.len(), read_whole(place.value));
                let call = self.call(place.spot);
                call.index = Some(index);
                call.arguments = arguments;
            }
            _ => {}
        }
        let plain = match place.meaning {
            Meaning::Media => decoded(place.value),
            _ => None,
        };
        let (is_decoded, echo) = (plain.is_some(), place.meaning == Meaning::Echo);
        let value = plain.unwrap_or_else(|| read_whole(place.value));
        let role = match (list, place.speaker) {
            // Whoever wrote a tool's description is nobody whose word counts.
            (List::Tools, _) => Some("tool"),
            (_, Speaker::System) => Some("system"),
            (_, Speaker::User) => Some("user"),
            (_, Speaker::Model) => Some("assistant"),
            (_, Speaker::Tool) => Some("tool"),
            (_, Speaker::Nobody) => None,
        };
        let items = match list {
            List::Messages => &mut self.messages,
            List::Tools => &mut self.tools,
            List::Notes => &mut self.notes,
        };
        self.leaves.push(Leaf {
            list,
            index: items.len(),
            key,
            value: place.value,
            decoded: is_decoded,
            echo,
        });
        items.push(match list {
            List::Notes => value,
            List::Messages | List::Tools => {
                let role = role.map(|role| ("role".to_owned(), Json::Text(role.to_owned())));
                Json::Object(role.into_iter().chain([(key.to_owned(), value)]).collect())
            }
        });
    }

    /// The call at a spot, its name and its arguments together.
    fn call(&mut self, spot: Spot) -> &mut Calling {
        let known = self.calls.iter().position(|call| call.spot == spot);
        let place = known.unwrap_or_else(|| {
            self.calls.push(Calling { tool: String::new(), arguments: Json::Null, spot, index: None });
            self.calls.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found or made just above")]
        &mut self.calls[place]
    }
}

/// In which list a meaning is judged, and under which key.
const fn stands(meaning: Meaning) -> (List, &'static str) {
    match meaning {
        Meaning::Text => (List::Messages, "content"),
        Meaning::Reasoning => (List::Messages, "reasoning"),
        Meaning::Refusal => (List::Messages, "refusal"),
        Meaning::CallTool => (List::Messages, "tool"),
        Meaning::CallArguments => (List::Messages, "arguments"),
        Meaning::Media => (List::Messages, "media"),
        Meaning::ToolName => (List::Tools, "name"),
        Meaning::ToolDescription => (List::Tools, "description"),
        Meaning::ToolSchema => (List::Tools, "schema"),
        Meaning::CallId
        | Meaning::Model
        | Meaning::Person
        | Meaning::Metadata
        | Meaning::Protocol
        | Meaning::Echo
        | Meaning::Unknown => (List::Notes, ""),
    }
}

/// A value as JSON; a text decoded.
fn read_whole(value: Value<'_>) -> Json {
    match value.kind() {
        Kind::Text => Json::Text(value.text().unwrap_or_default().into_owned()),
        // What this reader takes and the other does not is judged as the text that it is.
        _ => Json::parse(value.raw().as_bytes()).unwrap_or_else(|_| Json::Text(value.raw().to_owned())),
    }
}

/// The text inside of a file that is sent along in base64. `None` for what is no such text: a
/// picture, a sound, an address.
fn decoded(value: Value<'_>) -> Option<Json> {
    let text = value.text()?;
    let data = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,")?.1,
        None => &text,
    };
    let engine = base64::engine::general_purpose::STANDARD;
    let bytes = engine.decode(data.as_bytes()).ok().filter(|bytes| bytes.len() >= 12)?;
    String::from_utf8(bytes).ok().map(Json::Text)
}

/// Words with which formats name roles, types and reasons. Anything else at such a place may have
/// been put there to carry something, and is judged.
fn is_word_of_a_format(value: Value<'_>) -> bool {
    value.text().is_some_and(|word| WORDS.binary_search(&&*word).is_ok())
}

/// In order.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "2.0", "ANY", "AUTO", "MODEL", "NONE", "STOP", "any", "assistant", "auto", "base64", "chat.completion",
    "chat.completion.chunk", "content_block_delta", "content_block_start", "content_block_stop",
    "developer", "end_turn", "ephemeral", "function", "function_call", "function_call_output", "high",
    "image_url", "input_image", "input_json_delta", "input_text", "json", "json_object", "json_schema",
    "length", "low", "max_tokens", "medium", "message", "message_delta", "message_start", "message_stop",
    "minimal", "model", "none", "object", "output_text", "reasoning", "required",
    "response.output_text.delta", "stop", "system", "text", "text_delta", "thinking", "tool", "tool_calls",
    "tool_result", "tool_use", "url", "user",
];

/// A number as it is judged.
pub(super) fn number(value: Value<'_>) -> Json {
    Decimal::parse(value.raw()).map_or_else(|| Json::Text(value.raw().to_owned()), Json::Number)
}
