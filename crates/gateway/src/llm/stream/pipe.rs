//! The body of a response that is still being written.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;

/// Pieces that wait for a slow reader. At the bound the provider is not read from either.
const MAX_WAITING: usize = 16;

/// Nobody reads any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

pub struct Pipe(mpsc::Sender<Bytes>);

pub struct Out(mpsc::Receiver<Bytes>);

pub fn pipe() -> (Pipe, Out) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Pipe(sender), Out(receiver))
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
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
