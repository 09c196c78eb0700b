//! From a request to a handler: identify, admit, record the act, run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use action::{Name, NameError};
use axum::Router;
use axum::extract::{Path, Query, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use ledger::{OperatorPart, Promise, Record, RecordKind};

use crate::Office;
use crate::access::{admit, identify};
use crate::call::{Call, Reply};
use crate::fault::Fault;
use crate::table::{ROUTES, Route, Verb};

/// Body of one call; larger is refused.
const MAX_BODY: usize = 4 << 20;
/// Time for a client to send it.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The routes of the operators' listener.
pub fn router(office: Arc<Office>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let filter = match route.verb {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Put => MethodFilter::PUT,
            Verb::Delete => MethodFilter::DELETE,
        };
        let office = Arc::clone(&office);
        let run = move |Path(path): Path<HashMap<String, String>>,
                        Query(query): Query<HashMap<String, String>>,
                        request: Request| {
            let office = Arc::clone(&office);
            async move { answer(office, route, path, query, request).await }
        };
        router = router.route(route.path, on(filter, run));
    }
    router
        .fallback(|| async {
            Fault::new(StatusCode::NOT_FOUND, "no_such_route", "there is nothing at this path")
        })
        .method_not_allowed_fallback(|| async {
            Fault::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "no_such_method",
                "this path does not take this method",
            )
        })
}

async fn answer(
    office: Arc<Office>,
    route: &'static Route,
    path: HashMap<String, String>,
    query: HashMap<String, String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    // Reading the token and everything after it may wait for a disk.
    let opened = {
        let (office, headers) = (Arc::clone(&office), head.headers.clone());
        blocking(move || open(&office, route, &headers)).await
    };
    let reply = match opened {
        Err(fault) => Err(fault),
        Ok((operator, roles, pseudonym)) => match read(body).await {
            Err(fault) => Err(fault),
            Ok(body) => match seen(&head.headers) {
                Err(fault) => Err(fault),
                Ok(seen) => {
                    let call = Call { operator, roles, pseudonym, path, query, body, seen };
                    blocking(move || run(&office, route, &call)).await
                }
            },
        },
    };
    reply.map_or_else(refused, replied)
}

fn open(
    office: &Office,
    route: &Route,
    headers: &HeaderMap,
) -> Result<(Name, Vec<action::AccessRole>, Name), Fault> {
    let known = identify(office, headers, office.now())?;
    admit(route, &known.roles)?;
    let pseudonym = office.pseudonym(&known.name)?;
    Ok((known.name, known.roles, pseudonym))
}

/// Runs a handler. An act is on the ledger before it happens; that it then failed is on it too.
fn run(office: &Office, route: &Route, call: &Call) -> Result<Reply, Fault> {
    let Some(act) = route.act else { return (route.run)(office, call) };
    let on = route.on.and_then(|key| call.path.get(key)).and_then(|text| Name::new(text).ok());
    note(office, route, act, call, on.clone(), None)?;
    (route.run)(office, call).inspect_err(|fault| {
        if let Err(unwritten) = note(office, route, act, call, on, Some(&fault.code)) {
            tracing::error!(act, code = %unwritten.code, "a failed act could not be recorded as failed");
        }
    })
}

fn note(
    office: &Office,
    route: &Route,
    act: &str,
    call: &Call,
    on: Option<Name>,
    failed: Option<&str>,
) -> Result<(), Fault> {
    let name = |text: &str| Name::new(text).map_err(|error: NameError| Fault::ours("record the act", &error));
    let mut record = Record::new(RecordKind::Operator, office.clock.now());
    record.operator = Some(OperatorPart { act: name(act)?, by: call.pseudonym.clone(), on });
    // The rest of the path: which key of an agent, which version of a rule set, where a freeze holds.
    for (key, text) in &call.path {
        if route.on != Some(key.as_str())
            && let (Ok(key), Ok(text)) = (Name::new(key), Name::new(text))
        {
            record.notes.insert(key, text);
        }
    }
    if let Some(code) = failed {
        record.notes.insert(name("failed")?, name(code)?);
    }
    office
        .ledger
        .append_wait(record, Promise::Synced)
        .map(|_| ())
        .map_err(|error| Fault::ours("record the act, so it was not done", &error))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Fault::ours("finish the call", &error)))
}

async fn read(body: axum::body::Body) -> Result<Bytes, Fault> {
    match tokio::time::timeout(BODY_WITHIN, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is larger than 4 MiB"))
        }
        Ok(Err(_)) | Err(_) => {
            Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time"))
        }
    }
}

/// The version in `If-Match: "7"`.
fn seen(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().trim_matches('"').parse().ok());
    number
        .map(Some)
        .ok_or_else(|| Fault::bad("bad_if_match", "`If-Match` is a version in quotes, like \"7\""))
}

fn refused(fault: Fault) -> Response {
    let challenge = fault.status == StatusCode::UNAUTHORIZED;
    let mut response = fault.into_response();
    if challenge {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"checkrein operators\""));
    }
    response
}

fn replied(reply: Reply) -> Response {
    let status = if reply.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, reply.body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    let etag = reply.version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok());
    if let Some(etag) = etag {
        headers.insert(ETAG, etag);
    }
    response
}
