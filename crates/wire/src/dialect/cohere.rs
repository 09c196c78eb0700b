//! Cohere's chat, version 2.

use super::{Dialect, Family, Stream, chat};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{CallId, Echo, Media, Model, Reasoning};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf, Piece, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "cohere_chat",
    family: Family::Cohere,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&EVENT),
    stream: Stream::Events,
    ends_with: Some("[DONE]"),
    tells: &TELLS,
};

const TELLS: Tells = Tells {
    counts: &[
        ("usage.tokens.input_tokens", Term::Input),
        ("usage.tokens.output_tokens", Term::Output),
        ("usage.cached_tokens", Term::Cached),
        ("delta.usage.tokens.input_tokens", Term::Input),
        ("delta.usage.tokens.output_tokens", Term::Output),
        ("delta.usage.cached_tokens", Term::Cached),
    ],
    ends: &["finish_reason", "delta.finish_reason"],
    words: &[
        ("COMPLETE", Ended::Stop),
        ("STOP_SEQUENCE", Ended::Stop),
        ("MAX_TOKENS", Ended::Length),
        ("TOOL_CALL", Ended::ToolCalls),
    ],
    open: &[],
    calls: &[],
    refusals: &[],
};

const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("messages", Each(Turn, &Of(&MESSAGE))),
    ("tools", Each(Call, &Of(&TOOL))),
    ("documents", By(Speaker::Tool, &Each(Part, &DOCUMENT))),
    ("citation_options", FORMAT),
    ("response_format", UNKNOWN),
    ("safety_mode", PROTOCOL),
    ("stop_sequences", Each(No, &TEXT)),
    ("tool_choice", PROTOCOL),
    ("thinking", Of(&Fields::of(&[("type", PROTOCOL)]))),
]);

const MESSAGE: Fields = Fields {
    speaker: Some((
        "role",
        &[
            ("system", Speaker::System),
            ("developer", Speaker::System),
            ("user", Speaker::User),
            ("assistant", Speaker::Model),
            ("tool", Speaker::Tool),
        ],
    )),
    numbers: &[],
    known: &[
        ("role", PROTOCOL),
        ("content", Kinds { text: &TEXT, list: &Each(Part, &PIECE), object: &PIECE }),
        ("tool_plan", Leaf(Reasoning)),
        ("tool_calls", Kinds { text: &UNKNOWN, list: &Each(Call, &CALL), object: &CALL }),
        ("tool_call_id", Leaf(CallId)),
        ("citations", UNKNOWN),
    ],
};

const PIECE: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("thinking", Leaf(Reasoning)),
    ("document", Kinds { text: &TEXT, list: &UNKNOWN, object: &DOCUMENT }),
    ("image_url", Of(&Fields::of(&[("url", Leaf(Media)), ("detail", PROTOCOL)]))),
]));

const DOCUMENT: Shape = Kinds {
    text: &TEXT,
    list: &UNKNOWN,
    object: &Of(&Fields::of(&[("id", PROTOCOL), ("data", Whole(crate::shape::Meaning::Text))])),
};

const CALL: Shape =
    Of(&Fields::of(&[("id", Leaf(CallId)), ("type", PROTOCOL), ("function", Of(&chat::FUNCTION))]));

const TOOL: Fields = Fields::of(&[("type", PROTOCOL), ("function", Of(&chat::FUNCTION_OFFERED))]);

const ANSWER: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("finish_reason", PROTOCOL),
    ("message", By(Speaker::Model, &Of(&MESSAGE))),
    ("usage", FORMAT),
    ("logprobs", Whole(Echo)),
]);

/// `index` counts blocks of content and calls alike.
const EVENT: Fields = Fields::numbered(
    &[("index", Part)],
    &[
        ("type", PROTOCOL),
        ("id", PROTOCOL),
        ("logprobs", Whole(Echo)),
        (
            "delta",
            By(
                Speaker::Model,
                &Of(&Fields::of(&[
                    ("message", Piece(&Of(&MESSAGE))),
                    ("finish_reason", PROTOCOL),
                    ("usage", FORMAT),
                    ("error", UNKNOWN),
                ])),
            ),
        ),
    ],
);
