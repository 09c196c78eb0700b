//! Texts that become vectors: OpenAI's way, which most others took over, Google's, Cohere's and
//! Ollama's. Nothing streams.

use super::{Dialect, Family, Stream, completions, gemini};
use crate::shape::Count::{Part, Turn};
use crate::shape::Meaning::{Media, Model, Person};
use crate::shape::Shape::{By, Each, Fields as Of, Kinds, Leaf};
use crate::shape::{FORMAT, Fields, PROTOCOL, Shape, Speaker, TEXT, UNKNOWN};
use crate::usage::{Tells, Term};

pub static OPENAI: Dialect = Dialect {
    name: "openai_embeddings",
    family: Family::OpenAi,
    request: Of(&Fields::of(&[
        ("model", Leaf(Model)),
        ("input", By(Speaker::User, &completions::WORDS)),
        ("encoding_format", PROTOCOL),
        // Mistral's, and those of servers that host open models.
        ("output_dtype", PROTOCOL),
        ("input_type", PROTOCOL),
        ("user", Leaf(Person)),
    ])),
    answer: Of(&VECTORS),
    event: Of(&VECTORS),
    stream: Stream::Events,
    ends_with: None,
    tells: &Tells { counts: &[("usage.prompt_tokens", Term::Input)], ..Tells::NOTHING },
};

const VECTORS: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("object", PROTOCOL),
    ("model", Leaf(Model)),
    (
        "data",
        Each(
            Turn,
            &Of(&Fields::numbered(&[("index", Turn)], &[("object", PROTOCOL), ("embedding", VECTOR)])),
        ),
    ),
    ("usage", FORMAT),
    ("error", UNKNOWN),
]);

/// Numbers, or their bytes as text.
const VECTOR: Shape = Kinds { text: &Leaf(Media), list: &FORMAT, object: &UNKNOWN };

pub static GEMINI: Dialect = Dialect {
    name: "gemini_embeddings",
    family: Family::Google,
    request: Of(&Fields::of(&[
        ("model", Leaf(Model)),
        ("content", By(Speaker::User, &gemini::CONTENT)),
        ("requests", Each(Turn, &Of(&ONE_OF_GEMINI))),
        ("taskType", PROTOCOL),
        ("title", TEXT),
        ("embedContentConfig", FORMAT),
    ])),
    answer: Of(&GEMINI_VECTORS),
    event: Of(&GEMINI_VECTORS),
    stream: Stream::Events,
    ends_with: None,
    tells: &Tells { counts: &[("usageMetadata.promptTokenCount", Term::Input)], ..Tells::NOTHING },
};

const ONE_OF_GEMINI: Fields = Fields::of(&[
    ("model", Leaf(Model)),
    ("content", By(Speaker::User, &gemini::CONTENT)),
    ("taskType", PROTOCOL),
    ("title", TEXT),
]);

const GEMINI_VECTORS: Fields = Fields::of(&[
    ("embedding", Of(&GEMINI_VECTOR)),
    ("embeddings", Each(Turn, &Of(&GEMINI_VECTOR))),
    ("usageMetadata", FORMAT),
    ("error", UNKNOWN),
]);

const GEMINI_VECTOR: Fields = Fields::of(&[("values", FORMAT)]);

pub static COHERE: Dialect = Dialect {
    name: "cohere_embeddings",
    family: Family::Cohere,
    request: Of(&Fields::of(&[
        ("model", Leaf(Model)),
        ("texts", By(Speaker::User, &Each(Turn, &TEXT))),
        ("images", By(Speaker::User, &Each(Turn, &Leaf(Media)))),
        ("inputs", By(Speaker::User, &Each(Turn, &Of(&COHERE_INPUT)))),
        ("input_type", PROTOCOL),
        ("embedding_types", Each(Part, &PROTOCOL)),
        ("truncate", PROTOCOL),
    ])),
    answer: Of(&COHERE_VECTORS),
    event: Of(&COHERE_VECTORS),
    stream: Stream::Events,
    ends_with: None,
    tells: &Tells { counts: &[("meta.billed_units.input_tokens", Term::Input)], ..Tells::NOTHING },
};

const COHERE_INPUT: Fields = Fields::of(&[(
    "content",
    Each(
        Part,
        &Of(&Fields::of(&[
            ("type", PROTOCOL),
            ("text", TEXT),
            ("image_url", Of(&Fields::of(&[("url", Leaf(Media)), ("detail", PROTOCOL)]))),
        ])),
    ),
)]);

const COHERE_VECTORS: Fields = Fields::of(&[
    ("id", PROTOCOL),
    ("response_type", PROTOCOL),
    // The texts come back beside their vectors.
    ("texts", By(Speaker::User, &Each(Turn, &TEXT))),
    ("images", FORMAT),
    (
        "embeddings",
        Of(&Fields::of(&[
            ("float", FORMAT),
            ("int8", FORMAT),
            ("uint8", FORMAT),
            ("binary", FORMAT),
            ("ubinary", FORMAT),
            ("base64", Each(Turn, &Leaf(Media))),
        ])),
    ),
    ("meta", FORMAT),
    ("message", UNKNOWN),
]);

pub static OLLAMA: Dialect = Dialect {
    name: "ollama_embeddings",
    family: Family::Ollama,
    request: Of(&Fields::of(&[
        ("model", Leaf(Model)),
        ("input", By(Speaker::User, &completions::WORDS)),
        // The older path's.
        ("prompt", By(Speaker::User, &TEXT)),
        ("options", FORMAT),
        ("keep_alive", PROTOCOL),
    ])),
    answer: Of(&OLLAMA_VECTORS),
    event: Of(&OLLAMA_VECTORS),
    stream: Stream::Lines,
    ends_with: None,
    tells: &Tells { counts: &[("prompt_eval_count", Term::Input)], ..Tells::NOTHING },
};

const OLLAMA_VECTORS: Fields =
    Fields::of(&[("model", Leaf(Model)), ("embeddings", FORMAT), ("embedding", FORMAT), ("error", UNKNOWN)]);
