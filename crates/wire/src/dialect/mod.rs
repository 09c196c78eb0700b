//! Dialects: the formats that models and tools are spoken to in, one table each.

mod anthropic;
mod bedrock;
mod chat;
mod cohere;
mod gemini;
mod mcp;
mod ollama;
mod responses;

pub use anthropic::DIALECT as ANTHROPIC;
pub use bedrock::DIALECT as BEDROCK;
pub use chat::DIALECT as CHAT;
pub use cohere::DIALECT as COHERE;
pub use gemini::DIALECT as GEMINI;
pub use mcp::DIALECT as MCP;
pub use ollama::DIALECT as OLLAMA;
pub use responses::DIALECT as RESPONSES;

use crate::frame::{AwsFrames, Framing, Lines, Sse};
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
    /// Amazon's binary frames; the kind of event stands in a header and is put in front of the
    /// payload as its one key.
    Aws,
}

impl Stream {
    pub fn framing(self) -> Box<dyn Framing + Send> {
        match self {
            Stream::Events => Box::new(Sse::default()),
            Stream::Lines => Box::new(Lines::default()),
            Stream::Aws => Box::new(AwsFrames::default()),
        }
    }
}

/// Every dialect.
pub static ALL: &[&Dialect] = &[&CHAT, &RESPONSES, &ANTHROPIC, &GEMINI, &BEDROCK, &COHERE, &OLLAMA, &MCP];

pub fn named(name: &str) -> Option<&'static Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name == name)
}
