//! Whose cosignatures count, and how many are needed.

use super::{NoteError, SignedNote, VerifierKey};

/// N of M witnesses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    witnesses: Vec<VerifierKey>,
    needed: usize,
}

/// Why a policy makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("{needed} cosignatures of {known} witnesses cannot be had")]
    TooMany { needed: usize, known: usize },
    #[error("witness `{name}` is named twice, and would count twice")]
    Twice { name: String },
    #[error("key `{name}` is a log's: a witness's key has another kind")]
    NotAWitness { name: String },
}

/// What was found on a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// Name of each witness whose cosignature holds, with its time in seconds since 1970.
    pub by: Vec<(String, u64)>,
    pub enough: bool,
}

impl Policy {
    pub fn new(witnesses: Vec<VerifierKey>, needed: usize) -> Result<Self, PolicyError> {
        if needed > witnesses.len() {
            return Err(PolicyError::TooMany { needed, known: witnesses.len() });
        }
        for (n, key) in witnesses.iter().enumerate() {
            if key.kind() != super::KeyKind::Witness {
                return Err(PolicyError::NotAWitness { name: key.name().to_owned() });
            }
            if witnesses
                .iter()
                .take(n)
                .any(|other| other.public() == key.public() || other.name() == key.name())
            {
                return Err(PolicyError::Twice { name: key.name().to_owned() });
            }
        }
        Ok(Policy { witnesses, needed })
    }

    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    pub fn needed(&self) -> usize {
        self.needed
    }

    /// Counts the witnesses whose cosignatures hold. Lines of unknown keys are passed over; one in a
    /// known witness's name that does not hold is an error.
    pub fn check(&self, note: &SignedNote) -> Result<Cosigned, NoteError> {
        let mut by = Vec::new();
        for key in &self.witnesses {
            if let Some(time) = note.signed_by(key)? {
                by.push((key.name().to_owned(), time));
            }
        }
        let enough = by.len() >= self.needed;
        Ok(Cosigned { by, enough })
    }
}
