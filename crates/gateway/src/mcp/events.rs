//! Streams of events towards a client.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;
use wire::frame::Frame;

/// Events that wait for a slow client; then its server waits as well.
pub const MAX_UNSENT: usize = 16;

/// Where events are written. It fails when the client is gone.
pub type Client = mpsc::Sender<Bytes>;

/// A stream of events, and the end to write them to.
pub fn open() -> (Client, Response) {
    let (client, receiver) = mpsc::channel(MAX_UNSENT);
    let mut response = Response::new(Body::new(Events(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies on the way that gather answers would hold a sign of life back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (client, response)
}

struct Events(mpsc::Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

/// One event that carries a message.
pub fn event(message: &str) -> Bytes {
    let mut out = String::with_capacity(message.len() + 24);
    out.push_str("event: message\n");
    data(message, &mut out);
    out.push('\n');
    out.into()
}

/// The same event with another message, or with none: its id stays, so that a client that resumes
/// goes on behind it.
pub fn instead(frame: &Frame, message: Option<&str>) -> Bytes {
    let raw = String::from_utf8_lossy(&frame.raw);
    let mut out = String::with_capacity(raw.len());
    for line in raw.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        let is_data = line == "data" || line.starts_with("data:");
        if !is_data {
            out.push_str(line);
            out.push('\n');
        }
    }
    if let Some(message) = message {
        data(message, &mut out);
    }
    out.push('\n');
    out.into()
}

fn data(message: &str, out: &mut String) {
    for line in message.split(['\n', '\r']) {
        out.push_str("data: ");
        out.push_str(line);
        out.push('\n');
    }
}

/// Whether an event names a place to resume from.
pub fn has_id(frame: &Frame) -> bool {
    frame.raw.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| line.starts_with(b"id"))
}

/// The next bytes of a body; `None` at its end, an error when it was cut.
pub async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Some(Ok(bytes));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::frame::{Framing as _, Sse};

    use super::*;

    fn frames(bytes: &[u8]) -> Vec<Frame> {
        let mut sse = Sse::default();
        sse.push(bytes);
        std::iter::from_fn(|| sse.next().unwrap()).collect()
    }

    #[test]
    fn a_replaced_event_keeps_its_id_and_carries_the_other_message() {
        let [one] = &frames(b": hello\nid: 7\nevent: message\ndata: {\"a\":\ndata: 1}\n\n")[..] else {
            panic!()
        };
        assert_eq!(one.data, b"{\"a\":\n1}");
        assert!(has_id(one));
        let other = instead(one, Some("{\n\"b\":2}"));
        assert_eq!(other, ": hello\nid: 7\nevent: message\ndata: {\ndata: \"b\":2}\n\n");
        let [read] = &frames(&other)[..] else { panic!() };
        assert_eq!(read.data, b"{\n\"b\":2}");
        let none = instead(one, None);
        assert!(frames(&none)[0].data.is_empty() && has_id(&frames(&none)[0]));
        assert_eq!(frames(&event("{}\r\n"))[0].data, b"{}\n\n");
    }
}
