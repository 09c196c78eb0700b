//! The typed walk: every string of an action, with its meaning, its origin and its place.

mod embedded;
mod parameters;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use action::{Action, ActionKind, Channel, Json, MAX_DEPTH, Place, SemanticType};

use self::embedded::Outer;
pub(crate) use self::embedded::embedded_json;
use self::parameters::{Parameter, parameters};
use super::leaf::Leaf;
use super::meaning::{TypeHints, meaning};
use crate::text::Prepared;

/// Most strings of one action that are looked at.
pub const MAX_LEAVES: usize = 4_096;
/// Most bytes of one string; what is behind is not read.
pub const MAX_LEAF_BYTES: usize = 256 * 1024;
/// Most bytes of all strings together.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// JSON within a string within JSON: so many times.
pub const MAX_EMBEDDED: usize = 3;
/// Longest name of a parameter or plain object key.
const MAX_NAME: usize = 64;

/// A bound that was reached. Content beyond it was not read, which is a finding of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    pub bound: Bound,
    /// Where reading stopped.
    pub place: Place,
}

/// The bounds of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    Leaves,
    LeafBytes,
    TextBytes,
    Depth,
}

impl Bound {
    /// The rule that reports it.
    pub const fn rule(self) -> &'static str {
        match self {
            Bound::Leaves => "limits.leaves",
            Bound::LeafBytes => "limits.leaf_bytes",
            Bound::TextBytes => "limits.text_bytes",
            Bound::Depth => "limits.depth",
        }
    }
}

/// All strings of one action, in order: arguments, fields, context.
#[derive(Debug, Default)]
pub struct Walk<'a> {
    found: Vec<Found<'a>>,
    steps: Vec<Step<'a>>,
    overflows: Vec<Overflow>,
    bytes: usize,
}

/// One string, before it is prepared.
#[derive(Debug)]
struct Found<'a> {
    text: Cow<'a, str>,
    key: Cow<'a, str>,
    channel: Option<Channel>,
    semantic: SemanticType,
    origin: Origin,
    /// For a string out of another: where it stands there, and whether byte for byte.
    within: Option<(Range<usize>, bool)>,
}

/// Where a string stands.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// At a step of the payload.
    Payload(Option<usize>),
    /// The key of a step of the payload.
    Key(Option<usize>),
    Context(usize, Channel),
    Field(&'static str),
}

/// One step down the payload. Pointers are put together only where evidence asks for one.
#[derive(Debug)]
struct Step<'a> {
    parent: Option<usize>,
    name: Name<'a>,
}

#[derive(Debug)]
enum Name<'a> {
    Key(&'a str),
    Index(usize),
}

/// A value of the payload that is still to be looked at.
struct Visit<'a> {
    value: &'a Json,
    key: &'a str,
    step: Option<usize>,
    depth: usize,
    channel: Option<Channel>,
}

/// The string of a walk that a leaf was made from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'w> {
    walk: &'w Walk<'w>,
    found: &'w Found<'w>,
}

impl Source<'_> {
    /// Whether it is something the agent had read, not something it does.
    pub fn is_context(&self) -> bool {
        matches!(self.found.origin, Origin::Context(..))
    }

    pub fn place(&self) -> Place {
        self.walk.place(self.found.origin)
    }

    /// Where a byte range of the leaf stands in the string that [`Source::place`] names.
    pub fn span(&self, range: Range<usize>) -> Range<usize> {
        match &self.found.within {
            None => range,
            Some((within, true)) => {
                let at = |offset: usize| within.start.saturating_add(offset).min(within.end);
                at(range.start)..at(range.end.max(range.start))
            }
            Some((within, false)) => within.clone(),
        }
    }
}

impl<'a> Walk<'a> {
    /// Every string of an action.
    pub fn of(action: &'a Action, hints: &TypeHints) -> Self {
        let mut walk = Walk::default();
        let tool = Tool { kind: action.kind, name: action.tool.as_str(), hints };
        walk.payload(tool, &action.payload);
        if let Some(name) = &action.resource.name {
            let semantic = match meaning(action.kind, "", "", name.as_str(), hints) {
                SemanticType::Value if action.kind == ActionKind::File => SemanticType::Path,
                other => other,
            };
            walk.push(
                Cow::Borrowed(name.as_str()),
                "resource".into(),
                None,
                semantic,
                Origin::Field("resource.name"),
                None,
            );
        }
        for destination in &action.resource.destinations {
            let semantic = meaning(ActionKind::ExternalCall, "", "host", destination.as_str(), hints);
            let semantic = if destination.as_str().contains("://") || !destination.as_str().contains('@') {
                semantic
            } else {
                SemanticType::Value
            };
            walk.push(
                Cow::Borrowed(destination.as_str()),
                "destination".into(),
                None,
                semantic,
                Origin::Field("resource.destinations"),
                None,
            );
        }
        for (index, content) in action.context.iter().enumerate() {
            let origin = Origin::Context(index, content.channel);
            walk.push(
                Cow::Borrowed(&content.text),
                "".into(),
                Some(content.channel),
                SemanticType::FreeText,
                origin,
                None,
            );
        }
        walk
    }

    /// A text outside of any action.
    pub fn alone(channel: Option<Channel>, semantic: SemanticType, text: &'a str) -> Self {
        let mut walk = Walk::default();
        let origin = channel.map_or(Origin::Payload(None), |channel| Origin::Context(0, channel));
        walk.push(Cow::Borrowed(text), "".into(), channel, semantic, origin, None);
        walk
    }

    /// Arguments as JSON outside of any action; what is no JSON is one value. A whole call, with
    /// `tool` and `args`, names the tool by which hints go.
    pub fn json(text: &'a str, hints: &TypeHints) -> Self {
        let mut walk = Walk::default();
        let json = Json::parse(text.as_bytes());
        let name = json
            .as_ref()
            .ok()
            .and_then(|json| json.get("tool"))
            .and_then(Json::as_text)
            .unwrap_or_default()
            .to_owned();
        let tool = Tool { kind: ActionKind::McpTool, name: &name, hints };
        let at = At { origin: Origin::Payload(None), channel: None, embedded: 0 };
        match json {
            Ok(json @ (Json::Text(_) | Json::List(_) | Json::Object(_))) => {
                walk.owned(tool, json, at, &mut Outer::new(text));
            }
            // A bare number is as good as any other value: it may be a card. A text that is no JSON
            // is a value too, whatever it looks like: it came where arguments were due.
            Ok(Json::Null | Json::Bool(_) | Json::Number(_)) | Err(_) => {
                walk.value(tool, Cow::Borrowed(text), Cow::Borrowed(""), at, SemanticType::Value);
            }
        }
        walk
    }

    /// Prepared leaves, each with its source. Preparing happens here, one leaf at a time.
    pub fn leaves(&self) -> impl Iterator<Item = (Leaf<'_>, Source<'_>)> {
        self.found.iter().map(|found| {
            let leaf = Leaf {
                key: &found.key,
                channel: found.channel,
                semantic: found.semantic,
                text: Prepared::new(&found.text),
            };
            (leaf, Source { walk: self, found })
        })
    }

    /// The strings as they are, with their meaning and channel, for those who need no readings.
    pub fn texts(&self) -> impl Iterator<Item = (&str, SemanticType, Option<Channel>)> {
        self.found.iter().map(|found| (found.text.as_ref(), found.semantic, found.channel))
    }

    /// Bounds that were reached.
    pub fn overflows(&self) -> &[Overflow] {
        &self.overflows
    }

    /// How many bytes of text there are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What types depend on besides key and value.
#[derive(Clone, Copy)]
struct Tool<'t> {
    kind: ActionKind,
    name: &'t str,
    hints: &'t TypeHints,
}

/// Where a string argument stands and whose it is.
#[derive(Clone, Copy)]
struct At {
    origin: Origin,
    channel: Option<Channel>,
    /// In how many strings it was found.
    embedded: usize,
}

impl<'a> Walk<'a> {
    /// The arguments: a stack instead of recursion, children pushed from last to first.
    fn payload(&mut self, tool: Tool<'_>, payload: &'a Json) {
        // What goes to a model is somebody's message; whose, its role says.
        let channel = (tool.kind == ActionKind::LlmCall).then_some(Channel::User);
        let mut stack = vec![Visit { value: payload, key: "", step: None, depth: 0, channel }];
        while let Some(Visit { value, key, step, depth, channel }) = stack.pop() {
            if self.found.len() >= MAX_LEAVES {
                return self.overflow(Bound::Leaves, Origin::Payload(step));
            }
            match value {
                Json::Null | Json::Bool(_) | Json::Number(_) => {}
                Json::Text(text) => {
                    let at = At { origin: Origin::Payload(step), channel, embedded: 0 };
                    self.text(tool, Cow::Borrowed(text), Cow::Borrowed(key), at);
                }
                Json::List(_) | Json::Object(_) if depth >= MAX_DEPTH => {
                    self.overflow(Bound::Depth, Origin::Payload(step));
                }
                Json::List(items) => {
                    for (index, value) in items.iter().enumerate().rev().filter(|(_, item)| holds_text(item))
                    {
                        let step = self.step(step, Name::Index(index));
                        stack.push(Visit { value, key, step, depth: depth + 1, channel });
                    }
                }
                Json::Object(entries) => {
                    let channel = if channel.is_some() { role(value).unwrap_or(channel) } else { None };
                    let from = stack.len();
                    for (name, value) in entries {
                        let odd = is_odd_key(name);
                        if !odd && !holds_text(value) {
                            continue;
                        }
                        let step = self.step(step, Name::Key(name));
                        if odd {
                            let key = lower(Cow::Borrowed(name));
                            self.push(
                                Cow::Borrowed(name),
                                key,
                                None,
                                SemanticType::Id,
                                Origin::Key(step),
                                None,
                            );
                        }
                        stack.push(Visit { value, key: name, step, depth: depth + 1, channel });
                    }
                    if let Some(children) = stack.get_mut(from..) {
                        children.reverse();
                    }
                }
            }
        }
    }

    /// Strings of a document that was itself a string. All of them stand at `at.origin`.
    fn owned(&mut self, tool: Tool<'_>, json: Json, at: At, outer: &mut Outer<'_>) {
        let mut stack = vec![(json, String::new(), 0)];
        while let Some((value, key, depth)) = stack.pop() {
            if self.found.len() >= MAX_LEAVES {
                return self.overflow(Bound::Leaves, at.origin);
            }
            match value {
                Json::Null | Json::Bool(_) | Json::Number(_) => {}
                Json::Text(text) => {
                    let (span, same) = outer.locate(&text);
                    let from = self.found.len();
                    self.text(tool, Cow::Owned(text), Cow::Owned(key), at);
                    // What was found inside this string stands, for the reader, where the string does.
                    for (index, found) in self.found.iter_mut().skip(from).enumerate() {
                        found.within = Some((span.clone(), same && index == 0 && found.within.is_none()));
                    }
                }
                Json::List(_) | Json::Object(_) if depth >= MAX_DEPTH => {
                    self.overflow(Bound::Depth, at.origin)
                }
                Json::List(items) => {
                    stack.extend(items.into_iter().rev().map(|item| (item, key.clone(), depth + 1)));
                }
                Json::Object(entries) => {
                    for (name, _) in entries.iter().filter(|(name, _)| is_odd_key(name)) {
                        let (text, key) = (Cow::Owned(name.clone()), lower(Cow::Owned(name.clone())));
                        let within = Some((0..outer.text.len(), false));
                        self.push(text, key, None, SemanticType::Id, at.origin, within);
                    }
                    stack.extend(entries.into_iter().rev().map(|(name, item)| (item, name, depth + 1)));
                }
            }
        }
    }

    /// One string argument, and what it holds in turn.
    fn text(&mut self, tool: Tool<'_>, text: Cow<'a, str>, key: Cow<'a, str>, at: At) {
        if at.embedded < MAX_EMBEDDED
            && let Some(json) = embedded_json(&text)
        {
            let at = At { embedded: at.embedded + 1, ..at };
            return self.owned(tool, json, at, &mut Outer::new(&text));
        }
        let semantic = match (at.channel, meaning(tool.kind, tool.name, &key, &text, tool.hints)) {
            // A message is read by a model, however short it is.
            (Some(_), SemanticType::Value) => SemanticType::FreeText,
            (_, other) => other,
        };
        self.value(tool, text, key, at, semantic);
    }

    /// One string of a known meaning, then the parameters that it holds.
    fn value(
        &mut self,
        tool: Tool<'_>,
        text: Cow<'a, str>,
        key: Cow<'a, str>,
        at: At,
        semantic: SemanticType,
    ) {
        let parameters = parameters(semantic, &text);
        self.push(text, lower(key), at.channel, semantic, at.origin, None);
        for Parameter { name, value, span } in parameters {
            // Whoever takes parameters out of a form puts them into something: words or not.
            let semantic = match meaning(tool.kind, tool.name, &name, &value, tool.hints) {
                SemanticType::FreeText => SemanticType::Value,
                other => other,
            };
            let (value, name) = (Cow::Owned(value), lower(Cow::Owned(name)));
            self.push(value, name, at.channel, semantic, at.origin, Some((span, false)));
        }
    }

    /// Adds one string within the bounds.
    fn push(
        &mut self,
        mut text: Cow<'a, str>,
        key: Cow<'a, str>,
        channel: Option<Channel>,
        semantic: SemanticType,
        origin: Origin,
        within: Option<(Range<usize>, bool)>,
    ) {
        if text.is_empty() {
            return;
        }
        if self.found.len() >= MAX_LEAVES {
            return self.overflow(Bound::Leaves, origin);
        }
        let room = MAX_TEXT_BYTES.saturating_sub(self.bytes);
        for (bound, most) in [(Bound::LeafBytes, MAX_LEAF_BYTES), (Bound::TextBytes, room)] {
            if text.len() > most {
                self.overflow(bound, origin);
                let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                text = match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
                    Cow::Owned(text) => Cow::Owned(text.get(..end).unwrap_or_default().to_owned()),
                };
            }
        }
        if text.is_empty() {
            return;
        }
        self.bytes += text.len();
        self.found.push(Found { text, key, channel, semantic, origin, within });
    }

    /// Each bound is reported once: the first place says where reading became partial.
    fn overflow(&mut self, bound: Bound, origin: Origin) {
        if !self.overflows.iter().any(|overflow| overflow.bound == bound) {
            let place = self.place(origin);
            self.overflows.push(Overflow { bound, place });
        }
    }

    fn step(&mut self, parent: Option<usize>, name: Name<'a>) -> Option<usize> {
        self.steps.push(Step { parent, name });
        Some(self.steps.len() - 1)
    }

    fn place(&self, origin: Origin) -> Place {
        match origin {
            Origin::Payload(step) => Place::Payload { pointer: self.pointer(step) },
            Origin::Key(step) => Place::Key { pointer: self.pointer(step) },
            Origin::Context(index, channel) => Place::Context { index, channel },
            Origin::Field(name) => Place::Field { name: Cow::Borrowed(name) },
        }
    }

    /// The JSON pointer of a step: `/` before each name, `~` and `/` in names escaped.
    fn pointer(&self, step: Option<usize>) -> String {
        let mut names = Vec::new();
        let mut next = step;
        while let Some(step) = next.and_then(|index| self.steps.get(index)) {
            names.push(match step.name {
                Name::Key(key) => key.replace('~', "~0").replace('/', "~1"),
                Name::Index(index) => index.to_string(),
            });
            next = step.parent;
        }
        names.iter().rev().fold(String::new(), |pointer, name| pointer + "/" + name)
    }
}

/// Whose message an object is, where it says so. The operator's own instructions came from nobody.
fn role(value: &Json) -> Option<Option<Channel>> {
    match value.get("role")?.as_text()? {
        "user" => Some(Some(Channel::User)),
        "assistant" | "model" => Some(Some(Channel::Model)),
        "tool" | "function" => Some(Some(Channel::ToolOutput)),
        "system" | "developer" => Some(None),
        _ => None,
    }
}

/// Whether there is anything to walk to.
fn holds_text(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
        Json::Text(text) => !text.is_empty(),
        Json::List(items) => !items.is_empty(),
        Json::Object(entries) => !entries.is_empty(),
    }
}

fn lower(key: Cow<'_, str>) -> Cow<'_, str> {
    if key.chars().any(char::is_uppercase) { Cow::Owned(key.to_lowercase()) } else { key }
}

/// Names that programs give to fields hold letters, digits and a few marks. Anything else, an
/// operator or a bracket above all, was put there for an effect.
fn is_odd_key(name: &str) -> bool {
    name.len() > MAX_NAME
        || !name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':' | '@' | '#' | '/'))
}
