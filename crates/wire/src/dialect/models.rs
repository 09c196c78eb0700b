//! Lists of models. A question has no body; the answers of all providers have no key in common that
//! means different things, so one shape reads them.

use super::{Dialect, Family, Stream};
use crate::shape::Count::{No, Turn};
use crate::shape::Meaning::{Model, ToolDescription};
use crate::shape::Shape::{Each, Fields as Of, Leaf};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, UNKNOWN};
use crate::usage::Tells;

const fn list(name: &'static str, family: Family) -> Dialect {
    Dialect {
        name,
        family,
        request: UNKNOWN,
        answer: Of(&LIST),
        event: Of(&LIST),
        stream: Stream::Events,
        ends_with: None,
        tells: &Tells::NOTHING,
    }
}

/// Anthropic lists its models at the same path, in the same manner.
pub static OPENAI: Dialect = list("openai_models", Family::OpenAi);
pub static GEMINI: Dialect = list("gemini_models", Family::Google);
pub static OLLAMA: Dialect = list("ollama_models", Family::Ollama);

const KNOWN: &[(&str, Shape)] = &[
    // One of them.
    ("id", Leaf(Model)),
    ("name", Leaf(Model)),
    ("model", Leaf(Model)),
    ("root", Leaf(Model)),
    ("parent", Leaf(Model)),
    ("baseModelId", Leaf(Model)),
    ("object", PROTOCOL),
    ("type", PROTOCOL),
    ("version", PROTOCOL),
    ("created_at", PROTOCOL),
    ("modified_at", PROTOCOL),
    ("digest", PROTOCOL),
    ("owned_by", PROTOCOL),
    ("displayName", Leaf(ToolDescription)),
    ("display_name", Leaf(ToolDescription)),
    ("description", Leaf(ToolDescription)),
    ("supportedGenerationMethods", Each(No, &PROTOCOL)),
    ("thinking", PROTOCOL),
    ("details", FORMAT),
    ("permission", FORMAT),
    ("error", UNKNOWN),
];

const LIST: Fields = Fields::of(&[
    ("data", Each(Turn, &Of(&Fields::of(KNOWN)))),
    ("models", Each(Turn, &Of(&Fields::of(KNOWN)))),
    ("object", PROTOCOL),
    ("first_id", Leaf(Model)),
    ("last_id", Leaf(Model)),
    ("nextPageToken", PROTOCOL),
    // One alone.
    ("id", Leaf(Model)),
    ("name", Leaf(Model)),
    ("baseModelId", Leaf(Model)),
    ("type", PROTOCOL),
    ("version", PROTOCOL),
    ("created_at", PROTOCOL),
    ("owned_by", PROTOCOL),
    ("displayName", Leaf(ToolDescription)),
    ("display_name", Leaf(ToolDescription)),
    ("description", Leaf(ToolDescription)),
    ("supportedGenerationMethods", Each(No, &PROTOCOL)),
    ("error", UNKNOWN),
]);
