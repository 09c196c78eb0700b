//! The body of a response that is still being written.

use std::convert::Infallible;
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

pub struct Pipe(mpsc::Sender<Bytes>);

pub struct Out {
    pieces: mpsc::Receiver<Bytes>,
    /// For a caller who asked for the events as one list; until that was closed.
    list: Option<List>,
}

pub fn pipe(as_list: bool) -> (Pipe, Out) {
    let (sender, pieces) = mpsc::channel(MAX_WAITING);
    (Pipe(sender), Out { pieces, list: as_list.then(List::default) })
}

impl Pipe {
    pub async fn send(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.0.send(Bytes::from(bytes)).await.map_err(|_| Gone)
    }
}

impl http_body::Body for Out {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = ready!(self.pieces.poll_recv(cx));
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
