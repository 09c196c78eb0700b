//! One record's proof as a text of its own (C2SP tlog-proof): index, path, checkpoint.

use std::fmt;

use action::Digest;

use super::{Bad, MAX_PATH, check_inclusion};
use crate::checkpoint::Checkpoint;
use crate::note::{NoteError, SignedNote, decimal, hash_line, hash_text};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// What whoever holds a record needs beside it, and beside keys that they trust, to know that it
/// stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    pub index: u64,
    pub path: Vec<Digest>,
    /// With the log's signature and the cosignatures that were there when the proof was made.
    pub checkpoint: SignedNote,
}

/// Why a text is no proof, or proves something else.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    #[error(
        "a proof has the line `{HEADER}`, an index, at most {MAX_PATH} hashes, a blank line and a checkpoint"
    )]
    Form,
    #[error("the proof's checkpoint cannot be read")]
    Checkpoint(#[source] NoteError),
    #[error("the path does not lead from the record to the checkpoint")]
    Path(#[source] Bad),
}

impl TlogProof {
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let (head, note) = text.split_once("\n\n").ok_or(TlogProofError::Form)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(TlogProofError::Form);
        }
        let mut line = lines.next().ok_or(TlogProofError::Form)?;
        // What an application adds is not proven by anything, so it is not kept.
        if line.starts_with("extra ") {
            line = lines.next().ok_or(TlogProofError::Form)?;
        }
        let index = line.strip_prefix("index ").and_then(decimal).ok_or(TlogProofError::Form)?;
        let path: Vec<Digest> = lines.map(hash_line).collect::<Option<_>>().ok_or(TlogProofError::Form)?;
        if path.len() > MAX_PATH {
            return Err(TlogProofError::Form);
        }
        let checkpoint = SignedNote::parse(note).map_err(TlogProofError::Checkpoint)?;
        Ok(TlogProof { index, path, checkpoint })
    }

    /// Whether the path leads from the leaf to the checkpoint. Who signed that is another question.
    pub fn check(&self, leaf: &Digest) -> Result<Checkpoint, TlogProofError> {
        let head = Checkpoint::parse(self.checkpoint.text()).map_err(TlogProofError::Checkpoint)?;
        check_inclusion(self.index, head.size, leaf, &self.path, &head.root).map_err(TlogProofError::Path)?;
        Ok(head)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", hash_text(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
