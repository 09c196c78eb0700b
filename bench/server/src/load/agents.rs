//! Agents that ask over connections of their own, as cheaply as they can: they share the machine with
//! the server that is measured.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

use crate::estate;

#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// Low risk: may be answered before its record is on the disk.
    Read,
    /// Answered when its record is on the disk.
    Write,
}

impl Ask {
    pub fn name(self) -> &'static str {
        match self {
            Ask::Read => "low-risk reads",
            Ask::Write => "durable writes",
        }
    }

    pub fn action(self, n: u64) -> serde_json::Value {
        match self {
            Ask::Read => estate::read(n),
            Ask::Write => estate::note_without_key(n),
        }
    }
}

#[derive(Default)]
pub struct Asked {
    /// Nanoseconds.
    pub times: Vec<u64>,
    /// How much later than due each question left, where questions are due.
    pub late: Vec<u64>,
    pub errors: Vec<String>,
}

impl Asked {
    pub fn add(&mut self, other: Asked) {
        self.times.extend(other.times);
        self.late.extend(other.late);
        self.errors.extend(other.errors);
    }
}

/// Each agent asks again as soon as it is answered.
pub async fn closed_loop(to: SocketAddr, keys: &[String], ask: Ask, length: Duration) -> Result<Asked> {
    let asked = Rc::new(RefCell::new(Asked::default()));
    let agents = LocalSet::new();
    // Begun inside of the set: from outside, those who come late would wait for all who are busy.
    agents.run_until(begin(to, keys, ask, length, &asked)).await;
    agents.await;
    Ok(Rc::into_inner(asked).map(RefCell::into_inner).unwrap_or_default())
}

async fn begin(to: SocketAddr, keys: &[String], ask: Ask, length: Duration, asked: &Rc<RefCell<Asked>>) {
    // Whoever connects begins to ask at once, for a server cuts off who says nothing; what is asked
    // before all have had time to connect does not count.
    let settle = Duration::from_millis(100 + 3 * keys.len() as u64);
    let start = Instant::now() + settle;
    for (n, key) in (0u32..).zip(keys) {
        let next = u64::from(n) * 1_000_003;
        let (key, asked) = (key.clone(), Rc::clone(asked));
        spawn_local(async move {
            match connect(to).await {
                Ok(line) => {
                    let agent = Agent { line, key, ask, next, buffer: Vec::with_capacity(2048) };
                    agent.run(start, start + length, asked).await;
                }
                Err(error) => asked.borrow_mut().errors.push(format!("{error:#}")),
            }
        });
    }
}

async fn connect(to: SocketAddr) -> Result<TcpStream> {
    let line = TcpStream::connect(to).await.context("cannot connect; is `ulimit -n` high enough?")?;
    line.set_nodelay(true)?;
    Ok(line)
}

struct Agent {
    line: TcpStream,
    key: String,
    ask: Ask,
    next: u64,
    buffer: Vec<u8>,
}

impl Agent {
    async fn run(mut self, start: Instant, end: Instant, asked: Rc<RefCell<Asked>>) {
        loop {
            let from = Instant::now();
            if from >= end {
                return;
            }
            match self.once().await {
                Ok(()) if from < start => {}
                Ok(()) => asked
                    .borrow_mut()
                    .times
                    .push(u64::try_from(from.elapsed().as_nanos()).unwrap_or(u64::MAX)),
                Err(error) => {
                    asked.borrow_mut().errors.push(format!("{error:#}"));
                    return;
                }
            }
        }
    }

    async fn once(&mut self) -> Result<()> {
        self.next += 1;
        let body = serde_json::json!({ "action": self.ask.action(self.next) }).to_string();
        let request = format!(
            "POST /ask/v1/decisions HTTP/1.1\r\nhost: checkrein\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        self.line.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            anyhow::ensure!(self.line.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
            if whole(&self.buffer) {
                break;
            }
        }
        let text = String::from_utf8_lossy(&self.buffer);
        anyhow::ensure!(text.starts_with("HTTP/1.1 200"), "{text}");
        Ok(())
    }
}

/// Whether an answer is there to its end.
fn whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    bytes.len() >= end + 4 + length.unwrap_or(0)
}
