//! Amazon Bedrock's Converse and ConverseStream.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallId, CallTool, Media, Metadata, Reasoning, ToolDescription, ToolName, ToolSchema,
};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf, Piece, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "bedrock_converse",
    family: Family::Amazon,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&EVENT),
    stream: Stream::Aws,
    ends_with: None,
    tells: &TELLS,
};

const TELLS: Tells = Tells {
    counts: &[
        ("usage.inputTokens", Term::FreshInput),
        ("usage.cacheReadInputTokens", Term::Cached),
        ("usage.cacheWriteInputTokens", Term::Written),
        ("usage.outputTokens", Term::Output),
    ],
    ends: &["stopReason"],
    words: &[
        ("end_turn", Ended::Stop),
        ("stop_sequence", Ended::Stop),
        ("max_tokens", Ended::Length),
        ("model_context_window_exceeded", Ended::Length),
        ("tool_use", Ended::ToolCalls),
        ("content_filtered", Ended::Filtered),
        ("guardrail_intervened", Ended::Filtered),
    ],
    open: &[],
    calls: &[],
    refusals: &[],
};

pub const REQUEST: Fields = Fields::of(&[
    ("system", By(Speaker::System, &Each(Part, &BLOCK))),
    ("messages", Each(Turn, &Of(&MESSAGE))),
    ("toolConfig", Of(&Fields::of(&[("tools", Each(Call, &Of(&TOOL))), ("toolChoice", UNKNOWN)]))),
    ("inferenceConfig", Of(&Fields::of(&[("stopSequences", Each(No, &TEXT))]))),
    ("requestMetadata", Whole(Metadata)),
    ("guardrailConfig", UNKNOWN),
    ("promptVariables", UNKNOWN),
    ("additionalModelRequestFields", UNKNOWN),
    ("additionalModelResponseFieldPaths", UNKNOWN),
]);

const MESSAGE: Fields = Fields {
    speaker: Some(("role", &[("user", Speaker::User), ("assistant", Speaker::Model)])),
    numbers: &[],
    known: &[("role", PROTOCOL), ("content", Each(Part, &BLOCK))],
};

const BLOCK: Shape = Of(&Fields::of(&[
    ("text", TEXT),
    ("image", Of(&MEDIUM)),
    ("document", Of(&MEDIUM)),
    ("video", Of(&MEDIUM)),
    ("toolUse", Of(&USE)),
    ("toolResult", By(Speaker::Tool, &RESULT)),
    ("reasoningContent", Of(&REASONING)),
    ("guardContent", UNKNOWN),
    ("cachePoint", Of(&Fields::of(&[("type", PROTOCOL)]))),
    ("citationsContent", UNKNOWN),
]));

const USE: Fields = Fields::of(&[
    ("toolUseId", Leaf(CallId)),
    ("name", Leaf(CallTool)),
    // An object in a whole message, pieces of its text in a stream.
    (
        "input",
        Kinds { text: &Leaf(CallArguments), list: &Whole(CallArguments), object: &Whole(CallArguments) },
    ),
    ("type", PROTOCOL),
]);

const RESULT: Shape = Of(&Fields::of(&[
    ("toolUseId", Leaf(CallId)),
    ("status", PROTOCOL),
    ("type", PROTOCOL),
    (
        "content",
        Each(
            No,
            &Of(&Fields::of(&[
                ("text", TEXT),
                ("json", Whole(crate::shape::Meaning::Text)),
                ("image", Of(&MEDIUM)),
                ("document", Of(&MEDIUM)),
                ("video", Of(&MEDIUM)),
            ])),
        ),
    ),
]));

const REASONING: Fields = Fields::of(&[
    ("reasoningText", Of(&Fields::of(&[("text", Leaf(Reasoning)), ("signature", PROTOCOL)]))),
    ("redactedContent", Leaf(Media)),
    // As it comes in a stream.
    ("text", Leaf(Reasoning)),
    ("signature", PROTOCOL),
]);

const MEDIUM: Fields = Fields::of(&[
    ("format", PROTOCOL),
    ("name", TEXT),
    ("context", TEXT),
    (
        "source",
        Of(&Fields::of(&[
            ("bytes", Leaf(Media)),
            ("text", TEXT),
            ("s3Location", UNKNOWN),
            ("content", UNKNOWN),
        ])),
    ),
]);

const TOOL: Fields = Fields::of(&[
    (
        "toolSpec",
        Of(&Fields::of(&[
            ("name", Leaf(ToolName)),
            ("description", Leaf(ToolDescription)),
            ("inputSchema", Of(&Fields::of(&[("json", Whole(ToolSchema))]))),
        ])),
    ),
    ("cachePoint", Of(&Fields::of(&[("type", PROTOCOL)]))),
]);

const ANSWER: Fields = Fields::of(&[
    (
        "output",
        Of(&Fields::of(&[(
            "message",
            By(Speaker::Model, &Of(&Fields::of(&[("role", PROTOCOL), ("content", Each(Part, &BLOCK))]))),
        )])),
    ),
    ("stopReason", PROTOCOL),
    ("usage", FORMAT),
    ("metrics", FORMAT),
    ("trace", UNKNOWN),
    ("additionalModelResponseFields", UNKNOWN),
    ("message", UNKNOWN),
]);

/// A payload; which event it is stands in a header, and the keys of all events are different.
const EVENT: Fields = Fields::numbered(
    &[("contentBlockIndex", Part)],
    &[
        ("role", PROTOCOL),
        ("start", By(Speaker::Model, &Of(&Fields::of(&[("toolUse", Of(&USE)), ("toolResult", Of(&USE))])))),
        ("delta", By(Speaker::Model, &Piece(&DELTA))),
        ("stopReason", PROTOCOL),
        ("usage", FORMAT),
        ("metrics", FORMAT),
        ("trace", UNKNOWN),
        ("message", UNKNOWN),
        // Filling that hides how long an event is.
        ("p", PROTOCOL),
    ],
);

const DELTA: Shape = Of(&Fields::of(&[
    ("text", TEXT),
    ("toolUse", Of(&USE)),
    ("reasoningContent", Of(&REASONING)),
    ("citation", UNKNOWN),
]));
