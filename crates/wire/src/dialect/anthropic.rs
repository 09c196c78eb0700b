//! Anthropic's Messages.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallId, CallTool, Media, Model, Person, Reasoning, ToolDescription, ToolName, ToolSchema,
};
use crate::shape::Shape::{Also, By, Each, Fields as Of, Kinds, Leaf, Piece, Switch, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "anthropic_messages",
    family: Family::Anthropic,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&EVENT),
    stream: Stream::Events,
    ends_with: None,
    tells: &TELLS,
};

pub const TELLS: Tells = Tells {
    counts: &[
        ("usage.input_tokens", Term::FreshInput),
        ("usage.cache_read_input_tokens", Term::Cached),
        ("usage.cache_creation_input_tokens", Term::Written),
        ("usage.output_tokens", Term::Output),
        ("message.usage.input_tokens", Term::FreshInput),
        ("message.usage.cache_read_input_tokens", Term::Cached),
        ("message.usage.cache_creation_input_tokens", Term::Written),
        ("message.usage.output_tokens", Term::Output),
    ],
    ends: &["stop_reason", "delta.stop_reason"],
    words: &[
        ("end_turn", Ended::Stop),
        ("stop_sequence", Ended::Stop),
        ("max_tokens", Ended::Length),
        ("model_context_window_exceeded", Ended::Length),
        ("tool_use", Ended::ToolCalls),
        ("refusal", Ended::Refusal),
    ],
    open: &[],
    calls: &[],
    refusals: &[],
};

pub const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("system", By(Speaker::System, &CONTENT)),
    ("messages", Each(Turn, &Of(&MESSAGE))),
    ("tools", Each(Call, &Of(&TOOL))),
    ("tool_choice", Of(&Fields::of(&[("type", PROTOCOL), ("name", Leaf(ToolName))]))),
    ("mcp_servers", UNKNOWN),
    ("stop_sequences", Each(No, &TEXT)),
    ("metadata", Of(&Fields::of(&[("user_id", Leaf(Person))]))),
    ("thinking", Of(&Fields::of(&[("type", PROTOCOL)]))),
    ("service_tier", PROTOCOL),
    ("container", UNKNOWN),
    // As Amazon hosts it.
    ("anthropic_version", PROTOCOL),
    ("anthropic_beta", Each(No, &PROTOCOL)),
]);

const MESSAGE: Fields = Fields {
    speaker: Some((
        "role",
        &[("user", Speaker::User), ("assistant", Speaker::Model), ("system", Speaker::System)],
    )),
    numbers: &[],
    known: &[("role", PROTOCOL), ("content", Also(&CONTENT))],
};

const CONTENT: Shape = Kinds { text: &TEXT, list: &Each(Part, &BLOCK), object: &UNKNOWN };

/// A block of content, whole or as it begins in a stream.
const BLOCK: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("thinking", Leaf(Reasoning)),
    // Signed or encrypted by the provider: nothing in it can be read, and nothing may be changed.
    ("signature", PROTOCOL),
    ("data", Leaf(Media)),
    ("id", Leaf(CallId)),
    ("name", Leaf(CallTool)),
    ("input", Whole(CallArguments)),
    ("tool_use_id", Leaf(CallId)),
    ("content", By(Speaker::Tool, &RESULT)),
    ("source", Also(&SOURCE)),
    ("title", TEXT),
    ("context", TEXT),
    ("citations", UNKNOWN),
    ("cache_control", Of(&Fields::of(&[("type", PROTOCOL), ("ttl", PROTOCOL)]))),
]));

const RESULT: Shape = Kinds { text: &TEXT, list: &Each(No, &INNER), object: &UNKNOWN };

/// What stands in the result of a tool.
const INNER: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("source", Also(&SOURCE)),
    ("title", TEXT),
    ("url", Leaf(Media)),
    ("encrypted_content", Leaf(Media)),
    ("cache_control", Of(&Fields::of(&[("type", PROTOCOL), ("ttl", PROTOCOL)]))),
]));

const SOURCE: Shape = Switch { key: "type", cases: &[("text", Of(&WORDS))], other: &Of(&MEDIUM) };

const WORDS: Fields = Fields::of(&[("type", PROTOCOL), ("media_type", PROTOCOL), ("data", TEXT)]);

const MEDIUM: Fields = Fields::of(&[
    ("type", PROTOCOL),
    ("media_type", PROTOCOL),
    ("data", Leaf(Media)),
    ("url", Leaf(Media)),
    ("file_id", PROTOCOL),
    ("content", Kinds { text: &TEXT, list: &Each(No, &PASSAGE), object: &UNKNOWN }),
]);

/// A document that is given as blocks.
const PASSAGE: Shape = Of(&Fields::of(&[("type", PROTOCOL), ("text", TEXT)]));

const TOOL: Fields = Fields::of(&[
    ("type", PROTOCOL),
    ("name", Leaf(ToolName)),
    ("description", Leaf(ToolDescription)),
    ("input_schema", Whole(ToolSchema)),
    ("cache_control", Of(&Fields::of(&[("type", PROTOCOL), ("ttl", PROTOCOL)]))),
]);

pub const ANSWER: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("type", PROTOCOL),
    ("role", PROTOCOL),
    ("model", Leaf(Model)),
    ("content", By(Speaker::Model, &CONTENT)),
    ("stop_reason", PROTOCOL),
    ("stop_sequence", TEXT),
    ("usage", FORMAT),
    ("error", UNKNOWN),
    ("request_id", PROTOCOL),
]);

/// `message_start`, `content_block_start`, `content_block_delta`, … have no key in common that means
/// different things, so one object holds all of them.
pub const EVENT: Fields = Fields::numbered(
    &[("index", Part)],
    &[
        ("type", PROTOCOL),
        ("message", Of(&ANSWER)),
        ("content_block", By(Speaker::Model, &BLOCK)),
        ("delta", By(Speaker::Model, &Piece(&DELTA))),
        ("usage", FORMAT),
        ("amazon-bedrock-invocationMetrics", FORMAT),
        ("error", UNKNOWN),
    ],
);

const DELTA: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("partial_json", Leaf(CallArguments)),
    ("thinking", Leaf(Reasoning)),
    ("signature", PROTOCOL),
    ("citation", UNKNOWN),
    ("stop_reason", PROTOCOL),
    ("stop_sequence", TEXT),
]));
