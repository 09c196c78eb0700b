//! The body of a response that is still being written.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;
use wire::frame::List;

/// Pieces that wait for a slow reader. At the bound the provider is not read from either.
const MAX_WAITING: usize = 16;

/// Nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// The body ends where it should not, so that nobody takes what came for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

pub struct Pipe(mpsc::Sender<Result<Bytes, Broken>>);

pub struct Out {
    pieces: mpsc::Receiver<Result<Bytes, Broken>>,
    breaks: bool,
    /// For a caller who asked for the events as one list; until that was closed.
    list: Option<List>,
}

pub fn pipe(as_list: bool) -> (Pipe, Out) {
    let (sender, pieces) = mpsc::channel(MAX_WAITING);
    (Pipe(sender), Out { pieces, breaks: false, list: as_list.then(List::default) })
}

impl Pipe {
    pub async fn send(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.0.send(Ok(Bytes::from(bytes))).await.map_err(|_| Gone)
    }

    /// Breaks the connection off after what was sent.
    pub async fn break_off(&self) {
        // Whether anybody still reads is of no concern any more.
        let _ = self.0.send(Err(Broken)).await;
    }
}

impl http_body::Body for Out {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.breaks {
            return Poll::Ready(Some(Err(Broken)));
        }
        let piece = match ready!(self.pieces.poll_recv(cx)) {
            Some(Err(Broken)) => {
                // The connection is dropped with what it has not written yet. It writes whenever nothing
                // is ready, so the last piece gets out in between.
                self.breaks = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Ok(piece)) => Some(piece),
            None => None,
        };
        let Some(list) = &mut self.list else {
            return Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))));
        };
        let piece = match piece {
            Some(events) => list.put(&events).into(),
            None => {
                let end = list.end();
                self.list = None;
                Bytes::from_static(end)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was broken off")
    }
}

impl std::error::Error for Broken {}
