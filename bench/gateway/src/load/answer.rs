//! Reads one answer off a connection, and notes when its first word came.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Far more than any gateway's head.
const MAX_HEAD: usize = 64 << 10;

/// Room for what is read; kept from answer to answer.
#[derive(Default)]
pub struct Answer {
    head: Vec<u8>,
    body: Vec<u8>,
}

pub struct Told {
    pub status: u16,
    /// When the first event with a word in it was read.
    pub first: Option<Instant>,
    /// The longest time between two reads of the body.
    pub widest: Duration,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head).into_owned();
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// Asks, and reads the whole answer.
    pub async fn to(&mut self, stream: &mut TcpStream, request: &[u8]) -> Result<Told> {
        stream.write_all(request).await.context("cannot send")?;
        self.head.clear();
        self.body.clear();
        let start = loop {
            ensure!(self.head.len() < MAX_HEAD, "a head without an end");
            ensure!(
                stream.read_buf(&mut self.head).await.context("no answer")? > 0,
                "the connection was closed"
            );
            if let Some(end) = find(&self.head, b"\r\n\r\n", 0) {
                break end + 4;
            }
        };
        let mut rest = self.head.split_off(start);
        let status = std::str::from_utf8(self.head.get(9..12).unwrap_or_default())?.parse()?;
        let mut told = Told { status, first: None, widest: Duration::ZERO };
        let mut framing = self.framing()?;
        let mut last = Instant::now();
        loop {
            let searched = self.body.len();
            let complete = framing.take(&mut rest, &mut self.body)?;
            if told.first.is_none() && has_word(&self.body, searched) {
                told.first = Some(Instant::now());
            }
            if complete {
                return Ok(told);
            }
            ensure!(stream.read_buf(&mut rest).await.context("half an answer")? > 0, "half an answer");
            let now = Instant::now();
            told.widest = told.widest.max(now - last);
            last = now;
        }
    }

    fn framing(&self) -> Result<Framing> {
        if let Some(length) = self.header("content-length") {
            return Ok(Framing::Length(length.parse().context("a length that is no number")?));
        }
        let chunked =
            self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        if chunked {
            Ok(Framing::Chunked(Chunk::Size))
        } else {
            bail!("a body that ends with the connection")
        }
    }
}

enum Framing {
    /// So many bytes are still to come.
    Length(usize),
    Chunked(Chunk),
}

enum Chunk {
    Size,
    Data(usize),
    /// The line end behind the data.
    After,
    /// Trailers, up to an empty line.
    Trailers,
}

impl Framing {
    /// Moves what is here into the body; whether that was all.
    fn take(&mut self, rest: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<bool> {
        let mut at = 0;
        let complete = loop {
            let here = rest.get(at..).unwrap_or_default();
            match self {
                Framing::Length(left) => {
                    let some = here.len().min(*left);
                    body.extend_from_slice(here.get(..some).unwrap_or_default());
                    at += some;
                    *left -= some;
                    break *left == 0;
                }
                Framing::Chunked(chunk) => match chunk {
                    Chunk::Size | Chunk::Trailers => {
                        let Some(end) = find(here, b"\r\n", 0) else { break false };
                        let line = std::str::from_utf8(here.get(..end).unwrap_or_default())?;
                        at += end + 2;
                        if matches!(chunk, Chunk::Trailers) {
                            if line.is_empty() {
                                break true;
                            }
                            continue;
                        }
                        let size = line.split(';').next().unwrap_or_default().trim();
                        let size = usize::from_str_radix(size, 16).context("a chunk without a size")?;
                        *chunk = if size == 0 { Chunk::Trailers } else { Chunk::Data(size) };
                    }
                    Chunk::Data(left) => {
                        let some = here.len().min(*left);
                        body.extend_from_slice(here.get(..some).unwrap_or_default());
                        at += some;
                        *left -= some;
                        if *left > 0 {
                            break false;
                        }
                        *chunk = Chunk::After;
                    }
                    Chunk::After => {
                        if here.len() < 2 {
                            break false;
                        }
                        at += 2;
                        *chunk = Chunk::Size;
                    }
                },
            }
        };
        rest.drain(..at);
        Ok(complete)
    }
}

fn find(text: &[u8], words: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.windows(words.len()).position(|at| at == words).map(|at| at + from)
}

/// Whether an event has text in it, in either dialect and either spelling. What was searched before is
/// not searched again, but for the width of the marks.
fn has_word(body: &[u8], searched: usize) -> bool {
    const MARKS: [&[u8]; 2] = [b"\"content\":", b"\"text\":"];
    let from = searched.saturating_sub(16);
    MARKS.iter().any(|mark| {
        let mut from = from;
        while let Some(at) = find(body, mark, from) {
            from = at + mark.len();
            let value = body.get(from..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if let [b'"', first, ..] = value
                && *first != b'"'
            {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_wherever_they_are_cut() {
        let wire = b"5\r\nhello\r\n7;x=y\r\n, there\r\n0\r\na: b\r\n\r\n";
        for cut in 0..=wire.len() {
            let mut framing = Framing::Chunked(Chunk::Size);
            let (mut rest, mut body) = (wire[..cut].to_vec(), Vec::new());
            let early = framing.take(&mut rest, &mut body).unwrap();
            assert_eq!(early, cut == wire.len());
            if !early {
                rest.extend_from_slice(&wire[cut..]);
                assert!(framing.take(&mut rest, &mut body).unwrap());
            }
            assert_eq!((body.as_slice(), rest.len()), (b"hello, there".as_slice(), 0));
        }
    }

    #[test]
    fn the_first_word_is_not_an_empty_one() {
        assert!(!has_word(br#"{"role":"assistant","content":""}"#, 0));
        assert!(!has_word(br#"{"content": null}"#, 0));
        assert!(has_word(br#"{"content":""} {"content": "a"}"#, 0));
        let body = br#"{"delta":{"text":"a"}}"#;
        for searched in 0..body.len() - 6 {
            assert!(has_word(body, searched.min(18)), "{searched}");
        }
    }
}
