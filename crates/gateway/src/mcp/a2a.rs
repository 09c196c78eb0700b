//! Agents that talk to agents (A2A, over JSON-RPC): the story of this folder by another table of methods.
//!
//! ```text
//! agent ─ POST /a2a/{name} ─► how deep is this? ─► outbound: an action, at the one door ─► the other agent
//!       ─ GET  /a2a/{name}/.well-known/agent-card.json ─► its card, judged and pinned, with our address in it
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
use http::{HeaderMap, StatusCode};
use wire::doc::{Doc, Kind, Value};
use wire::refuse::Why;

use super::Mcp;
use super::chain::{CHAIN, Chains, TOO_DEEP};
use super::message::Message;
use super::proxy::{Accept, Exchange, plain, turned_away};
use super::refusal::No;
use super::routes::{TurnedAway, finished};
use crate::refuse::Refusal;
use crate::serve::{open, parent};

/// Methods whose result is a card that leads past this gateway.
const NOT_OFFERED: [&str; 2] = ["agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard"];

/// The agents that may be talked to.
pub struct Agents {
    pub mcp: Arc<Mcp>,
    /// Agents that may stand behind one another; a call beyond is refused.
    pub depth: u32,
    /// Where agents reach this listener, for the cards.
    pub public: String,
    /// Where cards are that are not where the protocol has them.
    pub cards: HashMap<Name, String>,
    /// As whom an agent calls others, where it is not under the name by which it is called.
    pub callers: HashMap<Name, Name>,
    pub chains: Arc<Chains>,
}

/// Everything of it that agents reach.
pub fn router(agents: Arc<Agents>) -> Router {
    Router::new()
        .route("/a2a/{agent}", post(talk))
        .route("/a2a/{agent}/.well-known/agent-card.json", get(card))
        // Where it was up to version 0.2.
        .route("/a2a/{agent}/.well-known/agent.json", get(card))
        .with_state(agents)
}

type Story = State<Arc<Agents>>;

async fn talk(
    State(agents): Story,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, TurnedAway> {
    let (exchange, headers, body) = match agents.exchange(&name, request).await? {
        Ok(opened) => opened,
        Err(no) => return Ok(turned_away(agents.mcp.protocol, &no)),
    };
    Ok(finished(async move { agents.answer(exchange, &headers, body).await }).await)
}

async fn card(
    State(agents): Story,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, TurnedAway> {
    let protocol = agents.mcp.protocol;
    let (exchange, ..) = match agents.exchange(&name, request).await? {
        Ok(opened) => opened,
        Err(no) => return Ok(turned_away(protocol, &no)),
    };
    let work = async move {
        match agents.card(&exchange).await {
            Ok(card) => plain(StatusCode::OK, card),
            Err(no) if no.why == Why::Refused => plain(StatusCode::FORBIDDEN, no.body(protocol, None)),
            Err(no) => plain(StatusCode::BAD_GATEWAY, no.body(protocol, None)),
        }
    };
    Ok(finished(work).await)
}

impl Agents {
    async fn exchange(
        &self,
        name: &str,
        request: Request,
    ) -> Result<Result<(Exchange, HeaderMap, Bytes), No>, TurnedAway> {
        let away = |refusal| TurnedAway(self.mcp.protocol, refusal);
        let (headers, from) = (request.headers().clone(), parent(request.headers()));
        let opened = open(&self.mcp.guard, request).await;
        let (caller, body) = opened.map_err(|refusal| away(self.mcp.stranger(refusal)))?;
        let server = self.mcp.settings.server(name).ok_or_else(|| away(Refusal::NoSuchRoute))?;
        let exchange = self.mcp.exchange(&caller, server, name, &headers, from);
        Ok(exchange.map(|exchange| (exchange, headers, body)))
    }

    async fn answer(&self, mut exchange: Exchange, headers: &HeaderMap, body: Bytes) -> Response {
        let protocol = self.mcp.protocol;
        if let Ok(doc) = Doc::parse(&body) {
            if doc.root().kind() == Kind::List {
                let no = No::new(Why::Unreadable, "bad_batch", "agents send one message at a time");
                return plain(StatusCode::BAD_REQUEST, no.body(protocol, None));
            }
            let message = Message::of(doc.root());
            if let Err(no) = self.begins(&mut exchange, headers, &message).await {
                return plain(StatusCode::OK, no.body(protocol, message.id));
            }
        }
        // What cannot be read is told so there.
        self.mcp.post(exchange, Accept::of(headers), body).await
    }

    /// What is known of a call before anything of it is judged: whether it is offered, how deep it is, and
    /// what it belongs to.
    async fn begins(
        &self,
        exchange: &mut Exchange,
        headers: &HeaderMap,
        message: &Message<'_>,
    ) -> Result<(), No> {
        if NOT_OFFERED.contains(&&*message.method) {
            let text = "this card is not given here; ask for the public one";
            return Err(No::new(Why::Refused, "not_offered", text));
        }
        let Mcp { guard, seal, .. } = &*self.mcp;
        let now = guard.clock.now().timestamp();
        let behind = self.chains.depth(seal, headers, &exchange.line.caller.agent.name, now)?;
        if behind >= self.depth {
            self.mcp.find(&exchange.line, "a2a.too_deep", Severity::Medium).await;
            return Err(No::new(Why::Refused, TOO_DEEP, "too many agents stand behind this call already"));
        }
        let server = &exchange.line.server.name;
        let called = self.callers.get(server).unwrap_or(server);
        let call = crate::ids::fresh(now, &*guard.dice);
        let (under_way, link) = self.chains.begin(seal, called, call, behind, now, &*guard.dice)?;
        exchange.headers.insert(CHAIN, link);
        exchange.chain = Some(Arc::new(under_way));
        // What belongs together for the protocol is one session for the rules.
        let context = message.params().and_then(|params| params.get("message")?.get("contextId"));
        let context = context.and_then(Value::text);
        exchange.line.session = context.and_then(|id| Name::new(&format!("{server}/{id}")).ok());
        exchange.line.caller.depth = behind;
        Ok(())
    }
}
