//! The agents' routes. Who listens, and with which limits on connections, is for the composition.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use action::{Name, TraceParent};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;

use crate::ask::Desk;
use crate::guard::Guard;
use crate::identity::{Caller, Wrong, identify};
use crate::limits::{BODY_WITHIN, MAX_BODY, MAX_WAIT};
use crate::llm::{self, Models};
use crate::meter::Stage;
use crate::refuse::Refusal;

/// The routes of the agents' listener.
pub fn router(desk: Arc<Desk>, models: Arc<Models>) -> Router {
    let called = move |desk: Desks, request: Request| model(desk, Arc::clone(&models), request);
    Router::new()
        .route("/ask/v1/decisions", post(ask))
        .route("/ask/v1/decisions/batch", post(batch))
        .route("/ask/v1/decisions/{id}", get(standing))
        .route("/ask/v1/decisions/{id}/resume", post(resume))
        .route("/ask/v1/decisions/{id}/outcome", post(outcome))
        .fallback(called)
        .method_not_allowed_fallback(|| async { Refusal::NoSuchMethod })
        .with_state(desk)
}

/// A call of a model, at the path that its provider has; every other path is none.
async fn model(State(desk): Desks, models: Arc<Models>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let Some(way) = llm::way(method.as_str(), &path) else { return Refusal::NoSuchRoute.into_response() };
    llm::credential(&mut head);
    let dialect = way.found.endpoint.dialect;
    match opened(&desk.guard, &head, body).await {
        Ok((caller, body)) => models.call(caller, &head, way, body).await,
        Err(refusal) => models.refused(refusal.into(), dialect),
    }
}

type Desks = State<Arc<Desk>>;

async fn ask(State(desk): Desks, request: Request) -> Result<Response, Refusal> {
    let started = Instant::now();
    let parent = parent(request.headers());
    let (caller, body) = open(&desk.guard, request).await?;
    whole(async move {
        let response = desk.ask(&caller, &body, parent).await;
        desk.guard.meter.took(Stage::Whole, started.elapsed());
        response
    })
    .await
}

async fn batch(State(desk): Desks, request: Request) -> Result<Response, Refusal> {
    let parent = parent(request.headers());
    let (caller, body) = open(&desk.guard, request).await?;
    whole(async move { desk.batch(&caller, &body, parent).await }).await
}

/// The caller's place in a trace. Two headers are one too many to believe either.
pub(crate) fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all("traceparent").iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    TraceParent::parse(only.to_str().ok()?)
}

#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    wait: Option<String>,
}

async fn standing(
    State(desk): Desks,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
    request: Request,
) -> Result<Response, Refusal> {
    let (caller, _) = open(&desk.guard, request).await?;
    let wait = match wait.wait.as_deref() {
        None => Duration::ZERO,
        Some(text) => {
            let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds <= MAX_WAIT.as_secs());
            Duration::from_secs(seconds.ok_or(Refusal::BadWait)?)
        }
    };
    desk.standing(&caller, &decision(&id)?, wait).await
}

async fn resume(State(desk): Desks, Path(id): Path<String>, request: Request) -> Result<Response, Refusal> {
    let (caller, body) = open(&desk.guard, request).await?;
    let id = decision(&id)?;
    whole(async move { desk.resume(&caller, &id, &body).await }).await
}

async fn outcome(State(desk): Desks, Path(id): Path<String>, request: Request) -> Result<Response, Refusal> {
    let (caller, body) = open(&desk.guard, request).await?;
    let id = decision(&id)?;
    whole(async move { desk.outcome(&caller, &id, &body).await }).await
}

/// Finishes what was begun, also when whoever asked hangs up: a question that is asked again must
/// find the first answer.
async fn whole(
    work: impl Future<Output = Result<Response, Refusal>> + Send + 'static,
) -> Result<Response, Refusal> {
    let mut work = Box::pin(work);
    // Most questions wait for nothing. They are answered where they arrived, for a task of its own costs
    // two more turns of the runtime; whoever does wait goes on in one, where nobody can drop it.
    let begun = std::future::poll_fn(|context| {
        let step = AssertUnwindSafe(|| work.as_mut().poll(context));
        Poll::Ready(catch_unwind(step))
    });
    match begun.await {
        Ok(Poll::Ready(answer)) => answer,
        Ok(Poll::Pending) => tokio::spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request had a fault of ours");
            Err(Refusal::Faulty)
        }),
        Err(_) => {
            tracing::error!("a request had a fault of ours");
            Err(Refusal::Faulty)
        }
    }
}

fn decision(id: &str) -> Result<Name, Refusal> {
    Name::new(id).ok().filter(|_| id.starts_with("dec_")).ok_or(Refusal::BadId)
}

/// Who asks, and then what. The body of a stranger is not read.
pub(crate) async fn open(guard: &Guard, request: Request) -> Result<(Caller, Bytes), Refusal> {
    let (head, body) = request.into_parts();
    opened(guard, &head, body).await
}

async fn opened(guard: &Guard, head: &Parts, body: Body) -> Result<(Caller, Bytes), Refusal> {
    let claim = identify(head, &guard.book.load(), &guard.trust, guard.clock.now().timestamp());
    let claim = claim.map_err(|wrong| refused(guard, wrong))?;
    let body = read(body).await?;
    let caller = claim.confirm(&body, &guard.trust).await?.map_err(|wrong| refused(guard, wrong))?;
    Ok((caller, body))
}

/// The reason is for us; the caller gets one answer for all of them.
fn refused(guard: &Guard, wrong: Wrong) -> Refusal {
    let refusal = Refusal::from(wrong);
    tracing::debug!(reason = wrong.as_str(), "credentials do not hold");
    guard.meter.wrong(wrong);
    guard.meter.refused(refusal.code());
    refusal
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    let whole = tokio::time::timeout(BODY_WITHIN, Limited::new(body, MAX_BODY).collect());
    match whole.await {
        Err(_) => Err(Refusal::BodyTooSlow),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Ok(Err(_)) => Err(Refusal::BodyTooSlow),
    }
}
