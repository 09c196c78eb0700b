//! OpenAI's completions of one text, as older clients and self-hosted models still speak them.

use super::{Dialect, Family, Stream, chat};
use crate::shape::Count::{Part, Turn};
use crate::shape::Meaning::{Echo, Media, Metadata, Model, Person};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf, Numbers, Piece, Whole};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::Tells;

pub static DIALECT: Dialect = Dialect {
    name: "openai_completions",
    family: Family::OpenAi,
    request: Of(&REQUEST),
    answer: Of(&ANSWER),
    event: Of(&ANSWER),
    stream: Stream::Events,
    ends_with: Some("[DONE]"),
    tells: &Tells { calls: &[], refusals: &[], ..chat::TELLS },
};

const REQUEST: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("prompt", By(Speaker::User, &WORDS)),
    ("suffix", By(Speaker::User, &TEXT)),
    ("stop", Kinds { text: &TEXT, list: &Each(Part, &TEXT), object: &UNKNOWN }),
    ("user", Leaf(Person)),
    ("metadata", Whole(Metadata)),
    ("stream_options", FORMAT),
    ("logit_bias", FORMAT),
]);

/// A text, several, or either as tokens.
pub const WORDS: Shape = Numbers(
    Media,
    &Kinds {
        text: &TEXT,
        list: &Each(Turn, &Numbers(Media, &Kinds { text: &TEXT, list: &UNKNOWN, object: &UNKNOWN })),
        object: &UNKNOWN,
    },
);

const ANSWER: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("object", PROTOCOL),
    ("model", Leaf(Model)),
    ("system_fingerprint", PROTOCOL),
    ("provider", PROTOCOL),
    ("choices", Each(Turn, &Of(&CHOICE))),
    ("usage", FORMAT),
    ("error", UNKNOWN),
]);

/// An answer has no pieces: there is one event of each choice in it.
const CHOICE: Fields = Fields::numbered(
    &[("index", Turn)],
    &[
        ("text", By(Speaker::Model, &Piece(&TEXT))),
        ("finish_reason", PROTOCOL),
        ("logprobs", Whole(Echo)),
        ("prompt_logprobs", Whole(Echo)),
    ],
);
