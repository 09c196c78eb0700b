//! The routes of the story, on the agents' listener.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{Method, StatusCode};

use super::Mcp;
use super::judge::judge;
use super::many::Common;
use super::protocol::{MCP, Protocol};
use super::proxy::{Accept, plain, turned_away};
use super::refusal::No;
use crate::refuse::Refusal;
use crate::serve::{open, parent};

/// Everything of MCP that agents reach.
pub fn router(mcp: Arc<Mcp>) -> Router {
    Router::new()
        .route("/mcp", any(all))
        .route("/mcp/{server}", any(one))
        .route("/mcp/v1/judge/{server}", post(judge))
        .route("/.well-known/oauth-protected-resource/mcp/{server}", get(metadata))
        .with_state(mcp)
}

type Story = State<Arc<Mcp>>;

async fn one(State(mcp): Story, Path(name): Path<String>, request: Request) -> Result<Response, TurnedAway> {
    let method = request.method().clone();
    if !matches!(method, Method::GET | Method::POST | Method::DELETE) {
        return Err(Refusal::NoSuchMethod.into());
    }
    let (headers, from) = (request.headers().clone(), parent(request.headers()));
    let (caller, body) = open(&mcp.guard, request).await.map_err(|refusal| mcp.stranger(refusal))?;
    let server =
        mcp.settings.server(&name).filter(|server| server.url.is_some()).ok_or(Refusal::NoSuchRoute)?;
    let exchange = match mcp.exchange(&caller, server, &name, &headers, from) {
        Ok(exchange) => exchange,
        Err(no) => return Ok(turned_away(mcp.protocol, &no)),
    };
    let work = async move {
        if method == Method::POST {
            mcp.post(exchange, Accept::of(&headers), body).await
        } else {
            mcp.other(exchange, method).await
        }
    };
    Ok(finished(work).await)
}

/// All servers at one address.
async fn all(State(mcp): Story, request: Request) -> Result<Response, TurnedAway> {
    let method = request.method().clone();
    if !matches!(method, Method::GET | Method::POST | Method::DELETE) {
        return Err(Refusal::NoSuchMethod.into());
    }
    let (headers, from) = (request.headers().clone(), parent(request.headers()));
    let (caller, body) = open(&mcp.guard, request).await.map_err(|refusal| mcp.stranger(refusal))?;
    let accept = Accept::of(&headers);
    let common = Common { caller, headers, parent: from, accept };
    let work = async move {
        if method == Method::POST {
            mcp.post_common(common, body).await
        } else {
            mcp.other_common(common, method).await
        }
    };
    Ok(finished(work).await)
}

/// A refusal before any message was read, in the words of the protocol: clients show those to their
/// program, and of other bodies the status at most.
pub(super) struct TurnedAway(pub &'static Protocol, pub Refusal);

impl From<Refusal> for TurnedAway {
    fn from(refusal: Refusal) -> Self {
        TurnedAway(&MCP, refusal)
    }
}

impl IntoResponse for TurnedAway {
    fn into_response(self) -> Response {
        let body = No::from(&self.1).body(self.0, None);
        let (head, _) = self.1.into_response().into_parts();
        Response::from_parts(head, Body::from(body))
    }
}

/// What was begun is finished, also when the client hangs up: its record stands.
pub(super) async fn finished(work: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request had a fault of ours");
        Refusal::Faulty.into_response()
    })
}

/// Who issues tokens for a server. Asked without credentials, since it says where to get them.
async fn metadata(State(mcp): Story, Path(name): Path<String>) -> Result<Response, Refusal> {
    let server = mcp.settings.server(&name).ok_or(Refusal::NoSuchRoute)?;
    let public = mcp.settings.public.as_deref().ok_or(Refusal::NoSuchRoute)?;
    mcp.metadata_address(server).ok_or(Refusal::NoSuchRoute)?;
    let document = serde_json::json!({
        "resource": format!("{}/mcp/{}", public.trim_end_matches('/'), server.name),
        "authorization_servers": server.authorization_servers,
        "bearer_methods_supported": ["header"],
        "resource_name": server.name,
    });
    Ok(plain(StatusCode::OK, document.to_string()))
}
