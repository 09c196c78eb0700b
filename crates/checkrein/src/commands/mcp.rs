//! `checkrein mcp`: stands between a client and a server that speak over standard input and output.
//!
//! Each line is one message and is judged by the running Checkrein before it goes on. Where that
//! cannot be reached nothing goes on: a request is answered with an error, anything else is dropped.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use wire::doc::Doc;

use crate::cli::McpWrapper;
use crate::exit::Exit;
use crate::serve;

/// Bytes of one message; a longer one ends the session.
const MAX_LINE: u64 = 4 << 20;
/// Bytes of one answer about a message, which may hold another message.
const MAX_ANSWER: usize = 16 << 20;
/// Calls that are judged or wait for a person at once; further messages wait to be read.
const MAX_CALLS: usize = 64;
/// Requests that are not answered yet; beyond them the results of the oldest are judged without
/// knowing what they answer.
const MAX_ASKED: usize = 1_024;
/// Longer than any wait for a person may be set.
const JUDGED_WITHIN: Duration = Duration::from_secs(3_630);
/// When its input has ended, a server has this long to end by itself.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Where the agent's key lies.
const KEY: &str = "CHECKREIN_AGENT_KEY";

pub fn run(args: &McpWrapper) -> Result<Exit> {
    let key = std::env::var(KEY)
        .with_context(|| format!("set `{KEY}` to the agent's key; `cra_…`, as an operator made it"))?;
    let (program, rest) = args.command.split_first().context("give the command of the server behind `--`")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let judge = Judge::new(&args.at, &args.server, &key)?;
    let mut child = Command::new(program)
        .args(rest)
        // The server has no business with the agent's key.
        .env_remove(KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{program}`"))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        bail!("the server has no input or output");
    };
    let line = Arc::new(Line {
        judge,
        to_server: Mutex::new(Some(input)),
        to_client: Mutex::new(()),
        asked: Mutex::default(),
        calls: Arc::new(Semaphore::new(MAX_CALLS)),
        runtime: runtime.handle().clone(),
    });
    let (outward, inward) = (Arc::clone(&line), Arc::clone(&line));
    std::thread::spawn(move || {
        outward.from_client();
        // The client is gone: the server learns it as it would without us.
        drop(lock(&outward.to_server).take());
    });
    let reader = std::thread::spawn(move || inward.relay_from_server(output));
    let code = runtime.block_on(ended(&mut child, &line))?;
    // What the server said before it ended is still handed on.
    let _ = reader.join();
    Ok(if code == 0 { Exit::Success } else { Exit::Found })
}

/// Waits until the server has ended, and ends it when we are asked to end or the client is gone.
async fn ended(child: &mut Child, line: &Line) -> Result<i32> {
    let signal = serve::signal();
    tokio::pin!(signal);
    let mut deadline: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the server")? {
            return Ok(status.code().unwrap_or(1));
        }
        if lock(&line.to_server).is_none() {
            deadline.get_or_insert_with(|| Instant::now() + ENDS_WITHIN);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            child.kill().context("cannot end the server")?;
        }
        tokio::select! {
            asked = &mut signal, if deadline.is_none() => {
                asked?;
                drop(lock(&line.to_server).take());
                child.kill().context("cannot end the server")?;
                deadline = Some(Instant::now() + ENDS_WITHIN);
            }
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

/// Both directions of one session.
struct Line {
    judge: Judge,
    /// Absent once the client is gone.
    to_server: Mutex<Option<ChildStdin>>,
    to_client: Mutex<()>,
    /// What open requests are, by their ids as they were written.
    asked: Mutex<HashMap<String, Value>>,
    calls: Arc<Semaphore>,
    runtime: Handle,
}

impl Line {
    fn from_client(self: &Arc<Self>) {
        let mut input = BufReader::new(std::io::stdin().lock());
        while let Some(text) = next_line(&mut input) {
            let Some(place) = self.runtime.block_on(Arc::clone(&self.calls).acquire_owned()).ok() else {
                return;
            };
            if method(&text).as_deref() == Some("tools/call") {
                // A call may wait for a person, and what comes behind it need not.
                let line = Arc::clone(self);
                self.runtime.spawn(async move {
                    line.to_server(text).await;
                    drop(place);
                });
            } else {
                self.runtime.block_on(self.to_server(text));
            }
        }
    }

    async fn to_server(&self, text: String) {
        let id = id(&text);
        let question = json!({ "direction": "to_server", "message": text });
        let told = match self.judge.ask(question).await {
            Ok(told) => told,
            Err(error) => {
                eprintln!("checkrein mcp: {error:#}");
                if let Some(id) = id.filter(|_| method(&text).is_some()) {
                    self.to_client(&unreachable(&id));
                }
                return;
            }
        };
        let message = at(&told, "/message").as_str();
        match at(&told, "/do").as_str() {
            Some("forward") => {
                if let (Some(id), Some(asked)) = (id, told.get("asked").filter(|asked| asked.is_object())) {
                    let mut open = lock(&self.asked);
                    if open.len() < MAX_ASKED {
                        open.insert(id, asked.clone());
                    }
                }
                let text = message.unwrap_or(&text);
                let mut server = lock(&self.to_server);
                let gone = server.as_mut().is_some_and(|server| write(server, text).is_err());
                if gone {
                    *server = None;
                }
            }
            Some("answer") => {
                if let Some(message) = message {
                    self.to_client(message);
                }
            }
            Some(_) | None => {}
        }
    }

    fn relay_from_server(&self, output: ChildStdout) {
        let mut output = BufReader::new(output);
        while let Some(text) = next_line(&mut output) {
            self.runtime.block_on(self.judge_result(&text));
        }
    }

    async fn judge_result(&self, text: &str) {
        let id = id(text);
        let answers = method(text).is_none();
        let asked = id.as_ref().filter(|_| answers).and_then(|id| lock(&self.asked).remove(id));
        let question = json!({ "direction": "to_client", "message": text, "asked": asked });
        let told = match self.judge.ask(question).await {
            Ok(told) => told,
            Err(error) => {
                eprintln!("checkrein mcp: {error:#}");
                if let Some(id) = id.filter(|_| answers) {
                    self.to_client(&unreachable(&id));
                }
                return;
            }
        };
        let message = at(&told, "/message").as_str();
        match at(&told, "/do").as_str() {
            Some("forward") => self.to_client(message.unwrap_or(text)),
            Some("answer") => {
                if let (Some(message), Some(server)) = (message, lock(&self.to_server).as_mut()) {
                    let _ = write(server, message);
                }
            }
            Some(_) | None => {}
        }
    }

    fn to_client(&self, message: &str) {
        let _turn = lock(&self.to_client);
        // A client that is gone closes our input as well.
        let _ = write(&mut std::io::stdout().lock(), message);
    }
}

/// One message on one line, whatever it was written on.
fn write(to: &mut impl Write, message: &str) -> std::io::Result<()> {
    let mut line = message.replace(['\n', '\r'], " ");
    line.push('\n');
    to.write_all(line.as_bytes())?;
    to.flush()
}

/// The next line that is not empty. `None` at the end, and where a line is too long or no text.
fn next_line(from: &mut impl std::io::BufRead) -> Option<String> {
    loop {
        let mut line = Vec::new();
        let read = from.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line).ok()?;
        if read == 0 {
            return None;
        }
        if !line.ends_with(b"\n") && u64::try_from(read).is_ok_and(|read| read > MAX_LINE) {
            eprintln!("checkrein mcp: a message is larger than {MAX_LINE} bytes; the session ends");
            return None;
        }
        let text = String::from_utf8(line).ok()?;
        let text = text.trim();
        if !text.is_empty() {
            return Some(text.to_owned());
        }
    }
}

/// The id of a message as it was written.
fn id(text: &str) -> Option<String> {
    let doc = Doc::parse(text.as_bytes()).ok()?;
    let id = doc.root().get("id")?.raw().to_owned();
    (id != "null").then_some(id)
}

fn method(text: &str) -> Option<String> {
    let doc = Doc::parse(text.as_bytes()).ok()?;
    Some(doc.root().get("method")?.text()?.into_owned())
}

fn unreachable(id: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"message":"no decision can be had; nothing went on","data":{{"code":"unavailable"}}}}}}"#
    )
}

/// The running Checkrein.
struct Judge {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: Uri,
    key: HeaderValue,
    session: String,
}

impl Judge {
    fn new(at: &str, server: &str, key: &str) -> Result<Self> {
        let address = format!("{}/mcp/v1/judge/{server}", at.trim_end_matches('/'));
        let address: Uri = address.parse().with_context(|| format!("`{at}` is no address of a Checkrein"))?;
        let mut key =
            HeaderValue::from_str(&format!("Bearer {}", key.trim())).context("the key is no key")?;
        key.set_sensitive(true);
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("cannot set up TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let mut bytes = [0u8; 16];
        gateway::ports::Dice::fill(&gateway::ports::SystemDice, &mut bytes);
        let session = bytes.iter().fold("mcp_".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        Ok(Judge { client: Client::builder(TokioExecutor::new()).build(connector), address, key, session })
    }

    /// What to do with a message.
    async fn ask(&self, mut question: Value) -> Result<Value> {
        if let Value::Object(fields) = &mut question {
            fields.insert("session".to_owned(), json!(self.session));
            fields.retain(|_, value| !value.is_null());
        }
        let request = Request::post(self.address.clone())
            .header(AUTHORIZATION, self.key.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(question.to_string()))
            .context("the question cannot be written")?;
        let whole = async {
            let answer = self.client.request(request).await.context("the Checkrein cannot be reached")?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|_| anyhow::anyhow!("the answer of the Checkrein is cut"))?.to_bytes();
            if !status.is_success() {
                let told: Value = serde_json::from_slice(&body).unwrap_or_default();
                bail!(
                    "the Checkrein answered {status}: {}",
                    at(&told, "/error/code").as_str().unwrap_or("?")
                );
            }
            serde_json::from_slice(&body).context("the answer of the Checkrein cannot be read")
        };
        tokio::time::timeout(JUDGED_WITHIN, whole).await.context("the Checkrein does not answer")?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands at a place; nothing where there is none.
fn at<'v>(value: &'v Value, place: &str) -> &'v Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_messages_stay_on_one() {
        let mut input = BufReader::new(&b"\n {\"id\":1} \r\nlast"[..]);
        assert_eq!(next_line(&mut input).as_deref(), Some("{\"id\":1}"));
        assert_eq!(next_line(&mut input).as_deref(), Some("last"));
        assert_eq!(next_line(&mut input), None);
        let long = vec![b'x'; usize::try_from(MAX_LINE).unwrap() + 2];
        assert_eq!(next_line(&mut BufReader::new(&long[..])), None);
        let mut out = Vec::new();
        write(&mut out, "{\n\"a\":1}").unwrap();
        assert_eq!(out, b"{ \"a\":1}\n");
    }

    #[test]
    fn ids_are_kept_as_they_were_written() {
        assert_eq!(id(r#"{"id":"7"}"#).as_deref(), Some("\"7\""));
        assert_eq!(id(r#"{"id":7}"#).as_deref(), Some("7"));
        assert_eq!(id(r#"{"id":null}"#), None);
        assert_eq!(id("{"), None);
        assert!(Doc::parse(unreachable("\"7\"").as_bytes()).is_ok());
    }
}
