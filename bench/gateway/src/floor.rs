//! The proxy that does nothing: one thread, connections to the provider kept, no delay on either leg.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Upstream = Client<HttpConnector, Incoming>;

pub fn run(listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(listen, upstream))
}

async fn serve(listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await.context("cannot listen")?;
    let authority: Authority = upstream.to_string().parse()?;
    let host = HeaderValue::from_str(authority.as_str())?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream = Client::builder(TokioExecutor::new()).build(connector);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, authority, host) = (client.clone(), authority.clone(), host.clone());
        let service = service_fn(move |request| {
            let (client, authority, host) = (client.clone(), authority.clone(), host.clone());
            async move { Ok::<_, Infallible>(pass(&client, authority, host, request).await) }
        });
        tokio::spawn(async move {
            // A client that goes away ends its connection, and nothing else.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Body = Either<Incoming, Empty<Bytes>>;

async fn pass(
    client: &Upstream,
    authority: Authority,
    host: HeaderValue,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    let passed = match Uri::from_parts(parts) {
        Ok(uri) => {
            *request.uri_mut() = uri;
            request.headers_mut().insert(http::header::HOST, host);
            client.request(request).await.ok()
        }
        Err(_) => None,
    };
    passed.map_or_else(
        || {
            let mut none = Response::new(Either::Right(Empty::new()));
            *none.status_mut() = StatusCode::BAD_GATEWAY;
            none
        },
        |answer| answer.map(Either::Left),
    )
}
