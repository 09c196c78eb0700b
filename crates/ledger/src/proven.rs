//! A record together with its proof, in one text: what somebody hands over who wants to show one
//! decision and nothing else.
//!
//! The form is C2SP tlog-proof with the record in the line for the application. Whoever trusts a key
//! of the log needs nothing beside it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bundle::{Source, SourceError};
use crate::checkpoint::Checkpoint;
use crate::note::{Cosigned, SignedNote};
use crate::record::{MAX_RECORD_BYTES, Record};
use crate::tree::{HashError, TileHashes, TlogProof, TlogProofError, inclusion};
use crate::verify::Trust;

/// Most bytes of such a text: a record, which grows by a third, a path and a note.
pub const MAX_PROVEN_BYTES: usize = MAX_RECORD_BYTES * 2 + (1 << 18);

/// A record and the proof that it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// One line of canonical JSON.
    pub record: Vec<u8>,
    pub proof: TlogProof,
}

/// What a proof came to.
#[derive(Debug, Clone)]
pub struct Shown {
    pub record: Record,
    pub head: Checkpoint,
    pub cosigned: Cosigned,
}

/// Why a text proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProvenError {
    #[error("the text is longer than any proof")]
    TooLong,
    #[error("the proof carries no record: its second line begins with `extra `")]
    NoRecord,
    #[error("the proof cannot be read, or does not hold")]
    Proof(#[source] TlogProofError),
    #[error("the record in the proof is not canonical")]
    Record,
    #[error("no key that you trust signed the checkpoint")]
    Unsigned,
    #[error("a signature in the name of a key that you trust does not hold")]
    Forged,
    #[error("the checkpoint is not cosigned by as many witnesses as you want")]
    Quorum,
    #[error("the record and the checkpoint are of different logs")]
    OtherLog,
}

/// Why no proof can be made.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    #[error("record {sequence} is not under a signed head; wait a second, or look at the last sequence")]
    Unsigned { sequence: u64 },
    #[error("cannot read the ledger for the proof")]
    Source(#[source] SourceError),
    #[error("the tiles of the shard do not give a proof; they are made again when the server starts")]
    Tiles(#[source] HashError),
}

impl Proven {
    /// Proves one record under the newest head of its shard, or under the newest that more witnesses
    /// cosigned.
    pub fn of(source: &dyn Source, log: &str, sequence: u64) -> Result<Self, ShowError> {
        let shards = source.shards().map_err(ShowError::Source)?;
        let unsigned = ShowError::Unsigned { sequence };
        let Some(shard) = shards.iter().rfind(|shard| shard.first <= sequence) else { return Err(unsigned) };
        let origin = format!("{log}/{}", shard.name);
        let notes = source.checkpoints(sequence).map_err(ShowError::Source)?;
        let heads = notes.into_iter().filter_map(|note| Some((Checkpoint::parse(note.text()).ok()?, note)));
        let covers = |head: &Checkpoint| head.origin == origin && shard.first + head.size > sequence;
        let best = heads
            .filter(|(head, _)| covers(head))
            .max_by_key(|(head, note): &(Checkpoint, SignedNote)| (note.signatures().len(), head.size));
        let Some((head, checkpoint)) = best else { return Err(unsigned) };
        let tiles = source.tiles(&shard.name).map_err(ShowError::Source)?;
        let index = sequence - shard.first;
        let path = inclusion(index, &TileHashes::new(tiles.as_ref(), head.size)).map_err(ShowError::Tiles)?;
        let mut record = Vec::new();
        let read = source.records(sequence, sequence + 1, &mut |bytes| {
            record = bytes.to_vec();
            Ok(())
        });
        read.map_err(|error| ShowError::Source(error.into()))?;
        Ok(Proven { record, proof: TlogProof { index, path, checkpoint } })
    }

    pub fn parse(text: &str) -> Result<Self, ProvenError> {
        if text.len() > MAX_PROVEN_BYTES {
            return Err(ProvenError::TooLong);
        }
        let extra = text.split('\n').nth(1).and_then(|line| line.strip_prefix("extra "));
        let record = extra.and_then(|extra| STANDARD.decode(extra).ok()).ok_or(ProvenError::NoRecord)?;
        let proof = TlogProof::parse(text).map_err(ProvenError::Proof)?;
        Ok(Proven { record, proof })
    }

    /// Whether the record stands in a log that the reader trusts.
    pub fn check(&self, trust: &Trust) -> Result<Shown, ProvenError> {
        let record = Record::read(&self.record).map_err(|_| ProvenError::Record)?;
        let head = self.proof.check(&crate::hash::leaf(&self.record)).map_err(ProvenError::Proof)?;
        let note = &self.proof.checkpoint;
        let mut signed = false;
        for key in &trust.keys {
            signed |= note.signed_by(key).map_err(|_| ProvenError::Forged)?.is_some();
        }
        if !signed {
            return Err(ProvenError::Unsigned);
        }
        if head.origin.strip_prefix(record.log.as_str()).is_none_or(|rest| !rest.starts_with('/')) {
            return Err(ProvenError::OtherLog);
        }
        let cosigned = trust.policy.check(note).map_err(|_| ProvenError::Forged)?;
        if !cosigned.enough {
            return Err(ProvenError::Quorum);
        }
        Ok(Shown { record, head, cosigned })
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proof = self.proof.to_string();
        let (header, rest) = proof.split_once('\n').unwrap_or((&proof, ""));
        write!(f, "{header}\nextra {}\n{rest}", STANDARD.encode(&self.record))
    }
}
