//! Accepting connections, with a bound on everything a client can hold open.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Wake, Poll};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use gateway::identity::PeerCertificate;
use gateway::limits::{
    DRAIN_WITHIN, HANDSHAKE_WITHIN, HEADERS_WITHIN, IDLE_WITHIN, MAX_CONNECTIONS, MAX_HEADER_BYTES,
    MAX_HEADERS, MAX_STREAMS,
};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::hurry::{Hurry, InProgress, Pace};
use super::tls;

pub async fn bind_to(what: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen for {what} on {address}; is another program there? change `listen` in the settings"
        )
    })
}

/// Serves until told to stop, then lets requests in progress finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<tls::Current>,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // From the end of one request to the head of the next; heads that were begun hurry on their own.
        .header_read_timeout(IDLE_WITHIN)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let builder = Arc::new(builder);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely. Accepting again at once would only spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        // Answers are small and awaited.
        let _ = stream.set_nodelay(true);
        let (router, builder) = (router.clone(), Arc::clone(&builder));
        let (tls, watcher) = (tls.as_ref().map(|tls| tls.load_full()), graceful.watcher());
        tokio::spawn(async move {
            match tls {
                None => drive(stream, router, None, &builder, watcher).await,
                Some(config) => {
                    if let Some((stream, peer)) = handshake(stream, config).await {
                        drive(stream, router, peer, &builder, watcher).await;
                    }
                }
            }
            drop(place);
        });
    }
    if tokio::time::timeout(DRAIN_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in progress after {DRAIN_WITHIN:?} and are cut off");
    }
}

/// Answers the requests of one connection.
async fn drive(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    peer: Option<Arc<PeerCertificate>>,
    builder: &Builder<TokioExecutor>,
    watcher: Watcher,
) {
    let pace = Arc::new(Pace::default());
    let stream = Hurry::new(stream, Arc::clone(&pace), HEADERS_WITHIN);
    let service = Peered { router: TowerToHyperService::new(router), peer, pace };
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, "a connection ended early");
    }
}

/// The certificate is the one of a client that proved to have its key, or none.
async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> Option<(Box<TlsStream<TcpStream>>, Option<Arc<PeerCertificate>>)> {
    let shaken = tokio::time::timeout(HANDSHAKE_WITHIN, TlsAcceptor::from(config).accept(stream)).await;
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a handshake failed");
            return None;
        }
        Err(_) => {
            tracing::debug!("a handshake took too long");
            return None;
        }
    };
    let own = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = own.and_then(|own| PeerCertificate::read(own)).map(Arc::new);
    Some((Box::new(stream), peer))
}

/// The routes, for one connection: each request on it comes from the same client.
#[derive(Clone)]
struct Peered {
    router: TowerToHyperService<Router>,
    peer: Option<Arc<PeerCertificate>>,
    pace: Arc<Pace>,
}

impl Service<Request<Incoming>> for Peered {
    type Response = Response<Answering>;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let asked = self.pace.begin();
        if let Some(peer) = &self.peer {
            request.extensions_mut().insert(Arc::clone(peer));
        }
        let answer = self.router.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| Answering { body, _asked: asked })) })
    }
}

/// The body of an answer: the request is in progress until the last of it is gone.
struct Answering {
    body: Body,
    _asked: InProgress,
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Wake<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
