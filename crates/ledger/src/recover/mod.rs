//! Opening: from files to a state from which writing goes on.
//!
//! Reads every shard from the one under the newest signed head on. What stands below a signed head
//! must be there and hash to its root, or the ledger does not start. What stands beyond it is kept
//! as far as it can be read; an unfinished write at the end is cut, and the cut goes on record.
//! No acknowledged record is lost: it was synced, so it can be read; and if it cannot, a later
//! write shows that it could be, and that is damage, not an end.

mod cut;
mod heads;
mod layout;
mod mend;
mod scan;

use std::path::PathBuf;
use std::sync::Arc;

use action::{Digest, Name};

use crate::error::OpenError;
use crate::head::HeadCell;
use crate::note::SigningKey;
use crate::record::{Nanos, Record, RecordKind};
use crate::segment::{OpenSegment, Segment};
use crate::settings::Settings;
use crate::shard::ShardName;
use crate::volume::Volume;
use crate::writer::Tip;
use crate::writer::tree::{Before, ShardTree};

pub(crate) use cut::Pending;
use heads::Heads;
use layout::{ShardFiles, failed, layout};
use scan::{Chain, Scan, Scanned};

/// What was found, and where to go on.
pub(crate) struct Recovered {
    pub segments: Vec<Arc<Segment>>,
    /// All shards with their first sequences, oldest first.
    pub shards: Vec<(ShardName, u64)>,
    /// Shards whose final head is not signed, and the one to write in. None: a new log.
    pub trees: Vec<ShardTree>,
    /// The newest shard is complete; the next is to be opened.
    pub sealed: Option<Before>,
    pub tip: Tip,
    /// Cut bytes that are not on record yet.
    pub cuts: Vec<Pending>,
    /// The segment to go on in.
    pub open: Option<OpenSegment>,
    /// Index for the next segment of the newest shard.
    pub index: u32,
    pub signed: u64,
    /// What an operator decided to live with.
    pub mended: Option<Record>,
    /// The newest shard that there is a folder of.
    pub newest: Option<ShardName>,
}

/// Consent to go on after damage: who gave it, and when.
pub(crate) struct Consent {
    pub by: Name,
    pub now: Nanos,
}

/// Reads the ledger's files.
pub(crate) fn recover(
    volume: &dyn Volume,
    homes: &[PathBuf],
    settings: &Settings,
    cell: &HeadCell,
    key: &SigningKey,
    consent: Option<&Consent>,
) -> Result<Recovered, OpenError> {
    let shards = layout(volume, homes)?;
    let heads = Heads::collect(volume, &settings.log, cell, &shards, consent.is_some())?;
    let start = match heads.shard() {
        None => 0,
        Some(number) => {
            shards.iter().position(|shard| shard.name.number == number).ok_or_else(|| heads.rolled_back(0))?
        }
    };
    let mut chain = chain_at(&shards, start);
    let (mut read, mut last): (Vec<Scanned>, Option<Record>) = (Vec::new(), None);
    for (n, files) in shards.iter().enumerate().skip(start) {
        let after = shards.iter().skip(n + 1).find_map(first_of);
        let known = heads.of(&files.name);
        let (scanned, next, record) = match Scan::shard(volume, &settings.log, known, files, chain, after) {
            Ok(read) => read,
            Err(error) => {
                let wrong = mend::Wrong::of(&error, files, known);
                let (Some(wrong), Some(consent)) = (wrong, consent) else { return Err(heads.explain(error)) };
                heads.check_key(key, &settings.log, &read)?;
                return mend::mend(volume, &shards, &wrong, &consent.by, consent.now);
            }
        };
        chain = next;
        last = record.or(last);
        read.push(scanned);
    }
    heads.check_key(key, &settings.log, &read)?;
    build(volume, homes, &shards, read, chain, last, heads.signed(&shards))
}

fn build(
    volume: &dyn Volume,
    homes: &[PathBuf],
    shards: &[ShardFiles],
    read: Vec<Scanned>,
    chain: Chain,
    last: Option<Record>,
    signed: u64,
) -> Result<Recovered, OpenError> {
    let mut found = Recovered::nothing();
    found.tip.next = chain.next;
    found.tip.previous = chain.previous.unwrap_or(found.tip.previous);
    found.tip.time = last.as_ref().map_or(found.tip.time, |record| record.time);
    found.signed = signed;
    // Shards before the ones that were read: readers look into them when they need to.
    let older = shards.len().saturating_sub(read.len());
    for files in shards.iter().take(older) {
        let segments = files.segments.iter().filter_map(|file| Some((file.place.clone(), file.first?)));
        found.segments.extend(segments.map(|(place, first)| Arc::new(Segment::unread(place, first))));
        found.shards.extend(first_of(files).map(|first| (files.name.clone(), first)));
    }
    let mut before: Option<Before> = None;
    for (files, mut scanned) in shards.iter().skip(older).zip(read) {
        // Heads and tiles go to the ledger's own folder again, whatever an earlier process had to do.
        scanned.tree.dir = homes.first().map(|home| files.name.dir(home)).unwrap_or_default();
        if scanned.tree.frontier.size() == 0 {
            // Made, and stopped before its first record, which is to say what was before.
            scanned.tree.before = before.take();
        }
        found.index = files.segments.last().map_or(0, |file| file.place.index + 1);
        found.shards.push((files.name.clone(), scanned.tree.first));
        found.cuts.extend(cut::cut(volume, files, &scanned)?);
        found.open = match (&scanned.end, files.segments.last(), scanned.segments.last()) {
            // Writing goes on in the ledger's own folder; what the mirror holds stays as it is.
            (Some(end), Some(file), Some(segment)) if end.home == 0 => Some(OpenSegment {
                segment: Arc::clone(segment),
                file: volume
                    .open(&file.place.path)
                    .map_err(|error| failed("open", &file.place.path, error))?,
                end: end.offset,
                size: end.size,
            }),
            _ => None,
        };
        found.segments.extend(scanned.segments);
        before = Some(end_of(&scanned.tree));
        found.trees.push(scanned.tree);
    }
    if let Some(newest) = found.trees.last_mut()
        && newest.frontier.size() > 0
        && last.is_some_and(|record| record.kind == RecordKind::ShardSeal)
    {
        newest.sealed = true;
        found.sealed = Some(end_of(newest));
    }
    found.newest = shards.last().map(|files| files.name.clone());
    Ok(found)
}

fn end_of(tree: &ShardTree) -> Before {
    Before { name: tree.name.to_string(), size: tree.frontier.size(), root: tree.frontier.root() }
}

impl Recovered {
    fn nothing() -> Self {
        Recovered {
            segments: Vec::new(),
            shards: Vec::new(),
            trees: Vec::new(),
            sealed: None,
            tip: Tip { next: 0, previous: Digest::from_bytes([0; 32]), time: Nanos(i64::MIN) },
            cuts: Vec::new(),
            open: None,
            index: 0,
            signed: 0,
            mended: None,
            newest: None,
        }
    }
}

/// The state of the chain before a shard.
fn chain_at(shards: &[ShardFiles], start: usize) -> Chain {
    let next = shards.iter().skip(start).find_map(first_of).unwrap_or(0);
    let previous = (next == 0).then(|| Digest::from_bytes([0; 32]));
    Chain { next, previous }
}

fn first_of(files: &ShardFiles) -> Option<u64> {
    files.segments.first().and_then(|file| file.first)
}
