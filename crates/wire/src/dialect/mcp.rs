//! The Model Context Protocol: JSON-RPC between an agent and its tools, both ways.
//!
//! A result does not say what it answers, and no two results have a key in common that means
//! different things, so one shape reads all of them.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{Call, No, Part, Turn};
use crate::shape::Meaning::{
    CallArguments, CallTool, Media, Metadata, Model, Text, ToolDescription, ToolName, ToolSchema,
};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf, Switch, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::Tells;

pub static DIALECT: Dialect = Dialect {
    name: "mcp",
    family: Family::Mcp,
    request: MESSAGE,
    answer: MESSAGE,
    event: MESSAGE,
    stream: Stream::Events,
    ends_with: None,
    tells: &Tells::NOTHING,
};

/// A request, a notification, a result or an error; several of them in one list, as older clients send.
const MESSAGE: Shape = Kinds { text: &UNKNOWN, list: &Each(No, &ONE), object: &ONE };

macro_rules! message {
    ($params:expr) => {
        Of(&Fields::of(&[
            ("jsonrpc", PROTOCOL),
            ("id", PROTOCOL),
            ("method", PROTOCOL),
            ("params", $params),
            ("result", By(Speaker::Tool, &RESULT)),
            ("error", By(Speaker::Tool, &ERROR)),
        ]))
    };
}

const ONE: Shape = Switch {
    key: "method",
    cases: &[
        ("initialize", message!(Of(&INITIALIZE))),
        ("tools/call", message!(By(Speaker::Model, &CALL))),
        ("prompts/get", message!(By(Speaker::Model, &CALL))),
        ("resources/read", message!(By(Speaker::Model, &RESOURCE_CALL))),
        ("resources/subscribe", message!(By(Speaker::Model, &RESOURCE_CALL))),
        ("resources/unsubscribe", message!(By(Speaker::Model, &RESOURCE_CALL))),
        ("completion/complete", message!(By(Speaker::Model, &UNKNOWN))),
        ("sampling/createMessage", message!(Of(&SAMPLING))),
        ("elicitation/create", message!(By(Speaker::Tool, &Of(&ELICITATION)))),
        ("notifications/message", message!(By(Speaker::Tool, &Of(&LOG)))),
        ("notifications/progress", message!(By(Speaker::Tool, &Of(&PROGRESS)))),
    ],
    other: &message!(Of(&Fields::of(&[
        ("cursor", PROTOCOL),
        ("level", PROTOCOL),
        ("requestId", PROTOCOL),
        ("reason", TEXT),
        ("uri", Leaf(Media)),
        ("_meta", Whole(Metadata)),
    ]))),
};

const INITIALIZE: Fields = Fields::of(&[
    ("protocolVersion", PROTOCOL),
    ("capabilities", FORMAT),
    ("clientInfo", Of(&IMPLEMENTATION)),
    ("_meta", Whole(Metadata)),
]);

const IMPLEMENTATION: Fields = Fields::of(&[
    ("name", PROTOCOL),
    ("title", PROTOCOL),
    ("version", PROTOCOL),
    ("websiteUrl", PROTOCOL),
    ("description", Leaf(ToolDescription)),
]);

const CALL: Shape = Of(&Fields::of(&[
    ("name", Leaf(CallTool)),
    ("arguments", Whole(CallArguments)),
    ("task", FORMAT),
    ("_meta", Whole(Metadata)),
]));

const RESOURCE_CALL: Shape = Of(&Fields::of(&[("uri", Leaf(CallArguments)), ("_meta", Whole(Metadata))]));

/// A server asks the agent's model.
const SAMPLING: Fields = Fields::of(&[
    ("messages", By(Speaker::Tool, &Each(Turn, &SAID))),
    ("systemPrompt", By(Speaker::Tool, &TEXT)),
    ("includeContext", PROTOCOL),
    ("modelPreferences", Whole(Metadata)),
    ("stopSequences", Each(No, &TEXT)),
    ("metadata", Whole(Metadata)),
    ("tools", Each(Call, &Of(&TOOL))),
    ("toolChoice", FORMAT),
    ("_meta", Whole(Metadata)),
]);

const SAID: Shape = Of(&Fields::of(&[
    ("role", PROTOCOL),
    ("content", Kinds { text: &TEXT, list: &Each(Part, &CONTENT), object: &CONTENT }),
]));

/// A server asks the person.
const ELICITATION: Fields = Fields::of(&[
    ("mode", PROTOCOL),
    ("message", TEXT),
    ("requestedSchema", Whole(ToolSchema)),
    ("url", Leaf(Media)),
    ("elicitationId", PROTOCOL),
    ("_meta", Whole(Metadata)),
]);

const LOG: Fields = Fields::of(&[
    ("level", PROTOCOL),
    ("logger", PROTOCOL),
    ("data", Whole(Text)),
    ("_meta", Whole(Metadata)),
]);

const PROGRESS: Fields = Fields::of(&[
    ("progressToken", PROTOCOL),
    ("progress", PROTOCOL),
    ("total", PROTOCOL),
    ("message", TEXT),
    ("_meta", Whole(Metadata)),
]);

const RESULT: Shape = Of(&Fields::of(&[
    // of initialize
    ("protocolVersion", PROTOCOL),
    ("capabilities", FORMAT),
    ("serverInfo", Of(&IMPLEMENTATION)),
    ("instructions", Leaf(ToolDescription)),
    // of tools/list, prompts/list, resources/list
    ("tools", Each(Call, &Of(&TOOL))),
    ("prompts", Each(Call, &Of(&PROMPT))),
    ("resources", Each(Call, &Of(&RESOURCE))),
    ("resourceTemplates", Each(Call, &Of(&RESOURCE))),
    ("nextCursor", PROTOCOL),
    // of tools/call
    ("content", Kinds { text: &TEXT, list: &Each(Part, &CONTENT), object: &CONTENT }),
    ("structuredContent", Whole(Text)),
    ("isError", PROTOCOL),
    // of resources/read, prompts/get
    ("contents", Each(Part, &EMBEDDED)),
    ("description", Leaf(ToolDescription)),
    ("messages", Each(Turn, &SAID)),
    // of sampling and elicitation
    ("role", PROTOCOL),
    ("model", Leaf(Model)),
    ("stopReason", PROTOCOL),
    ("action", PROTOCOL),
    ("_meta", Whole(Metadata)),
]));

const TOOL: Fields = Fields::of(&[
    ("name", Leaf(ToolName)),
    ("title", Leaf(ToolDescription)),
    ("description", Leaf(ToolDescription)),
    ("inputSchema", Whole(ToolSchema)),
    ("outputSchema", Whole(ToolSchema)),
    ("annotations", Whole(ToolDescription)),
    ("icons", UNKNOWN),
    ("execution", FORMAT),
    ("_meta", Whole(Metadata)),
]);

const PROMPT: Fields = Fields::of(&[
    ("name", Leaf(ToolName)),
    ("title", Leaf(ToolDescription)),
    ("description", Leaf(ToolDescription)),
    ("arguments", Whole(ToolSchema)),
    ("_meta", Whole(Metadata)),
]);

const RESOURCE: Fields = Fields::of(&[
    ("uri", Leaf(Media)),
    ("uriTemplate", Leaf(Media)),
    ("name", Leaf(ToolName)),
    ("title", Leaf(ToolDescription)),
    ("description", Leaf(ToolDescription)),
    ("mimeType", PROTOCOL),
    ("size", PROTOCOL),
    ("annotations", FORMAT),
    ("_meta", Whole(Metadata)),
]);

const CONTENT: Shape = Of(&Fields::of(&[
    ("type", PROTOCOL),
    ("text", TEXT),
    ("data", Leaf(Media)),
    ("mimeType", PROTOCOL),
    ("resource", EMBEDDED),
    // A link to a resource.
    ("uri", Leaf(Media)),
    ("name", TEXT),
    ("title", TEXT),
    ("description", TEXT),
    ("annotations", FORMAT),
    ("_meta", Whole(Metadata)),
]));

const EMBEDDED: Shape = Of(&Fields::of(&[
    ("uri", Leaf(Media)),
    ("mimeType", PROTOCOL),
    ("text", TEXT),
    ("blob", Leaf(Media)),
    ("_meta", Whole(Metadata)),
]));

const ERROR: Shape = Of(&Fields::of(&[("code", PROTOCOL), ("message", TEXT), ("data", Whole(Text))]));
