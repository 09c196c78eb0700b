//! One dialect in the words of another: a request on its way out, its answer on the way back, at once
//! or piece by piece.
//!
//! ```text
//! request  ─► read ─► neutral ─► write ─► request of the provider
//! answer   ◄─ write ◄─ neutral ◄─ read ◄─ answer of the provider
//! ```
//!
//! What the other dialect has no words for is a refusal that names the field; nothing is left out in
//! silence. What changes no answer goes: hints about caches, notes for whom a request is where the
//! provider does not take any, thoughts that another provider's model had before (none takes them),
//! and facts about an answer that are no part of it, like fingerprints.

mod anthropic;
mod bedrock;
mod chat;
mod cohere;
mod gemini;
mod json;
pub mod neutral;
mod ollama;
mod responses;
mod stream;

pub use stream::{Joined, Stream};

use self::neutral::{Answer, Piece, Request};
use self::stream::Writer;
use crate::dialect::Dialect;
use crate::doc::{Doc, Value};
use crate::usage::Tally;

/// Why something cannot be said in another dialect. Only names of the formats' own fields are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    #[error("requests of this dialect are not translated to that of the provider")]
    Pair,
    #[error(
        "`{0}` cannot be said in the dialect of the provider; leave it out, or name a provider that knows it"
    )]
    Field(&'static str),
    #[error("a field of {0} is not known here, so that it cannot be translated; leave it out")]
    Unknown(&'static str),
    #[error("`{0}` is not as its dialect has it")]
    Malformed(&'static str),
    #[error("the provider's answer ended before it was whole")]
    CutOff,
    #[error("an event would be larger than a frame may be")]
    TooLarge,
}

impl Untranslatable {
    /// The stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Untranslatable::Pair => "translation_pair",
            Untranslatable::Field(_) => "translation_field",
            Untranslatable::Unknown(_) => "translation_unknown_field",
            Untranslatable::Malformed(_) => "translation_malformed",
            Untranslatable::CutOff => "translation_cut_off",
            Untranslatable::TooLarge => "translation_too_large",
        }
    }
}

type Told<T> = Result<T, Untranslatable>;

/// What is translated of one dialect: as that of a provider, and as that of a caller.
struct Speaks {
    name: &'static str,
    write_request: fn(&Request) -> Told<String>,
    read_answer: fn(Value<'_>) -> Told<Answer>,
    /// What an event of a stream adds to the answer, behind so many calls.
    read_event: fn(Value<'_>, u64, &mut Vec<Piece>) -> Told<()>,
    client: Option<Client>,
}

struct Client {
    read_request: fn(Value<'_>) -> Told<Request>,
    write_answer: fn(&Answer) -> Told<String>,
    writer: fn() -> Box<dyn Writer + Send + Sync>,
}

const SPEAKS: &[Speaks] = &[
    chat::SPEAKS,
    anthropic::SPEAKS,
    gemini::SPEAKS,
    bedrock::SPEAKS,
    cohere::SPEAKS,
    ollama::SPEAKS,
    responses::SPEAKS,
];

fn speaks(dialect: &Dialect) -> Told<&'static Speaks> {
    SPEAKS.iter().find(|speaks| speaks.name == dialect.name).ok_or(Untranslatable::Pair)
}

fn client(dialect: &Dialect) -> Told<&'static Client> {
    speaks(dialect)?.client.as_ref().ok_or(Untranslatable::Pair)
}

/// Whether callers who speak one dialect can be served by a provider who speaks another.
pub fn is_translated(caller: &Dialect, provider: &Dialect) -> bool {
    client(caller).is_ok() && speaks(provider).is_ok()
}

/// A caller's request in its neutral form. Where a path names the model, the body does not.
pub fn read_request(caller: &Dialect, request: &Doc<'_>) -> Told<Request> {
    (client(caller)?.read_request)(request.root())
}

/// A request in a provider's words. Where a path names the model, the body does not.
pub fn write_request(provider: &Dialect, request: &Request) -> Told<String> {
    (speaks(provider)?.write_request)(request)
}

/// A provider's answer in its neutral form.
pub fn read_answer(provider: &Dialect, answer: &Doc<'_>) -> Told<Answer> {
    let mut read = (speaks(provider)?.read_answer)(answer.root())?;
    read.tally = Tally::of(provider, answer.root());
    Ok(read)
}

/// What an event of a provider's stream adds to its answer. `calls` says how many calls there were in
/// the events before.
pub fn read_event(provider: &Dialect, event: &Doc<'_>, calls: u64) -> Told<Vec<Piece>> {
    let mut pieces = Vec::new();
    (speaks(provider)?.read_event)(event.root(), calls, &mut pieces)?;
    Ok(pieces)
}

/// An answer in a caller's words.
pub fn write_answer(caller: &Dialect, answer: &Answer) -> Told<String> {
    (client(caller)?.write_answer)(answer)
}

/// A request that came in one dialect, for a provider that speaks another. `model` is the name that
/// the provider knows it by; `stream` says whether its answer is to come piece by piece.
pub fn request(
    caller: &Dialect,
    provider: &Dialect,
    request: &Doc<'_>,
    model: &str,
    stream: bool,
) -> Told<String> {
    let mut neutral = read_request(caller, request)?;
    model.clone_into(&mut neutral.model);
    neutral.stream = stream;
    write_request(provider, &neutral)
}

/// A provider's answer, for a caller that speaks another dialect. Providers that name the model in
/// the path and give no id tell neither; these two stand in.
pub fn answer(provider: &Dialect, caller: &Dialect, answer: &Doc<'_>, id: &str, model: &str) -> Told<String> {
    let mut neutral = read_answer(provider, answer)?;
    if neutral.id.is_empty() {
        id.clone_into(&mut neutral.id);
    }
    if neutral.model.is_empty() {
        model.clone_into(&mut neutral.model);
    }
    write_answer(caller, &neutral)
}
