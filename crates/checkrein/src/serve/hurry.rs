//! A connection on which what was begun must go on.
//!
//! Which HTTP a client speaks is told by its first bytes, and until they are there nothing else limits
//! how long it may take. Later the head of each request must be there soon after its first byte, while
//! a connection on which nothing was begun may be kept for longer: HTTP/1 of the server knows one limit
//! for both. So whoever says nothing at first, or half of something, is cut off here.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The first line of HTTP/2, whose frames have limits of their own.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the requests of a connection tell its stream.
#[derive(Debug, Default)]
pub struct Pace {
    /// Heads that were read whole.
    heads: AtomicU64,
    /// Requests whose answer has not ended.
    open: AtomicU64,
}

/// A request in progress; over when it is dropped.
#[derive(Debug)]
pub struct InProgress(Arc<Pace>);

impl Pace {
    /// The head of a request is there.
    pub fn begin(self: &Arc<Self>) -> InProgress {
        self.heads.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        InProgress(Arc::clone(self))
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

pub struct Hurry<S> {
    stream: S,
    pace: Arc<Pace>,
    within: Duration,
    late: Pin<Box<Sleep>>,
    /// How many heads there had been when something was begun.
    heads: u64,
    begun: bool,
    /// Whether `late` counts. It is set only when a read has to wait, which most heads never do.
    set: bool,
    /// How much of the preface was read; none once the first bytes are something else.
    preface: Option<usize>,
}

impl<S> Hurry<S> {
    pub fn new(stream: S, pace: Arc<Pace>, within: Duration) -> Self {
        let late = Box::pin(tokio::time::sleep(within));
        Hurry { stream, pace, within, late, heads: 0, begun: true, set: true, preface: Some(0) }
    }

    fn speaks_frames(&self) -> bool {
        self.preface == Some(PREFACE.len())
    }

    /// Looks at what was read.
    fn look(&mut self, bytes: &[u8]) {
        self.begun |= !bytes.is_empty();
        if let Some(seen) = self.preface {
            let rest = PREFACE.get(seen..).unwrap_or_default();
            let part = bytes.get(..rest.len()).unwrap_or(bytes);
            self.preface = rest.starts_with(part).then_some(seen + part.len());
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hurry<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        if self.speaks_frames() {
            return polled;
        }
        let heads = self.pace.heads.load(Ordering::Relaxed);
        if heads != self.heads {
            (self.heads, self.begun, self.set) = (heads, false, false);
        }
        if self.pace.open.load(Ordering::Relaxed) > 0 {
            return polled;
        }
        self.look(into.filled().get(before..).unwrap_or_default());
        if polled.is_pending() && self.begun && !self.speaks_frames() {
            if !std::mem::replace(&mut self.set, true) {
                let end = Instant::now() + self.within;
                self.late.as_mut().reset(end);
            }
            if self.late.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client did not go on")));
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hurry<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);

    /// Reads until the stream ends or fails, or until so many seconds passed.
    async fn read(hurry: &mut Hurry<tokio::io::DuplexStream>, seconds: u64) -> Result<usize> {
        let mut buffer = [0; 256];
        let read = hurry.read(&mut buffer);
        tokio::time::timeout(Duration::from_secs(seconds), read).await.unwrap_or(Ok(usize::MAX))
    }

    fn pair() -> (tokio::io::DuplexStream, Arc<Pace>, Hurry<tokio::io::DuplexStream>) {
        let (client, server) = tokio::io::duplex(1 << 10);
        let pace = Arc::new(Pace::default());
        (client, Arc::clone(&pace), Hurry::new(server, pace, WITHIN))
    }

    #[tokio::test(start_paused = true)]
    async fn silence_at_first_and_half_a_head_later_are_cut_off_and_idleness_between_is_not() {
        let (_client, _, mut hurry) = pair();
        assert_eq!(read(&mut hurry, 6).await.unwrap_err().kind(), ErrorKind::TimedOut);

        let (mut client, pace, mut hurry) = pair();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut hurry, 1).await.unwrap(), 18);
        let asked = pace.begin();
        assert_eq!(read(&mut hurry, 600).await.unwrap(), usize::MAX, "an answer may take long");
        drop(asked);
        assert_eq!(read(&mut hurry, 600).await.unwrap(), usize::MAX, "nothing was begun");
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(read(&mut hurry, 1).await.unwrap(), 8);
        assert_eq!(read(&mut hurry, 4).await.unwrap(), usize::MAX);
        assert_eq!(read(&mut hurry, 2).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_left_alone_once_their_preface_is_whole() {
        let (mut client, _, mut hurry) = pair();
        client.write_all(&PREFACE[..10]).await.unwrap();
        assert_eq!(read(&mut hurry, 1).await.unwrap(), 10);
        client.write_all(&PREFACE[10..]).await.unwrap();
        assert_eq!(read(&mut hurry, 1).await.unwrap(), PREFACE.len() - 10);
        assert_eq!(read(&mut hurry, 600).await.unwrap(), usize::MAX);
        let (mut client, _, mut hurry) = pair();
        client.write_all(&PREFACE[..23]).await.unwrap();
        read(&mut hurry, 1).await.unwrap();
        assert_eq!(read(&mut hurry, 6).await.unwrap_err().kind(), ErrorKind::TimedOut, "one byte is missing");
    }
}
