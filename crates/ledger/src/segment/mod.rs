//! Segment files: records in frames, one after another.
//!
//! A segment begins with a header that names the sequence of its first record, and is made at its
//! full length. What a segment holds ends where the next one begins: after a failed write the
//! writer leaves a segment as it is, and goes on in a new one from the last durable record.

mod catalog;
pub mod frame;
mod reader;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::volume::{Volume, VolumeFile};

pub use catalog::{Catalog, MARK_EVERY, Segment};
pub use reader::{MAX_READ_BYTES, Stored};

/// Bytes before the first frame.
pub const SEGMENT_HEADER: usize = 32;

const MAGIC: &[u8; 8] = b"CKRNSEG1";

/// Why a file is not a segment, or not one that was put to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// Zeros or a part of a header: made, and never written to.
    Unfinished,
    /// Bytes behind a header that is none.
    Damaged,
}

/// The header of a segment whose first record has this sequence.
pub fn header(first: u64) -> [u8; SEGMENT_HEADER] {
    let mut bytes = [0; SEGMENT_HEADER];
    let number = first.to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(MAGIC), &number).to_le_bytes();
    let parts = MAGIC.iter().chain(&number).chain(&checksum);
    for (byte, value) in bytes.iter_mut().zip(parts) {
        *byte = *value;
    }
    bytes
}

/// The first sequence, from the first bytes of a segment.
pub fn parse_header(segment: &[u8]) -> Result<u64, HeaderFault> {
    let first = segment.get(8..16).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(u64::from_le_bytes);
    if let Some(first) = first
        && segment.get(..SEGMENT_HEADER) == Some(&header(first))
    {
        return Ok(first);
    }
    // The header is durable before the first frame is written; so frames without a header had one.
    let used = segment.iter().skip(SEGMENT_HEADER).any(|byte| *byte != 0);
    Err(if used { HeaderFault::Damaged } else { HeaderFault::Unfinished })
}

/// How the newest segment ends, behind the last record that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was written there.
    Clean,
    /// So many bytes of a write that was never finished.
    Torn(usize),
    /// What cannot be read was on the medium once: a later write stands behind it.
    Damaged,
}

/// Tells what stands at `at` and behind, where no frame can be read.
pub fn ending(segment: &[u8], at: usize) -> Ending {
    let rest = segment.get(at..).unwrap_or_default();
    match rest.iter().rposition(|byte| *byte != 0) {
        None => Ending::Clean,
        // The mark of a frame at this very place is that of the write that was not finished.
        Some(_) if frame::has_later_write(segment, at + 1) => Ending::Damaged,
        Some(last) => Ending::Torn(last + 1),
    }
}

/// The frames of a segment up to the first place where none can be read: the bytes of each record,
/// and where its frame ends.
pub fn frames(segment: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = SEGMENT_HEADER;
    std::iter::from_fn(move || {
        let frame::Parsed::Frame { bytes, end, .. } = frame::parse(segment, at) else { return None };
        at = end;
        Some((bytes, end))
    })
}

/// Name of a segment file.
pub fn file_name(index: u32) -> String {
    format!("segment-{index:06}.log")
}

/// The index in the name of a segment file.
pub fn parse_file_name(name: &str) -> Option<u32> {
    let index: u32 = name.strip_prefix("segment-")?.strip_suffix(".log")?.parse().ok()?;
    (file_name(index) == name).then_some(index)
}

/// Makes a segment. Durable on return, name included, so that a frame in it is never in a file
/// that a power cut takes away.
pub fn create(volume: &dyn Volume, path: &Path, first: u64, size: u64) -> io::Result<Arc<dyn VolumeFile>> {
    let file = volume.create(path, size)?;
    file.write_at(&header(first), 0)?;
    file.sync()?;
    volume.sync_dir(path.parent().unwrap_or_else(|| Path::new(".")))?;
    Ok(file)
}

/// Reads a file as a whole.
pub fn load(volume: &dyn Volume, path: &Path) -> io::Result<Vec<u8>> {
    let file = volume.open(path)?;
    read_between(file.as_ref(), 0, file.size()?)
}

/// Reads a segment up to where nothing was ever written, for the newest is mostly set aside for later; and
/// tells its size.
pub fn load_written(volume: &dyn Volume, path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = volume.open(path)?;
    Ok((written_from(file.as_ref(), 0)?, file.size()?))
}

/// Reads what was ever written of a segment from a place on.
pub fn written_from(file: &dyn VolumeFile, offset: u64) -> io::Result<Vec<u8>> {
    read_between(file, offset, file.written()?)
}

fn read_between(file: &dyn VolumeFile, offset: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX)];
    let read = file.read_at(&mut bytes, offset)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// A segment that is written to.
pub struct OpenSegment {
    pub segment: Arc<Segment>,
    pub file: Arc<dyn VolumeFile>,
    /// Where the next write goes. Before it everything is on the medium.
    pub end: u64,
    pub size: u64,
}

/// Where a segment lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: PathBuf,
    /// Number of its shard.
    pub shard: u32,
    pub index: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_whole_or_none() {
        let whole = header(77);
        assert_eq!(parse_header(&whole), Ok(77));
        assert_eq!(parse_header(&[0; 64]), Err(HeaderFault::Unfinished));
        assert_eq!(parse_header(&whole[..20]), Err(HeaderFault::Unfinished));
        for bit in 0..20 * 8 {
            let mut bytes = [whole.as_slice(), b"frames"].concat();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse_header(&bytes), Err(HeaderFault::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn names_have_one_form() {
        assert_eq!(parse_file_name("segment-000012.log"), Some(12));
        for other in ["segment-12.log", "segment-000012", "segment-00001x.log", "segment-+00012.log"] {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
    }
}
