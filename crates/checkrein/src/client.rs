//! A small HTTP client for commands that speak to a running server.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer of the server is never larger.
const MAX_ANSWER: usize = 16 << 20;
/// Longer than the longest wait that a server grants.
const ANSWER_WITHIN: Duration = Duration::from_secs(330);

/// One server and who speaks to it. Connections are kept and reused.
#[derive(Clone)]
pub struct Client {
    base: Uri,
    bearer: String,
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
}

pub struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

impl Client {
    /// A client of the server at `base`, `http://HOST:PORT`.
    pub fn new(base: &str, bearer: &str) -> Result<Self> {
        let base: Uri = base.parse().with_context(|| format!("`{base}` is no address"))?;
        if base.scheme_str() != Some("http") || base.authority().is_none() {
            bail!("`{base}` is no address of a server on this machine; one looks like http://127.0.0.1:7071");
        }
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Ok(Client { base, bearer: bearer.to_owned(), http })
    }

    /// The same server, spoken to by somebody else.
    pub fn by(&self, bearer: &str) -> Self {
        Client { bearer: bearer.to_owned(), ..self.clone() }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        let base = self.base.to_string();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", base.trim_end_matches('/')))
            .header(AUTHORIZATION, format!("Bearer {}", self.bearer))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.map(Value::to_string).unwrap_or_default()))
            .with_context(|| format!("cannot ask for `{path}`"))?;
        let answer = async {
            let answer = self.http.request(request).await.context("no answer; is the server running?")?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(anyhow::Error::from_boxed)?;
            Ok::<_, anyhow::Error>((head.status, body.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(ANSWER_WITHIN, answer)
            .await
            .context("no answer in time")
            .flatten()
            .with_context(|| format!("cannot ask {base}{}", path.trim_start_matches('/')))?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Reply { status, body })
    }

    /// The same, where anything but success is an error.
    pub async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let reply = self.call(method, path, body).await?;
        if !reply.status.is_success() {
            let code = text(&reply.body, "/error/code").unwrap_or("no code");
            let message = text(&reply.body, "/error/message").unwrap_or("no message");
            bail!("{path}: {} {code}: {message}", reply.status.as_u16());
        }
        Ok(reply.body)
    }
}

/// A text of an answer, by its place.
pub fn text<'v>(value: &'v Value, place: &str) -> Option<&'v str> {
    value.pointer(place)?.as_str()
}
