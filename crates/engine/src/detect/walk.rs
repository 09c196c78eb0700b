//! The typed walk: every string of an action, with its meaning, its origin and its place.

use std::borrow::Cow;
use std::ops::Range;

use action::{Action, ActionKind, Channel, Json, MAX_DEPTH, Place, SemanticType};

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
/// Longest string that is tried as JSON, and most parameters of one query string.
const MAX_EMBEDDED_BYTES: usize = 64 * 1024;
const MAX_PARAMETERS: usize = 64;
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

/// A string that holds JSON: strings found inside are looked up in it, in order.
struct Outer<'t> {
    text: &'t str,
    cursor: usize,
    /// Bytes that may still be searched; strings that are written with other escapes are not found.
    budget: usize,
}

impl<'t> Outer<'t> {
    fn new(text: &'t str) -> Self {
        Outer { text, cursor: 0, budget: text.len().saturating_mul(4) }
    }

    /// Where the next string with this content stands, and whether byte for byte.
    fn locate(&mut self, inner: &str) -> (Range<usize>, bool) {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        let written = serde_json::to_string(inner).unwrap_or_default();
        let found = if self.budget > 0 { rest.find(&written) } else { None };
        self.budget = self.budget.saturating_sub(found.unwrap_or(rest.len()) + written.len());
        let Some(at) = found else { return (0..self.text.len(), false) };
        let start = self.cursor + at + 1;
        let end = start + written.len().saturating_sub(2);
        self.cursor = end;
        (start..end, end - start == inner.len())
    }
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

/// The document in a string that is one: an object or a list, with something in it.
fn embedded_json(text: &str) -> Option<Json> {
    let trimmed = text.trim();
    let framed = matches!(
        (trimmed.as_bytes().first(), trimmed.as_bytes().last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
    );
    if !framed || trimmed.len() > MAX_EMBEDDED_BYTES || trimmed.len() < 4 {
        return None;
    }
    Json::parse(trimmed.as_bytes()).ok().filter(holds_text)
}

/// One parameter of a query string or form body, decoded.
struct Parameter {
    name: String,
    value: String,
    /// Where the encoded value stands.
    span: Range<usize>,
}

/// The parameters of a form body, or of the query of a URL.
fn parameters(semantic: SemanticType, text: &str) -> Vec<Parameter> {
    let start = match semantic {
        SemanticType::Value | SemanticType::FreeText | SemanticType::SqlValue => 0,
        SemanticType::Url => match text.find('?') {
            Some(at) => at + 1,
            None => return Vec::new(),
        },
        SemanticType::SqlStatement
        | SemanticType::Shell
        | SemanticType::Path
        | SemanticType::Html
        | SemanticType::Code
        | SemanticType::Id => {
            return Vec::new();
        }
    };
    let form = text.get(start..).unwrap_or_default();
    let form = form.split('#').next().unwrap_or(form);
    let mut parameters = Vec::new();
    let mut at = start;
    for part in form.split('&').take(MAX_PARAMETERS) {
        let here = at;
        at += part.len() + 1;
        let Some((name, value)) = part.split_once('=') else {
            if part.is_empty() { continue } else { return Vec::new() }
        };
        // One part that is no parameter, and the text is prose or arithmetic, not a form.
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '%' | '$');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
            return Vec::new();
        }
        let span = here + name.len() + 1..here + part.len();
        parameters.push(Parameter { name: form_decoded(name), value: form_decoded(value), span });
    }
    // `total=5` is an assignment as well as a form; what it would add is the value itself.
    if parameters.len() == 1 && start == 0 && !form.contains(['%', '+', '\'', '<', ';']) {
        return Vec::new();
    }
    parameters
}

/// Percent-decoded once, pluses as blanks; bytes that are no UTF-8 are replaced.
fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        rest = match (first, pair) {
            (_, Some((high, low))) => {
                bytes.push(high << 4 | low);
                after.get(2..).unwrap_or_default()
            }
            (b'+', None) => {
                bytes.push(b' ');
                after
            }
            (other, None) => {
                bytes.push(*other);
                after
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(payload: &str) -> Action {
        let text = format!(
            r#"{{"kind":"mcp_tool","operation":"write","tool":"save","resource":{{"type":"note","name":"inbox",
            "destinations":["https://example.com/in","ann@example.com"]}},"agent":{{"name":"a"}},
            "environment":"production","time":"2026-03-02T14:05:00Z","payload":{payload},
            "context":[{{"channel":"memory","text":"remember the milk"}}]}}"#
        );
        Json::parse_as(text.as_bytes()).unwrap()
    }

    /// Key, text, meaning and place of every leaf of the payload.
    fn leaves(payload: &str) -> Vec<(String, String, SemanticType, String)> {
        let action = action(payload);
        let walk = Walk::of(&action, &TypeHints::default());
        walk.leaves()
            .filter_map(|(leaf, source)| {
                let place = match source.place() {
                    Place::Payload { pointer } => pointer,
                    Place::Key { pointer } => format!("key {pointer}"),
                    Place::Context { .. } | Place::Field { .. } => return None,
                };
                Some((leaf.key.to_owned(), leaf.text.original().to_owned(), leaf.semantic, place))
            })
            .collect()
    }

    fn row(
        key: &str,
        text: &str,
        semantic: SemanticType,
        place: &str,
    ) -> (String, String, SemanticType, String) {
        (key.to_owned(), text.to_owned(), semantic, place.to_owned())
    }

    #[test]
    fn every_string_is_found_with_key_meaning_and_place() {
        let found = leaves(
            r#"{"Title":"Milk","tags":["a","b"],"n":5,"ok":true,"x":{"a/b":{"cmd":"ls -la"}},"empty":""}"#,
        );
        assert_eq!(
            found,
            [
                row("title", "Milk", SemanticType::Value, "/Title"),
                row("tags", "a", SemanticType::Value, "/tags/0"),
                row("tags", "b", SemanticType::Value, "/tags/1"),
                row("cmd", "ls -la", SemanticType::Shell, "/x/a~1b/cmd"),
            ]
        );
    }

    #[test]
    fn fields_and_context_follow_the_arguments() {
        let action = action(r#"{"a":"x"}"#);
        let walk = Walk::of(&action, &TypeHints::default());
        let found: Vec<_> = walk
            .leaves()
            .map(|(leaf, source)| {
                (leaf.text.original().to_owned(), leaf.channel, leaf.semantic, source.place())
            })
            .collect();
        let field = |name| Place::Field { name: Cow::Borrowed(name) };
        assert_eq!(found.len(), 5);
        assert_eq!(found[1], ("inbox".to_owned(), None, SemanticType::Value, field("resource.name")));
        assert_eq!(found[2].2, SemanticType::Url);
        assert_eq!(
            found[3],
            ("ann@example.com".to_owned(), None, SemanticType::Value, field("resource.destinations"))
        );
        let place = Place::Context { index: 0, channel: Channel::Memory };
        assert_eq!(
            found[4],
            ("remember the milk".to_owned(), Some(Channel::Memory), SemanticType::FreeText, place)
        );
    }

    #[test]
    fn odd_keys_are_leaves_and_plain_ones_are_not() {
        let found = leaves(r#"{"user":{"$ne":null},"first name":"Ann","a'--":1}"#);
        assert_eq!(
            found,
            [
                row("a'--", "a'--", SemanticType::Id, "key /a'--"),
                row("$ne", "$ne", SemanticType::Id, "key /user/$ne"),
                row("first name", "Ann", SemanticType::Value, "/first name"),
            ]
        );
    }

    #[test]
    fn json_in_a_string_is_walked_and_points_into_the_string() {
        let payload = r#"{"arguments":"{\"cmd\": \"ls /tmp\", \"list\": [\"a \\\"b\\\"\", \"c d\"]}"}"#;
        let action = action(payload);
        let walk = Walk::of(&action, &TypeHints::default());
        let outer = action.payload.at("arguments").and_then(Json::as_text).unwrap().to_owned();
        let found: Vec<_> = walk
            .leaves()
            .take(3)
            .map(|(leaf, source)| {
                assert_eq!(source.place(), Place::Payload { pointer: "/arguments".to_owned() });
                let all = 0..leaf.text.original().len();
                (
                    leaf.key.to_owned(),
                    leaf.semantic,
                    leaf.text.original().to_owned(),
                    outer[source.span(all)].to_owned(),
                )
            })
            .collect();
        let row = |key: &str, semantic, text: &str, span: &str| {
            (key.to_owned(), semantic, text.to_owned(), span.to_owned())
        };
        assert_eq!(
            found,
            [
                row("cmd", SemanticType::Shell, "ls /tmp", "ls /tmp"),
                row("list", SemanticType::Value, "a \"b\"", r#"a \"b\""#),
                row("list", SemanticType::Value, "c d", "c d"),
            ]
        );
    }

    #[test]
    fn forms_give_their_parameters_and_prose_does_not() {
        let found = leaves(r#"{"body":"a=1&name=%27or+1%3D1"}"#);
        assert_eq!(found[0].1, "a=1&name=%27or+1%3D1");
        assert_eq!(found[2], row("name", "'or 1=1", SemanticType::Value, "/body"));
        let found = leaves(r#"{"url":"https://example.com/s?q=a%20b&x=../../etc"}"#);
        assert_eq!(
            found.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(),
            ["https://example.com/s?q=a%20b&x=../../etc", "a b", "../../etc"]
        );
        for text in ["a = b & c = d", "total=5", "x=1 & y", "R&D", "1+1=2"] {
            assert_eq!(leaves(&format!(r#"{{"v":"{text}"}}"#)).len(), 1, "{text}");
        }
    }

    #[test]
    fn bounds_are_reported_and_what_fits_is_read() {
        let many = format!("[{}\"x\"]", "\"x\",".repeat(MAX_LEAVES));
        let deed = action(&many);
        let walk = Walk::of(&deed, &TypeHints::default());
        assert!(walk.overflows().iter().any(|overflow| overflow.bound == Bound::Leaves));
        let long = format!("{{\"a\":\"{}\",\"b\":\"end\"}}", "é".repeat(MAX_LEAF_BYTES));
        let deed = action(&long);
        let walk = Walk::of(&deed, &TypeHints::default());
        assert_eq!(
            walk.overflows(),
            [Overflow { bound: Bound::LeafBytes, place: Place::Payload { pointer: "/a".to_owned() } }]
        );
        assert!(walk.texts().any(|(text, ..)| text == "end"));
        let parts: Vec<String> = (0..6).map(|_| format!("\"{}\"", "y".repeat(MAX_LEAF_BYTES))).collect();
        let deed = action(&format!("[{}]", parts.join(",")));
        let walk = Walk::of(&deed, &TypeHints::default());
        assert_eq!(walk.overflows().iter().map(|o| o.bound).collect::<Vec<_>>(), [Bound::TextBytes]);
        assert!(walk.bytes() <= MAX_TEXT_BYTES);
        let deed = action(r#"{"a":"b"}"#);
        assert!(Walk::of(&deed, &TypeHints::default()).overflows().is_empty());
    }

    #[test]
    fn json_outside_of_an_action_is_taken_apart_and_anything_else_is_one_value() {
        let hints = TypeHints::default();
        let texts = |text: &str| {
            let walk = Walk::json(text, &hints);
            walk.texts().map(|(text, semantic, _)| (text.to_owned(), semantic)).collect::<Vec<_>>()
        };
        assert_eq!(
            texts(r#"{"tool":"t","args":{"path":"a.txt","q":"two words"}}"#),
            [
                ("t".to_owned(), SemanticType::Value),
                ("a.txt".to_owned(), SemanticType::Path),
                ("two words".to_owned(), SemanticType::Value)
            ]
        );
        assert_eq!(texts("not json"), [("not json".to_owned(), SemanticType::Value)]);
        assert_eq!(texts("4711"), [("4711".to_owned(), SemanticType::Value)]);
        let walk = Walk::json(r#"{"a": ["x", "needle"]}"#, &hints);
        let (leaf, source) = walk.leaves().nth(1).unwrap();
        assert_eq!((leaf.text.original(), source.span(0..6)), ("needle", 13..19));
    }

    #[test]
    fn messages_to_a_model_belong_to_whom_their_role_says() {
        let mut deed = action(
            r#"{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hello"},
            {"role":"tool","content":"22 degrees"}],"prompt":"go on"}"#,
        );
        deed.kind = ActionKind::LlmCall;
        let walk = Walk::of(&deed, &TypeHints::default());
        let channel = |text: &str| walk.texts().find(|(found, ..)| *found == text).unwrap().2;
        assert_eq!(channel("be kind"), None);
        assert_eq!(channel("hello"), Some(Channel::User));
        assert_eq!(channel("22 degrees"), Some(Channel::ToolOutput));
        assert_eq!(channel("go on"), Some(Channel::User));
    }
}
