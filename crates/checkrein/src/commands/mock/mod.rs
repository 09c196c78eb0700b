//! `checkrein mock-provider`: answers like the providers of models do, from a script.

mod answer;
mod body;
mod events;
mod mcp;
mod other;
mod script;

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use http::{HeaderName, Method, StatusCode, Uri};
use tokio::sync::watch;
use wire::dialect::Dialect;
use wire::doc::Doc;
use wire::endpoint::{Call, endpoint, streams};
use wire::refuse::{Refusal, Why};
use wire::shape::{Meaning, Speaker, places};

use self::body::{Event, Paced};
use self::script::{Fault, Reply, Script};
use crate::cli::MockProvider;
use crate::exit::Exit;
use crate::{input, serve};

/// Prompts of tests may carry files.
const MAX_BODY: usize = 16 << 20;

pub fn run(args: &MockProvider) -> Result<Exit> {
    let script = match &args.script {
        Some(path) => Script::read(&path.display().to_string(), &input::text(Some(path))?)?,
        None => Script::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(listen(args, Arc::new(script)))?;
    Ok(Exit::Success)
}

async fn listen(args: &MockProvider, script: Arc<Script>) -> Result<()> {
    let listener = serve::listen::bind_to("callers", args.listen).await?;
    println!("Checkrein mock provider at http://{}", listener.local_addr()?);
    println!("  any key is taken; nothing is sent anywhere");
    println!("Ctrl-C stops.");
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve::listen::serve(listener, router(script), None, stopped));
    serve::signal().await?;
    let _ = stop.send(true);
    serving.await.context("the mock provider did not end well")
}

type Scripts = State<Arc<Script>>;

fn router(script: Arc<Script>) -> Router {
    Router::new()
        .route("/mcp", post(mcp::post).get(mcp::get).delete(mcp::delete))
        .fallback(asked)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(script)
}

/// Every endpoint that the product knows is answered, in its own dialect.
async fn asked(State(script): Scripts, method: Method, uri: Uri, body: Bytes) -> Response {
    let Some(found) = endpoint(method.as_str(), uri.path()) else {
        return plain(StatusCode::NOT_FOUND, "application/json", b"{}".to_vec());
    };
    let dialect = found.endpoint.dialect;
    if found.endpoint.call == Call::Models {
        return plain(StatusCode::OK, "application/json", other::models(dialect, found.model.as_deref()));
    }
    let doc = match Doc::parse(&body) {
        Ok(doc) => doc,
        Err(fault) => return refused(dialect, Why::Unreadable, fault.code(), &fault.to_string()),
    };
    match found.endpoint.call {
        Call::Generate => answered(&script, dialect, streams(&found, &doc), &doc),
        Call::Embed => plain(StatusCode::OK, "application/json", other::embedded(dialect, &doc)),
        Call::Count => plain(StatusCode::OK, "application/json", other::counted(dialect, &doc)),
        Call::Models => plain(StatusCode::NOT_FOUND, "application/json", vec![]),
    }
}

/// One question, answered as the script says.
fn answered(script: &Script, dialect: &Dialect, stream: bool, doc: &Doc<'_>) -> Response {
    let reply = script.reply(&last_said(dialect, doc));
    if let Some(Fault::Status(status)) = reply.fault {
        let why = match status {
            401 => Why::Stranger,
            403 => Why::Refused,
            429 => Why::TooMuch,
            400..500 => Why::Unreadable,
            _ => Why::Unavailable,
        };
        return refused(dialect, why, "scripted", "the script says so");
    }
    if !stream {
        let whole = answer::whole(dialect, &reply);
        return delayed(
            &reply,
            vec![Event { bytes: whole, gap: std::time::Duration::ZERO }],
            "application/json",
        );
    }
    delayed(&reply, events::of(dialect, &reply), dialect.stream.media_type())
}

/// The last words of the user or of a tool: what the script looks at.
fn last_said(dialect: &Dialect, doc: &Doc<'_>) -> String {
    let mut last = String::new();
    places(doc.root(), &dialect.request, &mut |place| {
        let said = place.meaning == Meaning::Text && matches!(place.speaker, Speaker::User | Speaker::Tool);
        if said || place.meaning == Meaning::Unknown && dialect.name == "bedrock_invoke" {
            last = place.value.text().unwrap_or_default().into_owned();
        }
    });
    last
}

fn delayed(reply: &Reply, events: Vec<Event>, kind: &'static str) -> Response {
    let paced = Paced::new(events, reply.delay, reply.fault == Some(Fault::CutOff));
    let mut response = Response::new(Body::new(paced));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

fn refused(dialect: &Dialect, why: Why, code: &str, message: &str) -> Response {
    let told = wire::refuse::answer(dialect, Refusal { why, code, message, receipt: "mock" }, None);
    let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = plain(status, "application/json", told.body);
    for (name, value) in told.headers {
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn plain(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
