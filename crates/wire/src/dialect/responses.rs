//! OpenAI's Responses.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallId, CallTool, Echo, Media, Metadata, Model, Person, Reasoning, Refusal, Text,
    ToolDescription, ToolName, ToolSchema,
};
use crate::shape::Shape::{Also, By, Each, Fields as Of, Kinds, Leaf, Piece, Switch, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "openai_responses",
    family: Family::OpenAi,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: EVENT,
    stream: Stream::Events,
    ends_with: Some("[DONE]"),
    tells: &TELLS,
};

/// An answer's own keys, and those of the answer that some events carry.
const TELLS: Tells = Tells {
    counts: &[
        ("usage.input_tokens", Term::Input),
        ("usage.output_tokens", Term::Output),
        ("usage.input_tokens_details.cached_tokens", Term::Cached),
        ("usage.output_tokens_details.reasoning_tokens", Term::Reasoning),
        ("response.usage.input_tokens", Term::Input),
        ("response.usage.output_tokens", Term::Output),
        ("response.usage.input_tokens_details.cached_tokens", Term::Cached),
        ("response.usage.output_tokens_details.reasoning_tokens", Term::Reasoning),
    ],
    ends: &["incomplete_details.reason", "response.incomplete_details.reason", "status", "response.status"],
    words: &[
        ("completed", Ended::Stop),
        ("max_output_tokens", Ended::Length),
        ("content_filter", Ended::Filtered),
    ],
    // The details beside it say why.
    open: &["queued", "in_progress", "incomplete"],
    calls: &["output.*.call_id", "response.output.*.call_id"],
    refusals: &["output.*.content.*.refusal", "response.output.*.content.*.refusal"],
};

const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("instructions", By(Speaker::System, &TEXT)),
    ("input", Kinds { text: &By(Speaker::User, &TEXT), list: &Each(Turn, &ITEM), object: &UNKNOWN }),
    ("tools", Each(Call, &TOOL)),
    ("tool_choice", Kinds { text: &PROTOCOL, list: &UNKNOWN, object: &TOOL }),
    ("text", UNKNOWN),
    ("reasoning", UNKNOWN),
    ("include", Each(No, &PROTOCOL)),
    ("previous_response_id", PROTOCOL),
    ("truncation", PROTOCOL),
    ("service_tier", PROTOCOL),
    ("user", Leaf(Person)),
    ("safety_identifier", Leaf(Person)),
    ("prompt_cache_key", Leaf(Metadata)),
    ("metadata", Whole(Metadata)),
]);

const ROLES: &[(&str, Speaker)] = &[
    ("system", Speaker::System),
    ("developer", Speaker::System),
    ("user", Speaker::User),
    ("assistant", Speaker::Model),
];

/// What stands in `input` and in `output`.
const ITEM: Shape = Switch {
    key: "type",
    cases: &[
        ("function_call", By(Speaker::Model, &CALL)),
        ("custom_tool_call", By(Speaker::Model, &CALL)),
        ("mcp_call", By(Speaker::Model, &CALL)),
        ("function_call_output", By(Speaker::Tool, &RESULT)),
        ("custom_tool_call_output", By(Speaker::Tool, &RESULT)),
        ("reasoning", By(Speaker::Model, &REASONING)),
        ("message", Also(&MESSAGE)),
    ],
    other: &MESSAGE,
};

const MESSAGE: Shape = Of(&Fields {
    speaker: Some(("role", ROLES)),
    numbers: &[],
    known: &[
        ("id", PROTOCOL),
        ("type", PROTOCOL),
        ("role", PROTOCOL),
        ("status", PROTOCOL),
        ("content", Kinds { text: &TEXT, list: &Each(Part, &PIECE), object: &UNKNOWN }),
    ],
});

const PIECE: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("refusal", Leaf(Refusal)),
    ("image_url", Leaf(Media)),
    ("file_url", Leaf(Media)),
    ("file_data", Leaf(Media)),
    ("filename", TEXT),
    ("file_id", PROTOCOL),
    ("detail", PROTOCOL),
    ("annotations", UNKNOWN),
    ("logprobs", Whole(Echo)),
]));

const CALL: Shape = Of(&Fields::of(&[
    ("id", PROTOCOL),
    ("type", PROTOCOL),
    ("status", PROTOCOL),
    ("call_id", Leaf(CallId)),
    ("name", Leaf(CallTool)),
    ("arguments", Leaf(CallArguments)),
    ("input", Leaf(CallArguments)),
    ("server_label", PROTOCOL),
    ("output", By(Speaker::Tool, &TEXT)),
]));

const RESULT: Shape = Of(&Fields::of(&[
    ("id", PROTOCOL),
    ("type", PROTOCOL),
    ("status", PROTOCOL),
    ("call_id", Leaf(CallId)),
    ("output", Kinds { text: &TEXT, list: &Each(Part, &PIECE), object: &UNKNOWN }),
]));

const REASONING: Shape = Of(&Fields::of(&[
    ("id", PROTOCOL),
    ("type", PROTOCOL),
    ("status", PROTOCOL),
    ("summary", Each(Part, &THOUGHT)),
    ("content", Each(Part, &THOUGHT)),
    ("encrypted_content", Leaf(Media)),
]));

const THOUGHT: Shape = Of(&Fields::of(&[("type", PROTOCOL), ("text", Leaf(Reasoning))]));

const TOOL: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("name", Leaf(ToolName)),
    ("description", Leaf(ToolDescription)),
    ("parameters", Whole(ToolSchema)),
    ("format", Whole(ToolSchema)),
    ("server_label", Leaf(ToolName)),
    ("server_description", Leaf(ToolDescription)),
    ("server_url", UNKNOWN),
]));

const ANSWER: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("object", PROTOCOL),
    ("status", PROTOCOL),
    ("model", Leaf(Model)),
    ("output", Each(Turn, &ITEM)),
    ("instructions", By(Speaker::System, &TEXT)),
    ("previous_response_id", PROTOCOL),
    ("tools", Each(Call, &TOOL)),
    ("tool_choice", Kinds { text: &PROTOCOL, list: &UNKNOWN, object: &TOOL }),
    ("truncation", PROTOCOL),
    ("service_tier", PROTOCOL),
    ("user", Leaf(Person)),
    ("metadata", Whole(Metadata)),
    ("usage", FORMAT),
    ("incomplete_details", FORMAT),
    ("reasoning", FORMAT),
    ("text", FORMAT),
    ("background", PROTOCOL),
    ("completed_at", PROTOCOL),
    ("max_tool_calls", PROTOCOL),
    ("error", UNKNOWN),
]);

/// Where a piece of the answer belongs.
const NUMBERS: &[(&str, crate::shape::Count)] =
    &[("output_index", Turn), ("content_index", Part), ("summary_index", Part)];

macro_rules! delta {
    ($meaning:expr) => {
        By(
            Speaker::Model,
            &Of(&Fields::numbered(
                NUMBERS,
                &[
                    ("type", PROTOCOL),
                    ("item_id", PROTOCOL),
                    ("delta", Piece(&Leaf($meaning))),
                    // The whole text again, once it is complete.
                    ("text", Leaf($meaning)),
                    ("refusal", Leaf($meaning)),
                    ("arguments", Leaf($meaning)),
                    ("input", Leaf($meaning)),
                    ("name", Leaf(CallTool)),
                    ("obfuscation", PROTOCOL),
                    ("logprobs", Whole(Echo)),
                ],
            )),
        )
    };
}

const EVENT: Shape = Switch {
    key: "type",
    cases: &[
        ("response.output_text.delta", delta!(Text)),
        ("response.output_text.done", delta!(Text)),
        ("response.refusal.delta", delta!(Refusal)),
        ("response.refusal.done", delta!(Refusal)),
        ("response.reasoning_text.delta", delta!(Reasoning)),
        ("response.reasoning_text.done", delta!(Reasoning)),
        ("response.reasoning_summary_text.delta", delta!(Reasoning)),
        ("response.reasoning_summary_text.done", delta!(Reasoning)),
        ("response.function_call_arguments.delta", delta!(CallArguments)),
        ("response.function_call_arguments.done", delta!(CallArguments)),
        ("response.custom_tool_call_input.delta", delta!(CallArguments)),
        ("response.custom_tool_call_input.done", delta!(CallArguments)),
        ("response.mcp_call_arguments.delta", delta!(CallArguments)),
        ("response.mcp_call_arguments.done", delta!(CallArguments)),
    ],
    other: &Of(&Fields::numbered(
        NUMBERS,
        &[
            ("type", PROTOCOL),
            ("item_id", PROTOCOL),
            ("item", Also(&ITEM)),
            ("part", By(Speaker::Model, &PIECE)),
            ("response", Of(&ANSWER)),
            ("code", PROTOCOL),
        ],
    )),
};
