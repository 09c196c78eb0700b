//! A provider that costs next to nothing: answers are made once, and written as they are.
//!
//! How it streams is set at run time, since other gateways are told of one provider only:
//! `POST /mock?events=40&gap_us=3000&delay_us=0`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, Sleep};

use crate::faults::{Fault, Faults};

pub fn run(listen: SocketAddr, faults: Option<Arc<Faults>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(listen, faults))
}

async fn serve(listen: SocketAddr, faults: Option<Arc<Faults>>) -> Result<()> {
    let listener = TcpListener::bind(listen).await.context("cannot listen")?;
    let mock = Arc::new(Mock::new(faults));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mock = mock.clone();
        let service = service_fn(move |request| {
            let mock = mock.clone();
            async move { mock.answer(request).await }
        });
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

struct Mock {
    shape: Shape,
    faults: Option<Arc<Faults>>,
    chat: Bytes,
    messages: Bytes,
    tools: Value,
    called: Value,
}

/// How answers stream.
struct Shape {
    events: AtomicU64,
    gap_us: AtomicU64,
    delay_us: AtomicU64,
}

type Body = Either<Full<Bytes>, Paced>;

/// 20 pieces are what the burst has; a paced stream asks for more.
const EVENTS: u64 = 20;

const WORDS: [&str; 8] = ["The ", "soup ", "of ", "the ", "day ", "is ", "made of ", "leeks, "];

impl Mock {
    fn new(faults: Option<Arc<Faults>>) -> Self {
        let text = WORDS.concat().repeat(8);
        let chat = json!({
            "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-mock",
            "choices": [{ "index": 0, "finish_reason": "stop", "logprobs": null,
                "message": { "role": "assistant", "content": text, "refusal": null } }],
            "usage": { "prompt_tokens": 150, "completion_tokens": 90, "total_tokens": 240 },
            "system_fingerprint": "fp_bench",
        });
        let messages = json!({
            "id": "msg_bench", "type": "message", "role": "assistant", "model": "claude-mock",
            "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": { "input_tokens": 150, "output_tokens": 90 },
        });
        let tools = json!({ "tools": [{ "name": "read_menu", "description": "Reads the menu of a day.",
            "inputSchema": { "type": "object", "properties": { "day": { "type": "string" } } } }] });
        let called = json!({ "content": [{ "type": "text", "text": text }], "isError": false });
        Mock {
            shape: Shape {
                events: AtomicU64::new(EVENTS),
                gap_us: AtomicU64::new(0),
                delay_us: AtomicU64::new(0),
            },
            faults,
            chat: chat.to_string().into(),
            messages: messages.to_string().into(),
            tools,
            called,
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let Ok(body) = request.into_body().collect().await else {
            return Ok(status(StatusCode::BAD_REQUEST));
        };
        let body = body.to_bytes();
        let answer = match path.as_str() {
            "/v1/chat/completions" if streams(&body) => self.streamed(chat_event, Some("[DONE]")),
            "/v1/chat/completions" => self.whole(&self.chat).await,
            "/v1/messages" if streams(&body) => self.streamed(messages_event, None),
            "/v1/messages" => self.whole(&self.messages).await,
            "/mcp" => self.mcp(&body),
            "/mock" => self.shaped(&query),
            _ => status(StatusCode::NOT_FOUND),
        };
        // Sessions are begun without a fault, so that what fails is a call.
        let is_call = path != "/mcp" || has(&body, b"\"tools/call\"");
        match self.faults.as_ref().filter(|_| is_call) {
            None => Ok(answer),
            Some(faults) => spoiled(answer, faults.next()).await,
        }
    }

    fn shaped(&self, query: &str) -> Response<Body> {
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let Ok(value) = value.parse() else { return status(StatusCode::BAD_REQUEST) };
            match key {
                "events" => self.shape.events.store(value, Ordering::Relaxed),
                "gap_us" => self.shape.gap_us.store(value, Ordering::Relaxed),
                "delay_us" => self.shape.delay_us.store(value, Ordering::Relaxed),
                _ => return status(StatusCode::BAD_REQUEST),
            }
        }
        status(StatusCode::OK)
    }

    fn time(which: &AtomicU64) -> Duration {
        Duration::from_micros(which.load(Ordering::Relaxed))
    }

    async fn whole(&self, body: &Bytes) -> Response<Body> {
        let delay = Self::time(&self.shape.delay_us);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        typed(Either::Left(Full::new(body.clone())), "application/json")
    }

    fn streamed(&self, event: fn(Event<'_>) -> Bytes, end: Option<&str>) -> Response<Body> {
        let count = usize::try_from(self.shape.events.load(Ordering::Relaxed)).unwrap_or_default();
        let mut events = VecDeque::from([event(Event::Start)]);
        events.extend(WORDS.iter().cycle().take(count).map(|word| event(Event::Word(word))));
        events.push_back(event(Event::Stop));
        events.extend(end.map(|end| Bytes::from(format!("data: {end}\n\n"))));
        let delay = Self::time(&self.shape.delay_us);
        let paced = Paced {
            events,
            sent: 0,
            gap: Self::time(&self.shape.gap_us),
            next: Instant::now() + delay,
            wait: (!delay.is_zero()).then(|| Box::pin(tokio::time::sleep(delay))),
            breaks: false,
        };
        typed(Either::Right(paced), "text/event-stream")
    }

    fn mcp(&self, body: &[u8]) -> Response<Body> {
        let Ok(asked) = serde_json::from_slice::<Value>(body) else {
            return status(StatusCode::BAD_REQUEST);
        };
        if asked.get("id").is_none() {
            return status(StatusCode::ACCEPTED);
        }
        let result = match asked["method"].as_str() {
            Some("initialize") => json!({ "protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": { "tools": {} }, "serverInfo": { "name": "bench", "version": "1" } }),
            Some("tools/list") => self.tools.clone(),
            Some("tools/call") => self.called.clone(),
            _ => json!({}),
        };
        let text = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }).to_string();
        let mut response = typed(Either::Left(Full::new(text.into())), "application/json");
        if asked["method"] == "initialize" {
            response.headers_mut().insert("mcp-session-id", HeaderValue::from_static("session-of-the-bench"));
        }
        response
    }
}

/// Whether the request asks for a stream. Reading all of it would cost more than the answer.
fn streams(body: &[u8]) -> bool {
    has(body, b"\"stream\":true") || has(body, b"\"stream\": true")
}

fn has(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|at| at == words)
}

/// The same answer with a fault in it.
async fn spoiled(answer: Response<Body>, fault: Fault) -> io::Result<Response<Body>> {
    let (mut head, body) = answer.into_parts();
    let whole = match fault {
        Fault::None => return Ok(Response::from_parts(head, body)),
        Fault::Silent => return Err(io::ErrorKind::ConnectionReset.into()),
        Fault::Status => return Ok(status(StatusCode::INTERNAL_SERVER_ERROR)),
        Fault::Reset | Fault::Truncated | Fault::Garbage | Fault::Slow => {
            body.collect().await.map_err(io::Error::other)?.to_bytes()
        }
    };
    let half = whole.len() / 2;
    let (events, gap) = match fault {
        Fault::Garbage => (vec![Bytes::from_static(b"data: {\"choices\": [nonsense\n\n")], Duration::ZERO),
        Fault::Slow => (vec![whole.slice(..half), whole.slice(half..)], SLOW),
        _ => (vec![whole.slice(..half)], Duration::ZERO),
    };
    head.headers.remove(http::header::CONTENT_LENGTH);
    let breaks = fault == Fault::Reset;
    // The first piece of a paced body has no gap behind it, so that the first word comes at once.
    let events =
        [Bytes::new()].into_iter().chain(events).filter(|event| gap > Duration::ZERO || !event.is_empty());
    let paced = Paced { events: events.collect(), sent: 0, gap, next: Instant::now(), wait: None, breaks };
    Ok(Response::from_parts(head, Either::Right(paced)))
}

/// What a provider that is slow waits in the middle of an answer.
const SLOW: Duration = Duration::from_millis(700);

enum Event<'e> {
    Start,
    Word(&'e str),
    Stop,
}

fn chat_event(event: Event<'_>) -> Bytes {
    let (delta, finish) = match event {
        Event::Start => (r#"{"role":"assistant","content":""}"#.to_owned(), "null"),
        Event::Word(word) => (format!(r#"{{"content":"{word}"}}"#), "null"),
        Event::Stop => ("{}".to_owned(), "\"stop\""),
    };
    let event = format!(
        r#"data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"gpt-mock","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
    );
    Bytes::from(event + "\n\n")
}

fn messages_event(event: Event<'_>) -> Bytes {
    let text = match event {
        Event::Start => concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench\",\"type\":\"message\",",
            "\"role\":\"assistant\",\"model\":\"claude-mock\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,",
            "\"usage\":{\"input_tokens\":150,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
            "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        )
        .to_owned(),
        Event::Word(word) => format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{word}\"}}}}\n\n"
        ),
        Event::Stop => concat!(
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",",
            "\"stop_sequence\":null},\"usage\":{\"output_tokens\":90}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        )
        .to_owned(),
    };
    Bytes::from(text)
}

/// Events one after the other, each a frame of its own. The first word comes at once; between two words
/// lies the gap.
struct Paced {
    events: VecDeque<Bytes>,
    sent: usize,
    gap: Duration,
    next: Instant,
    wait: Option<Pin<Box<Sleep>>>,
    /// The connection ends before the body does.
    breaks: bool,
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
        }
        let Some(event) = self.events.pop_front() else {
            let breaks = self.breaks.then(|| Err(io::ErrorKind::ConnectionReset.into()));
            return Poll::Ready(breaks);
        };
        self.sent += 1;
        if self.sent >= 2 && !self.gap.is_zero() && !self.events.is_empty() {
            // From the time that was meant, so that a timer that rounds up does not add up.
            let next = self.next + self.gap;
            self.next = next;
            match &mut self.wait {
                Some(wait) => wait.as_mut().reset(next),
                none => *none = Some(Box::pin(tokio::time::sleep_until(next))),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}

fn typed(body: Body, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = code;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_and_a_stream_is_asked_for_in_either_spelling() {
        for make in [chat_event, messages_event] {
            for event in [Event::Start, Event::Word("leeks "), Event::Stop] {
                let text = String::from_utf8(make(event).to_vec()).unwrap();
                assert!(text.ends_with("\n\n"));
                for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    assert!(serde_json::from_str::<Value>(data).is_ok(), "{data}");
                }
            }
        }
        assert!(streams(br#"{"stream":true}"#) && streams(br#"{"stream": true}"#) && !streams(b"{}"));
    }
}
