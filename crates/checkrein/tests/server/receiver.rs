//! A receiver for what the server sends: HTTP/1.1, with or without TLS, answering as it is told.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One request that came.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or_else(|| panic!("no header {name} in {self:?}"), |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    /// Answered to each request; 0 means that no answer comes at all.
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub fn start(status: u16) -> Self {
        Self::with(status, serve)
    }

    /// Behind TLS, with this certificate.
    pub fn with_tls(status: u16, config: Arc<rustls::ServerConfig>) -> Self {
        Self::with(status, move |stream| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(rustls::StreamOwned::new(connection, stream))
        })
    }

    fn with(
        status: u16,
        serve: impl Fn(TcpStream) -> Option<(Got, Box<dyn Write>)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (got, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU16::new(status)));
        let (keep, answer, serve) = (Arc::clone(&got), Arc::clone(&status), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (keep, answer, serve) = (Arc::clone(&keep), Arc::clone(&answer), Arc::clone(&serve));
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                    // A client that does not trust our certificate says nothing.
                    let Some((request, mut writer)) = serve(stream) else { return };
                    keep.lock().unwrap().push(request);
                    let status = answer.load(Ordering::SeqCst);
                    if status == 0 {
                        std::thread::sleep(Duration::from_secs(60));
                    }
                    let _ = write!(
                        writer,
                        "HTTP/1.1 {status} Word\r\nlocation: /elsewhere\r\ncontent-length: 2\r\n\r\n{{}}"
                    );
                    let _ = writer.flush();
                });
            }
        });
        Receiver { address, got, status }
    }

    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Those of one type, in the form of webhooks.
    pub fn events(&self, event: &str) -> Vec<Got> {
        self.got().into_iter().filter(|got| got.json()["type"] == event).collect()
    }
}

fn serve<S: Read + Write + 'static>(stream: S) -> Option<(Got, Box<dyn Write>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((key, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((key.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(key, _)| key == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((Got { path, headers, body }, Box::new(reader.into_inner())))
}
