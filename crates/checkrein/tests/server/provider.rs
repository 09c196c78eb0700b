//! A provider of models: keeps every request as it came, and answers what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// One request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    /// In lower case.
    pub head: String,
    /// As they came.
    #[allow(dead_code, reason = "the tests in the server's own process look at none")]
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answers {
    pub status: u16,
    pub media: &'static str,
    /// Written one by one.
    pub pieces: Vec<Vec<u8>>,
    pub gap: Duration,
    /// The connection ends before the body does.
    pub cut: bool,
    /// What every piece but the first waits for.
    pub gate: Option<Gate>,
}

/// Shut until somebody opens it.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    #[allow(dead_code, reason = "only the tests in the server's own process need it")]
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let (open, changed) = &*self.0;
        drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }
}

impl Answers {
    pub fn json(body: &str) -> Self {
        Self::pieces("application/json", vec![body.as_bytes().to_vec()])
    }

    pub fn events(body: &str) -> Self {
        Self::pieces("text/event-stream", vec![body.as_bytes().to_vec()])
    }

    pub fn pieces(media: &'static str, pieces: Vec<Vec<u8>>) -> Self {
        Answers { status: 200, media, pieces, gap: Duration::ZERO, cut: false, gate: None }
    }
}

pub struct Provider {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Provider {
    pub fn start(answer: impl Fn(&Seen) -> Answers + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (keep, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (keep, answer) = (Arc::clone(&keep), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some(seen) = read(&mut reader) {
                        keep.lock().unwrap().push(seen.clone());
                        if write(&stream, &answer(&seen)).is_none() {
                            break;
                        }
                    }
                });
            }
        });
        Provider { address, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Everything that ever came, as one text.
    pub fn all(&self) -> String {
        self.seen().iter().map(|seen| format!("{}\n{}\n{}\n", seen.path, seen.head, seen.body)).collect()
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut head, mut headers, mut length) = (String::new(), Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        head.push_str(&lower);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { path, head, headers, body: String::from_utf8(body).unwrap() })
}

fn write(mut stream: &TcpStream, answer: &Answers) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {} X\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\nx-request-id: req_1\r\n\r\n",
        answer.status, answer.media
    );
    stream.write_all(head.as_bytes()).ok()?;
    for (place, piece) in answer.pieces.iter().enumerate() {
        if place > 0
            && let Some(gate) = &answer.gate
        {
            gate.pass();
        }
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend(piece);
        chunk.extend(b"\r\n");
        stream.write_all(&chunk).ok()?;
        std::thread::sleep(answer.gap);
    }
    if answer.cut {
        return None;
    }
    stream.write_all(b"0\r\n\r\n").ok()
}
