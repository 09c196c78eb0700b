//! Several servers behind one address, `/mcp`: names carry the server they are of.
//!
//! `files__read` is `read` of `files`; the resource `files+file:///a` is `file:///a` of `files`; and what
//! a server asks of the client gets an id that leads the answer back to it. A server that does not
//! answer is left out, and its tools are still listed as they are pinned, so that a list does not flap.

use std::sync::Arc;

use action::TraceParent;
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::doc::{Doc, Kind, Value, quoted};
use wire::edit::Edits;
use wire::frame::{Framing as _, Sse};
use wire::refuse::Why;

use super::Mcp;
use super::events;
use super::message::{Message, What};
use super::outbound::{Asked, Outbound};
use super::proxy::{Accept, Answered, Exchange, SESSION, plain, turned_away};
use super::refusal::No;
use super::seal::Session;
use super::settings::Server;
use crate::identity::Caller;
use crate::tool::SEPARATOR;

/// Pages of one list that are asked of one server; what is beyond is not listed.
pub const MAX_PAGES: usize = 32;
/// Between a server and an address of its resources. A scheme may hold it, a server's name may not.
const PLUS: char = '+';
/// Between a server and the id of a request that it makes.
const SLASH: char = '/';
/// What the protocol calls a method that is not there.
const NO_SUCH_METHOD: i32 = -32_601;

/// One caller of the common address.
pub(super) struct Common {
    pub caller: Caller,
    pub headers: HeaderMap,
    pub parent: Option<TraceParent>,
    pub accept: Accept,
}

/// How a request finds its server.
#[derive(Clone, Copy)]
enum Leads {
    /// `params.name`
    Name,
    /// `params.uri`
    Uri,
    /// `params.ref`
    Ref,
}

const LED: &[(&str, Leads)] = &[
    ("tools/call", Leads::Name),
    ("prompts/get", Leads::Name),
    ("resources/read", Leads::Uri),
    ("resources/subscribe", Leads::Uri),
    ("resources/unsubscribe", Leads::Uri),
    ("completion/complete", Leads::Ref),
];

/// Lists: the method, the key of the list, and the key of each item that carries the server.
const LISTS: &[(&str, &str, &str)] = &[
    ("tools/list", "tools", "name"),
    ("prompts/list", "prompts", "name"),
    ("resources/list", "resources", "uri"),
    ("resources/templates/list", "resourceTemplates", "uriTemplate"),
];

impl Mcp {
    /// A body for the common address.
    pub(super) async fn post_common(self: &Arc<Self>, common: Common, body: Bytes) -> Response {
        let bad = |code: &str, message: &str| {
            plain(StatusCode::BAD_REQUEST, No::new(Why::Unreadable, code, message).body(self.protocol, None))
        };
        let Ok(doc) = Doc::parse(&body) else {
            return bad("unreadable", "the body is no message of the protocol");
        };
        if doc.root().kind() == Kind::List {
            return bad("bad_batch", "lists of messages go to one server each, at `/mcp/{server}`");
        }
        let message = Message::of(doc.root());
        let id = message.id.unwrap_or("null");
        let method = &*message.method;
        match message.what {
            What::Unreadable => bad("no_message", "this is no message of the protocol"),
            What::Answer => self.answer_common(common, &doc, &message).await,
            What::Notification => self.tell_all(&common, &body).await,
            What::Request if method == "ping" => plain(StatusCode::OK, result(id, "{}")),
            What::Request if method == "initialize" => self.initialize_all(&common, &body, &message).await,
            What::Request if method == "logging/setLevel" => {
                self.tell_all(&common, &body).await;
                plain(StatusCode::OK, result(id, "{}"))
            }
            What::Request => {
                if let Some((_, key, named)) = LISTS.iter().find(|(name, ..)| *name == method) {
                    return self.list_all(&common, &message, key, named).await;
                }
                match LED.iter().find(|(name, _)| *name == method) {
                    Some((_, leads)) => self.call_one(common, &doc, &message, *leads).await,
                    None => plain(StatusCode::OK, no_such_method(id)),
                }
            }
        }
    }

    /// A message for the one server that its name leads to.
    async fn call_one(
        self: &Arc<Self>,
        common: Common,
        doc: &Doc<'_>,
        message: &Message<'_>,
        leads: Leads,
    ) -> Response {
        let value = message.params().and_then(|params| match leads {
            Leads::Name => params.get("name"),
            Leads::Uri => params.get("uri"),
            Leads::Ref => params.get("ref").and_then(|it| it.get("name").or_else(|| it.get("uri"))),
        });
        let text = value.and_then(Value::text).unwrap_or_default();
        let by_uri = matches!(leads, Leads::Uri) || matches!(leads, Leads::Ref) && text.contains(PLUS);
        let split = if by_uri { text.split_once(PLUS) } else { text.split_once(SEPARATOR) };
        let found = split.and_then(|(server, own)| Some((self.reachable(&common.caller, server)?, own)));
        let (Some(value), Some((server, own))) = (value, found) else {
            let no = No::new(Why::Refused, "no_such_name", "the name leads to no server here");
            return plain(StatusCode::OK, no.body(self.protocol, message.id));
        };
        let mut edits = Edits::default();
        edits.text(value, own);
        let Ok(body) = edits.apply(doc.source()) else { return StatusCode::BAD_REQUEST.into_response() };
        match self.part(&common, server) {
            Ok(exchange) => self.post(exchange, common.accept, body.into()).await,
            Err(no) => turned_away(self.protocol, &no),
        }
    }

    /// What the client answers to a request of one of the servers.
    async fn answer_common(
        self: &Arc<Self>,
        common: Common,
        doc: &Doc<'_>,
        message: &Message<'_>,
    ) -> Response {
        let value = message.value.get("id");
        let text = value.and_then(Value::text).unwrap_or_default();
        let found = text.split_once(SLASH).and_then(|(server, own)| {
            // The id was written by the server; anything else was made up.
            Doc::parse(own.as_bytes()).ok()?;
            Some((self.reachable(&common.caller, server)?, own))
        });
        let (Some(value), Some((server, own))) = (value, found) else {
            let no = No::new(Why::Refused, "no_such_request", "this answers no request of a server");
            return plain(StatusCode::BAD_REQUEST, no.body(self.protocol, None));
        };
        let mut edits = Edits::default();
        edits.value(value, own.to_owned());
        let Ok(body) = edits.apply(doc.source()) else { return StatusCode::BAD_REQUEST.into_response() };
        match self.part(&common, server) {
            Ok(exchange) => self.post(exchange, common.accept, body.into()).await,
            Err(no) => turned_away(self.protocol, &no),
        }
    }

    /// Begins a session with every server that the caller may reach.
    async fn initialize_all(
        self: &Arc<Self>,
        common: &Common,
        body: &Bytes,
        message: &Message<'_>,
    ) -> Response {
        let id = self.new_session();
        let mut session = Session { id: id.clone(), servers: Vec::new() };
        let mut answers = Vec::new();
        let mut refused = None;
        for server in self.all(&common.caller) {
            let mut exchange = match self.part(common, server) {
                Ok(exchange) => exchange,
                Err(no) => return turned_away(self.protocol, &no),
            };
            exchange.line.session = Some(id.clone());
            match self.ask(&exchange, body).await {
                Ok((text, given)) => {
                    answers.push(text);
                    session.servers.extend(given.map(|given| (server.name.clone(), given)));
                }
                Err(no) => {
                    tracing::warn!(server = %server.name, code = no.code, "a server is left out of a session");
                    refused = Some(no);
                }
            }
        }
        if answers.is_empty() {
            let no = refused
                .unwrap_or_else(|| No::new(Why::Refused, "no_servers", "there is no server for this agent"));
            return plain(StatusCode::OK, no.body(self.protocol, message.id));
        }
        let agent = &common.caller.agent.name;
        let sealed = self.seal.seal(&session, agent, COMMON, &*self.guard.dice);
        let Some(sealed) = sealed.and_then(|it| HeaderValue::from_str(&it).ok()) else {
            let no = No::new(Why::Unavailable, "bad_session", "the servers' session ids are too long");
            return plain(StatusCode::OK, no.body(self.protocol, message.id));
        };
        let asked = message.param("protocolVersion").unwrap_or_default();
        let text = result(message.id.unwrap_or("null"), &greeting(&asked, &answers));
        let mut response = plain(StatusCode::OK, text);
        response.headers_mut().insert(SESSION, sealed);
        response
    }

    /// One list out of those of all servers.
    async fn list_all(
        self: &Arc<Self>,
        common: &Common,
        message: &Message<'_>,
        key: &str,
        named: &str,
    ) -> Response {
        let mut items: Vec<String> = Vec::new();
        for server in self.all(&common.caller) {
            let exchange = match self.part(common, server) {
                Ok(exchange) => exchange,
                Err(no) => return turned_away(self.protocol, &no),
            };
            let before = items.len();
            if let Err(no) = self.list_one(&exchange, message, key, named, &mut items).await {
                tracing::warn!(server = %server.name, code = no.code, "a server is left out of a list");
                items.truncate(before);
                if key == "tools" {
                    let agent = &common.caller.agent.name;
                    let pinned = self.pins.standing(&server.name);
                    items.extend(pinned.iter().filter_map(|text| {
                        let doc = Doc::parse(text.as_bytes()).ok()?;
                        let tool = doc.root().get("name").and_then(Value::text)?;
                        let may = self.settings.may_call(agent, &server.name, &tool);
                        prefixed(doc.root(), doc.source(), server, named).filter(|_| may)
                    }));
                }
            }
        }
        let list = format!("{{{}:[{}]}}", quoted(key), items.join(","));
        plain(StatusCode::OK, result(message.id.unwrap_or("null"), &list))
    }

    async fn list_one(
        self: &Arc<Self>,
        exchange: &Exchange,
        message: &Message<'_>,
        key: &str,
        named: &str,
        items: &mut Vec<String>,
    ) -> Result<(), No> {
        let server = &exchange.line.server;
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let params = cursor
                .as_ref()
                .map_or_else(String::new, |cursor| format!(r#","params":{{"cursor":{cursor}}}"#));
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{},"method":{}{params}}}"#,
                message.id.unwrap_or("null"),
                quoted(&message.method)
            );
            let (text, _) = self.ask(exchange, &body.into()).await?;
            let unreadable = || No::new(Why::Unavailable, "bad_answer", "the server's answer cannot be read");
            let doc = Doc::parse(text.as_bytes()).map_err(|_| unreadable())?;
            let Some(outcome) = doc.root().get("result") else {
                // A server without lists of this kind says so in its own way.
                return Ok(());
            };
            for item in outcome.get(key).into_iter().flat_map(Value::items) {
                items.extend(prefixed(item, doc.source(), server, named));
            }
            cursor =
                outcome.get("nextCursor").filter(|it| it.kind() == Kind::Text).map(|it| it.raw().to_owned());
            if cursor.is_none() {
                return Ok(());
            }
        }
        tracing::warn!(server = %server.name, key, "a list has more pages than are asked for");
        Ok(())
    }

    /// The same message for every server of the session. Nobody waits for an answer.
    async fn tell_all(self: &Arc<Self>, common: &Common, body: &Bytes) -> Response {
        for server in self.all(&common.caller) {
            let exchange = match self.part(common, server) {
                Ok(exchange) => exchange,
                Err(no) => return turned_away(self.protocol, &no),
            };
            let response = self.post(exchange, common.accept, body.clone()).await;
            if !response.status().is_success() {
                tracing::debug!(server = %server.name, status = %response.status(), "a server took no notice");
            }
        }
        StatusCode::ACCEPTED.into_response()
    }

    /// The streams of all servers as one, or the end of all sessions.
    pub(super) async fn other_common(self: &Arc<Self>, common: Common, method: Method) -> Response {
        let what = if method == Method::DELETE { "mcp/end" } else { "mcp/listen" };
        let (client, response) = events::open();
        let mut streams = 0usize;
        for server in self.all(&common.caller) {
            let exchange = match self.part(&common, server) {
                Ok(exchange) => exchange,
                Err(no) => return turned_away(self.protocol, &no),
            };
            let answered = match self.leave(&exchange.line, what).await {
                Ok(permit) => self.forward(&exchange, permit, method.clone(), Bytes::new(), &[]).await,
                Err(no) => return plain(StatusCode::FORBIDDEN, no.body(self.protocol, None)),
            };
            match answered {
                Ok(Answered::Events(status, _, body)) if status.is_success() => {
                    streams += 1;
                    let (mcp, client) = (Arc::clone(self), client.clone());
                    tokio::spawn(async move { mcp.relay(&exchange, body, &[], &client).await });
                }
                Ok(Answered::Events(..) | Answered::Plain(..)) => {}
                Err(no) => tracing::warn!(server = %server.name, code = no.code, "a server does not listen"),
            }
        }
        match (method == Method::DELETE, streams) {
            (true, _) => StatusCode::NO_CONTENT.into_response(),
            // No server speaks by itself, which is allowed.
            (false, 0) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
            (false, _) => response,
        }
    }

    /// One message judged, sent, and its answer: the text, and the session id that came with it.
    async fn ask(
        self: &Arc<Self>,
        exchange: &Exchange,
        body: &Bytes,
    ) -> Result<(String, Option<String>), No> {
        let unreadable = || No::new(Why::Unavailable, "bad_answer", "the server's answer cannot be read");
        let doc = Doc::parse(body).map_err(|_| unreadable())?;
        let message = Message::of(doc.root());
        let mut edits = Edits::default();
        let (permit, asked) = match self.outbound(&exchange.line, &message, &mut edits).await {
            Outbound::Go(permit, asked) => (permit, asked),
            Outbound::Answer(text) => return Ok((text, None)),
            Outbound::Refuse(no) => return Err(no),
            Outbound::Wait(held) => return Err(self.not_yet(&held)),
        };
        let body = match edits.is_empty() {
            true => body.clone(),
            false => edits.apply(doc.source()).map_err(|_| unreadable())?.into(),
        };
        let asked: [Asked; 1] = [asked];
        match self.forward(exchange, permit, Method::POST, body, &asked).await? {
            Answered::Plain(status, headers, body) if status.is_success() => {
                let text = String::from_utf8(body.to_vec()).map_err(|_| unreadable())?;
                Ok((text, self.given(exchange, &headers)))
            }
            Answered::Plain(..) => Err(No::new(Why::Unavailable, "server_refused", "the server refused")),
            Answered::Events(_, headers, body) => {
                let (client, response) = events::open();
                let (mcp, line) = (Arc::clone(self), exchange.again());
                tokio::spawn(async move { mcp.relay(&line, body, &asked, &client).await });
                let mut body = response.into_body();
                let mut sse = Sse::default();
                while let Some(Ok(bytes)) = events::next(&mut body).await {
                    sse.push(&bytes);
                    while let Ok(Some(frame)) = sse.next() {
                        let doc = Doc::parse(&frame.data);
                        let answers = doc.is_ok_and(|doc| Message::of(doc.root()).what == What::Answer);
                        if answers {
                            let text = String::from_utf8(frame.data).map_err(|_| unreadable())?;
                            return Ok((text, self.given(exchange, &headers)));
                        }
                    }
                }
                Err(unreadable())
            }
        }
    }

    /// The session id that a server gave, out of what a client would have seen of it.
    fn given(&self, exchange: &Exchange, headers: &HeaderMap) -> Option<String> {
        let sealed = headers.get(&SESSION)?.to_str().ok()?;
        let session = self.seal.open(sealed, &exchange.line.caller.agent.name, &exchange.path)?;
        session.at(&exchange.line.server.name).map(str::to_owned)
    }

    /// The part of a common exchange that is with one server.
    fn part(&self, common: &Common, server: &Server) -> Result<Exchange, No> {
        let mut exchange = self.exchange(&common.caller, server, COMMON, &common.headers, common.parent)?;
        exchange.prefix = true;
        // A place to go on from is one of one server's stream.
        exchange.headers.remove("last-event-id");
        Ok(exchange)
    }

    fn all(&self, caller: &Caller) -> impl Iterator<Item = &Server> {
        let agent = caller.agent.name.clone();
        let own = self.settings.servers.iter().filter(|server| server.url.is_some());
        own.filter(move |server| self.settings.may_reach(&agent, &server.name))
    }

    fn reachable(&self, caller: &Caller, name: &str) -> Option<&Server> {
        self.all(caller).find(|server| server.name.as_str() == name)
    }
}

/// The path under which sessions of the common address are sealed. No server is called so.
const COMMON: &str = "";

/// Gives the requests of a server ids that lead back to it, and its resources addresses that do.
pub(super) fn led_back(data: &Bytes, server: &Server) -> Bytes {
    let Ok(doc) = Doc::parse(data) else { return data.clone() };
    let message = Message::of(doc.root());
    let mut edits = Edits::default();
    match (message.what, message.value.get("id")) {
        (What::Request, Some(id)) => edits.value(id, quoted(&format!("{}{SLASH}{}", server.name, id.raw()))),
        (What::Notification, _) if message.method == "notifications/resources/updated" => {
            if let Some(uri) = message.params().and_then(|params| params.get("uri"))
                && let Some(text) = uri.text()
            {
                edits.text(uri, &format!("{}{PLUS}{text}", server.name));
            }
        }
        (_, _) => return data.clone(),
    }
    edits.apply(doc.source()).map_or_else(|_| data.clone(), Bytes::from)
}

/// An item of a list with the name of its server.
fn prefixed(item: Value<'_>, source: &str, server: &Server, named: &str) -> Option<String> {
    let value = item.get(named)?;
    let text = value.text()?;
    let between = if named == "name" { SEPARATOR.to_owned() } else { PLUS.to_string() };
    let (item, value) = (item.span(), value.span());
    let before = source.get(item.start..value.start)?;
    let after = source.get(value.end..item.end)?;
    Some(format!("{before}{}{after}", quoted(&format!("{}{between}{text}", server.name))))
}

/// What all servers together say of themselves.
fn greeting(asked: &str, answers: &[String]) -> String {
    let mut version: Option<String> = None;
    let mut able: Vec<String> = Vec::new();
    let mut instructions = Vec::new();
    for text in answers {
        let Ok(doc) = Doc::parse(text.as_bytes()) else { continue };
        let Some(result) = doc.root().get("result") else { continue };
        let own = result.get("protocolVersion").and_then(Value::text).unwrap_or_default().into_owned();
        // Versions are dates; what the oldest of them speaks, all do.
        version = Some(version.map_or_else(|| own.clone(), |known| known.min(own.clone())));
        for (key, _) in result.get("capabilities").into_iter().flat_map(Value::entries) {
            let key = key.text().unwrap_or_default().into_owned();
            if ABLE.contains(&key.as_str()) && !able.contains(&key) {
                able.push(key);
            }
        }
        instructions.extend(result.get("instructions").and_then(Value::text).map(|it| it.into_owned()));
    }
    let able: Vec<String> = able.iter().map(|key| format!("{}:{{}}", quoted(key))).collect();
    let told = match instructions.is_empty() {
        true => String::new(),
        false => format!(r#","instructions":{}"#, quoted(&instructions.join("\n\n"))),
    };
    format!(
        r#"{{"protocolVersion":{},"capabilities":{{{}}},"serverInfo":{{"name":"checkrein","version":{}}}{told}}}"#,
        quoted(version.as_deref().unwrap_or(asked)),
        able.join(","),
        quoted(env!("CARGO_PKG_VERSION")),
    )
}

/// What can be offered for several servers at once.
const ABLE: &[&str] = &["tools", "prompts", "resources", "logging", "completions"];

fn result(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

fn no_such_method(id: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{NO_SUCH_METHOD},"message":"this method is not offered for several servers at once"}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use action::Name;

    use super::*;

    fn server(name: &str) -> Server {
        Server {
            name: Name::new(name).unwrap(),
            url: None,
            ca: None,
            proxy: None,
            authorization: None,
            asks: Vec::new(),
            authorization_servers: Vec::new(),
        }
    }

    #[test]
    fn names_carry_their_server_and_nothing_else_changes() {
        let text = r#"{ "description" : "x", "name" : "re\u0061d" , "n": 1.0 }"#;
        let doc = Doc::parse(text.as_bytes()).unwrap();
        assert_eq!(
            prefixed(doc.root(), doc.source(), &server("files"), "name").unwrap(),
            r#"{ "description" : "x", "name" : "files__read" , "n": 1.0 }"#
        );
    }

    #[test]
    fn requests_of_servers_get_ids_that_lead_back() {
        let led = |text: &'static str| led_back(&Bytes::from_static(text.as_bytes()), &server("files"));
        assert_eq!(
            led(r#"{"jsonrpc":"2.0","id":"a","method":"roots/list"}"#),
            r#"{"jsonrpc":"2.0","id":"files/\"a\"","method":"roots/list"}"#
        );
        assert_eq!(
            led(
                r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}"#
            ),
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"files+file:///a"}}"#
        );
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        assert_eq!(led(answer), answer);
    }

    #[test]
    fn a_greeting_is_what_all_can_do_in_the_oldest_version() {
        let one = r#"{"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"x":{}},"instructions":"A"}}"#;
        let two = r#"{"result":{"protocolVersion":"2025-03-26","capabilities":{"tools":{},"prompts":{}}}}"#;
        let told = greeting("2025-11-25", &[one.to_owned(), two.to_owned()]);
        let doc = Doc::parse(told.as_bytes()).unwrap();
        assert!(doc.root().get("protocolVersion").unwrap().is_text("2025-03-26"));
        let able: Vec<_> =
            doc.root().get("capabilities").unwrap().entries().map(|(key, _)| key.raw()).collect();
        assert_eq!(able, ["\"tools\"", "\"prompts\""]);
        assert!(doc.root().get("instructions").unwrap().is_text("A"));
    }
}
