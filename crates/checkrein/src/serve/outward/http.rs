//! One request to one destination, on a connection of its own.
//!
//! A redirect is an answer like any other: nothing follows it. Every step has a bound, and the
//! address is checked between resolving and connecting.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::destination::{Destination, DestinationFault};

/// From the first look-up to the last byte of the answer.
const WITHIN: Duration = Duration::from_secs(15);
/// For one address; the next gets its chance.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read; a larger one is no answer.
const MAX_ANSWER: usize = 64 << 10;
/// Headers of an answer.
const MAX_HEADERS: usize = 64;

/// Sends to one destination.
#[derive(Clone)]
pub struct Sender {
    destination: Destination,
    tls: Option<TlsConnector>,
}

pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

/// Why no answer came. The codes are stable.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the name cannot be resolved")]
    Resolve(#[source] std::io::Error),
    #[error("the address that the name resolves to {0}")]
    Refused(DestinationFault),
    #[error("nobody accepts the connection")]
    Connect(#[source] std::io::Error),
    #[error("the receiver's certificate does not hold, or it speaks no TLS")]
    Tls(#[source] std::io::Error),
    #[error("the receiver does not speak HTTP")]
    Http(#[source] hyper::Error),
    #[error("the answer is too large, or ends early")]
    Body,
    #[error("the request has a header that cannot be sent")]
    Header(#[source] http::Error),
    #[error("no answer within {WITHIN:?}")]
    TimedOut,
}

impl SendError {
    pub const fn code(&self) -> &'static str {
        match self {
            SendError::Resolve(_) => "resolve",
            SendError::Refused(_) => "address_refused",
            SendError::Connect(_) => "connect",
            SendError::Tls(_) => "tls",
            SendError::Http(_) => "http",
            SendError::Body => "body",
            SendError::Header(_) => "header",
            SendError::TimedOut => "timed_out",
        }
    }
}

impl Sender {
    /// `ca` replaces the public authorities by those of a file.
    pub fn new(destination: Destination, ca: Option<&Path>) -> Result<Self> {
        let tls = if destination.tls { Some(connector(ca)?) } else { None };
        Ok(Sender { destination, tls })
    }

    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends one request to the destination's path with `suffix` behind it.
    pub async fn post(
        &self,
        suffix: &str,
        kind: &'static str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Answer, SendError> {
        let request = self.request(suffix, kind, headers, body).map_err(SendError::Header)?;
        let whole = async {
            let stream = self.connect().await?;
            match &self.tls {
                None => exchange(stream, request).await,
                Some(tls) => {
                    let bad = |error| SendError::Tls(std::io::Error::other(error));
                    let name = ServerName::try_from(self.destination.host.clone()).map_err(bad)?;
                    let stream = tls.connect(name, stream).await.map_err(SendError::Tls)?;
                    exchange(stream, request).await
                }
            }
        };
        tokio::time::timeout(WITHIN, whole).await.unwrap_or(Err(SendError::TimedOut))
    }

    fn request(
        &self,
        suffix: &str,
        kind: &'static str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let target = match suffix {
            "" => self.destination.target.clone(),
            suffix => format!("{}{suffix}", self.destination.target.trim_end_matches('/')),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target)
            .header(HOST, self.destination.authority())
            .header(USER_AGENT, concat!("checkrein/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, kind);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(Full::from(body))
    }

    /// Connects to the first address that may be connected to and takes the connection.
    async fn connect(&self) -> Result<TcpStream, SendError> {
        let Destination { host, port, .. } = &self.destination;
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((host.as_str(), *port)).await.map_err(SendError::Resolve)?.collect();
        let nobody = || std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
        let mut last = SendError::Resolve(nobody());
        for address in found {
            if let Err(fault) = self.destination.admits(address.ip()) {
                last = SendError::Refused(fault);
                continue;
            }
            match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = SendError::Connect(error),
                Err(_) => last = SendError::Connect(std::io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last)
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, SendError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_headers(MAX_HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(SendError::Http)?;
    let driver = Driver(tokio::spawn(async move {
        // What went wrong is told to whoever waits for the answer.
        let _ = connection.await;
    }));
    let (head, body) = sender.send_request(request).await.map_err(SendError::Http)?.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| SendError::Body)?.to_bytes();
    drop(driver);
    Ok(Answer { status: head.status, body })
}

/// Ends a connection together with the request that it was made for, also one that ran out of time.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let shown = path.display();
            let certificates = CertificateDer::pem_file_iter(path)
                .with_context(|| format!("cannot read the certificates in `{shown}`"))?;
            for certificate in certificates {
                let certificate =
                    certificate.with_context(|| format!("`{shown}` holds no certificates in PEM form"))?;
                roots
                    .add(certificate)
                    .with_context(|| format!("a certificate in `{shown}` is no authority"))?;
            }
            if roots.is_empty() {
                bail!("`{shown}` holds no certificate; give a file in PEM form");
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
