//! Agents that talk to agents (A2A, over JSON-RPC): the story of this folder with another table of methods.
//!
//! ```text
//! agent ─ POST /a2a/{name} ─► how deep is this? ─► outbound: an action, at the one door ─► the other agent
//!       ─ GET  /a2a/{name}/.well-known/agent-card.json ─► its card, judged, with our address in it
//! ```
//!
//! A message of a stream is judged when it is whole, each by itself: a value that is spread over two of them
//! is not seen.

use std::collections::HashMap;
use std::sync::Arc;

use action::{Name, Severity};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use wire::doc::{Doc, Value};
use wire::refuse::Why;

use super::Mcp;
use super::message::messages;
use super::proxy::{Accept, Exchange, plain, turned_away};
use super::refusal::No;
use super::routes::finished;
use crate::refuse::Refusal;
use crate::serve::{open, parent};

/// How many agents stand behind a call by now. An agent that was called sends on what it was sent.
pub const DEPTH: HeaderName = HeaderName::from_static("x-checkrein-depth");
/// Where a card is, as the protocol has it.
pub const CARD: &str = "/.well-known/agent-card.json";
/// Methods whose result is a card that leads past this gateway.
const NOT_OFFERED: [&str; 2] = ["agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard"];

/// The agents that may be talked to.
pub struct Agents {
    pub mcp: Arc<Mcp>,
    /// Agents that may stand behind one another; a call beyond is refused.
    pub depth: u32,
    /// Where agents reach this listener, for the cards.
    pub public: String,
    /// Paths of cards that are not where the protocol has them.
    pub cards: HashMap<Name, String>,
}

/// Everything of it that agents reach.
pub fn router(agents: Arc<Agents>) -> Router {
    Router::new()
        .route("/a2a/{agent}", post(talk))
        .route("/a2a/{agent}/.well-known/agent-card.json", get(card))
        .with_state(agents)
}

type Story = State<Arc<Agents>>;

async fn talk(State(agents): Story, Path(name): Path<String>, request: Request) -> Result<Response, Refusal> {
    let (exchange, headers, body) = match agents.exchange(&name, request).await? {
        Ok(opened) => opened,
        Err(no) => return Ok(turned_away(&no)),
    };
    finished(async move { agents.answer(exchange, &headers, body).await }).await
}

async fn card(State(agents): Story, Path(name): Path<String>, request: Request) -> Result<Response, Refusal> {
    let (exchange, ..) = match agents.exchange(&name, request).await? {
        Ok(opened) => opened,
        Err(no) => return Ok(turned_away(&no)),
    };
    finished(async move {
        match agents.card(&exchange).await {
            Ok(card) => plain(StatusCode::OK, card),
            Err(no) if no.why == Why::Refused => plain(StatusCode::FORBIDDEN, no.body(None)),
            Err(no) => plain(StatusCode::BAD_GATEWAY, no.body(None)),
        }
    })
    .await
}

impl Agents {
    async fn exchange(
        &self,
        name: &str,
        request: Request,
    ) -> Result<Result<(Exchange, HeaderMap, Bytes), No>, Refusal> {
        let (headers, from) = (request.headers().clone(), parent(request.headers()));
        let (caller, body) =
            open(&self.mcp.guard, request).await.map_err(|refusal| self.mcp.stranger(refusal))?;
        let server = self.mcp.settings.server(name).ok_or(Refusal::NoSuchRoute)?;
        let exchange = self.mcp.exchange(&caller, server, name, &headers, from);
        Ok(exchange.map(|exchange| (exchange, headers, body)))
    }

    async fn answer(&self, mut exchange: Exchange, headers: &HeaderMap, body: Bytes) -> Response {
        let doc = Doc::parse(&body);
        let said = doc.as_ref().map(messages).unwrap_or_default();
        let id = said.first().and_then(|message| message.id);
        if said.iter().any(|message| NOT_OFFERED.contains(&&*message.method)) {
            let no = No::new(Why::Refused, "not_offered", "this card is not given here; ask for the public one");
            return plain(StatusCode::OK, no.body(id));
        }
        match self.deeper(headers) {
            Ok(depth) => drop(exchange.headers.insert(DEPTH, depth)),
            Err(no) => {
                if no.code == TOO_DEEP {
                    self.mcp.find(&exchange.line, "a2a.too_deep", Severity::Medium).await;
                }
                return plain(StatusCode::OK, no.body(id));
            }
        }
        // What belongs together for the protocol is one session for the rules.
        let context = said.first().and_then(|message| message.params()?.get("message")?.get("contextId"));
        exchange.line.session = context.and_then(Value::text).and_then(|id| Name::new(&id).ok());
        drop(said);
        drop(doc);
        self.mcp.post(exchange, Accept::of(headers), body).await
    }

    /// One agent more than stand behind this call already.
    fn deeper(&self, headers: &HeaderMap) -> Result<HeaderValue, No> {
        let mut stated = headers.get_all(&DEPTH).iter();
        let depth = match (stated.next(), stated.next()) {
            (None, _) => Some(0),
            (Some(one), None) => one.to_str().ok().and_then(|text| text.trim().parse::<u32>().ok()),
            (Some(_), Some(_)) => None,
        };
        match depth {
            None => {
                Err(No::new(Why::Unreadable, "bad_depth", "`x-checkrein-depth` is a number that stands once"))
            }
            Some(depth) if depth >= self.depth => {
                Err(No::new(Why::Refused, TOO_DEEP, "too many agents stand behind this call already"))
            }
            Some(depth) => Ok(HeaderValue::from(depth + 1)),
        }
    }
}

const TOO_DEEP: &str = "too_deep";

#[cfg(test)]
mod tests {
    use wire::doc::Doc;

    use super::super::card::led_here;

    #[test]
    fn a_card_leads_here_and_nowhere_else() {
        let here = "https://agents.example/a2a/planner";
        for (card, want) in [
            // 0.3: one address, and others beside it.
            (
                r#"{ "name":"planner", "url":"https://planner.internal/a2a","preferredTransport":"GRPC","additionalInterfaces":[{"url":"https://planner.internal/grpc","transport":"GRPC"},{"transport":"JSONRPC","url":"https://planner.internal/a2a"}],"signatures":[{"protected":"x"}],"skills":[{"id":"plan"}] }"#,
                r#"{"name":"planner","url":"https://agents.example/a2a/planner","preferredTransport":"JSONRPC","additionalInterfaces":[{"transport":"JSONRPC","url":"https://agents.example/a2a/planner"}],"skills":[{"id":"plan"}],"supportsAuthenticatedExtendedCard":false}"#,
            ),
            // 1.0: a list of them.
            (
                r#"{"name":"planner","supportedInterfaces":[{"url":"https://planner.internal/rest","protocolBinding":"HTTP+JSON","protocolVersion":"1.0"},{"url":"https://planner.internal/a2a","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{"streaming":true,"extendedAgentCard":true}}"#,
                r#"{"name":"planner","supportedInterfaces":[{"url":"https://agents.example/a2a/planner","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{"streaming":true,"extendedAgentCard":false}}"#,
            ),
        ] {
            let doc = Doc::parse(card.as_bytes()).unwrap();
            assert_eq!(led_here(doc.root(), here), want);
        }
    }
}
