//! `checkrein mock-provider`: answers like the providers of models do, from a script.

mod answer;
mod body;
mod events;
mod script;

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderName, StatusCode};
use tokio::sync::watch;
use wire::dialect::{self, Dialect};
use wire::doc::Doc;
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
    let said = |name: &'static str, streams: Streams| {
        post(
            move |State(script): Scripts, body: Bytes| async move { answered(&script, name, streams, &body) },
        )
    };
    Router::new()
        .route("/v1/chat/completions", said("openai_chat", Streams::WhenAsked))
        .route("/openai/deployments/{deployment}/chat/completions", said("openai_chat", Streams::WhenAsked))
        .route("/v1/responses", said("openai_responses", Streams::WhenAsked))
        .route("/v1/messages", said("anthropic_messages", Streams::WhenAsked))
        .route("/v2/chat", said("cohere_chat", Streams::WhenAsked))
        .route("/api/chat", said("ollama", Streams::UnlessToldNot))
        .route("/model/{model}/converse", said("bedrock_converse", Streams::Never))
        .route("/model/{model}/converse-stream", said("bedrock_converse", Streams::Always))
        .route("/v1beta/models/{call}", post(gemini))
        .route("/v1/models/{call}", post(gemini))
        .route("/v1/models", get(models))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(script)
}

/// When a route streams its answer.
#[derive(Clone, Copy)]
enum Streams {
    Never,
    Always,
    WhenAsked,
    UnlessToldNot,
}

async fn gemini(State(script): Scripts, Path(call): Path<String>, body: Bytes) -> Response {
    match call.rsplit_once(':') {
        Some((_, "generateContent")) => answered(&script, "gemini", Streams::Never, &body),
        Some((_, "streamGenerateContent")) => answered(&script, "gemini", Streams::Always, &body),
        Some(_) | None => plain(StatusCode::NOT_FOUND, "application/json", b"{}".to_vec()),
    }
}

async fn models() -> Response {
    let body =
        br#"{"object":"list","data":[{"id":"mock","object":"model","created":0,"owned_by":"checkrein"}]}"#;
    plain(StatusCode::OK, "application/json", body.to_vec())
}

/// One question, answered as the script says.
fn answered(script: &Script, name: &str, streams: Streams, body: &[u8]) -> Response {
    let Some(dialect) = dialect::named(name) else {
        return plain(StatusCode::NOT_FOUND, "text/plain", vec![]);
    };
    let doc = match Doc::parse(body) {
        Ok(doc) => doc,
        Err(fault) => return refused(dialect, Why::Unreadable, fault.code(), &fault.to_string()),
    };
    let wish = doc.root().get("stream").and_then(|value| value.flag());
    let stream = match streams {
        Streams::Never => false,
        Streams::Always => true,
        Streams::WhenAsked => wish == Some(true),
        Streams::UnlessToldNot => wish != Some(false),
    };
    let reply = script.reply(&last_said(dialect, &doc));
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
    let kind = match dialect.stream {
        dialect::Stream::Events => "text/event-stream",
        dialect::Stream::Lines => "application/x-ndjson",
        dialect::Stream::Aws => "application/vnd.amazon.eventstream",
    };
    delayed(&reply, events::of(dialect, &reply), kind)
}

/// The last words of the user or of a tool: what the script looks at.
fn last_said(dialect: &Dialect, doc: &Doc<'_>) -> String {
    let mut last = String::new();
    places(doc.root(), &dialect.request, &mut |place| {
        if place.meaning == Meaning::Text && matches!(place.speaker, Speaker::User | Speaker::Tool) {
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
