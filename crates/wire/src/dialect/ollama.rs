//! Ollama's own chat, and its generate.

use super::{Dialect, Family, Stream, chat};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallId, CallTool, Echo, Media, Model, Reasoning, ToolDescription, ToolSchema,
};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf, Numbers, Piece, Whole};
use crate::shape::{Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "ollama",
    family: Family::Ollama,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&ANSWER),
    stream: Stream::Lines,
    ends_with: None,
    tells: &TELLS,
};

/// One text that is continued.
pub static GENERATE: Dialect = Dialect {
    name: "ollama_generate",
    family: Family::Ollama,
    request: Of(&PROMPT),
    answer: Of(&CONTINUED),
    event: Of(&CONTINUED),
    stream: Stream::Lines,
    ends_with: None,
    tells: &TELLS,
};

const TELLS: Tells = Tells {
    counts: &[("prompt_eval_count", Term::Input), ("eval_count", Term::Output)],
    ends: &["done_reason"],
    words: &[("stop", Ended::Stop), ("length", Ended::Length)],
    open: &[],
    calls: &["message.tool_calls.*"],
    refusals: &[],
};

const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("messages", Each(Turn, &MESSAGE)),
    ("tools", Each(Call, &Of(&TOOL))),
    ("format", Whole(ToolSchema)),
    ("options", Of(&OPTIONS)),
    ("keep_alive", PROTOCOL),
    ("think", PROTOCOL),
]);

const PROMPT: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("prompt", By(Speaker::User, &TEXT)),
    ("suffix", By(Speaker::User, &TEXT)),
    ("system", By(Speaker::System, &TEXT)),
    ("template", By(Speaker::System, &TEXT)),
    ("images", Each(Part, &Leaf(Media))),
    // What was said before, as the answer before gave it.
    ("context", Numbers(Media, &UNKNOWN)),
    ("format", Whole(ToolSchema)),
    ("options", Of(&OPTIONS)),
    ("keep_alive", PROTOCOL),
    ("think", PROTOCOL),
]);

const OPTIONS: Fields =
    Fields::of(&[("stop", Kinds { text: &TEXT, list: &Each(No, &TEXT), object: &UNKNOWN })]);

const MESSAGE: Shape = Of(&Fields {
    speaker: Some((
        "role",
        &[
            ("system", Speaker::System),
            ("user", Speaker::User),
            ("assistant", Speaker::Model),
            ("tool", Speaker::Tool),
        ],
    )),
    numbers: &[],
    known: &[
        ("role", PROTOCOL),
        ("content", Piece(&TEXT)),
        ("thinking", Piece(&Leaf(Reasoning))),
        ("images", Each(No, &Leaf(Media))),
        ("tool_calls", Each(Call, &Of(&CALL))),
        ("tool_name", Leaf(CallTool)),
        ("tool_call_id", Leaf(CallId)),
    ],
});

const CALL: Fields = Fields::of(&[
    ("id", Leaf(CallId)),
    ("type", PROTOCOL),
    (
        "function",
        Of(&Fields::numbered(
            &[("index", Call)],
            &[
                ("name", Leaf(CallTool)),
                ("description", Leaf(ToolDescription)),
                ("arguments", Whole(CallArguments)),
            ],
        )),
    ),
]);

const TOOL: Fields = Fields::of(&[("type", PROTOCOL), ("function", Of(&chat::FUNCTION_OFFERED))]);

/// The answer at once and each line of a stream have the same keys.
const ANSWER: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("created_at", PROTOCOL),
    ("message", By(Speaker::Model, &MESSAGE)),
    ("logprobs", Whole(Echo)),
    ("done_reason", PROTOCOL),
    ("error", UNKNOWN),
]);

const CONTINUED: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("created_at", PROTOCOL),
    ("response", By(Speaker::Model, &Piece(&TEXT))),
    ("thinking", By(Speaker::Model, &Piece(&Leaf(Reasoning)))),
    ("context", Numbers(Media, &UNKNOWN)),
    ("logprobs", Whole(Echo)),
    ("done_reason", PROTOCOL),
    ("error", UNKNOWN),
]);
