//! The leg to whoever carries an action out: a provider of models, a server of tools.
//!
//! [`Leg::send`] takes a [`Permit`] by value: nothing goes out that the guard did not let through,
//! and one permit lets one request through.

mod connect;

use std::path::Path;

use bytes::Bytes;
use http::header::HeaderMap;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub use connect::TrustFault;
use connect::{Connector, connector};

use crate::guard::Permit;
use crate::limits::{ANSWER_BEGINS_WITHIN, IDLE_CONNECTION, MAX_IDLE_CONNECTIONS};
use crate::route::Base;

/// One upstream's connections.
#[derive(Clone)]
pub struct Leg {
    client: Client<Connector, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    /// In front of every path; without a slash at its end.
    prefix: String,
}

/// What goes out.
pub struct Outgoing {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer began.
pub struct Answered {
    pub response: Response<Incoming>,
    permit: Permit,
}

impl Answered {
    /// Leave to ask another upstream, for an answer that says that nothing was carried out.
    pub fn declined(self) -> Permit {
        self.permit
    }
}

/// No answer began.
#[derive(Debug)]
pub struct Failed {
    pub why: Why,
    /// Leave to ask another upstream, where it is certain that nothing was sent.
    pub permit: Option<Permit>,
}

#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error("no connection could be had")]
    Connect(#[source] hyper_util::client::legacy::Error),
    /// It may have been carried out.
    #[error("the connection ended before an answer began")]
    Broken(#[source] hyper_util::client::legacy::Error),
    #[error("no answer began within {ANSWER_BEGINS_WITHIN:?}")]
    TimedOut,
    #[error("the request cannot be written down")]
    Unsendable(#[source] http::Error),
}

impl Why {
    pub const fn code(&self) -> &'static str {
        match self {
            Why::Connect(_) => "connect",
            Why::Broken(_) => "broken",
            Why::TimedOut => "timed_out",
            Why::Unsendable(_) => "unsendable",
        }
    }
}

impl Leg {
    /// Connections to one base address. `ca` replaces the system's authorities by those of a file;
    /// `proxy` is asked for a tunnel.
    pub fn new(base: &Uri, ca: Option<&Path>, proxy: Option<&Uri>) -> Result<Self, TrustFault> {
        let parts = base.clone().into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(TrustFault::Address);
        };
        let prefix = parts
            .path_and_query
            .map_or_else(String::new, |path| path.path().trim_end_matches('/').to_owned());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .http2_adaptive_window(true)
            .build(connector(base, ca, proxy)?);
        Ok(Leg { client, scheme, authority, prefix })
    }

    /// The same, by a proxy as the settings name it.
    pub fn through(base: &Uri, ca: Option<&Path>, proxy: Option<&Base>) -> Result<Self, TrustFault> {
        let proxy = proxy.map(|proxy| proxy.to_string().parse().map_err(|_| TrustFault::Address));
        Leg::new(base, ca, proxy.transpose()?.as_ref())
    }

    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Carries out what the guard let through, and waits until an answer begins.
    pub async fn send(&self, permit: Permit, outgoing: Outgoing) -> Result<Answered, Failed> {
        let request = match self.request(outgoing) {
            Ok(request) => request,
            Err(error) => return Err(Failed { why: Why::Unsendable(error), permit: Some(permit) }),
        };
        let why = match tokio::time::timeout(ANSWER_BEGINS_WITHIN, self.client.request(request)).await {
            Ok(Ok(response)) => return Ok(Answered { response, permit }),
            Ok(Err(error)) if error.is_connect() => Why::Connect(error),
            Ok(Err(error)) => Why::Broken(error),
            Err(_) => Why::TimedOut,
        };
        let decision = permit.decision();
        tracing::warn!(%decision, host = self.host(), error = &why as &dyn std::error::Error, "no answer");
        let unsent = matches!(why, Why::Connect(_));
        Err(Failed { why, permit: unsent.then_some(permit) })
    }

    fn request(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, http::Error> {
        let Outgoing { method, path, headers, body } = outgoing;
        let target: PathAndQuery = match self.prefix.is_empty() {
            true => path.parse(),
            false => format!("{}{path}", self.prefix).parse(),
        }?;
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(target)
            .build()?;
        let mut request = Request::builder().method(method).uri(uri).body(Full::from(body))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}
