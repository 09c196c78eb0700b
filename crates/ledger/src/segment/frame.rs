//! A frame: how one record stands in a segment file.
//!
//! `length (4) ‖ CRC32C (4) ‖ bytes`, numbers little-endian. The checksum covers the length and
//! the bytes, so that a damaged length is not followed. The top bit of the length marks the first
//! frame of a write. A write is begun only after the one before is on the medium; so a readable
//! mark after unreadable bytes says that those were durable once, and were damaged later.
//! Recovery cuts what was never finished and refuses what was damaged; this bit tells them apart.

use crate::record::MAX_RECORD_BYTES;

/// Bytes before the record's own.
pub const FRAME_HEADER: usize = 8;

/// Marks the first frame of a write.
const START: u32 = 1 << 31;

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    Frame {
        /// First of its write.
        start: bool,
        bytes: &'a [u8],
        /// Where the next frame begins.
        end: usize,
    },
    /// Zeros: nothing was written here yet.
    Blank,
    /// The file ends within the frame.
    Short,
    /// Something that is no frame.
    Bad,
}

/// Reserves room for a header; the record's bytes are written behind it.
pub fn begin(into: &mut Vec<u8>) -> usize {
    let at = into.len();
    into.extend_from_slice(&[0; FRAME_HEADER]);
    at
}

/// Fills the header of the frame that began at `at` and goes to the end of the buffer.
/// `false` leaves the buffer as it was before `begin`: the record is longer than any may be.
pub fn finish(into: &mut Vec<u8>, at: usize, start: bool) -> bool {
    let content = into.get(at + FRAME_HEADER..).unwrap_or_default();
    let Some(length) = u32::try_from(content.len()).ok().filter(|_| content.len() <= MAX_RECORD_BYTES) else {
        into.truncate(at);
        return false;
    };
    let length = if start { length | START } else { length };
    let header = header(length, content);
    for (byte, value) in into.iter_mut().skip(at).zip(header) {
        *byte = value;
    }
    true
}

/// Reads the frame at `at`.
pub fn parse(segment: &[u8], at: usize) -> Parsed<'_> {
    let rest = segment.get(at..).unwrap_or_default();
    let Some((length, checksum)) = numbers(rest) else {
        return if rest.iter().all(|byte| *byte == 0) { Parsed::Blank } else { Parsed::Short };
    };
    if length == 0 && checksum == 0 {
        return Parsed::Blank;
    }
    let size = (length & !START) as usize;
    if size == 0 || size > MAX_RECORD_BYTES {
        return Parsed::Bad;
    }
    let Some(bytes) = rest.get(FRAME_HEADER..FRAME_HEADER + size) else { return Parsed::Short };
    if sum(length, bytes) != checksum {
        return Parsed::Bad;
    }
    Parsed::Frame { start: length & START != 0, bytes, end: at + FRAME_HEADER + size }
}

fn header(length: u32, content: &[u8]) -> [u8; FRAME_HEADER] {
    let [a, b, c, d] = length.to_le_bytes();
    let [e, f, g, h] = sum(length, content).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

fn sum(length: u32, content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), content)
}

fn numbers(bytes: &[u8]) -> Option<(u32, u32)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, _) = rest.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*length), u32::from_le_bytes(*checksum)))
}

/// Whether a readable frame that began a write stands anywhere from `from` on.
///
/// Looks at every place, and cheaply: a record is a JSON object, so its first and last bytes are
/// braces. The bytes that are summed are bounded; a file made to exhaust the bound counts as one
/// that has such a frame, for refusing is the safe answer.
pub fn has_later_write(segment: &[u8], from: usize) -> bool {
    /// Sums of this many bytes: a segment is read at most about this many times over.
    const MAX_EFFORT: usize = 1 << 30;
    let mut effort = 0;
    let mut at = from;
    while let Some(found) = segment.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'{')) {
        let brace = at + found;
        at = brace + 1;
        let Some(place) = brace.checked_sub(FRAME_HEADER).filter(|place| *place >= from) else { continue };
        let Some((length, _)) = segment.get(place..).and_then(numbers) else { continue };
        let size = (length & !START) as usize;
        let last = brace.checked_add(size).and_then(|end| segment.get(end.checked_sub(1)?));
        if length & START == 0 || size == 0 || size > MAX_RECORD_BYTES || last != Some(&b'}') {
            continue;
        }
        effort += size;
        if effort > MAX_EFFORT || matches!(parse(segment, place), Parsed::Frame { .. }) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(records: &[(&[u8], bool)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (record, start) in records {
            let at = begin(&mut bytes);
            bytes.extend_from_slice(record);
            assert!(finish(&mut bytes, at, *start));
        }
        bytes
    }

    #[test]
    fn frames_are_read_as_written() {
        let bytes = framed(&[(b"{1}", true), (b"{22}", false)]);
        let Parsed::Frame { start: true, bytes: b"{1}", end } = parse(&bytes, 0) else { panic!() };
        let Parsed::Frame { start: false, bytes: b"{22}", end } = parse(&bytes, end) else { panic!() };
        assert_eq!(parse(&bytes, end), Parsed::Blank);
        assert_eq!(end, bytes.len());
    }

    #[test]
    fn each_changed_bit_is_seen() {
        let whole = framed(&[(b"{\"a\":\"some record\"}", true)]);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(parse(&bytes, 0), Parsed::Bad | Parsed::Short), "bit {bit}");
        }
        for end in 1..whole.len() {
            assert_eq!(parse(&whole[..end], 0), Parsed::Short, "{end} bytes");
        }
    }

    #[test]
    fn a_record_that_is_too_long_leaves_no_trace() {
        let mut bytes = framed(&[(b"{1}", true)]);
        let before = bytes.clone();
        let at = begin(&mut bytes);
        bytes.resize(bytes.len() + MAX_RECORD_BYTES + 1, b'x');
        assert!(!finish(&mut bytes, at, false));
        assert_eq!(bytes, before);
    }

    #[test]
    fn a_later_write_is_found_behind_damage_and_only_a_write() {
        let mut bytes = framed(&[(b"{1}", true), (b"{2}", false), (b"{3}", true)]);
        bytes[9] ^= 1;
        assert!(has_later_write(&bytes, 1));
        let mut bytes = framed(&[(b"{1}", true), (b"{2}", false), (b"{3}", false)]);
        bytes[9] ^= 1;
        assert!(!has_later_write(&bytes, 1));
        assert!(!has_later_write(&[b'{'; 100_000], 1));
    }
}
