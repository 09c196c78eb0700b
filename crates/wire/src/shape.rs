//! Shapes: what stands where in a foreign body, as data.
//!
//! A shape is walked together with a body and gives a [`Place`] for **every** text in it, known or
//! not. What no shape names is [`Meaning::Unknown`], which is a meaning like any other: it is judged,
//! never skipped.

use crate::doc::{Kind, Value};

/// What a text is to those who exchange it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    /// Words.
    Text,
    /// Words of a model to itself.
    Reasoning,
    /// Words with which a model declines.
    Refusal,
    /// A call: which tool, with which arguments, and the name by which its result refers to it.
    CallTool,
    CallArguments,
    CallId,
    /// A tool that is offered, and what is said of it.
    ToolName,
    ToolDescription,
    ToolSchema,
    /// A picture, a sound or a file: its bytes, or where it lies. Words as numbers of a tokenizer,
    /// which cannot be read here.
    Media,
    /// The words of an answer once more, token by token with probabilities. Nobody finds anything in
    /// single tokens, so this goes when the words are changed or held back.
    Echo,
    Model,
    /// On whose behalf.
    Person,
    /// Notes of the caller that come along.
    Metadata,
    /// Roles, types, reasons, ids: words of the format itself.
    Protocol,
    /// Nothing that a shape names.
    Unknown,
}

/// Whose words a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Speaker {
    /// Whoever configured the agent.
    System,
    User,
    Model,
    /// A result that a tool gave.
    Tool,
    #[default]
    Nobody,
}

/// Where a text stands, and what it is there.
#[derive(Debug, Clone, Copy)]
pub struct Place<'d> {
    pub meaning: Meaning,
    pub speaker: Speaker,
    pub spot: Spot,
    /// It continues the text of the same meaning and spot in the events before; else it is whole.
    pub piece: bool,
    /// The text, or the whole value where the meaning covers one (arguments, schemas).
    pub value: Value<'d>,
}

/// What tells texts of one body apart, or joins the pieces of one text in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Spot {
    /// The message of a request; the choice or output of an answer.
    pub turn: u64,
    /// The part of a message, the content block of an answer.
    pub part: u64,
    /// The call among several.
    pub call: u64,
}

/// What may stand at a place.
pub enum Shape {
    /// A text with a meaning.
    Leaf(Meaning),
    /// A value whose every part has this meaning; it is one place.
    Whole(Meaning),
    /// A list of the same; which item it is counts as the turn, part or call.
    Each(Count, &'static Shape),
    /// An object.
    Fields(&'static Fields),
    /// An object whose shape follows from a word in it.
    Switch { key: &'static str, cases: &'static [(&'static str, Shape)], other: &'static Shape },
    /// A text here, a list or an object there.
    Kinds { text: &'static Shape, list: &'static Shape, object: &'static Shape },
    /// A list of numbers is one place; any other value has the shape.
    Numbers(Meaning, &'static Shape),
    /// The same, said by somebody.
    By(Speaker, &'static Shape),
    /// The same, where texts are pieces that continue those of earlier events. It means something
    /// in streams only.
    Piece(&'static Shape),
    /// Another shape.
    Also(&'static Shape),
}

/// Which number of a [`Spot`] an item counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Turn,
    Part,
    Call,
    No,
}

pub struct Fields {
    /// The key that names who speaks, and who is meant.
    pub speaker: Option<(&'static str, &'static [(&'static str, Speaker)])>,
    /// Keys whose numbers say which turn, part or call this is, whatever its position.
    pub numbers: &'static [(&'static str, Count)],
    pub known: &'static [(&'static str, Shape)],
}

impl Fields {
    pub const fn of(known: &'static [(&'static str, Shape)]) -> Self {
        Fields { speaker: None, numbers: &[], known }
    }

    pub const fn numbered(
        numbers: &'static [(&'static str, Count)],
        known: &'static [(&'static str, Shape)],
    ) -> Self {
        Fields { speaker: None, numbers, known }
    }
}

pub const TEXT: Shape = Shape::Leaf(Meaning::Text);
pub const PROTOCOL: Shape = Shape::Leaf(Meaning::Protocol);
/// Counts, settings and switches of a format: no words of anybody, one place as a whole.
pub const FORMAT: Shape = Shape::Whole(Meaning::Protocol);
pub const UNKNOWN: Shape = Shape::Whole(Meaning::Unknown);

/// Visits every text of a value, in the order of its bytes.
pub fn places<'d>(root: Value<'d>, shape: &Shape, visit: &mut dyn FnMut(Place<'d>)) {
    walk(root, shape, At::default(), visit);
}

#[derive(Clone, Copy, Default)]
struct At {
    speaker: Speaker,
    spot: Spot,
    piece: bool,
}

impl At {
    fn place(self, meaning: Meaning, value: Value<'_>) -> Place<'_> {
        // A list or an object is complete in itself.
        let piece = self.piece && value.kind() == Kind::Text;
        Place { meaning, speaker: self.speaker, spot: self.spot, piece, value }
    }

    const fn counted(mut self, count: Count, number: u64) -> Self {
        match count {
            Count::Turn => self.spot.turn = number,
            Count::Part => self.spot.part = number,
            Count::Call => self.spot.call = number,
            Count::No => {}
        }
        self
    }
}

fn walk<'d>(value: Value<'d>, shape: &Shape, at: At, visit: &mut dyn FnMut(Place<'d>)) {
    match (shape, value.kind()) {
        (Shape::Also(shape), _) => walk(value, shape, at, visit),
        (Shape::By(speaker, shape), _) => walk(value, shape, At { speaker: *speaker, ..at }, visit),
        (Shape::Piece(shape), _) => walk(value, shape, At { piece: true, ..at }, visit),
        (Shape::Kinds { text, .. }, Kind::Text) => walk(value, text, at, visit),
        (Shape::Kinds { list, .. }, Kind::List) => walk(value, list, at, visit),
        (Shape::Kinds { object, .. }, Kind::Object) => walk(value, object, at, visit),
        (Shape::Numbers(meaning, _), Kind::List) if is_numbers(value) => visit(at.place(*meaning, value)),
        (Shape::Numbers(_, shape), _) => walk(value, shape, at, visit),
        (Shape::Switch { key, cases, other }, Kind::Object) => {
            let word = value.get(key);
            let case = cases.iter().find(|(name, _)| word.is_some_and(|word| word.is_text(name)));
            walk(value, case.map_or(*other, |(_, shape)| shape), at, visit);
        }
        (Shape::Fields(fields), Kind::Object) => object(value, fields, at, visit),
        (Shape::Each(count, shape), Kind::List) => {
            for (number, item) in (0..).zip(value.items()) {
                walk(item, shape, at.counted(*count, number), visit);
            }
        }
        (Shape::Leaf(meaning), Kind::Text) => visit(at.place(*meaning, value)),
        (Shape::Whole(Meaning::Unknown), _) => unknown(value, at, visit),
        // Numbers, words and nothing hold no text.
        (_, Kind::Null | Kind::Bool | Kind::Number) => {}
        (Shape::Whole(meaning), _) => visit(at.place(*meaning, value)),
        // It is not what the format says. What it is instead is judged all the same.
        (
            Shape::Leaf(_) | Shape::Each(..) | Shape::Fields(_) | Shape::Switch { .. },
            Kind::Text | Kind::List | Kind::Object,
        ) => unknown(value, at, visit),
    }
}

fn is_numbers(list: Value<'_>) -> bool {
    let mut items = list.items().peekable();
    items.peek().is_some() && items.all(|item| item.kind() == Kind::Number)
}

fn object<'d>(value: Value<'d>, fields: &Fields, mut at: At, visit: &mut dyn FnMut(Place<'d>)) {
    if let Some((key, speakers)) = fields.speaker {
        let word = value.get(key);
        let named = speakers.iter().find(|(name, _)| word.is_some_and(|word| word.is_text(name)));
        at.speaker = named.map_or(at.speaker, |(_, speaker)| *speaker);
    }
    for (key, count) in fields.numbers {
        if let Some(number) = value.get(key).and_then(Value::whole) {
            at = at.counted(*count, number);
        }
    }
    for (key, value) in value.entries() {
        match fields.known.iter().find(|(name, _)| key.is_text(name)) {
            Some((_, shape)) => walk(value, shape, at, visit),
            None if is_plain(key, value) => {}
            None => {
                visit(at.place(Meaning::Unknown, key));
                unknown(value, at, visit);
            }
        }
    }
}

/// Keys of formats whose values are numbers, yes or no, or nothing. A key that is not
/// here is a text like any other, since it may have been made up to carry one.
const PLAIN: &[&str] = &[
    "autoTruncate",
    "avgLogprobs",
    "best_of",
    "budget_tokens",
    "cachedContentTokenCount",
    "candidateCount",
    "content_index",
    "contentBlockIndex",
    "created",
    "created_at",
    "dimensions",
    "disable_parallel_tool_use",
    "done",
    "echo",
    "eval_count",
    "eval_duration",
    "frequency_penalty",
    "frequencyPenalty",
    "has_more",
    "include_thoughts",
    "includeThoughts",
    "index",
    "input_tokens",
    "inputTokenLimit",
    "inputTokens",
    "is_error",
    "load_duration",
    "logprobs",
    "low_vram",
    "main_gpu",
    "max_batch_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "maxOutputTokens",
    "maxTemperature",
    "maxTokens",
    "min_p",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "n",
    "num_batch",
    "num_ctx",
    "num_gpu",
    "num_keep",
    "num_predict",
    "num_thread",
    "numa",
    "output_dimension",
    "output_index",
    "outputDimensionality",
    "outputTokenLimit",
    "parallel_tool_calls",
    "penalize_newline",
    "presence_penalty",
    "presencePenalty",
    "prompt_eval_count",
    "prompt_eval_duration",
    "random_seed",
    "raw",
    "repeat_last_n",
    "repeat_penalty",
    "repetition_penalty",
    "responseLogprobs",
    "safe_prompt",
    "seed",
    "sequence_number",
    "size",
    "store",
    "stream",
    "strict",
    "summary_index",
    "temperature",
    "tfs_z",
    "think",
    "thinking_budget",
    "thinkingBudget",
    "thought",
    "token_budget",
    "tokenCount",
    "top_k",
    "top_logprobs",
    "top_p",
    "topK",
    "topP",
    "total_duration",
    "totalTokens",
    "truncate",
    "typical_p",
    "use_mlock",
    "use_mmap",
    "vocab_only",
];

fn is_plain(key: Value<'_>, value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::Null | Kind::Bool | Kind::Number)
        && PLAIN.iter().any(|plain| key.is_text(plain))
}

/// Every text below, keys included.
fn unknown<'d>(value: Value<'d>, at: At, visit: &mut dyn FnMut(Place<'d>)) {
    match value.kind() {
        Kind::Text => visit(at.place(Meaning::Unknown, value)),
        Kind::List => value.items().for_each(|item| unknown(item, at, visit)),
        Kind::Object => {
            for (key, value) in value.entries() {
                visit(at.place(Meaning::Unknown, key));
                unknown(value, at, visit);
            }
        }
        Kind::Null | Kind::Bool | Kind::Number => {}
    }
}
