//! One server behind `/mcp/{server}`: streamable HTTP on both sides.

use std::sync::Arc;
use std::time::Duration;

use action::{Name, TraceParent};
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use ledger::Report;
use wire::doc::{Doc, Kind};
use wire::edit::Edits;
use wire::frame::{Framing as _, Sse};
use wire::refuse::Why;

use super::Mcp;
use super::chain::UnderWay;
use super::events::{self, Client};
use super::inbound::Inbound;
use super::many::led_back;
use super::message::{MAX_MESSAGES, Message, What, messages};
use super::outbound::{Asked, Held, Line, Outbound};
use super::protocol::Protocol;
use super::refusal::No;
use super::seal::Session;
use super::settings::Server;
use super::waiting::Waited;
use crate::guard::Permit;
use crate::identity::{Caller, OWN_HEADER};
use crate::limits::{MAX_BODY, SIGN_OF_LIFE};

pub const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Headers of clients that servers see, beside those of the protocol; and the other way round.
const UPWARD: [&str; 5] = ["accept", "accept-language", "content-type", "last-event-id", "traceparent"];
const DOWNWARD: [&str; 3] = ["allow", "retry-after", "www-authenticate"];
const ENVIRONMENT: &str = "x-checkrein-environment";
/// How long a server may take for an answer that is no stream.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(300);

/// What came back from a server.
pub(super) enum Answered {
    /// Judged, and to be sent as it is.
    Plain(StatusCode, HeaderMap, Bytes),
    /// To be judged event by event.
    Events(StatusCode, HeaderMap, Body),
}

/// Who speaks with which server, and with what.
pub(super) struct Exchange {
    pub line: Line,
    /// What goes upstream with every message.
    pub headers: HeaderMap,
    /// Under which the session is sealed.
    pub path: String,
    pub session: Option<Session>,
    /// It is a part of what several servers say together.
    pub prefix: bool,
    /// The call among those of agents by agents, until all of it has ended.
    pub chain: Option<Arc<UnderWay>>,
}

impl Exchange {
    /// The same, for a task of its own.
    pub fn again(&self) -> Exchange {
        Exchange {
            line: self.line.clone(),
            headers: self.headers.clone(),
            path: self.path.clone(),
            session: self.session.clone(),
            prefix: self.prefix,
            chain: self.chain.clone(),
        }
    }
}

impl Mcp {
    /// Reads the head of a request into what its messages have in common.
    pub(super) fn exchange(
        &self,
        caller: &Caller,
        server: &Server,
        path: &str,
        headers: &HeaderMap,
        parent: Option<TraceParent>,
    ) -> Result<Exchange, No> {
        let session = match headers.get(&SESSION) {
            None => None,
            Some(sealed) => {
                let opened = sealed.to_str().ok().and_then(|it| self.seal.open(it, &caller.agent.name, path));
                // What the protocol says to a session that is over: the client begins a new one.
                let gone = || No::new(Why::Refused, GONE, "this session is not known; begin anew");
                Some(opened.ok_or_else(gone)?)
            }
        };
        let stated = headers.get(ENVIRONMENT).and_then(|it| it.to_str().ok());
        let environment = match stated.map(action::Environment::parse) {
            Some(Some(environment)) => environment,
            // Of those it is registered for, the one where most is at stake.
            None => {
                caller.agent.environments.iter().max().copied().unwrap_or(action::Environment::Production)
            }
            Some(None) => {
                return Err(No::new(Why::Unreadable, "bad_environment", "there is no such environment"));
            }
        };
        let line = Line {
            caller: caller.clone(),
            server: server.clone(),
            session: session.as_ref().map(|session| session.id.clone()),
            environment,
            parent,
        };
        let upstream = upward(self.protocol, headers, server, session.as_ref());
        Ok(Exchange { line, headers: upstream, path: path.to_owned(), session, prefix: false, chain: None })
    }

    /// A body of messages.
    pub(super) async fn post(
        self: &Arc<Self>,
        mut exchange: Exchange,
        accept: Accept,
        body: Bytes,
    ) -> Response {
        let doc = match Doc::parse(&body) {
            Ok(doc) => doc,
            Err(fault) => {
                let no = No::new(Why::Unreadable, fault.code(), "the body is no message of the protocol");
                return plain(StatusCode::BAD_REQUEST, no.body(self.protocol, None));
            }
        };
        let batch = doc.root().kind() == Kind::List;
        let messages = messages(&doc);
        if messages.is_empty() || messages.len() > MAX_MESSAGES {
            let no = No::new(Why::Unreadable, "bad_batch", "a body has at least one message and at most 64");
            return plain(StatusCode::BAD_REQUEST, no.body(self.protocol, None));
        }
        if exchange.session.is_none() && messages.iter().any(|it| it.method == "initialize") {
            exchange.line.session = Some(self.new_session());
        }
        if batch {
            return self.post_many(exchange, &doc, &messages).await;
        }
        let Some(message) = messages.first() else { return StatusCode::BAD_REQUEST.into_response() };
        let mut edits = Edits::default();
        match self.outbound(&exchange.line, message, &mut edits).await {
            Outbound::Go(permit, asked) => {
                let Some(changed) = edited(&body, doc.source(), edits) else {
                    return clash(self.protocol, message.id);
                };
                self.send_on(exchange, permit, changed, vec![asked]).await
            }
            Outbound::Answer(text) => plain(StatusCode::OK, text),
            Outbound::Refuse(no) => plain(StatusCode::FORBIDDEN, no.body(self.protocol, None)),
            Outbound::Wait(held) => {
                let body = match edited(&body, doc.source(), edits) {
                    Some(body) => body,
                    None => return clash(self.protocol, message.id),
                };
                if accept.events {
                    self.wait_in_stream(exchange, *held, body)
                } else {
                    self.wait_silently(exchange, *held, body).await
                }
            }
        }
    }

    /// A list of messages, as older clients send. It goes on whole or not at all: a person cannot
    /// approve a part of it.
    async fn post_many(
        self: &Arc<Self>,
        exchange: Exchange,
        doc: &Doc<'_>,
        messages: &[Message<'_>],
    ) -> Response {
        let mut edits = Edits::default();
        let mut permits = Vec::new();
        let mut asked = Vec::new();
        let mut answers = Vec::new();
        let mut refused = false;
        for message in messages {
            match self.outbound(&exchange.line, message, &mut edits).await {
                Outbound::Go(permit, one) => {
                    permits.push(permit);
                    asked.push(one);
                    answers.push((message, None));
                }
                Outbound::Answer(text) => {
                    refused = true;
                    answers.push((message, Some(text)));
                }
                Outbound::Refuse(_) => refused = true,
                Outbound::Wait(held) => {
                    refused = true;
                    let no = No { receipt: Some(held.hold.id.clone()), ..self.not_yet(&held) };
                    answers.push((message, Some(no.body(self.protocol, message.id))));
                }
            }
        }
        if refused {
            let no = No::new(Why::Refused, "batch_refused", "another message of this list does not go on");
            let all: Vec<String> = answers
                .into_iter()
                .filter(|(message, _)| message.what == What::Request)
                .map(|(message, answer)| answer.unwrap_or_else(|| no.body(self.protocol, message.id)))
                .collect();
            return plain(StatusCode::OK, format!("[{}]", all.join(",")));
        }
        let body = Bytes::copy_from_slice(doc.source().as_bytes());
        let Some(body) = edited(&body, doc.source(), edits) else { return clash(self.protocol, None) };
        // One body is sent once: the leave for the first stands for it, the others end with it.
        match permits.into_iter().next() {
            Some(permit) => self.send_on(exchange, permit, body, asked).await,
            None => StatusCode::BAD_REQUEST.into_response(),
        }
    }

    /// Sends what may go, and gives back what came of it.
    async fn send_on(
        self: &Arc<Self>,
        exchange: Exchange,
        permit: Permit,
        body: Bytes,
        asked: Vec<Asked>,
    ) -> Response {
        match self.forward(&exchange, permit, Method::POST, body, &asked).await {
            Ok(answered) => self.given_on(exchange, answered, asked),
            Err(no) => {
                let id = asked.first().and_then(|asked| asked.id.as_deref());
                plain(
                    if id.is_some() { StatusCode::OK } else { StatusCode::BAD_GATEWAY },
                    no.body(self.protocol, id),
                )
            }
        }
    }

    /// An answer on its way to the client: whole, or as a stream that is relayed.
    fn given_on(self: &Arc<Self>, exchange: Exchange, answered: Answered, asked: Vec<Asked>) -> Response {
        let (status, headers, mut response) = match answered {
            Answered::Plain(status, headers, body) => (status, headers, Response::new(Body::from(body))),
            Answered::Events(status, headers, body) => {
                let (client, response) = events::open();
                let mcp = Arc::clone(self);
                tokio::spawn(async move { mcp.relay(&exchange, body, &asked, &client).await });
                (status, headers, response)
            }
        };
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response
    }

    /// Waits for a person while the client is told that it waits.
    fn wait_in_stream(self: &Arc<Self>, exchange: Exchange, held: Held, body: Bytes) -> Response {
        let (client, response) = events::open();
        let mcp = Arc::clone(self);
        tokio::spawn(async move {
            let progress = progress_token(&body);
            let within = mcp.settings.wait.0;
            let waited = {
                let wait = mcp.wait(&exchange.line, &held, within);
                tokio::pin!(wait);
                let mut beat = tokio::time::interval(SIGN_OF_LIFE);
                let mut beats = 0u64;
                loop {
                    tokio::select! {
                        waited = &mut wait => break waited,
                        () = client.closed() => return,
                        _ = beat.tick() => {
                            let sign = sign_of_life(progress.as_deref(), beats);
                            beats += 1;
                            if client.send(sign).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            };
            let id = held.asked.id.clone();
            match mcp.waited(&exchange, held, waited, body).await {
                Ok((Answered::Plain(_, _, body), _)) => {
                    let _ = client.send(events::event(&String::from_utf8_lossy(&body))).await;
                }
                Ok((Answered::Events(_, _, body), asked)) => {
                    mcp.relay(&exchange, body, &[asked], &client).await;
                }
                Err(no) => {
                    let _ = client.send(events::event(&no.body(mcp.protocol, id.as_deref()))).await;
                }
            }
        });
        response
    }

    async fn wait_silently(self: &Arc<Self>, exchange: Exchange, held: Held, body: Bytes) -> Response {
        let waited = self.wait(&exchange.line, &held, self.settings.wait.0).await;
        let id = held.asked.id.clone();
        match self.waited(&exchange, held, waited, body).await {
            Ok((Answered::Plain(status, headers, body), _)) => {
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = status;
                response.headers_mut().extend(headers);
                response
            }
            Ok((Answered::Events(status, headers, body), asked)) => {
                let (client, mut response) = events::open();
                *response.status_mut() = status;
                response.headers_mut().extend(headers);
                let mcp = Arc::clone(self);
                tokio::spawn(async move { mcp.relay(&exchange, body, &[asked], &client).await });
                response
            }
            Err(no) => plain(StatusCode::OK, no.body(self.protocol, id.as_deref())),
        }
    }

    /// Sends a message that was held, in the form that is approved by now.
    async fn waited(
        self: &Arc<Self>,
        exchange: &Exchange,
        held: Held,
        waited: Waited,
        body: Bytes,
    ) -> Result<(Answered, Asked), No> {
        let (permit, changed) = match waited {
            Waited::Go(permit, changed) => (permit, changed),
            Waited::NotYet(no) | Waited::No(no) => return Err(no),
        };
        let Held { action, asked, hold, .. } = held;
        let body = match changed {
            None => body,
            Some(changed) => {
                let fault = || No { receipt: Some(hold.id.clone()), ..unsent() };
                let doc = Doc::parse(&body).map_err(|_| fault())?;
                let message = Message::of(doc.root());
                let mut edits = Edits::default();
                if let Some(shown) = self.carry(&message, &action, &changed, &mut edits)? {
                    return Ok((Answered::Plain(StatusCode::OK, json_headers(), shown.into()), asked));
                }
                edited(&body, doc.source(), edits).ok_or_else(fault)?
            }
        };
        let answered =
            self.forward(exchange, permit, Method::POST, body, std::slice::from_ref(&asked)).await?;
        Ok((answered, asked))
    }

    /// Opens the stream on which a server speaks by itself, or ends a session.
    pub(super) async fn other(self: &Arc<Self>, exchange: Exchange, method: Method) -> Response {
        let what = if method == Method::DELETE { "mcp/end" } else { "mcp/listen" };
        let permit = match self.leave(&exchange.line, what).await {
            Ok(permit) => permit,
            Err(no) => return plain(StatusCode::FORBIDDEN, no.body(self.protocol, None)),
        };
        match self.forward(&exchange, permit, method, Bytes::new(), &[]).await {
            Ok(answered) => self.given_on(exchange, answered, Vec::new()),
            Err(no) => plain(StatusCode::BAD_GATEWAY, no.body(self.protocol, None)),
        }
    }

    /// One request upstream. A whole answer is judged here, a stream by whoever relays it. That there is no
    /// answer is on record before it is told.
    pub(super) async fn forward(
        self: &Arc<Self>,
        exchange: &Exchange,
        permit: Permit,
        method: Method,
        body: Bytes,
        asked: &[Asked],
    ) -> Result<Answered, No> {
        let answered = self.answered(exchange, permit, method, body, asked).await;
        if let Err(no) = &answered {
            self.failed(&exchange.line, asked, &no.code);
        }
        answered
    }

    /// Records that messages which went out have no answer that could be given, and why.
    pub(super) fn failed<'a>(&self, line: &Line, asked: impl IntoIterator<Item = &'a Asked>, code: &str) {
        for asked in asked.into_iter().filter(|asked| asked.id.is_some()) {
            self.guard.ended(&asked.decision, &line.caller.agent.name, Report::Failed, code);
        }
    }

    async fn answered(
        self: &Arc<Self>,
        exchange: &Exchange,
        permit: Permit,
        method: Method,
        body: Bytes,
        asked: &[Asked],
    ) -> Result<Answered, No> {
        let response = self.legs.send(permit, &exchange.line.server, method, &exchange.headers, body).await?;
        let (head, body) = response.into_parts();
        let begins = asked.iter().any(|asked| asked.method == "initialize");
        let mut headers = self.downward(exchange, &head.headers, begins && head.status.is_success())?;
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/event-stream") {
            return Ok(Answered::Events(head.status, headers, body));
        }
        let read = tokio::time::timeout(ANSWER_WITHIN, Limited::new(body, MAX_BODY).collect()).await;
        let Ok(Ok(body)) = read else {
            return Err(No::new(Why::Unavailable, "bad_answer", "the server's answer is cut or too large"));
        };
        let body = body.to_bytes();
        if body.is_empty() {
            if !head.status.is_success() {
                self.failed(&exchange.line, asked, SERVER_REFUSED);
            }
            return Ok(Answered::Plain(head.status, headers, Bytes::new()));
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (out, declined) = self.judge_body(&exchange.line, &body, asked).await;
        for answer in declined {
            self.decline(exchange, answer).await;
        }
        match out {
            Some(out) => Ok(Answered::Plain(head.status, headers, out)),
            // Pages of errors are of no use to a client; what they say is for nobody.
            None if head.status.is_success() => {
                Err(No::new(Why::Unavailable, "bad_answer", "the server's answer cannot be read"))
            }
            None => {
                self.failed(&exchange.line, asked, SERVER_REFUSED);
                let no = No::new(Why::Unavailable, SERVER_REFUSED, "the server refused the message");
                let id = asked.first().and_then(|asked| asked.id.as_deref());
                Ok(Answered::Plain(head.status, headers, no.body(self.protocol, id).into()))
            }
        }
    }

    /// Judges the messages of a body or an event. `None` where nothing of it goes on; with it the
    /// answers that the server gets itself.
    pub(super) async fn judge_body(
        &self,
        line: &Line,
        body: &Bytes,
        asked: &[Asked],
    ) -> (Option<Bytes>, Vec<String>) {
        let mut declined = Vec::new();
        let doc = match Doc::parse(body) {
            Ok(doc) => doc,
            Err(_) => return (None, declined),
        };
        let list = doc.root().kind() == Kind::List;
        let all = messages(&doc);
        if all.len() > MAX_MESSAGES {
            return (None, declined);
        }
        let mut edits = Edits::default();
        let mut kept = Vec::new();
        let mut dropped = false;
        for message in &all {
            let own = match message.id {
                Some(id) => asked.iter().find(|asked| asked.id.as_deref() == Some(id)),
                None => None,
            };
            // What answers nothing that is known here is unreadable for whoever waits.
            let own = own.or_else(|| asked.first().filter(|_| message.what == What::Unreadable));
            let mut noted = Edits::default();
            match self.inbound(line, message, own, &mut noted).await {
                Inbound::Pass => {
                    edits.add(noted);
                    kept.push(message.value);
                }
                Inbound::Instead(text) => {
                    edits.value(message.value, text);
                    kept.push(message.value);
                }
                Inbound::Drop => dropped = true,
                Inbound::Decline(answer) => {
                    dropped = true;
                    declined.push(answer);
                }
            }
        }
        if kept.is_empty() {
            return (None, declined);
        }
        if !dropped {
            return (edited(body, doc.source(), edits), declined);
        }
        // Some of a list goes on: each of them by itself, then together.
        let Some(whole) = edited(body, doc.source(), edits).filter(|_| list) else { return (None, declined) };
        let Ok(again) = Doc::parse(&whole) else { return (None, declined) };
        let wanted: Vec<usize> = all
            .iter()
            .enumerate()
            .filter(|(_, message)| kept.iter().any(|kept| kept.span() == message.value.span()))
            .map(|(place, _)| place)
            .collect();
        let texts: Vec<&str> = again
            .root()
            .items()
            .enumerate()
            .filter(|(place, _)| wanted.contains(place))
            .map(|(_, value)| value.raw())
            .collect();
        (Some(format!("[{}]", texts.join(",")).into()), declined)
    }

    /// Relays a stream, event by event. It ends with its server, its client, or what cannot be read.
    pub(super) async fn relay(
        self: &Arc<Self>,
        exchange: &Exchange,
        mut body: Body,
        asked: &[Asked],
        client: &Client,
    ) {
        let mut sse = Sse::default();
        let mut open: Vec<&Asked> = asked.iter().filter(|asked| asked.id.is_some()).collect();
        let mut resumable = false;
        let broken = loop {
            let bytes = tokio::select! {
                bytes = events::next(&mut body) => bytes,
                () = client.closed() => return self.failed(&exchange.line, open, CLIENT_GONE),
            };
            match bytes {
                None => break !sse.rest().is_empty(),
                Some(Err(_)) => break true,
                Some(Ok(bytes)) => sse.push(&bytes),
            }
            loop {
                let frame = match sse.next() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(fault) => {
                        tracing::warn!(server = %exchange.line.server.name, code = fault.code(), "a stream is cut");
                        return self.cut(&exchange.line, &open, client).await;
                    }
                };
                resumable |= events::has_id(&frame);
                let out = if frame.data.is_empty() {
                    Bytes::from(frame.raw)
                } else {
                    let data = Bytes::from(frame.data.clone());
                    open.retain(|asked| !answers(&data, asked));
                    let (judged, declined) = self.judge_body(&exchange.line, &data, asked).await;
                    for answer in declined {
                        self.decline(exchange, answer).await;
                    }
                    let judged = match judged {
                        Some(data) if exchange.prefix => Some(led_back(&data, &exchange.line.server)),
                        other => other,
                    };
                    match judged {
                        Some(same) if same == data => Bytes::from(frame.raw),
                        Some(changed) => events::instead(&frame, Some(&String::from_utf8_lossy(&changed))),
                        None => events::instead(&frame, None),
                    }
                };
                if client.send(out).await.is_err() {
                    return self.failed(&exchange.line, open, CLIENT_GONE);
                }
            }
        };
        if broken && self.protocol.answers_on {
            open = asked.iter().filter(|asked| asked.id.is_some()).collect();
        }
        if !resumable {
            // An end is no answer, however orderly: whoever still waits is told.
            return self.cut(&exchange.line, &open, client).await;
        }
        // A client that was told a place to go on from may come back for the rest. What it then gets is not
        // known here to belong to this call.
        for asked in open {
            self.guard.ended(&asked.decision, &exchange.line.caller.agent.name, Report::Missing, "cut");
        }
    }

    async fn cut(&self, line: &Line, open: &[&Asked], client: &Client) {
        self.failed(line, open.iter().copied(), "cut");
        let no = No::new(Why::Unavailable, "cut", "the server's answer was cut");
        for asked in open {
            let _ = client.send(events::event(&no.body(self.protocol, asked.id.as_deref()))).await;
        }
    }

    /// Tells a server that what it asked for does not happen.
    async fn decline(self: &Arc<Self>, exchange: &Exchange, answer: String) {
        let permit = match self.leave(&exchange.line, "mcp/decline").await {
            Ok(permit) => permit,
            Err(no) => {
                tracing::warn!(code = no.code, "a server was not told that its request is declined");
                return;
            }
        };
        let sent =
            self.legs.send(permit, &exchange.line.server, Method::POST, &exchange.headers, answer.into());
        if let Err(no) = sent.await {
            tracing::warn!(code = no.code, "a server was not told that its request is declined");
        }
    }

    pub(super) fn new_session(&self) -> Name {
        let now = self.guard.clock.now().timestamp();
        let id = crate::ids::fresh(now, &*self.guard.dice);
        let id = id.as_str().replacen("dec_", "mcp_", 1);
        Name::new(&id).unwrap_or_else(|_| crate::guard::nameless())
    }

    /// What a client sees of a server's headers.
    fn downward(&self, exchange: &Exchange, upstream: &HeaderMap, begins: bool) -> Result<HeaderMap, No> {
        let mut headers = HeaderMap::new();
        for (name, value) in upstream {
            let passed =
                self.protocol.is_header(name) && *name != SESSION || DOWNWARD.contains(&name.as_str());
            if passed {
                headers.append(name, value.clone());
            }
        }
        if let Some(own) = self
            .metadata_address(&exchange.line.server)
            .filter(|_| headers.contains_key(header::WWW_AUTHENTICATE))
            && let Ok(value) = HeaderValue::from_str(&format!("Bearer resource_metadata=\"{own}\""))
        {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        let given = upstream.get(&SESSION).and_then(|it| it.to_str().ok());
        if begins {
            let id = exchange.line.session.clone().unwrap_or_else(|| self.new_session());
            let name = exchange.line.server.name.clone();
            let session =
                Session { id, servers: given.map(|given| (name, given.to_owned())).into_iter().collect() };
            let agent = &exchange.line.caller.agent.name;
            let sealed = self.seal.seal(&session, agent, &exchange.path, &*self.guard.dice);
            let value = sealed.and_then(|sealed| HeaderValue::from_str(&sealed).ok());
            let too_long = || No::new(Why::Unavailable, "bad_session", "the server's session id is too long");
            headers.insert(SESSION, value.ok_or_else(too_long)?);
        }
        Ok(headers)
    }

    /// Where clients learn who issues tokens for a server, when the settings say so.
    pub(super) fn metadata_address(&self, server: &Server) -> Option<String> {
        let public = self.settings.public.as_deref().filter(|_| !server.authorization_servers.is_empty())?;
        Some(format!(
            "{}/.well-known/oauth-protected-resource/mcp/{}",
            public.trim_end_matches('/'),
            server.name
        ))
    }
}

/// The code of a session that is over.
const GONE: &str = "no_such_session";

/// Codes of calls that have no answer.
const SERVER_REFUSED: &str = "server_refused";
const CLIENT_GONE: &str = "client_gone";

/// The answer to a request whose head is not taken. A session that is over has a status of its own.
pub(super) fn turned_away(protocol: &Protocol, no: &No) -> Response {
    let status = if no.code == GONE { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
    plain(status, no.body(protocol, None))
}

/// What a client takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accept {
    pub events: bool,
}

impl Accept {
    pub fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
        let events = accept.flat_map(|it| it.split(',')).any(|it| it.trim().starts_with("text/event-stream"));
        Accept { events }
    }
}

/// What a server sees of a client's headers: nothing that is meant for us.
fn upward(protocol: &Protocol, headers: &HeaderMap, server: &Server, session: Option<&Session>) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (name, value) in headers {
        if protocol.is_header(name) && *name != SESSION || UPWARD.contains(&name.as_str()) {
            out.append(name, value.clone());
        }
    }
    // With a key of ours in its own header, `Authorization` is for whoever is behind us.
    let theirs = headers.get(header::AUTHORIZATION).filter(|_| headers.contains_key(OWN_HEADER)).cloned();
    let own = server.authorization.as_ref().and_then(|secret| HeaderValue::from_str(&secret.0).ok());
    if let Some(mut value) = theirs.or(own) {
        value.set_sensitive(true);
        out.insert(header::AUTHORIZATION, value);
    }
    if let Some(id) = session.and_then(|session| session.at(&server.name))
        && let Ok(value) = HeaderValue::from_str(id)
    {
        out.insert(SESSION, value);
    }
    out
}

pub(super) fn plain(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().extend(json_headers());
    response
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))])
}

/// The bytes with what was noted; the very bytes where nothing was.
fn edited(body: &Bytes, source: &str, edits: Edits) -> Option<Bytes> {
    if edits.is_empty() {
        return Some(body.clone());
    }
    edits.apply(source).ok().map(Bytes::from)
}

fn unsent() -> No {
    No::new(Why::Refused, "refused", "the action cannot be completed")
}

fn clash(protocol: &Protocol, id: Option<&str>) -> Response {
    plain(StatusCode::OK, unsent().body(protocol, id))
}

fn answers(data: &[u8], asked: &Asked) -> bool {
    let Ok(doc) = Doc::parse(data) else { return false };
    messages(&doc).iter().any(|message| message.what == What::Answer && message.id == asked.id.as_deref())
}

/// The token under which a client wants to hear of progress, as it was written.
fn progress_token(body: &[u8]) -> Option<String> {
    let doc = Doc::parse(body).ok()?;
    let token = doc.root().get("params")?.get("_meta")?.get("progressToken")?;
    matches!(token.kind(), Kind::Text | Kind::Number).then(|| token.raw().to_owned())
}

fn sign_of_life(progress: Option<&str>, beats: u64) -> Bytes {
    match progress {
        None => Bytes::from_static(b": waiting for approval\n\n"),
        Some(token) => events::event(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{beats},"message":"waiting for approval"}}}}"#
        )),
    }
}
