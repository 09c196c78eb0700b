//! The texts between a log and a witness.

use std::fmt;

use action::Digest;

use crate::note::{
    MAX_NOTE_BYTES, NoteError, SignedNote, VerifierKey, decimal, hash_line, hash_text, parse_signatures,
};

/// Most lines of a proof: what two sizes of 63 bits need.
pub const MAX_PROOF_LINES: usize = 63;
/// Most bytes of a request: a note, and a proof with the line before it.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + 4096;

/// A log asks for a cosignature: here is a checkpoint, and it continues the one of `old` size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    pub old: u64,
    pub proof: Vec<Digest>,
    pub note: SignedNote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error(
        "a request has a line `old SIZE`, at most {MAX_PROOF_LINES} hashes, a blank line and a checkpoint"
    )]
    Form,
    #[error("a request has at most {MAX_REQUEST_BYTES} bytes")]
    TooLarge,
    #[error("the checkpoint of a request cannot be read")]
    Note(#[source] NoteError),
}

impl AddCheckpoint {
    pub fn read(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| RequestError::Form)?;
        let (head, note) = text.split_once("\n\n").ok_or(RequestError::Form)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let proof: Option<Vec<Digest>> = lines.map(hash_line).collect();
        let (Some(old), Some(proof)) = (old, proof) else { return Err(RequestError::Form) };
        if proof.len() > MAX_PROOF_LINES {
            return Err(RequestError::Form);
        }
        let note = SignedNote::parse(note).map_err(RequestError::Note)?;
        Ok(AddCheckpoint { old, proof, note })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", hash_text(hash))?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// Why an answer of a witness brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    #[error("the witness knows another size of the log: {known}; prove from there")]
    Conflict { known: u64 },
    #[error("the witness answered with status {status}")]
    Refused { status: u16 },
    #[error("the witness's answer cannot be read")]
    Form,
    #[error("the witness answered with a signature that does not hold")]
    Forged,
    #[error("the witness answered with signatures of other keys only")]
    Nobody,
}

/// Adds what a witness answered to a checkpoint: the signatures of the given keys, if they hold.
/// A key's former cosignature is replaced. Gives back how many were added.
pub fn take_cosignatures(
    note: &mut SignedNote,
    status: u16,
    body: &str,
    keys: &[VerifierKey],
) -> Result<usize, TakeError> {
    match status {
        200 => {}
        409 => {
            let known = body.strip_suffix('\n').and_then(decimal).ok_or(TakeError::Form)?;
            return Err(TakeError::Conflict { known });
        }
        _ => return Err(TakeError::Refused { status }),
    }
    let lines = body.strip_suffix('\n').ok_or(TakeError::Form)?;
    let mut added = 0;
    for signature in parse_signatures(lines).map_err(|_| TakeError::Form)? {
        let Some(key) = keys.iter().find(|key| key.is_named_by(&signature)) else { continue };
        key.check_note(note.text(), signature.bytes()).ok_or(TakeError::Forged)?;
        note.replace(key, signature);
        added += 1;
    }
    if added == 0 { Err(TakeError::Nobody) } else { Ok(added) }
}
