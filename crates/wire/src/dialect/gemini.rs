//! Google's generateContent and streamGenerateContent.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallId, CallTool, Echo, Media, Metadata, Model, ToolDescription, ToolName, ToolSchema,
};
use crate::shape::Shape::{By, Each, Fields as Of, Leaf, Piece, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Ended, Tells, Term};

pub static DIALECT: Dialect = Dialect {
    name: "gemini",
    family: Family::Google,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&ANSWER),
    stream: Stream::Events,
    ends_with: None,
    tells: &TELLS,
};

const TELLS: Tells = Tells {
    counts: &[
        ("usageMetadata.promptTokenCount", Term::Input),
        ("usageMetadata.toolUsePromptTokenCount", Term::ToolInput),
        ("usageMetadata.cachedContentTokenCount", Term::Cached),
        ("usageMetadata.candidatesTokenCount", Term::SaidOutput),
        ("usageMetadata.thoughtsTokenCount", Term::Reasoning),
    ],
    // A prompt that is blocked has no candidate, and no reason to block is a good end.
    ends: &["candidates.*.finishReason", "promptFeedback.blockReason"],
    words: &[
        ("STOP", Ended::Stop),
        ("MAX_TOKENS", Ended::Length),
        ("SAFETY", Ended::Filtered),
        ("RECITATION", Ended::Filtered),
        ("BLOCKLIST", Ended::Filtered),
        ("PROHIBITED_CONTENT", Ended::Filtered),
        ("SPII", Ended::Filtered),
        ("IMAGE_SAFETY", Ended::Filtered),
    ],
    open: &[],
    calls: &["candidates.*.content.parts.*.functionCall", "candidates.*.content.parts.*.function_call"],
    refusals: &[],
};

/// The format takes both ways to write a key.
pub const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("contents", By(Speaker::User, &Each(Turn, &CONTENT))),
    ("systemInstruction", By(Speaker::System, &CONTENT)),
    ("system_instruction", By(Speaker::System, &CONTENT)),
    ("tools", Each(No, &Of(&TOOLS))),
    ("toolConfig", FORMAT),
    ("tool_config", FORMAT),
    ("safetySettings", FORMAT),
    ("safety_settings", FORMAT),
    ("generationConfig", Of(&GENERATION)),
    ("generation_config", Of(&GENERATION)),
    ("cachedContent", PROTOCOL),
    ("labels", Whole(Metadata)),
]);

pub const CONTENT: Shape = Of(&Fields {
    speaker: Some((
        "role",
        &[
            ("user", Speaker::User),
            ("model", Speaker::Model),
            ("function", Speaker::Tool),
            ("system", Speaker::System),
        ],
    )),
    numbers: &[],
    known: &[("role", PROTOCOL), ("parts", Each(Part, &PIECE))],
});

const PIECE: Shape = Of(&Fields::of(&[
    // Thoughts differ from answers by a flag beside the text; both are judged as text.
    ("text", Piece(&TEXT)),
    ("thoughtSignature", PROTOCOL),
    ("thought_signature", PROTOCOL),
    ("functionCall", Of(&CALL)),
    ("function_call", Of(&CALL)),
    ("functionResponse", By(Speaker::Tool, &RESULT)),
    ("function_response", By(Speaker::Tool, &RESULT)),
    ("inlineData", Of(&BYTES)),
    ("inline_data", Of(&BYTES)),
    ("fileData", Of(&FILE)),
    ("file_data", Of(&FILE)),
    ("executableCode", Of(&Fields::of(&[("language", PROTOCOL), ("code", Leaf(CallArguments))]))),
    ("codeExecutionResult", By(Speaker::Tool, &Of(&Fields::of(&[("outcome", PROTOCOL), ("output", TEXT)])))),
]));

const CALL: Fields =
    Fields::of(&[("id", Leaf(CallId)), ("name", Leaf(CallTool)), ("args", Whole(CallArguments))]);

const RESULT: Shape = Of(&Fields::of(&[
    ("id", Leaf(CallId)),
    ("name", Leaf(CallTool)),
    ("response", Whole(crate::shape::Meaning::Text)),
]));

const BYTES: Fields = Fields::of(&[
    ("mimeType", PROTOCOL),
    ("mime_type", PROTOCOL),
    ("displayName", TEXT),
    ("data", Leaf(Media)),
]);

const FILE: Fields = Fields::of(&[
    ("mimeType", PROTOCOL),
    ("mime_type", PROTOCOL),
    ("fileUri", Leaf(Media)),
    ("file_uri", Leaf(Media)),
]);

const TOOLS: Fields = Fields::of(&[
    ("functionDeclarations", Each(Call, &Of(&DECLARED))),
    ("function_declarations", Each(Call, &Of(&DECLARED))),
]);

const DECLARED: Fields = Fields::of(&[
    ("name", Leaf(ToolName)),
    ("description", Leaf(ToolDescription)),
    ("parameters", Whole(ToolSchema)),
    ("parametersJsonSchema", Whole(ToolSchema)),
    ("response", Whole(ToolSchema)),
]);

const GENERATION: Fields = Fields::of(&[
    ("stopSequences", Each(No, &TEXT)),
    ("responseMimeType", PROTOCOL),
    ("responseSchema", Whole(ToolSchema)),
    ("responseModalities", Each(No, &PROTOCOL)),
    ("thinkingConfig", FORMAT),
]);

const ANSWER: Fields = Fields::of(&[
    ("candidates", Each(Turn, &Of(&CANDIDATE))),
    ("promptFeedback", FORMAT),
    ("usageMetadata", FORMAT),
    ("modelVersion", Leaf(Model)),
    ("responseId", PROTOCOL),
    ("createTime", PROTOCOL),
    ("error", UNKNOWN),
]);

const CANDIDATE: Fields = Fields::numbered(
    &[("index", Turn)],
    &[
        ("content", By(Speaker::Model, &CONTENT)),
        ("finishReason", PROTOCOL),
        ("finishMessage", TEXT),
        ("safetyRatings", FORMAT),
        ("citationMetadata", UNKNOWN),
        ("groundingMetadata", UNKNOWN),
        ("logprobsResult", Whole(Echo)),
    ],
);
