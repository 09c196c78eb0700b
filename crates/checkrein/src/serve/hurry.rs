//! A connection that must begin to speak.
//!
//! Which HTTP a client speaks is told by its first bytes, and until they are there nothing else limits
//! how long it may take. So whoever opens a connection and says nothing is cut off here.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes of the longest first line that tells: the preface of HTTP/2.
const PREFACE: usize = 24;

pub struct Hurry<S> {
    stream: S,
    read: usize,
    /// Gone once enough was read: from then on each protocol has limits of its own.
    late: Option<Pin<Box<Sleep>>>,
}

impl<S> Hurry<S> {
    pub fn new(stream: S, within: Duration) -> Self {
        Hurry { stream, read: 0, late: Some(Box::pin(tokio::time::sleep(within))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hurry<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        let Some(late) = &mut self.late else { return polled };
        if polled.is_pending() && late.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client said nothing")));
        }
        self.read += into.filled().len() - before;
        if self.read >= PREFACE {
            self.late = None;
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
