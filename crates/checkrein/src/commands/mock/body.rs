//! A body that takes its time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep};

/// Bytes, and how long to wait before them.
pub struct Event {
    pub bytes: Vec<u8>,
    pub gap: Duration,
}

/// Events one after the other. Each is a frame of its own, so each leaves at once.
pub struct Paced {
    events: VecDeque<Event>,
    wait: Pin<Box<Sleep>>,
    /// Ends in the middle with an error.
    cut_off: bool,
}

impl Paced {
    pub fn new(events: Vec<Event>, delay: Duration, cut_off: bool) -> Self {
        let mut events = VecDeque::from(events);
        if cut_off {
            events.truncate(events.len().div_ceil(2));
        }
        Paced { events, wait: Box::pin(tokio::time::sleep(delay)), cut_off }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        ready!(self.wait.as_mut().poll(cx));
        let Some(mut event) = self.events.pop_front() else {
            return Poll::Ready(self.cut_off.then(|| Err("the script cuts the answer off".into())));
        };
        if self.cut_off && self.events.is_empty() {
            event.bytes.truncate(event.bytes.len() / 2);
        }
        let gap = self.events.front().map_or(Duration::ZERO, |next| next.gap);
        self.wait.as_mut().reset(Instant::now() + gap);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(event.bytes)))))
    }
}
