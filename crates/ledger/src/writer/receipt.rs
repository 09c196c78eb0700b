//! What an append promises, and the proof that it was kept.

use action::{Digest, Name};

use crate::record::{Record, RecordFault};

/// How far a record must have come before its caller is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// On the medium.
    Synced,
    /// Accepted, and on the medium soon: a stated number of records or milliseconds may be lost.
    Windowed,
}

/// Proof that the ledger took a record. Nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    id: Name,
    place: Option<(u64, Digest)>,
}

impl Receipt {
    pub(crate) fn of(about: About, place: Option<(u64, Digest)>) -> Self {
        Receipt { id: about.0, place }
    }

    /// The decision that the record is about, or the kind of the record where there is none.
    pub fn id(&self) -> &Name {
        &self.id
    }

    /// Where it stands; not known yet if it was taken within the window.
    pub fn sequence(&self) -> Option<u64> {
        self.place.map(|(sequence, _)| sequence)
    }

    pub fn leaf(&self) -> Option<Digest> {
        self.place.map(|(_, leaf)| leaf)
    }

    /// The promise that was kept: `Synced` also where less was asked for and the window was full.
    pub fn kept(&self) -> Promise {
        if self.place.is_some() { Promise::Synced } else { Promise::Windowed }
    }
}

/// What a receipt will name, taken from a record before it is written.
#[derive(Debug, Clone)]
pub(crate) struct About(Name);

impl About {
    pub fn of(record: &Record) -> Result<Self, RecordFault> {
        match record.about() {
            Some(id) => Ok(About(id.clone())),
            None => Name::new(record.kind.row().word).map(About).map_err(RecordFault::Word),
        }
    }
}
