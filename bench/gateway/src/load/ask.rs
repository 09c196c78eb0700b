//! What is asked.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::Plan;
use super::answer::Answer;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// A chat completion of OpenAI's
    Chat,
    ChatStream,
    /// A message of Anthropic's
    Messages,
    MessagesStream,
    /// A call of a tool over MCP
    McpCall,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Shape::Chat => "chat",
            Shape::ChatStream => "chat-stream",
            Shape::Messages => "messages",
            Shape::MessagesStream => "messages-stream",
            Shape::McpCall => "mcp-call",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Shape::Chat | Shape::ChatStream => "/v1/chat/completions",
            Shape::Messages | Shape::MessagesStream => "/v1/messages",
            Shape::McpCall => "/mcp",
        }
    }

    fn streams(self) -> bool {
        matches!(self, Shape::ChatStream | Shape::MessagesStream)
    }

    fn body(self, model: &str, bytes: usize) -> Value {
        const SYSTEM: &str = "You help the guests of a canteen. Answer in one or two sentences, in the language of \
             the question, and say so when the menu does not tell.";
        const WORDS: [&str; 12] =
            ["which", "soup", "goes", "well", "with", "the", "bread", "of", "today", "and", "why", "is"];
        // Other words in each place: sentences that come again and again are not what people write.
        let mut said = String::from("My question is the following: ");
        let mut at = 7_usize;
        while said.len() + SYSTEM.len() + 150 < bytes {
            at = (at * 31 + 11) % 1_009;
            said.push_str(WORDS.get(at % WORDS.len()).copied().unwrap_or_default());
            said.push(' ');
        }
        let user = json!({ "role": "user", "content": said });
        match self {
            Shape::Chat | Shape::ChatStream => json!({ "model": model, "temperature": 0.2, "max_tokens": 200,
                "stream": self.streams(), "messages": [{ "role": "system", "content": SYSTEM }, user] }),
            Shape::Messages | Shape::MessagesStream => json!({ "model": model, "max_tokens": 200,
                "stream": self.streams(), "system": SYSTEM, "messages": [user] }),
            Shape::McpCall => json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
                "params": { "name": "read_menu", "arguments": { "day": "monday", "note": said } } }),
        }
    }
}

/// A question, and what must be said before it.
pub struct Asked {
    shape: Shape,
    head: String,
    body: String,
}

impl Asked {
    pub fn of(plan: &Plan) -> Asked {
        let path = plan.path.as_deref().unwrap_or(plan.shape.path());
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\n",
            plan.to
        );
        for header in &plan.header {
            head.push_str(header);
            head.push_str("\r\n");
        }
        Asked { shape: plan.shape, head, body: plan.shape.body(&plan.model, plan.bytes).to_string() }
    }

    pub fn streams(&self) -> bool {
        self.shape.streams()
    }

    fn request(&self, further: &str, body: &str) -> Vec<u8> {
        format!("{}{further}content-length: {}\r\n\r\n{body}", self.head, body.len()).into_bytes()
    }

    /// The bytes to send again and again. A session is begun before, where the protocol has one.
    pub async fn prepare(&self, stream: &mut TcpStream, answer: &mut Answer) -> Result<Vec<u8>> {
        if self.shape != Shape::McpCall {
            return Ok(self.request("", &self.body));
        }
        const VERSION: &str = "2025-06-18";
        let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": VERSION, "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } } });
        let told = answer.to(stream, &self.request("", &begin.to_string())).await?;
        ensure!(told.status == 200, "no session: status {}: {}", told.status, answer.text());
        let mut further = format!("mcp-protocol-version: {VERSION}\r\n");
        if let Some(session) = answer.header("mcp-session-id") {
            further.push_str(&format!("mcp-session-id: {session}\r\n"));
        }
        for method in ["notifications/initialized", "tools/list"] {
            let mut said = json!({ "jsonrpc": "2.0", "method": method });
            if method == "tools/list" {
                said["id"] = json!(2);
            }
            let told = answer.to(stream, &self.request(&further, &said.to_string())).await?;
            ensure!(
                matches!(told.status, 200 | 202),
                "`{method}`: status {}: {}",
                told.status,
                answer.text()
            );
        }
        Ok(self.request(&further, &self.body))
    }
}
