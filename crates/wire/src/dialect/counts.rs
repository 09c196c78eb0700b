//! How many tokens a request would be: the request itself, sent to be counted.

use super::{Dialect, Family, Stream, anthropic, bedrock, gemini};
use crate::shape::Count::Turn;
use crate::shape::Meaning::Media;
use crate::shape::Shape::{By, Each, Fields as Of, Leaf};
use crate::shape::{FORMAT, Fields, Shape, Speaker, UNKNOWN};
use crate::usage::Tells;

const fn count(name: &'static str, family: Family, request: Shape) -> Dialect {
    Dialect {
        name,
        family,
        request,
        answer: Of(&COUNTED),
        event: Of(&COUNTED),
        stream: Stream::Events,
        ends_with: None,
        tells: &Tells::NOTHING,
    }
}

pub static ANTHROPIC: Dialect = count("anthropic_count_tokens", Family::Anthropic, Of(&anthropic::REQUEST));

pub static GEMINI: Dialect = count(
    "gemini_count_tokens",
    Family::Google,
    Of(&Fields::of(&[
        ("contents", By(Speaker::User, &Each(Turn, &gemini::CONTENT))),
        ("generateContentRequest", Of(&gemini::REQUEST)),
    ])),
);

pub static BEDROCK: Dialect = count(
    "bedrock_count_tokens",
    Family::Amazon,
    Of(&Fields::of(&[(
        "input",
        Of(&Fields::of(&[
            ("converse", Of(&bedrock::REQUEST)),
            ("invokeModel", Of(&Fields::of(&[("body", Leaf(Media))]))),
        ])),
    )])),
);

/// Numbers alone, by whatever name.
const COUNTED: Fields = Fields::of(&[
    ("context_management", FORMAT),
    ("promptTokensDetails", FORMAT),
    ("cacheTokensDetails", FORMAT),
    ("message", UNKNOWN),
    ("error", UNKNOWN),
]);
