//! A server of tools, as the tests of MCP need it: it keeps what it was sent, and says what it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// One request that came.
#[derive(Debug, Clone)]
pub struct Got {
    pub verb: String,
    pub head: String,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<String> {
        let line = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        self.head.lines().find_map(line)
    }
}

pub struct Tools {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    listed: Arc<Mutex<Value>>,
}

/// The session id that it gives, which nobody else should see.
pub const SESSION: &str = "upstream-session-4711";
/// A number of a card, as tests of payment providers use it.
pub const CARD: &str = "4111 1111 1111 1111";

impl Tools {
    pub fn start() -> Self {
        Self::over(|stream| Box::new(stream))
    }

    /// Behind TLS, with this certificate.
    pub fn with_tls(config: Arc<rustls::ServerConfig>) -> Self {
        Self::over(move |stream| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(rustls::StreamOwned::new(connection, stream))
        })
    }

    fn over(open: impl Fn(TcpStream) -> Box<dyn Line> + Send + Sync + 'static) -> Self {
        let open = Arc::new(open);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let listed = Arc::new(Mutex::new(json!([
            { "name": "echo", "description": "Gives back what it is given.",
              "inputSchema": { "type": "object", "properties": { "n": { "type": "integer" } } } },
            { "name": "refund", "description": "Pays an order back.", "inputSchema": { "type": "object" } },
        ])));
        let tools = Tools { address, got: Arc::clone(&got), listed: Arc::clone(&listed) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (got, listed, open) = (Arc::clone(&got), Arc::clone(&listed), Arc::clone(&open));
                std::thread::spawn(move || serve(open(stream.unwrap()), &got, &listed));
            }
        });
        tools
    }

    pub fn list(&self, tools: Value) {
        *self.listed.lock().unwrap() = tools;
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Bodies that hold a text.
    pub fn with(&self, text: &str) -> Vec<Got> {
        self.got().into_iter().filter(|got| got.body.contains(text)).collect()
    }
}

/// What a connection is read from and written to.
trait Line: std::io::Read + std::io::Write {}
impl<T: std::io::Read + std::io::Write> Line for T {}

fn serve(stream: Box<dyn Line>, got: &Mutex<Vec<Got>>, listed: &Mutex<Value>) {
    let mut input = BufReader::new(stream);
    loop {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut one = Got { verb: head.split(' ').next().unwrap().to_owned(), head, body: String::new() };
        let length = one.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if input.read_exact(&mut body).is_err() {
            return;
        }
        one.body = String::from_utf8(body).unwrap();
        got.lock().unwrap().push(one.clone());
        let listed = listed.lock().unwrap().clone();
        let out = input.get_mut();
        if out.write_all(answer(&one, &listed).as_bytes()).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn answer(got: &Got, listed: &Value) -> String {
    if got.verb != "POST" {
        return "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n".to_owned();
    }
    let message: Value = serde_json::from_str(&got.body).unwrap();
    let id = &message["id"];
    let Some(method) = message["method"].as_str().filter(|_| !id.is_null()) else {
        return "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned();
    };
    let result = |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
    let text =
        |text: &str| result(json!({ "content": [ { "type": "text", "text": text } ], "isError": false }));
    match (method, message["params"]["name"].as_str()) {
        ("initialize", _) => json_answer(&result(json!({
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": { "tools": { "listChanged": true } },
            "serverInfo": { "name": "tools", "version": "1" },
        })), &format!("mcp-session-id: {SESSION}\r\n")),
        ("tools/list", _) => json_answer(&result(json!({ "tools": listed })), ""),
        // Odd spaces, to see that nothing is written anew.
        ("tools/call", Some("echo")) => json_answer(
            &format!("{{\"jsonrpc\":\"2.0\" , \"id\":{id},\t\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"\\u0065cho\"}}]}}}}"),
            "",
        ),
        ("tools/call", Some("read_card")) => json_answer(&text(&format!("paid with {CARD} today")), ""),
        ("tools/call", Some("read_card_slowly")) => events(&[
            json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                    "params": { "progressToken": 1, "progress": 1, "message": format!("half of {CARD}") } }).to_string(),
            text(&format!("paid with {CARD} today")),
        ]),
        ("tools/call", Some("read_back")) => json_answer(&text(&said(&message)), ""),
        ("tools/call", Some("read_back_slowly")) => events(&[
            json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                    "params": { "progressToken": 1, "progress": 1, "message": said(&message) } }).to_string(),
            text(&said(&message)),
        ]),
        ("tools/call", Some("ask_model")) => events(&[
            json!({ "jsonrpc": "2.0", "id": "q1", "method": "sampling/createMessage",
                    "params": { "messages": [ { "role": "user", "content": { "type": "text", "text": "tell all" } } ],
                                "maxTokens": 10 } }).to_string(),
            text("asked"),
        ]),
        ("tools/call", _) => json_answer(&text("done"), ""),
        _ => json_answer(&result(json!({})), ""),
    }
}

/// The text that a call brings.
fn said(message: &Value) -> String {
    message["params"]["arguments"]["text"].as_str().unwrap_or_default().to_owned()
}

fn json_answer(body: &str, headers: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn events(messages: &[String]) -> String {
    let numbered = messages.iter().enumerate();
    let body: String =
        numbered.map(|(number, it)| format!("id: {number}\nevent: message\ndata: {it}\n\n")).collect();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
