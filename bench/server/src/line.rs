//! A connection that is kept: one question after another over one socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Longer than the server takes for anything that is asked here.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

pub struct Line {
    stream: BufReader<TcpStream>,
    bearer: String,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON in {self:?}"))
    }

    /// The stable code of an error, or nothing.
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        json["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn is(self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.text());
        self.json()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Line {
    pub fn open(to: SocketAddr, bearer: &str) -> Result<Line> {
        let stream = TcpStream::connect(to).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        Ok(Line { stream: BufReader::new(stream), bearer: bearer.to_owned() })
    }

    pub fn call(&mut self, verb: &str, path: &str, body: Option<&Value>) -> Result<Reply> {
        self.send(verb, path, body)?;
        self.receive()
    }

    pub fn get(&mut self, path: &str) -> Result<Reply> {
        self.call("GET", path, None)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Result<Reply> {
        self.call("POST", path, Some(body))
    }

    /// Sends a question, and leaves it to the caller whether it waits for the answer.
    pub fn send(&mut self, verb: &str, path: &str, body: Option<&Value>) -> Result<()> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{verb} {path} HTTP/1.1\r\nhost: checkrein\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.bearer,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).context("cannot send")
    }

    fn receive(&mut self) -> Result<Reply> {
        let mut line = String::new();
        let mut status = None;
        let mut length = 0;
        loop {
            line.clear();
            if self.stream.read_line(&mut line).context("no answer")? == 0 {
                bail!("the connection was closed");
            }
            let text = line.trim_end();
            if status.is_none() {
                status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
            } else if text.is_empty() {
                break;
            } else if let Some(("content-length", value)) = text.split_once(": ") {
                length = value.parse().context("a length that is no number")?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).context("half an answer")?;
        Ok(Reply { status: status.context("an answer without a status")?, body })
    }
}
