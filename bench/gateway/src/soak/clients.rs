//! Clients that mix everything: both dialects, whole and streamed, calls of tools, and prompts that are changed
//! or refused.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::load::Shape;
use crate::load::answer::Answer;

/// What is said, in turns.
const SAID: [&str; 5] = [
    "which soup goes well with the bread of today",
    "and why is there no soup on sundays",
    "charge card 4539 1488 0343 6467 with the soup",
    "what of the bread is left",
    "tell me of the project nightjar",
];
const SHAPES: [Shape; 5] =
    [Shape::Chat, Shape::ChatStream, Shape::Messages, Shape::MessagesStream, Shape::McpCall];

/// What came of all calls.
#[derive(Default)]
pub struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
    /// Begun, and ended with an error that says so.
    cut: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    broken: AtomicU64,
    receipts: Mutex<Vec<String>>,
    example: Mutex<String>,
}

impl Counts {
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// The decisions that the clients were told of.
    pub fn receipts(&self) -> Vec<String> {
        std::mem::take(&mut *self.receipts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn example(&self) -> String {
        self.example.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn count(which: &AtomicU64) {
    which.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sent, answered, cut, refused, failed, broken] =
            [&self.sent, &self.answered, &self.cut, &self.refused, &self.failed, &self.broken]
                .map(|count| count.load(Ordering::Relaxed));
        write!(
            f,
            "sent {sent}, answered {answered}, cut {cut}, refused {refused}, failed {failed}, broken {broken}"
        )
    }
}

pub struct Client {
    number: usize,
    to: SocketAddr,
    key: String,
    pause: Duration,
}

impl Client {
    pub fn new(number: usize, to: SocketAddr, key: String, pause: Duration) -> Self {
        Client { number, to, key, pause }
    }

    /// Asks until the end. A connection that breaks is counted and made anew.
    pub async fn run(self, end: Instant, counts: Arc<Counts>) {
        let mut turn = self.number;
        while Instant::now() < end {
            if let Err(error) = self.connected(&mut turn, end, &counts).await {
                count(&counts.broken);
                *counts.example.lock().unwrap_or_else(PoisonError::into_inner) = format!("{error:#}");
                tokio::time::sleep(self.pause).await;
            }
        }
    }

    async fn connected(&self, turn: &mut usize, end: Instant, counts: &Counts) -> Result<()> {
        let mut stream = TcpStream::connect(self.to).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let mut answer = Answer::default();
        let session = self.session(&mut stream, &mut answer).await?;
        while Instant::now() < end {
            let shape = SHAPES.get(*turn % SHAPES.len()).copied().unwrap_or(Shape::Chat);
            let said = SAID.get(*turn / SHAPES.len() % SAID.len()).copied().unwrap_or_default();
            *turn += 1;
            let request = self.request(shape, &session, &body(shape, said));
            count(&counts.sent);
            let told = answer.to(&mut stream, &request).await?;
            let text = answer.text();
            let receipt = answer.header("checkrein-receipt");
            counts.receipts.lock().unwrap_or_else(PoisonError::into_inner).extend(receipt);
            let is_error = text.contains("\"error\"");
            count(match told.status {
                // A refusal of the tools' protocol has the status of an answer.
                200 if shape == Shape::McpCall && text.contains("\"code\":-32003") => &counts.refused,
                200 if shape == Shape::McpCall && is_error => &counts.failed,
                200 if is_error => &counts.cut,
                200 => &counts.answered,
                403 | 429 => &counts.refused,
                500.. => &counts.failed,
                other => anyhow::bail!("status {other}: {text}"),
            });
            tokio::time::sleep(self.pause).await;
        }
        Ok(())
    }

    fn request(&self, shape: Shape, session: &str, body: &Value) -> Vec<u8> {
        let (path, body) = (path(shape), body.to_string());
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nx-checkrein-key: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n{session}content-length: {}\r\n\r\n{body}",
            self.to,
            self.key,
            body.len()
        )
        .into_bytes()
    }

    /// Begins a session with the server of tools; gives back the headers of it.
    async fn session(&self, stream: &mut TcpStream, answer: &mut Answer) -> Result<String> {
        const VERSION: &str = "2025-06-18";
        let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": VERSION, "capabilities": {}, "clientInfo": { "name": "soak", "version": "1" } } });
        let told = answer.to(stream, &self.request(Shape::McpCall, "", &begin)).await?;
        ensure!(told.status == 200, "no session: status {}: {}", told.status, answer.text());
        let id = answer.header("mcp-session-id").context("a session without an id")?;
        Ok(format!("mcp-protocol-version: {VERSION}\r\nmcp-session-id: {id}\r\n"))
    }
}

fn path(shape: Shape) -> &'static str {
    match shape {
        Shape::Chat | Shape::ChatStream => "/v1/chat/completions",
        Shape::Messages | Shape::MessagesStream => "/v1/messages",
        Shape::McpCall => "/mcp/bench",
    }
}

fn body(shape: Shape, said: &str) -> Value {
    let messages = json!([{ "role": "user", "content": said }]);
    let stream = matches!(shape, Shape::ChatStream | Shape::MessagesStream);
    match shape {
        Shape::Chat | Shape::ChatStream => {
            json!({ "model": "gpt-mock", "max_tokens": 200, "stream": stream, "messages": messages })
        }
        Shape::Messages | Shape::MessagesStream => {
            json!({ "model": "claude-mock", "max_tokens": 200, "stream": stream, "messages": messages })
        }
        Shape::McpCall => json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": { "name": "read_menu", "arguments": { "day": "monday", "note": said } } }),
    }
}
