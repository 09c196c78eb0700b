//! Which segment holds which record, and where in it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Place, SEGMENT_HEADER, frames, load};
use crate::volume::Volume;

/// Every so many records the place of one is kept. Between them frames are stepped over.
pub const MARK_EVERY: u64 = 64;

/// The segments in the order of their records. The writer adds to the end; readers look.
#[derive(Default)]
pub struct Catalog {
    segments: RwLock<Vec<Arc<Segment>>>,
}

/// One segment file as readers know it.
pub struct Segment {
    pub place: Place,
    /// Sequence of its first record.
    pub first: u64,
    /// Offsets of the records `first`, `first + 64`, ... Absent until somebody reads an old segment.
    marks: Mutex<Option<Vec<u64>>>,
}

impl Segment {
    /// A segment that has not been read.
    pub fn unread(place: Place, first: u64) -> Self {
        Segment { place, first, marks: Mutex::new(None) }
    }

    /// A segment whose frames are known from reading it, or from writing them.
    pub fn known(place: Place, first: u64, marks: Vec<u64>) -> Self {
        Segment { place, first, marks: Mutex::new(Some(marks)) }
    }

    /// Notes the place of a record as it is written.
    pub fn mark(&self, sequence: u64, offset: u64) {
        if sequence.wrapping_sub(self.first).is_multiple_of(MARK_EVERY) {
            self.marks.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().push(offset);
        }
    }

    /// A place at or before that of a record, and the sequence of the record there.
    pub fn near(&self, sequence: u64, volume: &dyn Volume) -> io::Result<(u64, u64)> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.is_none() {
            *marks = Some(marks_of(&load(volume, &self.place.path)?));
        }
        let known = marks.as_deref().unwrap_or_default();
        let wanted = sequence.saturating_sub(self.first) / MARK_EVERY;
        let last = (known.len() as u64).saturating_sub(1).min(wanted);
        let offset = usize::try_from(last).ok().and_then(|last| known.get(last)).copied();
        Ok((offset.unwrap_or(SEGMENT_HEADER as u64), self.first + last * MARK_EVERY))
    }
}

/// Offsets of each 64th frame.
fn marks_of(segment: &[u8]) -> Vec<u64> {
    let ends = frames(segment).map(|(_, end)| end as u64);
    let starts = std::iter::once(SEGMENT_HEADER as u64).chain(ends);
    // The end of the last frame is no record's place, but nothing is looked for there either.
    starts.step_by(MARK_EVERY as usize).collect()
}

impl Catalog {
    pub fn new(segments: Vec<Arc<Segment>>) -> Self {
        Catalog { segments: RwLock::new(segments) }
    }

    /// Adds the segment in use, the first time that something is in it.
    pub fn add_once(&self, segment: &Arc<Segment>) {
        let known =
            |segments: &Vec<Arc<Segment>>| segments.last().is_some_and(|last| Arc::ptr_eq(last, segment));
        if !known(&self.segments.read().unwrap_or_else(PoisonError::into_inner)) {
            self.segments.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(segment));
        }
    }

    /// The segment that holds a record, and the first sequence that it does not hold.
    pub fn holding(&self, sequence: u64) -> Option<(Arc<Segment>, u64)> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let after = segments.partition_point(|segment| segment.first <= sequence);
        let segment = segments.get(after.checked_sub(1)?)?;
        // One that was left before it held anything has the same first record as the next.
        let end = segments.get(after).map_or(u64::MAX, |next| next.first);
        Some((Arc::clone(segment), end))
    }
}
