//! A request that is answered here. No byte of it is sent.

mod mock;

use action::{Action, Json};
use http::Uri;
use http::uri::Scheme;
use sha2::{Digest as _, Sha256};

pub use self::mock::{Mock, MockFault};
use crate::payload::Payload;
use crate::{Bounds, Refused, Run, count, object, text};

/// One host and how it answers.
#[derive(Debug, Clone)]
pub struct Http {
    /// In lower case.
    host: String,
    /// The port, where it is not the usual one of the scheme.
    port: Option<u16>,
    answers: Vec<Mock>,
}

/// A request, as far as a payload may state one.
pub(crate) struct Request<'a> {
    pub method: Method,
    pub uri: Uri,
    pub body: Option<&'a Json>,
    /// Names only: values of headers are credentials more often than not.
    pub headers: Vec<&'a str>,
}

/// The methods that have an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const ALL: [Method; 6] =
        [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];

    pub const fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Methods are written in capitals on the wire, and `post` is another method there; tools are not
    /// that exact.
    pub fn parse(word: &str) -> Option<Self> {
        Method::ALL.into_iter().find(|method| method.word().eq_ignore_ascii_case(word))
    }
}

impl Http {
    /// `host` as it stands in addresses, `api.example.org` or `api.example.org:8443`. `None` when it is
    /// more than that.
    pub fn new(host: &str, answers: Vec<Mock>) -> Option<Self> {
        let uri: Uri = format!("http://{host}/").parse().ok()?;
        let authority = uri.authority().filter(|it| it.as_str() == host && !host.contains('@'))?;
        Some(Http { host: authority.host().to_ascii_lowercase(), port: authority.port_u16(), answers })
    }

    pub(crate) fn fits(&self, action: &Action) -> bool {
        action
            .payload
            .get("url")
            .and_then(Json::as_text)
            .and_then(|url| url.parse::<Uri>().ok())
            .is_some_and(|uri| self.is_of(&uri))
    }

    fn is_of(&self, uri: &Uri) -> bool {
        let usual = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => 80,
            Some(scheme) if *scheme == Scheme::HTTPS => 443,
            Some(_) | None => return false,
        };
        let port = uri.port_u16().filter(|port| *port != usual);
        let ours = self.port.filter(|port| *port != usual);
        uri.host().is_some_and(|host| host.eq_ignore_ascii_case(&self.host)) && port == ours
    }

    pub(crate) fn run(&self, action: &Action, bounds: &Bounds) -> Result<Run, Refused> {
        let request = Request::of(action)?;
        let body = request.body.map(bytes_of).transpose()?.unwrap_or_default();
        if body.len() > bounds.bytes {
            return Err(Refused::TooMuch("its body has too many bytes"));
        }
        // What a real server would give a new thing: the same question gets the same name.
        let id = action.payload_hash().to_string().get(..16).unwrap_or_default().to_owned();
        let answer = match self.answers.iter().find(|mock| mock.fits(&request)) {
            Some(mock) => mock.answer(&request, &id),
            None => Mock::usual(&request, &id).ok_or_else(|| {
                Refused::Unknowable("no answer is configured for a request that reads".to_owned())
            })?,
        };
        Ok(captured(&request, &body, answer))
    }
}

impl<'a> Request<'a> {
    fn of(action: &'a Action) -> Result<Self, Refused> {
        let mut payload = Payload::of(action)?;
        let url = payload.need_text("url")?;
        let method = Method::parse(payload.need_text("method")?)
            .ok_or_else(|| Refused::NotUnderstood("`method` is none that has an answer".to_owned()))?;
        let uri: Uri = url.parse().map_err(|_| Refused::NotUnderstood("`url` is no address".to_owned()))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Refused::NotUnderstood("`url` holds credentials".to_owned()));
        }
        let headers = match payload.get("headers") {
            None => Vec::new(),
            Some(Json::Object(entries)) => entries.iter().map(|(name, _)| name.as_str()).collect(),
            Some(_) => return Err(Refused::NotUnderstood("`headers` is no object".to_owned())),
        };
        let body = payload.get("body");
        payload.finish()?;
        Ok(Request { method, uri, body, headers })
    }
}

fn captured(request: &Request<'_>, body: &[u8], answer: Json) -> Run {
    let host = request.uri.authority().map(ToString::to_string).unwrap_or_default();
    let outline = object([
        ("method", text(request.method.word())),
        ("host", text(&host)),
        ("body_bytes", count(body.len())),
    ]);
    let captured = object([
        ("method", text(request.method.word())),
        ("host", text(&host)),
        // Without the query, in which keys are handed over.
        ("path", text(request.uri.path())),
        ("headers", Json::List(request.headers.iter().map(text).collect())),
        ("body_bytes", count(body.len())),
        ("body_sha256", text(hex(&Sha256::digest(body)))),
    ]);
    let writes = u64::from(!matches!(request.method, Method::Get | Method::Head));
    Run { result: answer, captured, outline, writes }
}

/// A body as it would be sent: a text as it is, anything else as JSON.
fn bytes_of(body: &Json) -> Result<Vec<u8>, Refused> {
    match body {
        Json::Text(text) => Ok(text.clone().into_bytes()),
        other => serde_json::to_vec(other)
            .map_err(|_| Refused::NotUnderstood("`body` cannot be written as JSON".to_owned())),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
