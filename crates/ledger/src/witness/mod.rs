//! A witness: another party that remembers the largest head of each log that it has seen, and signs
//! nothing that does not continue it (C2SP tlog-witness).
//!
//! A log that shows different people different records, or that was put back to an older state,
//! cannot get both past the same witness. The witness needs no records for that, only heads and
//! consistency proofs.
//!
//! No sockets here: [`Witness::handle`] takes the body of a request and gives status and body of the
//! answer, [`AddCheckpoint`] and [`take_cosignatures`] are the other end.

mod request;
mod store;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use action::Digest;

pub use request::{
    AddCheckpoint, MAX_PROOF_LINES, MAX_REQUEST_BYTES, RequestError, TakeError, take_cosignatures,
};
pub use store::{HeadStore, StoreError};

use crate::checkpoint::Checkpoint;
use crate::note::{KeyKind, NoteSignature, SignedNote, SigningKey, VerifierKey};
use crate::tree::{check_consistency, empty_root};

/// A log that the witness looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub origin: String,
    /// Keys whose signature is accepted: more than one while the log changes its key.
    pub keys: Vec<VerifierKey>,
}

/// Cosigns for a list of logs.
pub struct Witness {
    key: SigningKey,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    /// INVARIANT: held from reading a head until its successor is on disk. Otherwise two requests
    /// could both continue the same head, and the later answer would roll the first one back.
    store: Mutex<HeadStore>,
}

/// The answer to a request: an HTTP status, what the body is, and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

/// Why a witness does not sign.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the request cannot be read")]
    Form(#[source] RequestError),
    #[error("the log is not one that this witness looks after")]
    UnknownLog,
    #[error("no key of the log signed the checkpoint")]
    Unsigned,
    #[error("the old size is larger than the checkpoint's")]
    Backwards,
    #[error("the newest head that was cosigned has size {known}")]
    Conflict { known: u64 },
    #[error("the proof does not lead from the old head to the new one")]
    Inconsistent,
    #[error("the witness cannot keep the checkpoint")]
    Store(#[source] StoreError),
}

/// Why a witness cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("a witness signs with a witness's key: make one of that kind")]
    Key,
    #[error("log `{origin}` is listed twice")]
    Twice { origin: String },
    #[error("log `{origin}` needs at least one key, and each must be a log's")]
    LogKey { origin: String },
}

impl Witness {
    pub fn new(key: SigningKey, watched: Vec<Watched>, store: HeadStore) -> Result<Self, WitnessError> {
        if key.kind() != KeyKind::Witness {
            return Err(WitnessError::Key);
        }
        let mut logs = BTreeMap::new();
        for log in watched {
            if log.keys.is_empty() || log.keys.iter().any(|key| key.kind() != KeyKind::Log) {
                return Err(WitnessError::LogKey { origin: log.origin });
            }
            if logs.insert(log.origin.clone(), log.keys).is_some() {
                return Err(WitnessError::Twice { origin: log.origin });
            }
        }
        Ok(Witness { key, logs, store: Mutex::new(store) })
    }

    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// Answers the body of a request to `add-checkpoint`. `now` is in seconds since 1970.
    pub fn handle(&self, request: &[u8], now: u64) -> Answer {
        let answer = AddCheckpoint::read(request)
            .map_err(Refusal::Form)
            .and_then(|request| self.add_checkpoint(&request, now));
        match answer {
            Ok(signature) => Answer::text(200, format!("{signature}\n")),
            Err(refusal) => refusal.answer(),
        }
    }

    /// Signs a checkpoint that continues the newest one. It is on disk when this returns: a witness
    /// that forgot what it signed could be led to sign the other branch of a fork.
    pub fn add_checkpoint(&self, request: &AddCheckpoint, now: u64) -> Result<NoteSignature, Refusal> {
        let odd = |error| Refusal::Form(RequestError::Note(error));
        let head = Checkpoint::parse(request.note.text()).map_err(odd)?;
        let keys = self.logs.get(&head.origin).ok_or(Refusal::UnknownLog)?;
        if !signed_by_any(&request.note, keys) {
            return Err(Refusal::Unsigned);
        }
        if request.old > head.size {
            return Err(Refusal::Backwards);
        }
        // A panic while the lock was held left the store as it was on disk, or one step behind it
        // with nothing signed: both are safe to go on from.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let known = store.head(&head.origin).map_err(Refusal::Store)?;
        let (size, root) = known.as_ref().map_or((0, empty_root()), |known| (known.size, known.root));
        if request.old != size {
            return Err(Refusal::Conflict { known: size });
        }
        self.continues((size, &root), &head, &request.proof)?;
        if known.as_ref() != Some(&head) {
            store.keep(&head.origin, &request.note).map_err(Refusal::Store)?;
        }
        Ok(self.key.cosign(request.note.text(), now))
    }

    /// Size of the newest head of a log; 0 before the first.
    pub fn size(&self, origin: &str) -> Result<u64, StoreError> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(store.head(origin)?.map_or(0, |head| head.size))
    }

    fn continues(&self, old: (u64, &Digest), head: &Checkpoint, proof: &[Digest]) -> Result<(), Refusal> {
        // The same size with another root is a fork in plain sight, not a proof that went wrong.
        if old.0 == head.size && old.1 != &head.root {
            return Err(Refusal::Conflict { known: old.0 });
        }
        check_consistency(old, (head.size, &head.root), proof).map_err(|_| Refusal::Inconsistent)
    }
}

fn signed_by_any(note: &SignedNote, keys: &[VerifierKey]) -> bool {
    // A line that does not hold in a known key's name spoils the note, whoever else signed it.
    let found: Option<Vec<bool>> =
        keys.iter().map(|key| note.signed_by(key).ok().map(|time| time.is_some())).collect();
    found.is_some_and(|found| found.contains(&true))
}

impl Refusal {
    pub fn answer(&self) -> Answer {
        let status = match self {
            Refusal::Form(_) | Refusal::Backwards => 400,
            Refusal::UnknownLog => 404,
            Refusal::Unsigned => 403,
            Refusal::Conflict { known } => {
                let body = format!("{known}\n");
                return Answer { status: 409, content_type: "text/x.tlog.size", body };
            }
            Refusal::Inconsistent => 422,
            Refusal::Store(_) => 500,
        };
        Answer::text(status, format!("{self}\n"))
    }
}

impl Answer {
    fn text(status: u16, body: String) -> Self {
        Answer { status, content_type: "text/plain; charset=utf-8", body }
    }
}
