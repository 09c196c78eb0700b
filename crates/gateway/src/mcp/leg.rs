//! The way to a server.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use http::{HeaderMap, Method, Response, Uri};
use wire::refuse::Why;

use super::refusal::No;
use super::settings::{Server, Settings};
use crate::guard::Permit;
use crate::upstream::{Leg, Outgoing, TrustFault};

/// The connections to every server that has an address.
#[derive(Default)]
pub struct Legs(HashMap<String, (Leg, String)>);

impl Legs {
    pub fn new(settings: &Settings) -> Result<Self, TrustFault> {
        let mut legs = HashMap::new();
        for server in &settings.servers {
            let Some(url) = &server.url else { continue };
            // The path is the server's endpoint itself, and nothing is put behind it.
            let path = url.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
            let mut parts = url.clone().into_parts();
            parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
            let base = Uri::from_parts(parts).map_err(|_| TrustFault::Address)?;
            let leg = Leg::through(&base, server.ca.as_deref(), server.proxy.as_ref())?;
            legs.insert(server.name.as_str().to_owned(), (leg, path));
        }
        Ok(Legs(legs))
    }

    /// Sends one request to a server, and waits until an answer begins.
    pub(super) async fn send(
        &self,
        permit: Permit,
        server: &Server,
        method: Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Body>, No> {
        let own = self.0.get(server.name.as_str()).map(|(_, path)| path.clone()).unwrap_or_default();
        self.send_to(permit, server, Outgoing { method, path: own, headers: headers.clone(), body }).await
    }

    /// Asks a server for something beside its endpoint.
    pub(super) async fn fetch(
        &self,
        permit: Permit,
        server: &Server,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, No> {
        let (method, path) = (Method::GET, path.to_owned());
        self.send_to(permit, server, Outgoing { method, path, headers: headers.clone(), body: Bytes::new() })
            .await
    }

    async fn send_to(
        &self,
        permit: Permit,
        server: &Server,
        outgoing: Outgoing,
    ) -> Result<Response<Body>, No> {
        let decision = permit.decision().clone();
        let no = |code: &str, message: &str| No {
            receipt: Some(decision.clone()),
            ..No::new(Why::Unavailable, code, message)
        };
        let Some((leg, _)) = self.0.get(server.name.as_str()) else {
            return Err(no("no_address", "this server has no address here"));
        };
        match leg.send(permit, outgoing).await {
            Ok(answered) => Ok(answered.response.map(Body::new)),
            Err(failed) => Err(no(failed.why.code(), "the server cannot be reached")),
        }
    }
}
