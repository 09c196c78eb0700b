//! A record as bytes, and back.

use super::Record;
use super::reader::from_canonical;

/// Most bytes of one record. Content is kept elsewhere; what is left is a few hundred bytes, and a
/// decision with every detection that an action can have stays far below.
pub const MAX_RECORD_BYTES: usize = 256 << 10;

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("bytes are not a record of this form")]
    Json(#[source] serde_json::Error),
    #[error("a record is written in another than the canonical form")]
    NotCanonical,
    #[error("a record has {size} bytes, more than {MAX_RECORD_BYTES}")]
    TooLong { size: usize },
}

impl Record {
    /// Appends the canonical bytes. They are canonical because the fields are listed in the order
    /// of their names and serde writes them as listed.
    pub fn write_to(&self, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(into, self)
    }

    /// Reads one form only: bytes that this program would not have written stand for no record.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(Unreadable::TooLong { size: bytes.len() });
        }
        from_canonical(bytes).map_err(|_| match serde_json::from_slice::<Record>(bytes) {
            Err(error) => Unreadable::Json(error),
            Ok(_) => Unreadable::NotCanonical,
        })
    }
}
