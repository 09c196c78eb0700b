//! How tests speak to a server over HTTP: to the real binary, and to one in the tests' own process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The status; 200 also for an action that runs changed, as that of one that asks quickly does.
    pub fn entry(&self) -> u16 {
        if self.status == 203 { 200 } else { self.status }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }
}

/// A registered agent.
pub struct Agent {
    pub address: SocketAddr,
    pub key: String,
}

impl Agent {
    pub fn ask(&self, action: &Value) -> Reply {
        self.post("/ask/v1/decisions", &json!({ "action": action }))
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        call(self.address, "POST", path, &self.key, Some(body))
    }

    pub fn get(&self, path: &str) -> Reply {
        call(self.address, "GET", path, &self.key, None)
    }
}

/// One request on a connection of its own.
pub fn call(address: SocketAddr, verb: &str, path: &str, token: &str, body: Option<&Value>) -> Reply {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    raw(address, request.as_bytes())
}

pub fn raw(address: SocketAddr, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// Waits for a condition, never for a duration.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A refund of so many dollars.
pub fn refund(amount: u64) -> Value {
    json!({
        "kind": "payment", "operation": "pay", "tool": "refund",
        "resource": { "type": "payment", "name": "order-882" },
        "amount": { "value": amount, "currency": "USD" },
        "payload": { "order": "882", "amount": amount },
        "principal": { "id": "maria@shop.example" },
    })
}
