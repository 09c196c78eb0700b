//! One JSON list whose items are the events of a stream: `[{…},\r\n{…}]`. Google's interface answers
//! so unless it is asked for events. An answer that is one object is a list of it.

use super::waiting::Waiting;
use super::{Frame, FrameFault, Framing, MAX_FRAME, Sse};

/// Cuts a list into its items, each an object. What stands between two items travels with the second;
/// the bracket that closes the list is a frame that carries nothing.
#[derive(Debug, Default)]
pub struct Elements {
    pending: Waiting,
    /// Up to where it was read.
    read: usize,
    /// Where the item begins that is being read.
    start: usize,
    place: Place,
    /// There are no brackets around the one item.
    is_bare: bool,
    failed: bool,
}

/// Where in the list the next byte stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    /// Behind the opening bracket.
    Opened,
    /// In an item, inside so many brackets of its own.
    Item(usize),
    Text(usize),
    /// Behind a backslash in a text.
    Escape(usize),
    BehindItem,
    BehindComma,
    Closed,
}

impl Framing for Elements {
    fn push(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.pending.push(bytes);
        }
    }

    fn next(&mut self) -> Result<Option<Frame>, FrameFault> {
        if self.failed {
            return Ok(None);
        }
        self.cut().inspect_err(|_| self.failed = true)
    }

    fn rest(&mut self) -> Vec<u8> {
        self.read = 0;
        self.pending.take_all()
    }
}

impl Elements {
    fn cut(&mut self) -> Result<Option<Frame>, FrameFault> {
        while let Some(byte) = self.pending.get(self.read).copied() {
            let at = self.read;
            self.read += 1;
            if self.read > MAX_FRAME {
                return Err(FrameFault::TooLarge);
            }
            self.place = match (self.place, byte) {
                (Place::Text(depth), b'"') => Place::Item(depth),
                (Place::Text(depth), b'\\') => Place::Escape(depth),
                (Place::Text(depth) | Place::Escape(depth), _) => Place::Text(depth),
                (Place::Item(depth), b'"') => Place::Text(depth),
                (Place::Item(depth), b'{' | b'[') => Place::Item(depth + 1),
                (Place::Item(1), b'}' | b']') => {
                    self.place = if self.is_bare { Place::Closed } else { Place::BehindItem };
                    return Ok(Some(self.frame(self.start..self.read)));
                }
                (Place::Item(depth), b'}' | b']') => Place::Item(depth - 1),
                (same @ Place::Item(_), _) => same,
                (same, b' ' | b'\t' | b'\r' | b'\n') => same,
                (Place::Before, b'[') => Place::Opened,
                (Place::BehindItem, b',') => Place::BehindComma,
                (Place::Before | Place::Opened | Place::BehindComma, b'{') => {
                    self.is_bare = self.place == Place::Before;
                    self.start = at;
                    Place::Item(1)
                }
                (Place::Opened | Place::BehindItem, b']') => {
                    self.place = Place::Closed;
                    return Ok(Some(self.frame(0..0)));
                }
                (
                    Place::Before | Place::Opened | Place::BehindItem | Place::BehindComma | Place::Closed,
                    _,
                ) => {
                    return Err(FrameFault::Malformed);
                }
            };
        }
        Ok(None)
    }

    fn frame(&mut self, item: std::ops::Range<usize>) -> Frame {
        let raw = self.pending.take(self.read);
        self.read = 0;
        let data = raw.get(item).unwrap_or_default().to_vec();
        Frame { raw, event: None, data }
    }

    /// Whether the list has come to its end.
    pub fn is_closed(&self) -> bool {
        self.place == Place::Closed
    }
}

/// Writes server-sent events as the items of one list.
#[derive(Debug, Default)]
pub struct List {
    events: Sse,
    begun: bool,
}

impl List {
    /// The next part of the list. An event that carries nothing becomes a blank.
    pub fn put(&mut self, events: &[u8]) -> Vec<u8> {
        self.events.push(events);
        let mut out = Vec::with_capacity(events.len());
        while let Ok(Some(frame)) = self.events.next() {
            if frame.data.is_empty() {
                out.push(b'\n');
                continue;
            }
            let between: &[u8] = if std::mem::replace(&mut self.begun, true) { b",\r\n" } else { b"[" };
            out.extend_from_slice(between);
            out.extend_from_slice(&frame.data);
        }
        out
    }

    /// What closes it.
    pub fn end(&self) -> &'static [u8] {
        if self.begun { b"\n]\n" } else { b"[]\n" }
    }
}
