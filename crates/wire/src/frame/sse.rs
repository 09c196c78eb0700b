//! Server-sent events, as the HTML standard reads them.

use super::waiting::Waiting;
use super::{Frame, FrameFault, Framing, MAX_FRAME};

/// Cuts a stream of server-sent events. Comments and fields without meaning travel with the frame
/// they stand in.
#[derive(Debug, Default)]
pub struct Sse {
    /// Bytes that belong to no finished frame.
    pending: Waiting,
    /// Up to where lines were read.
    read: usize,
    event: Option<String>,
    data: Vec<u8>,
    has_data: bool,
    /// The last line ended with CR at the end of what had arrived; an LF next is part of its end.
    after_cr: bool,
    /// Lines end with CR LF here, as far as was seen.
    ends_in_two: bool,
    begun: bool,
    failed: bool,
}

impl Framing for Sse {
    fn push(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.pending.push(bytes);
        }
    }

    fn next(&mut self) -> Result<Option<Frame>, FrameFault> {
        if self.failed {
            return Ok(None);
        }
        if self.after_cr {
            let Some(first) = self.pending.get(self.read) else { return Ok(None) };
            self.ends_in_two = *first == b'\n';
            self.read += usize::from(self.ends_in_two);
            self.after_cr = false;
        }
        while let Some(length) = self.line_length() {
            let start = self.read;
            let end = start + length;
            // The second half of an event's end belongs to it, however late it comes.
            if length == 0 && self.ends_in_two && self.pending.get(end..) == Some(b"\r".as_slice()) {
                break;
            }
            let line = self.pending.get(start..end).unwrap_or_default().to_vec();
            let line = self.without_mark(line);
            let ending = self.ending(end);
            self.read = end + ending;
            if line.is_empty() {
                if self.read > MAX_FRAME {
                    self.failed = true;
                    return Err(FrameFault::TooLarge);
                }
                return Ok(Some(self.finish()));
            }
            self.field(&line);
        }
        if self.pending.len() > MAX_FRAME {
            self.failed = true;
            return Err(FrameFault::TooLarge);
        }
        Ok(None)
    }

    fn rest(&mut self) -> Vec<u8> {
        self.read = 0;
        self.pending.take_all()
    }
}

impl Sse {
    fn line_length(&self) -> Option<usize> {
        memchr::memchr2(b'\n', b'\r', self.pending.get(self.read..)?)
    }

    /// How many bytes end the line that stops at `end`. A CR may be the first half of CR LF.
    fn ending(&mut self, end: usize) -> usize {
        match (self.pending.get(end), self.pending.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                self.ends_in_two = true;
                2
            }
            (Some(b'\r'), None) => {
                self.after_cr = true;
                1
            }
            (_, _) => {
                self.ends_in_two = false;
                1
            }
        }
    }

    /// The stream may begin with a byte order mark, which is no part of its first line.
    fn without_mark(&mut self, line: Vec<u8>) -> Vec<u8> {
        if std::mem::replace(&mut self.begun, true) {
            return line;
        }
        line.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(line)
    }

    fn field(&mut self, line: &[u8]) {
        let colon = memchr::memchr(b':', line);
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => self.event = Some(String::from_utf8_lossy(value).into_owned()),
            // Ids, retry times, comments and unknown fields carry nothing to judge.
            _ => {}
        }
    }

    fn finish(&mut self) -> Frame {
        let raw = self.pending.take(self.read);
        self.read = 0;
        self.has_data = false;
        Frame { raw, event: self.event.take(), data: std::mem::take(&mut self.data) }
    }
}

/// An event with other data. Its name, its id, comments and the ends of its lines stay as they came.
pub fn rebuilt(raw: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + data.len());
    // The second half of the end of the event before, where that had gone already.
    let late = usize::from(raw.first() == Some(&b'\n') && raw.len() > 1);
    let (late, mut rest) = raw.split_at(late);
    out.extend_from_slice(late);
    let mut told = false;
    while !rest.is_empty() {
        let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        let ending: &[u8] = match after {
            [b'\r', b'\n', ..] => b"\r\n",
            [b'\r', ..] => b"\r",
            [b'\n', ..] => b"\n",
            _ => b"",
        };
        let (_, next) = after.split_at(ending.len());
        rest = next;
        let (mark, field) = match line.strip_prefix(b"\xEF\xBB\xBF") {
            Some(field) if out.is_empty() => (line.split_at(3).0, field),
            Some(_) | None => (&[][..], line),
        };
        out.extend_from_slice(mark);
        let is_data = field == b"data" || field.starts_with(b"data:");
        if !told && (is_data || field.is_empty()) {
            told = true;
            for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(line);
                out.extend_from_slice(if ending.is_empty() { b"\n" } else { ending });
            }
        }
        if !is_data {
            out.extend_from_slice(field);
            out.extend_from_slice(ending);
        }
    }
    out
}
