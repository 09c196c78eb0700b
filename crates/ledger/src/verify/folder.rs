//! A ledger's folder as it lies, also while it is written to.
//!
//! Reads what the segments hold, with every signed head that is kept beside them, and the newest one
//! from its cell. Records beyond the newest head are read as strictly; nobody signed them yet.

use std::collections::BTreeMap;
use std::path::Path;

use super::chain::{Chain, Start};
use super::report::{Fault, FaultCode, Gap, MAX_LISTED, Report};
use super::trust::Trust;
use crate::bundle::ShardStart;
use crate::checkpoint::Checkpoint;
use crate::files::{Files, Folder, ShardFiles, note_in, unreadable};
use crate::note::{SignedNote, VerifierKey};
use crate::record::{GapReason, MAX_RECORD_BYTES};
use crate::segment::frame::{FRAME_HEADER, Parsed, parse};
use crate::segment::{Ending, SEGMENT_HEADER, ending, written_from};
use crate::shard::ShardName;
use crate::volume::Volume;

/// Verifies a ledger in place. Holds a window of a segment in memory, and the heads of one shard.
pub fn verify_folder(volume: &dyn Volume, folder: &Folder, trust: &Trust) -> Report {
    let mut reading = Reading { files: Files { volume, folder }, trust, chain: None };
    let found = reading.all();
    let mut report = reading.chain.as_ref().map(Chain::report).unwrap_or_default();
    report.log.clone_from(&folder.log);
    match found {
        Ok(None) => {}
        Ok(Some(gap)) => {
            report.gap_count += 1;
            if report.gaps.len() < MAX_LISTED {
                report.gaps.push(gap);
            }
        }
        Err(fault) => report.fault = Some(fault),
    }
    report
}

/// Bytes that are read at a time. The longest frame has room, so where none begins there is none.
const WINDOW: usize = 2 * (FRAME_HEADER + MAX_RECORD_BYTES);

struct Reading<'v> {
    files: Files<'v>,
    trust: &'v Trust,
    chain: Option<Chain<'v>>,
}

impl Reading<'_> {
    /// Everything, oldest first. Gives back the gap at the end that is not on record yet.
    fn all(&mut self) -> Result<Option<Gap>, Fault> {
        let shards = self.files.shards()?;
        let Some(first) = shards.iter().find_map(|shard| shard.segments.first()) else {
            return Err(Fault::new(FaultCode::Form, None, "the folder holds no records of a ledger"));
        };
        let start = self.start(&shards, first.0)?;
        self.chain = Some(Chain::new(start, self.trust)?);
        let ends: Vec<u64> =
            shards.iter().flat_map(|shard| &shard.segments).skip(1).map(|(first, _)| *first).collect();
        let mut ends = ends.into_iter();
        let mut torn = None;
        for shard in &shards {
            let heads = self.files.heads(shard)?;
            for (first, path) in &shard.segments {
                torn = self.segment(*first, path, ends.next(), &heads)?;
            }
            self.covered(&heads)?;
        }
        self.finish()?;
        Ok(torn)
    }

    /// The key in force at the beginning: of those that the reader trusts, the one that signed the
    /// oldest head. If none did, changes of key are looked up first.
    fn start(&self, shards: &[ShardFiles], sequence: u64) -> Result<Start, Fault> {
        let Some(first) = shards.iter().find(|shard| !shard.segments.is_empty()) else {
            return Err(Fault::new(FaultCode::Form, None, "the folder holds no records of a ledger"));
        };
        let Some(trusted) = self.trust.keys.first() else {
            return Err(Fault::new(
                FaultCode::Untrusted,
                None,
                "nobody said which key to trust: give the log's key",
            ));
        };
        let heads = self.files.heads(first)?;
        let oldest = heads.values().flatten().next();
        let signed =
            |key: &&VerifierKey| oldest.is_none_or(|note| matches!(note.signed_by(key), Ok(Some(_))));
        let key = match self.trust.keys.iter().find(signed) {
            Some(key) => key.clone(),
            None => {
                let parts: Vec<_> = self.files.rotations(shards)?.into_iter().map(|(_, part)| part).collect();
                let known = self.trust.closure(&self.files.folder.log, trusted, &parts);
                let known =
                    known.map_err(|error| Fault::new(FaultCode::Key, Some(sequence), error.to_string()))?;
                let detail =
                    "the oldest head is not signed by a key that a change of key joins to one that you trust";
                let key = known.iter().find(signed).cloned();
                key.ok_or_else(|| Fault::new(FaultCode::Key, Some(sequence), detail))?
            }
        };
        let shard = ShardStart { first: sequence, name: first.name.to_string() };
        Ok(Start {
            log: self.files.folder.log.clone(),
            sequence,
            shard,
            left: Vec::new(),
            key,
            others: Vec::new(),
        })
    }

    /// One segment, up to where the next begins.
    fn segment(
        &mut self,
        first: u64,
        path: &Path,
        limit: Option<u64>,
        heads: &BTreeMap<u64, Vec<SignedNote>>,
    ) -> Result<Option<Gap>, Fault> {
        let failed = |error| unreadable(path, &error);
        let file = self.files.volume.open(path).map_err(failed)?;
        let Some(chain) = &mut self.chain else { return Ok(None) };
        if first != chain.next() {
            let missing =
                Fault::new(FaultCode::Sequence, Some(chain.next()), "records are missing before a segment");
            return Err(chain.finish().err().unwrap_or(missing));
        }
        let mut window = vec![0; WINDOW];
        let mut offset = SEGMENT_HEADER as u64;
        loop {
            let read = file.read_at(&mut window, offset).map_err(failed)?;
            let bytes = window.get(..read).unwrap_or_default();
            let mut at = 0;
            while limit.is_none_or(|limit| chain.next() < limit)
                && let Parsed::Frame { bytes: line, end, .. } = parse(bytes, at)
            {
                at = end;
                chain.record(line)?;
                let size = chain.next() - chain.shard_start().first;
                for note in heads.get(&size).into_iter().flatten() {
                    if !chain.in_doubt() {
                        chain.head(note)?;
                    }
                }
            }
            offset += at as u64;
            if at == 0 {
                break;
            }
        }
        let sequence = chain.next();
        let lost = |detail| Err(Fault::new(FaultCode::Record, Some(sequence), detail));
        let ends = match limit {
            Some(limit) if sequence < limit => Ending::Damaged,
            Some(_) => Ending::Clean,
            None => ending(&written_from(file.as_ref(), offset).map_err(failed)?, 0),
        };
        match ends {
            Ending::Clean => Ok(None),
            Ending::Torn(bytes) => {
                Ok(Some(Gap { sequence, reason: GapReason::TornTail, bytes: bytes as u64 }))
            }
            Ending::Damaged => chain.finish().and_then(|()| lost("a record that was durable cannot be read")),
        }
    }

    /// A head that was not reached says that more was there: the shard was cut.
    fn covered(&mut self, heads: &BTreeMap<u64, Vec<SignedNote>>) -> Result<(), Fault> {
        let (Some(chain), Some((largest, _))) = (&mut self.chain, heads.last_key_value()) else {
            return Ok(());
        };
        if chain.shard_start().first.saturating_add(*largest) <= chain.next() {
            return Ok(());
        }
        chain.finish()?;
        Err(Fault::new(FaultCode::Sequence, Some(chain.next()), "a signed head covers more than there is"))
    }

    fn finish(&mut self) -> Result<(), Fault> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        chain.finish()?;
        let (next, shard) = (chain.next(), chain.shard_start().clone());
        // The newest head may be of a shard that is not here any more.
        let cell = self
            .files
            .read(&self.files.folder.head)?
            .map(|bytes| note_in(&bytes, &self.files.folder.head))
            .transpose()?;
        let head = cell.and_then(|note| Checkpoint::parse(note.text()).ok());
        if head.is_some_and(|head| is_later(&head, &shard, &self.files.folder.log)) {
            let detail =
                "the newest signed head is of a shard that is not there: the folder was put back or cut";
            return Err(Fault::new(FaultCode::Sequence, Some(next), detail));
        }
        let Some(chain) = &self.chain else { return Ok(()) };
        let report = chain.report();
        if report.signed.is_none() {
            let detail = "no signed head is there yet: wait a second, or look why nothing is signed";
            return Err(Fault::new(FaultCode::Unsigned, None, detail));
        }
        if self.trust.policy.needed() > 0 && report.cosigned.is_none() {
            return Err(Fault::new(
                FaultCode::Quorum,
                None,
                "no head is cosigned by as many witnesses as you want",
            ));
        }
        Ok(())
    }
}

/// Whether a head is of a shard behind the given one.
fn is_later(head: &Checkpoint, shard: &ShardStart, log: &str) -> bool {
    let name = head.origin.strip_prefix(log).and_then(|rest| ShardName::parse(rest.strip_prefix('/')?));
    let here = ShardName::parse(&shard.name);
    name.zip(here).is_some_and(|(name, here)| name.number > here.number)
}
