//! Endpoints: which path of which provider means which call in which dialect.
//!
//! One table, walked from the top. What is not in it is no endpoint, and nothing about it is guessed:
//! fixed parts of a path match byte for byte, so an escaped, doubled or dotted path is a stranger.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::dialect::{self, Dialect};
use crate::doc::Doc;

/// Longest model that a path may name, decoded. Amazon's longest resource names have 2 048.
pub const MAX_MODEL: usize = 2_048;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Words of a model, at once or as a stream.
    Generate,
    /// Vectors.
    Embed,
    /// How many tokens a request would be.
    Count,
    /// Which models there are; about one of them where the path names one.
    Models,
}

/// What decides whether the answer is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Streams {
    /// The path: it is none.
    Never,
    /// The path: it is one.
    Always,
    /// The body: `stream` is true.
    WhenAsked,
    /// The body: `stream` is not false.
    UnlessToldNot,
}

/// One row of the table.
pub struct Endpoint {
    pub method: &'static str,
    /// What may stand in front, by provider. The first is the dialect's own.
    pub roots: &'static [&'static str],
    /// The path below its root; where the model stands in it, up to there.
    pub before: &'static str,
    /// What follows the model, where the path names one.
    pub after: Option<&'static str>,
    /// Only for models whose name has this in it.
    pub only: Option<&'static str>,
    pub dialect: &'static Dialect,
    pub call: Call,
    pub streams: Streams,
}

/// An endpoint, and what its path said.
#[derive(Clone)]
pub struct Found<'p> {
    pub endpoint: &'static Endpoint,
    /// What stood in front.
    pub root: &'static str,
    /// The path below its root, as it came.
    pub tail: &'p str,
    /// The model that the path names, decoded.
    pub model: Option<Cow<'p, str>>,
}

/// OpenAI and Mistral, Together, vLLM; Groq and Azure; OpenRouter; Fireworks; Google; Cohere;
/// DeepSeek and Perplexity, and clients whose base address has no version.
const OPENAI: &[&str] = &[
    "/v1",
    "/openai/v1",
    "/api/v1",
    "/inference/v1",
    "/v1beta/openai",
    "/v1/openai",
    "/compatibility/v1",
    "/openai",
    "",
];
const AZURE: &[&str] = &["/openai"];
/// Anthropic; Azure and others that host its models; OpenRouter.
const ANTHROPIC: &[&str] = &["/v1", "/anthropic/v1", "/api/v1"];
const GOOGLE: &[&str] = &["/v1beta", "/v1", "/v1alpha"];
/// Where it does not stand at the same path as others.
const GOOGLE_OWN: &[&str] = &["/v1beta", "/v1alpha"];
const BARE: &[&str] = &[""];

const fn only(model: &'static str, row: Endpoint) -> Endpoint {
    Endpoint { only: Some(model), ..row }
}

const fn row(
    method: &'static str,
    roots: &'static [&'static str],
    before: &'static str,
    after: Option<&'static str>,
    dialect: &'static Dialect,
    call: Call,
    streams: Streams,
) -> Endpoint {
    Endpoint { method, roots, before, after, only: None, dialect, call, streams }
}

/// In the name of each of Anthropic's models that Amazon hosts.
const CLAUDE: &str = "anthropic.";

use Call::{Count, Embed, Generate, Models};
use Streams::{Always, Never, UnlessToldNot, WhenAsked};

/// Every endpoint.
#[rustfmt::skip]
pub static ENDPOINTS: &[Endpoint] = &[
    row("POST", OPENAI,    "/chat/completions", None,                                &dialect::CHAT,      Generate, WhenAsked),
    row("POST", AZURE,     "/deployments/",     Some("/chat/completions"),           &dialect::CHAT,      Generate, WhenAsked),
    row("POST", OPENAI,    "/responses",        None,                                &dialect::RESPONSES, Generate, WhenAsked),
    row("POST", ANTHROPIC, "/messages",         None,                                &dialect::ANTHROPIC, Generate, WhenAsked),
    row("POST", GOOGLE,    "/models/",          Some(":generateContent"),            &dialect::GEMINI,    Generate, Never),
    row("POST", GOOGLE,    "/models/",          Some(":streamGenerateContent"),      &dialect::GEMINI,    Generate, Always),
    row("POST", GOOGLE,    "/tunedModels/",     Some(":generateContent"),            &dialect::GEMINI,    Generate, Never),
    row("POST", GOOGLE,    "/tunedModels/",     Some(":streamGenerateContent"),      &dialect::GEMINI,    Generate, Always),
    row("POST", BARE,      "/model/",           Some("/converse"),                   &dialect::BEDROCK,   Generate, Never),
    row("POST", BARE,      "/model/",           Some("/converse-stream"),            &dialect::BEDROCK,   Generate, Always),
    row("POST", BARE,      "/v2/chat",          None,                                &dialect::COHERE,    Generate, WhenAsked),
    row("POST", BARE,      "/api/chat",         None,                                &dialect::OLLAMA,    Generate, UnlessToldNot),
    row("POST", BARE,      "/api/generate",     None,                                &dialect::OLLAMA_GENERATE, Generate, UnlessToldNot),
    row("POST", OPENAI,    "/completions",      None,                                &dialect::COMPLETIONS, Generate, WhenAsked),
    row("POST", AZURE,     "/deployments/",     Some("/completions"),                &dialect::COMPLETIONS, Generate, WhenAsked),
    only(CLAUDE, row("POST", BARE, "/model/",   Some("/invoke"),                     &dialect::BEDROCK_ANTHROPIC, Generate, Never)),
    only(CLAUDE, row("POST", BARE, "/model/",   Some("/invoke-with-response-stream"), &dialect::BEDROCK_ANTHROPIC, Generate, Always)),
    row("POST", BARE,      "/model/",           Some("/invoke"),                     &dialect::BEDROCK_INVOKE, Generate, Never),
    row("POST", BARE,      "/model/",           Some("/invoke-with-response-stream"), &dialect::BEDROCK_INVOKE, Generate, Always),

    row("POST", OPENAI,    "/embeddings",       None,                                &dialect::OPENAI_EMBEDDINGS, Embed, Never),
    row("POST", AZURE,     "/deployments/",     Some("/embeddings"),                 &dialect::OPENAI_EMBEDDINGS, Embed, Never),
    row("POST", GOOGLE,    "/models/",          Some(":embedContent"),               &dialect::GEMINI_EMBEDDINGS, Embed, Never),
    row("POST", GOOGLE,    "/models/",          Some(":batchEmbedContents"),         &dialect::GEMINI_EMBEDDINGS, Embed, Never),
    row("POST", BARE,      "/v2/embed",         None,                                &dialect::COHERE_EMBEDDINGS, Embed, Never),
    row("POST", BARE,      "/api/embed",        None,                                &dialect::OLLAMA_EMBEDDINGS, Embed, Never),
    row("POST", BARE,      "/api/embeddings",   None,                                &dialect::OLLAMA_EMBEDDINGS, Embed, Never),

    row("POST", ANTHROPIC, "/messages/count_tokens", None,                           &dialect::ANTHROPIC_COUNT, Count, Never),
    row("POST", GOOGLE,    "/models/",          Some(":countTokens"),                &dialect::GEMINI_COUNT, Count, Never),
    row("POST", BARE,      "/model/",           Some("/count-tokens"),               &dialect::BEDROCK_COUNT, Count, Never),

    row("GET",  OPENAI,    "/models",           None,                                &dialect::OPENAI_MODELS, Models, Never),
    row("GET",  GOOGLE_OWN, "/models",           None,                                &dialect::GEMINI_MODELS, Models, Never),
    row("GET",  BARE,      "/api/tags",         None,                                &dialect::OLLAMA_MODELS, Models, Never),
    row("GET",  OPENAI,    "/models/",          Some(""),                            &dialect::OPENAI_MODELS, Models, Never),
    row("GET",  GOOGLE_OWN, "/models/",          Some(""),                            &dialect::GEMINI_MODELS, Models, Never),
];

/// The endpoint that a request goes to. `path` is the path alone, as it came.
pub fn endpoint<'p>(method: &str, path: &'p str) -> Option<Found<'p>> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.method == method).find_map(|endpoint| endpoint.found(path))
}

/// Whether a request asks for a stream. Some servers read `stream` more freely than their
/// documentation says; what came is told by the answer's own content type.
pub fn streams(found: &Found<'_>, request: &Doc<'_>) -> bool {
    let asked = || request.root().get("stream").and_then(|value| value.flag());
    match found.endpoint.streams {
        Streams::Never => false,
        Streams::Always => true,
        Streams::WhenAsked => asked().unwrap_or(false),
        Streams::UnlessToldNot => asked().unwrap_or(true),
    }
}

/// The row by which a dialect is spoken to for a call, to send a request that came in another one.
pub fn towards(dialect: &Dialect, call: Call, stream: bool) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| {
        let streams = match endpoint.streams {
            Streams::Never => !stream,
            Streams::Always => stream,
            Streams::WhenAsked | Streams::UnlessToldNot => true,
        };
        endpoint.dialect.name == dialect.name && endpoint.call == call && streams
    })
}

impl Endpoint {
    /// The path below its root for a model.
    pub fn tail(&self, model: &str) -> String {
        let mut tail = self.before.to_owned();
        if let Some(after) = self.after {
            escape(model, &mut tail);
            tail.push_str(after);
        }
        tail
    }

    fn found<'p>(&'static self, path: &'p str) -> Option<Found<'p>> {
        self.roots.iter().find_map(|root| {
            let tail = path.strip_prefix(root)?;
            let rest = tail.strip_prefix(self.before)?;
            let model = match self.after {
                None if rest.is_empty() => None,
                None => return None,
                Some(after) => Some(model(rest.strip_suffix(after)?)?),
            };
            let fits = self.only.is_none_or(|only| model.as_deref().is_some_and(|name| name.contains(only)));
            fits.then_some(Found { endpoint: self, root, tail, model })
        })
    }
}

/// A model out of a path. Names of resources and of models of others have slashes in them, escaped
/// or not; what a server could read as steps through folders names nothing.
fn model(escaped: &str) -> Option<Cow<'_, str>> {
    let name = unescape(escaped)?;
    let plain = name.split('/').all(|step| !matches!(step, "" | "." | ".."));
    let said = !name.chars().any(|character| character.is_control() || matches!(character, '\\' | '?' | '#'));
    (plain && said && name.len() <= MAX_MODEL).then_some(name)
}

fn unescape(escaped: &str) -> Option<Cow<'_, str>> {
    if !escaped.contains('%') {
        return Some(Cow::Borrowed(escaped));
    }
    let mut pieces = escaped.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_at_checked(2)?;
        // `from_str_radix` would take a sign.
        let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(hex, 16).ok().filter(|_| digits)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn escape(name: &str, into: &mut String) {
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}
