//! An answer that comes in pieces.
//!
//! ```text
//! bytes ─► collect ─► judge ─► release ─► client
//!              │         └──► cut: a refusal in the dialect's own words, and nothing after it
//!              └── done, or ended early
//! ```
//!
//! An event is released when everything in it was judged: of a text up to where nothing sensitive can be
//! under way any more, of a call of a tool all of it. Events leave in their order and, where nothing in
//! them was changed, byte for byte. What is released does not depend on how the bytes were cut. Google's
//! events may come, and may be wanted, as one JSON list: they are judged as events, and only the last step
//! writes the list.

mod pipe;
mod queue;
mod track;

use std::sync::Arc;

use action::Action;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hold::Hold;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use ledger::Report;
use wire::dialect::{Dialect, Stream};
use wire::frame::{Elements, Framing as _};
use wire::refuse;

use self::pipe::{Gone, Pipe};
use self::queue::Queue;
use super::call::Call;
use super::headers;
use super::no::No;
use super::send::Begun;
use crate::limits::{BODY_PAUSE, SIGN_OF_LIFE};

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Whole,
    Pieces,
    /// In pieces, as the items of one list.
    Items,
    /// In no form that could be judged.
    Unreadable,
}

/// What the head of an answer says of its body.
pub fn kind(call: &Call, dialect: &Dialect, status: StatusCode, headers: &HeaderMap) -> Kind {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Kind::Unreadable;
    }
    let media = header(CONTENT_TYPE).unwrap_or("application/json");
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "text/event-stream" | "application/x-ndjson" | "application/vnd.amazon.eventstream" => Kind::Pieces,
        "application/json" if call.streams && dialect.is_listed() && status.is_success() => Kind::Items,
        media if media == "application/json" || media.ends_with("+json") || media.starts_with("text/") => {
            Kind::Whole
        }
        _ => Kind::Unreadable,
    }
}

/// Gives on an answer as it comes.
pub fn answer(call: Arc<Call>, answer: Begun) -> Response {
    let (pipe, out) = pipe::pipe(call.as_list);
    let mut response = Response::new(Body::new(out));
    *response.status_mut() = answer.response.status();
    *response.headers_mut() = headers::to_client(answer.response.headers());
    let rewritten = answer.dialect.name != call.dialect.name || answer.kind(&call) == Kind::Items;
    if rewritten || call.as_list {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(call.media()));
    }
    call.sign(response.headers_mut());
    tokio::spawn(async move {
        if run(&call, answer, &pipe).await {
            call.mirror();
        }
    });
    response
}

/// An answer to a call that waits for a person: a stream that is begun at once, shows signs of life, and
/// goes on with the provider's answer once somebody approved.
pub fn held(call: Arc<Call>, action: Action, hold: Hold) -> Response {
    let (pipe, out) = pipe::pipe(call.as_list);
    let mut response = Response::new(Body::new(out));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(call.media()));
    call.sign(response.headers_mut());
    tokio::spawn(async move {
        let approved = alive(&pipe, call.dialect.stream, call.approved(&action, hold)).await;
        let answer = match approved {
            Some(Ok(leave)) if leave.message().is_some() => {
                let words = leave.message().and_then(|text| call.words(&text)).unwrap_or_default();
                call.note_end(Report::NotExecuted, "redirected");
                let _ = pipe.send(words).await;
                return;
            }
            Some(Ok(leave)) => alive(&pipe, call.dialect.stream, call.sent_as(leave)).await,
            Some(Err(no)) => Some(Err(no)),
            None => None,
        };
        match answer {
            // Whoever asked has hung up. What was not taken stays where it is.
            None => {}
            Some(Err(no)) => cut(&call, &no, &pipe).await,
            Some(Ok(answer)) => match answer.kind(&call) {
                Kind::Pieces | Kind::Items => {
                    if run(&call, answer, &pipe).await {
                        call.mirror();
                    }
                }
                // The client was promised a stream; what came instead cannot be put into one.
                Kind::Whole | Kind::Unreadable => {
                    let no = No::unavailable("no_stream", "the provider did not answer with a stream");
                    cut(&call, &no.about(&call.id), &pipe).await;
                }
            },
        }
    });
    response
}

/// Waits for `work` while the client is shown that somebody is there. `None` when it has gone.
async fn alive<T>(pipe: &Pipe, form: Stream, work: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(work);
    loop {
        match tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
            Ok(done) => return Some(done),
            Err(_) if pipe.send(form.sign_of_life().to_vec()).await.is_err() => return None,
            Err(_) => {}
        }
    }
}

/// Everything from the first byte to the last. Whether that one came.
async fn run(call: &Call, answer: Begun, pipe: &Pipe) -> bool {
    let mut items = (answer.kind(call) == Kind::Items).then(Elements::default);
    let Begun { response, dialect, model, began, first_byte } = answer;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut queue = match Queue::new(call, dialect, &model) {
        Ok(queue) => queue,
        Err(no) => {
            cut(call, &no.about(&call.id), pipe).await;
            return false;
        }
    };
    let ended = loop {
        match tokio::time::timeout(BODY_PAUSE, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let Ok(bytes) = frame.into_data() else { continue };
                let (bytes, fault) = match &mut items {
                    None => (bytes, None),
                    Some(items) => as_events(items, &bytes, dialect),
                };
                let taken = take(&mut queue, &bytes, pipe).await;
                if let Some(end) = taken.err().or_else(|| fault.map(End::Cut)) {
                    break end;
                }
            }
            Ok(None) if items.as_ref().is_some_and(|items| !items.is_closed()) => {
                break End::Cut(No::unavailable("answer_cut", "the provider's answer ended before its end"));
            }
            Ok(None) => break End::Done,
            Ok(Some(Err(_))) => {
                break End::Cut(No::unavailable("answer_cut", "the provider's answer ended early"));
            }
            Err(_) => {
                break End::Cut(No::unavailable(
                    "answer_too_slow",
                    "the provider's answer did not go on in time",
                ));
            }
        }
    };
    call.notice(|live| {
        (live.status, live.first_byte, live.whole) = (status, first_byte, began.elapsed());
    });
    let ended = match ended {
        End::Done => match finish(&mut queue, pipe).await {
            Ok(()) => End::Done,
            Err(end) => end,
        },
        other => other,
    };
    queue.settle_money();
    match ended {
        End::Done => {
            queue.note_said();
            call.remember(|| queue.turn());
            return true;
        }
        End::Cut(no) => {
            queue.note_cut(no.code());
            cut(call, &no.about(&call.id), pipe).await;
        }
        End::Gone => queue.note_cut("client_gone"),
    }
    false
}

/// How a stream ends.
enum End {
    Done,
    Cut(No),
    /// Nobody reads it any more.
    Gone,
}

impl From<No> for End {
    fn from(no: No) -> Self {
        End::Cut(no)
    }
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        End::Gone
    }
}

/// The items of a list as events of their dialect, and why there are no more.
pub fn as_events(items: &mut Elements, bytes: &[u8], dialect: &Dialect) -> (Bytes, Option<No>) {
    items.push(bytes);
    let mut events = Vec::with_capacity(bytes.len());
    loop {
        let event = match items.next() {
            Ok(None) => return (events.into(), None),
            // The bracket behind the last one.
            Ok(Some(item)) if item.data.is_empty() => continue,
            Ok(Some(item)) => dialect.stream.rebuilt(b"data: {}\n\n", &item.data),
            Err(_) => None,
        };
        match event {
            Some(event) => events.extend(event),
            None => {
                let message = "the provider's answer cannot be read any further";
                return (events.into(), Some(No::unavailable("unreadable_answer", message)));
            }
        }
    }
}

async fn take(queue: &mut Queue<'_>, bytes: &[u8], pipe: &Pipe) -> Result<(), End> {
    queue.push(bytes);
    while queue.step(pipe).await? {
        let released = queue.released()?;
        if !released.is_empty() {
            pipe.send(released).await?;
        }
    }
    Ok(())
}

async fn finish(queue: &mut Queue<'_>, pipe: &Pipe) -> Result<(), End> {
    queue.finish(pipe).await?;
    let mut released = queue.released()?;
    released.extend(queue.last_words()?);
    if !released.is_empty() {
        pipe.send(released).await?;
    }
    Ok(())
}

async fn cut(call: &Call, no: &No, pipe: &Pipe) {
    call.story.guard.meter.refused(no.code());
    // Whether anybody still reads it is of no concern any more.
    let _ = pipe.send(no.event(call.dialect)).await;
    if refuse::must_break(call.dialect) {
        pipe.break_off().await;
    }
}
