//! Dialects: the formats that models and tools are spoken to in, one table each.

mod anthropic;
mod bedrock;
mod chat;
mod cohere;
mod completions;
mod counts;
mod embeddings;
mod gemini;
mod invoke;
mod mcp;
mod models;
mod ollama;
mod responses;

pub use anthropic::DIALECT as ANTHROPIC;
pub use bedrock::DIALECT as BEDROCK;
pub use chat::DIALECT as CHAT;
pub use cohere::DIALECT as COHERE;
pub use completions::DIALECT as COMPLETIONS;
pub use counts::{ANTHROPIC as ANTHROPIC_COUNT, BEDROCK as BEDROCK_COUNT, GEMINI as GEMINI_COUNT};
pub use embeddings::{
    COHERE as COHERE_EMBEDDINGS, GEMINI as GEMINI_EMBEDDINGS, OLLAMA as OLLAMA_EMBEDDINGS,
    OPENAI as OPENAI_EMBEDDINGS,
};
pub use gemini::DIALECT as GEMINI;
pub use invoke::{ANTHROPIC as BEDROCK_ANTHROPIC, ANY as BEDROCK_INVOKE};
pub use mcp::DIALECT as MCP;
pub use models::{GEMINI as GEMINI_MODELS, OLLAMA as OLLAMA_MODELS, OPENAI as OPENAI_MODELS};
pub use ollama::{DIALECT as OLLAMA, GENERATE as OLLAMA_GENERATE};
pub use responses::DIALECT as RESPONSES;

use crate::frame::{self, AwsChunks, AwsFrames, Framing, Lines, Sse};
use crate::shape::Shape;
use crate::usage::Tells;

/// One way to speak to a model.
pub struct Dialect {
    pub name: &'static str,
    pub family: Family,
    /// What a caller sends.
    pub request: Shape,
    /// What comes back at once.
    pub answer: Shape,
    /// What comes back piece by piece: one event.
    pub event: Shape,
    pub stream: Stream,
    /// What ends a stream of events and is no JSON.
    pub ends_with: Option<&'static str>,
    /// Where it tells what an answer took and how it ended.
    pub tells: &'static Tells,
}

/// Whose manner of refusing it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    OpenAi,
    Anthropic,
    Google,
    Amazon,
    Cohere,
    Ollama,
    Mcp,
}

/// How the pieces of a streamed answer are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Events,
    Lines,
    /// Amazon's binary frames; the kind of event stands in a header.
    Aws,
    /// The same, each with an event of another format inside, as base64.
    AwsChunks,
}

impl Dialect {
    /// Whether its events come as the items of one JSON list unless they are asked for as events.
    pub fn is_listed(&self) -> bool {
        self.name == GEMINI.name
    }
}

impl Stream {
    pub const fn media_type(self) -> &'static str {
        match self {
            Stream::Events => "text/event-stream",
            Stream::Lines => "application/x-ndjson",
            Stream::Aws | Stream::AwsChunks => "application/vnd.amazon.eventstream",
        }
    }

    /// What says nothing but that somebody is there. Only events know such a thing.
    pub const fn sign_of_life(self) -> &'static [u8] {
        match self {
            Stream::Events => b": waiting\n\n",
            Stream::Lines | Stream::Aws | Stream::AwsChunks => b"",
        }
    }

    /// One frame with other data and all else as it came. `None` when it would be larger than a frame
    /// may be, or `raw` is no frame of this kind.
    pub fn rebuilt(self, raw: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Stream::Events => Some(frame::rebuilt_event(raw, data)),
            Stream::Lines => Some(frame::rebuilt_line(raw, data)),
            Stream::Aws => frame::rebuilt_aws(raw, data),
            Stream::AwsChunks => frame::rebuilt_chunk(raw, data),
        }
    }

    /// A new frame. The name of the event matters where the framing has one.
    pub fn framed(self, event: Option<&str>, data: &str) -> Option<Vec<u8>> {
        match self {
            Stream::Events => {
                let name = event.map_or_else(String::new, |name| format!("event: {name}\n"));
                Some(format!("{name}data: {data}\n\n").into_bytes())
            }
            Stream::Lines => Some(format!("{data}\n").into_bytes()),
            Stream::Aws => {
                let headers = [
                    (":event-type", event.unwrap_or_default()),
                    (":content-type", "application/json"),
                    (":message-type", "event"),
                ];
                frame::encode_aws(&headers, data.as_bytes())
            }
            Stream::AwsChunks => frame::encode_chunk(data.as_bytes()),
        }
    }

    pub fn framing(self) -> Box<dyn Framing + Send + Sync> {
        match self {
            Stream::Events => Box::new(Sse::default()),
            Stream::Lines => Box::new(Lines::default()),
            Stream::Aws => Box::new(AwsFrames::default()),
            Stream::AwsChunks => Box::new(AwsChunks::default()),
        }
    }
}

/// Every dialect.
pub static ALL: &[&Dialect] = &[
    &CHAT,
    &RESPONSES,
    &ANTHROPIC,
    &GEMINI,
    &BEDROCK,
    &COHERE,
    &OLLAMA,
    &MCP,
    &COMPLETIONS,
    &OLLAMA_GENERATE,
    &BEDROCK_ANTHROPIC,
    &BEDROCK_INVOKE,
    &OPENAI_EMBEDDINGS,
    &GEMINI_EMBEDDINGS,
    &COHERE_EMBEDDINGS,
    &OLLAMA_EMBEDDINGS,
    &OPENAI_MODELS,
    &GEMINI_MODELS,
    &OLLAMA_MODELS,
    &ANTHROPIC_COUNT,
    &GEMINI_COUNT,
    &BEDROCK_COUNT,
];

pub fn named(name: &str) -> Option<&'static Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name == name)
}
