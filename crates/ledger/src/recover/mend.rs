//! Going on after damage that an operator decided to live with.
//!
//! Nothing is changed: the damaged shard stays as it is, as evidence, under the last head that was
//! signed for it. A new shard begins after the last record that anybody can have been told of, and
//! says in a record of its own what is wrong with the one before.

use std::sync::Arc;

use action::{Digest, Name};

use super::layout::{ShardFiles, failed};
use super::{Recovered, first_of};
use crate::checkpoint::Checkpoint;
use crate::error::OpenError;
use crate::record::{GapPart, GapReason, Nanos, Record, RecordKind};
use crate::segment::frame::{FRAME_HEADER, Parsed, parse};
use crate::segment::{SEGMENT_HEADER, Segment, load};
use crate::volume::Volume;
use crate::writer::Tip;
use crate::writer::tree::Before;

/// What is wrong, for the record about it.
pub(super) struct Wrong {
    /// The first record that is damaged or missing.
    pub first: u64,
    pub why: &'static str,
    /// Name of the shard, for which `head` was signed last.
    pub shard: String,
    pub head: Option<Checkpoint>,
}

impl Wrong {
    /// Whether an operator can decide to go on.
    pub fn of(error: &OpenError, shard: &ShardFiles, heads: &[Checkpoint]) -> Option<Self> {
        let (first, why) = match error {
            OpenError::Damaged { sequence, why, .. } => (*sequence, *why),
            OpenError::RolledBack { size, .. } => (*size, "records that were signed are missing"),
            _ => return None,
        };
        let head = heads.iter().max_by_key(|head| head.size).cloned();
        Some(Wrong { first, why, shard: shard.name.to_string(), head })
    }
}

/// A state to go on from.
pub(super) fn mend(
    volume: &dyn Volume,
    shards: &[ShardFiles],
    wrong: &Wrong,
    by: &Name,
    now: Nanos,
) -> Result<Recovered, OpenError> {
    let mut found = Recovered::nothing();
    let mut newest: Option<(u64, Digest, Nanos)> = None;
    let (mut bytes, mut was) = (0, None);
    for files in shards {
        found.shards.extend(first_of(files).map(|first| (files.name.clone(), first)));
        for file in &files.segments {
            if let Some(first) = file.first {
                found.segments.push(Arc::new(Segment::unread(file.place.clone(), first)));
            }
            if files.name.to_string() < wrong.shard {
                continue;
            }
            let path = &file.place.path;
            let whole = load(volume, path).map_err(|source| failed("read", path, source))?;
            if file.first.is_none_or(|first| first <= wrong.first) {
                bytes = whole.len() as u64;
                was = Some(crate::hash::plain(&whole));
            }
            newest = newest.max(last_record(&whole));
        }
    }
    let first =
        shards.iter().find(|files| files.name.to_string() == wrong.shard).and_then(first_of).unwrap_or(0);
    let signed = first + wrong.head.as_ref().map_or(0, |head| head.size);
    let seen = newest.map_or(0, |(sequence, ..)| sequence + 1);
    let next = signed.max(seen).max(wrong.first);
    let previous = newest.filter(|(sequence, ..)| sequence + 1 == next).map(|(_, leaf, _)| leaf);
    let time = newest.map_or(Nanos(i64::MIN), |(_, _, time)| time);
    found.tip = Tip { next, previous: previous.unwrap_or(Digest::from_bytes([0; 32])), time };
    found.signed = signed;
    found.newest = shards.last().map(|files| files.name.clone());
    found.sealed = Some(Before {
        name: wrong.shard.clone(),
        size: wrong.head.as_ref().map_or(0, |head| head.size),
        root: wrong.head.as_ref().map_or_else(crate::tree::empty_root, |head| head.root),
    });
    found.mended = Some(report(wrong, by, now, bytes, was));
    Ok(found)
}

fn report(wrong: &Wrong, by: &Name, now: Nanos, bytes: u64, was: Option<Digest>) -> Record {
    let mut record = Record::new(RecordKind::Gap, now);
    record.gap = Some(GapPart { bytes, reason: GapReason::Repaired, was });
    let first = wrong.first.to_string();
    for (key, value) in [("by", by.as_str()), ("first", &first), ("shard", &wrong.shard), ("why", wrong.why)]
    {
        if let (Ok(key), Ok(value)) = (Name::new(key), Name::new(value)) {
            record.notes.insert(key, value);
        }
    }
    record
}

/// Sequence and leaf of the last record that can be read, past whatever cannot.
fn last_record(segment: &[u8]) -> Option<(u64, Digest, Nanos)> {
    let (mut at, mut newest) = (SEGMENT_HEADER, None);
    while at < segment.len() {
        if let Parsed::Frame { bytes, end, .. } = parse(segment, at)
            && let Ok(record) = Record::read(bytes)
        {
            newest = newest.max(Some((record.sequence, crate::hash::leaf(bytes), record.time)));
            at = end;
            continue;
        }
        // A record is a JSON object; its frame begins eight bytes before the brace.
        let next = segment.iter().enumerate().skip(at + FRAME_HEADER + 1).find(|(_, byte)| **byte == b'{');
        at = next.map_or(segment.len(), |(brace, _)| brace - FRAME_HEADER);
    }
    newest
}
