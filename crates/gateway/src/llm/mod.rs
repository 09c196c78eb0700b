//! The `llm` story: a call of a model, with the providers' own paths and formats.
//!
//! ```text
//! request ─► Asked ─► guard.pass ─► spliced bytes ─► upstream.send(permit) ─► answer
//!                                                                              │
//!             refused in the caller's own dialect ◄── guard.pass: the answer, and each call of a tool in it
//! ```
//!
//! Start with [`Models::call`]. [`asked`] is the form in which a body is judged, [`plain`] an answer
//! that comes at once, [`stream`] one that comes in pieces.

mod asked;
mod bounds;
mod call;
mod headers;
mod no;
mod origin;
mod plain;
mod send;
mod shadow;
mod stitch;
mod stream;
mod talk;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use action::Name;
use arc_swap::ArcSwap;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use wire::endpoint::{self, Found};

pub use no::No;
pub use origin::credential;
pub use shadow::{Compared, Figures, Outcome, Shadowed, Shadows, Standing, Sums};
use stitch::Stitches;
use talk::Talks;

use self::call::Call;
use crate::guard::Guard;
use crate::identity::Caller;
use crate::money::Money;
use crate::route::Routes;
use crate::token::Tokens;
use crate::tool::Told;
use crate::upstream::Leg;

/// What the story needs.
pub struct Models {
    pub guard: Arc<Guard>,
    pub tokens: Tokens,
    pub routes: Arc<ArcSwap<Routes>>,
    /// The connections to each upstream. They outlive the routes, which may change.
    pub legs: HashMap<Name, Leg>,
    pub money: Arc<Money>,
    /// What operators say of tools.
    pub tools: Vec<Told>,
    /// Calls that are made once more at a second model.
    pub shadows: Arc<Shadows>,
    talks: Talks,
    stitches: Stitches,
}

/// The endpoint that a path goes to, and the upstream that it names.
pub struct Way<'p> {
    pub found: Found<'p>,
    /// Of `/via/UPSTREAM/…`.
    pub via: Option<&'p str>,
}

/// Reads a path. `None` where it is no call of a model.
pub fn way<'p>(method: &str, path: &'p str) -> Option<Way<'p>> {
    let (via, path) = match path.strip_prefix("/via/").and_then(|rest| rest.split_once('/')) {
        Some((name, rest)) => (Some(name), path.get(path.len() - rest.len() - 1..)?),
        None => (None, path),
    };
    Some(Way { found: endpoint::endpoint(method, path)?, via })
}

impl Models {
    pub fn new(
        guard: Arc<Guard>,
        tokens: Tokens,
        routes: Arc<ArcSwap<Routes>>,
        legs: HashMap<Name, Leg>,
        money: Arc<Money>,
        tools: Vec<Told>,
    ) -> Self {
        let (shadows, talks, stitches) = (Arc::default(), Talks::default(), Stitches::default());
        Models { guard, tokens, routes, legs, money, tools, shadows, talks, stitches }
    }

    /// One call, from its body to its answer. What is refused is refused in the caller's dialect.
    pub async fn call(self: &Arc<Self>, caller: Caller, head: &Parts, way: Way<'_>, body: Bytes) -> Response {
        let dialect = way.found.endpoint.dialect;
        let (call, action) = match Call::read(self, caller, head, &way, body) {
            Ok(call) => call,
            Err(no) => return self.refused(no, dialect),
        };
        match Arc::new(call).answer(action).await {
            Ok(response) => response,
            Err(no) => self.refused(no, dialect),
        }
    }

    /// A refusal, counted.
    pub fn refused(&self, no: No, dialect: &'static wire::dialect::Dialect) -> Response {
        self.guard.meter.refused(no.code());
        no.response(dialect)
    }
}
