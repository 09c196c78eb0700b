//! Reading records back.

use action::Digest;

use super::Catalog;
use super::frame::{FRAME_HEADER, Parsed, parse};
use crate::error::ReadError;
use crate::record::{MAX_RECORD_BYTES, Record};
use crate::volume::Volume;

/// Most bytes of records that one call hands over; it may hand over fewer than were asked for.
pub const MAX_READ_BYTES: usize = 4 << 20;

/// Bytes that are read at a time, for many records and for few. A record may be longer; then a second
/// reading takes it whole.
const CHUNK: usize = 128 << 10;
const FEW_BYTES: usize = 16 << 10;
const FEW: u64 = 12;

/// A record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub record: Record,
    pub bytes: Vec<u8>,
    pub leaf: Digest,
}

impl Catalog {
    /// Records `from..to`, at least one if there are any, at most `MAX_READ_BYTES` of them.
    pub fn read(&self, volume: &dyn Volume, from: u64, to: u64) -> Result<Vec<Stored>, ReadError> {
        let mut found = Vec::new();
        let mut size = 0;
        self.visit(volume, from, to, |_, bytes| {
            let record = Record::read(bytes).ok()?;
            size += bytes.len();
            found.push(Stored { record, bytes: bytes.to_vec(), leaf: crate::hash::leaf(bytes) });
            Some(size < MAX_READ_BYTES)
        })?;
        Ok(found)
    }

    /// Shows the bytes of records `from..to` in order, until `see` answers `Some(false)`. `None` says
    /// that the bytes are not what they should be.
    pub fn visit(
        &self,
        volume: &dyn Volume,
        from: u64,
        to: u64,
        mut see: impl FnMut(u64, &[u8]) -> Option<bool>,
    ) -> Result<(), ReadError> {
        let mut next = from;
        while next < to {
            let Some((segment, end)) = self.holding(next) else {
                return Err(ReadError::Beyond { sequence: next, size: 0 });
            };
            let path = &segment.place.path;
            let failed = |source| ReadError::Io { path: path.clone(), source };
            let (mut offset, mut sequence) = segment.near(next, volume).map_err(failed)?;
            let file = volume.open(path).map_err(failed)?;
            let stop = end.min(to);
            let usual = if stop - next <= FEW { FEW_BYTES } else { CHUNK };
            let mut chunk = vec![0; usual];
            while next < stop {
                let read = file.read_at(&mut chunk, offset).map_err(failed)?;
                let bytes = chunk.get(..read).unwrap_or_default();
                let mut at = 0;
                while next < stop
                    && let Parsed::Frame { bytes, end, .. } = parse(bytes, at)
                {
                    if sequence == next {
                        let more = see(next, bytes);
                        let Some(more) = more else {
                            return Err(ReadError::Damaged { sequence: next, path: path.clone() });
                        };
                        next += 1;
                        if !more {
                            return Ok(());
                        }
                    }
                    sequence += 1;
                    at = end;
                }
                offset += at as u64;
                if at == 0 {
                    // No whole frame: a long record, once; else the bytes are wrong.
                    if chunk.len() > usual {
                        return Err(ReadError::Damaged { sequence: next, path: path.clone() });
                    }
                    chunk.resize(FRAME_HEADER + MAX_RECORD_BYTES, 0);
                } else {
                    chunk.resize(usual, 0);
                }
            }
        }
        Ok(())
    }
}
