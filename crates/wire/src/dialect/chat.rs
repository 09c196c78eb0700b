//! Chat completions, as OpenAI, Azure, Mistral, Together, Groq, vLLM, OpenRouter and many others
//! speak them.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallId, CallTool, Echo, Media, Metadata, Model, Person, Reasoning, Refusal,
    ToolDescription, ToolName, ToolSchema,
};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf, Piece, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "openai_chat",
    family: Family::OpenAi,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&ANSWER),
    stream: Stream::Events,
    ends_with: Some("[DONE]"),
    tells: &TELLS,
};

pub const TELLS: Tells = Tells {
    counts: &[
        ("usage.prompt_tokens", Term::Input),
        ("usage.completion_tokens", Term::Output),
        ("usage.prompt_tokens_details.cached_tokens", Term::Cached),
        // Groq's, in a stream.
        ("x_groq.usage.prompt_tokens", Term::Input),
        ("x_groq.usage.completion_tokens", Term::Output),
        // DeepSeek's name for the same.
        ("usage.prompt_cache_hit_tokens", Term::Cached),
        ("usage.completion_tokens_details.reasoning_tokens", Term::Reasoning),
    ],
    ends: &["choices.*.finish_reason"],
    words: &[
        ("stop", Ended::Stop),
        // Together's name for the same.
        ("eos", Ended::Stop),
        ("length", Ended::Length),
        ("model_length", Ended::Length),
        ("tool_calls", Ended::ToolCalls),
        ("function_call", Ended::ToolCalls),
        ("content_filter", Ended::Filtered),
    ],
    open: &[],
    calls: &[
        "choices.*.message.tool_calls.*",
        "choices.*.delta.tool_calls.*",
        "choices.*.message.function_call",
        "choices.*.delta.function_call",
    ],
    refusals: &["choices.*.message.refusal", "choices.*.delta.refusal"],
};

const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("messages", Each(Turn, &Of(&MESSAGE))),
    ("tools", Each(Call, &Of(&TOOL))),
    ("functions", Each(Call, &Of(&FUNCTION_OFFERED))),
    ("tool_choice", Kinds { text: &PROTOCOL, list: &UNKNOWN, object: &Of(&CHOSEN) }),
    ("function_call", Kinds { text: &PROTOCOL, list: &UNKNOWN, object: &Of(&CHOSEN_FUNCTION) }),
    ("stop", Kinds { text: &TEXT, list: &Each(Part, &TEXT), object: &UNKNOWN }),
    ("prediction", Of(&PREDICTION)),
    ("response_format", Of(&RESPONSE_FORMAT)),
    ("user", Leaf(Person)),
    ("safety_identifier", Leaf(Person)),
    ("prompt_cache_key", Leaf(Metadata)),
    ("metadata", Whole(Metadata)),
    ("stream_options", FORMAT),
    ("logit_bias", FORMAT),
    ("reasoning_effort", PROTOCOL),
    ("verbosity", PROTOCOL),
    ("service_tier", PROTOCOL),
    ("modalities", Each(No, &PROTOCOL)),
]);

const ROLES: &[(&str, Speaker)] = &[
    ("system", Speaker::System),
    ("developer", Speaker::System),
    ("user", Speaker::User),
    ("assistant", Speaker::Model),
    ("tool", Speaker::Tool),
    ("function", Speaker::Tool),
];

/// A message, whole or as the change of one.
const MESSAGE: Fields = Fields {
    speaker: Some(("role", ROLES)),
    numbers: &[],
    known: &[
        ("role", PROTOCOL),
        ("content", Kinds { text: &TEXT, list: &Each(Part, &Of(&PIECE)), object: &UNKNOWN }),
        ("refusal", Leaf(Refusal)),
        ("reasoning", Leaf(Reasoning)),
        ("reasoning_content", Leaf(Reasoning)),
        ("reasoning_details", Each(Part, &Of(&REASONING))),
        ("name", Leaf(Person)),
        ("tool_calls", Each(Call, &Of(&CALL))),
        ("function_call", Of(&FUNCTION)),
        ("tool_call_id", Leaf(CallId)),
        ("audio", Of(&AUDIO)),
        ("annotations", UNKNOWN),
    ],
};

const PIECE: Fields = Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("refusal", Leaf(Refusal)),
    ("thinking", Kinds { text: &Leaf(Reasoning), list: &Each(No, &Of(&REASONING)), object: &UNKNOWN }),
    ("image_url", Kinds { text: &Leaf(Media), list: &UNKNOWN, object: &Of(&MEDIUM) }),
    ("input_audio", Of(&MEDIUM)),
    ("file", Of(&MEDIUM)),
]);

const REASONING: Fields = Fields::numbered(
    &[("index", Part)],
    &[
        ("type", PROTOCOL),
        ("format", PROTOCOL),
        ("text", Leaf(Reasoning)),
        ("summary", Leaf(Reasoning)),
        ("data", Leaf(Media)),
    ],
);

const MEDIUM: Fields = Fields::of(&[
    ("url", Leaf(Media)),
    ("data", Leaf(Media)),
    ("file_data", Leaf(Media)),
    ("file_id", PROTOCOL),
    ("detail", PROTOCOL),
    ("format", PROTOCOL),
]);

const AUDIO: Fields =
    Fields::of(&[("id", PROTOCOL), ("data", Leaf(Media)), ("transcript", TEXT), ("voice", PROTOCOL)]);

/// In a stream each piece says by `index` which call it continues.
const CALL: Fields = Fields::numbered(
    &[("index", Call)],
    &[
        ("id", Leaf(CallId)),
        ("type", PROTOCOL),
        ("function", Of(&FUNCTION)),
        ("custom", Of(&Fields::of(&[("name", Leaf(CallTool)), ("input", Leaf(CallArguments))]))),
    ],
);

/// What is called, in every dialect that took this over.
pub const FUNCTION: Fields = Fields::of(&[("name", Leaf(CallTool)), ("arguments", Leaf(CallArguments))]);

const TOOL: Fields = Fields::of(&[
    ("type", PROTOCOL),
    ("function", Of(&FUNCTION_OFFERED)),
    (
        "custom",
        Of(&Fields::of(&[
            ("name", Leaf(ToolName)),
            ("description", Leaf(ToolDescription)),
            ("format", Whole(ToolSchema)),
        ])),
    ),
]);

/// What is offered to be called, likewise.
pub const FUNCTION_OFFERED: Fields = Fields::of(&[
    ("name", Leaf(ToolName)),
    ("description", Leaf(ToolDescription)),
    ("parameters", Whole(ToolSchema)),
]);

const CHOSEN: Fields = Fields::of(&[("type", PROTOCOL), ("function", Of(&CHOSEN_FUNCTION))]);

const CHOSEN_FUNCTION: Fields = Fields::of(&[("name", Leaf(ToolName))]);

const PREDICTION: Fields = Fields::of(&[
    ("type", PROTOCOL),
    ("content", Kinds { text: &TEXT, list: &Each(Part, &Of(&PIECE)), object: &UNKNOWN }),
]);

const RESPONSE_FORMAT: Fields = Fields::of(&[
    ("type", PROTOCOL),
    (
        "json_schema",
        Of(&Fields::of(&[
            ("name", PROTOCOL),
            ("description", Leaf(ToolDescription)),
            ("schema", Whole(ToolSchema)),
        ])),
    ),
]);

/// An answer, and a piece of one in a stream.
const ANSWER: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("object", PROTOCOL),
    ("model", Leaf(Model)),
    ("system_fingerprint", PROTOCOL),
    ("service_tier", PROTOCOL),
    ("provider", PROTOCOL),
    ("choices", Each(Turn, &Of(&CHOICE))),
    ("usage", FORMAT),
    ("x_groq", FORMAT),
    // vLLM's: the tokens of the prompt.
    ("prompt_logprobs", Whole(Echo)),
    ("error", UNKNOWN),
]);

const CHOICE: Fields = Fields::numbered(
    &[("index", Turn)],
    &[
        ("message", By(Speaker::Model, &MESSAGE_OF_MODEL)),
        ("delta", By(Speaker::Model, &Piece(&MESSAGE_OF_MODEL))),
        ("finish_reason", PROTOCOL),
        ("native_finish_reason", PROTOCOL),
        ("logprobs", Whole(Echo)),
    ],
);

const MESSAGE_OF_MODEL: Shape = Of(&MESSAGE);
