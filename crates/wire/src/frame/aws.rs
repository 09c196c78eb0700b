//! Amazon's binary event stream: lengths, headers, payload, two checksums.
//!
//! ```text
//! total u32 | headers u32 | crc of the first 8 bytes u32 | headers … | payload … | crc of all before u32
//! ```

use super::waiting::Waiting;
use super::{Frame, FrameFault, Framing, MAX_FRAME};

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

#[derive(Debug, Default)]
pub struct AwsFrames {
    pending: Waiting,
    failed: bool,
}

/// One header of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: HeaderValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    Bool(bool),
    /// A number of any width.
    Number(i64),
    Bytes(Vec<u8>),
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
    Uuid([u8; 16]),
}

impl Framing for AwsFrames {
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
        self.pending.take_all()
    }
}

impl AwsFrames {
    fn cut(&mut self) -> Result<Option<Frame>, FrameFault> {
        let Some(prelude) = self.pending.get(..PRELUDE) else { return Ok(None) };
        let (lengths, checksum) = prelude.split_at(8);
        // The lengths are believed only when their own checksum fits: else a flipped bit would make
        // this wait for gigabytes.
        if number(checksum) != u64::from(crc32fast::hash(lengths)) {
            return Err(FrameFault::Checksum);
        }
        let (total, headers) = lengths.split_at(4);
        let (total, headers) = (size(total), size(headers));
        if total > MAX_FRAME {
            return Err(FrameFault::TooLarge);
        }
        if total < PRELUDE + CHECKSUM || headers > total - PRELUDE - CHECKSUM {
            return Err(FrameFault::Malformed);
        }
        if self.pending.len() < total {
            return Ok(None);
        }
        let raw = self.pending.take(total);
        let (covered, checksum) = raw.split_at(total - CHECKSUM);
        if number(checksum) != u64::from(crc32fast::hash(covered)) {
            return Err(FrameFault::Checksum);
        }
        let (_, body) = covered.split_at(PRELUDE);
        let (head, data) = body.split_at(headers);
        let head = parse_headers(head)?;
        Ok(Some(Frame { event: event(&head), data: data.to_vec(), raw }))
    }
}

/// What kind of event the headers name.
fn event(headers: &[Header]) -> Option<String> {
    let text = |name: &str| {
        headers.iter().find(|header| header.name == name).and_then(|header| match &header.value {
            HeaderValue::Text(text) => Some(text.clone()),
            HeaderValue::Bool(_)
            | HeaderValue::Number(_)
            | HeaderValue::Bytes(_)
            | HeaderValue::Time(_)
            | HeaderValue::Uuid(_) => None,
        })
    };
    text(":event-type").or_else(|| text(":exception-type")).or_else(|| text(":error-code"))
}

fn parse_headers(mut rest: &[u8]) -> Result<Vec<Header>, FrameFault> {
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let length = size(take(&mut rest, 1)?);
        let name = String::from_utf8(take(&mut rest, length)?.to_vec()).map_err(|_| FrameFault::Malformed)?;
        let kind = size(take(&mut rest, 1)?);
        let value = match kind {
            0 => HeaderValue::Bool(true),
            1 => HeaderValue::Bool(false),
            2 => HeaderValue::Number(signed(take(&mut rest, 1)?)),
            3 => HeaderValue::Number(signed(take(&mut rest, 2)?)),
            4 => HeaderValue::Number(signed(take(&mut rest, 4)?)),
            5 => HeaderValue::Number(signed(take(&mut rest, 8)?)),
            6 => HeaderValue::Bytes(sized(&mut rest)?.to_vec()),
            7 => HeaderValue::Text(
                String::from_utf8(sized(&mut rest)?.to_vec()).map_err(|_| FrameFault::Malformed)?,
            ),
            8 => HeaderValue::Time(signed(take(&mut rest, 8)?)),
            9 => HeaderValue::Uuid(take(&mut rest, 16)?.try_into().map_err(|_| FrameFault::Malformed)?),
            _ => return Err(FrameFault::Malformed),
        };
        headers.push(Header { name, value });
    }
    Ok(headers)
}

fn sized<'r>(rest: &mut &'r [u8]) -> Result<&'r [u8], FrameFault> {
    let length = size(take(rest, 2)?);
    take(rest, length)
}

fn take<'r>(rest: &mut &'r [u8], count: usize) -> Result<&'r [u8], FrameFault> {
    let (taken, left) = rest.split_at_checked(count).ok_or(FrameFault::Malformed)?;
    *rest = left;
    Ok(taken)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn size(bytes: &[u8]) -> usize {
    usize::try_from(number(bytes)).unwrap_or(usize::MAX)
}

/// Two's complement of the width that the bytes have.
fn signed(bytes: &[u8]) -> i64 {
    let start = if bytes.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(start, |sum, byte| sum << 8 | i64::from(*byte))
}

/// Writes a frame with text headers, as a refusal in this framing needs them. `None` when it would
/// be larger than a frame may be.
pub fn encode(headers: &[(&str, &str)], data: &[u8]) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).ok()?);
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    written(&head, data)
}

/// A frame with other data, its headers as they came. `None` when `raw` is no whole frame, or the
/// new one would be larger than a frame may be.
pub fn rebuilt(raw: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let headers = size(raw.get(4..8)?);
    let end = PRELUDE.checked_add(headers)?;
    let fits = end <= raw.len().checked_sub(CHECKSUM)?;
    written(raw.get(PRELUDE..end).filter(|_| fits)?, data)
}

fn written(head: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let total = PRELUDE.checked_add(head.len())?.checked_add(data.len())?.checked_add(CHECKSUM)?;
    let mut frame = Vec::with_capacity(total);
    frame.extend_from_slice(&u32::try_from(total).ok().filter(|_| total <= MAX_FRAME)?.to_be_bytes());
    frame.extend_from_slice(&u32::try_from(head.len()).ok()?.to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(head);
    frame.extend_from_slice(data);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    Some(frame)
}
