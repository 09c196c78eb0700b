//! A witness: another party that remembers the largest head of each log that it has seen, and signs
//! nothing that does not continue it (C2SP tlog-witness).
//!
//! A log that shows different people different records, or that was put back to an older state,
//! cannot get both past the same witness. The witness needs no records for that, only heads and
//! consistency proofs. A shard of the log has a tree of its own: the first head of the next must name,
//! in a line `previous SHARD SIZE ROOT`, the very head that the witness signed last. So there is one
//! line of shards as well, and a past that was written anew cannot hide in a new one.
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
use crate::note::{KeyKind, NoteSignature, SignedNote, SigningKey, VerifierKey, hash_text};
use crate::tree::{check_consistency, empty_root};

/// A log that the witness looks after. Its shards have trees of their own, whose origins are
/// `LOG/SHARD`; a log without shards has the origin `LOG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub log: String,
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
    #[error(
        "the checkpoint is of another shard, which does not follow the newest head of the log: send the \
             last head of the shard before first"
    )]
    OtherShard,
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
    #[error("log `{log}` is listed twice")]
    Twice { log: String },
    #[error("log `{log}` needs at least one key, and each must be a log's")]
    LogKey { log: String },
}

impl Witness {
    pub fn new(key: SigningKey, watched: Vec<Watched>, store: HeadStore) -> Result<Self, WitnessError> {
        if key.kind() != KeyKind::Witness {
            return Err(WitnessError::Key);
        }
        let mut logs = BTreeMap::new();
        for log in watched {
            if log.keys.is_empty() || log.keys.iter().any(|key| key.kind() != KeyKind::Log) {
                return Err(WitnessError::LogKey { log: log.log });
            }
            if logs.insert(log.log.clone(), log.keys).is_some() {
                return Err(WitnessError::Twice { log: log.log });
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
        let (log, keys) = self.watched(&head.origin).ok_or(Refusal::UnknownLog)?;
        if !signed_by_any(&request.note, keys) {
            return Err(Refusal::Unsigned);
        }
        if request.old > head.size {
            return Err(Refusal::Backwards);
        }
        // A panic while the lock was held left the store as it was on disk, or one step behind it
        // with nothing signed: both are safe to go on from.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let known = store.head(log).map_err(Refusal::Store)?;
        let (size, root) = match &known {
            Some(known) if known.origin == head.origin => (known.size, known.root),
            Some(known) if !follows(log, known, &head) => return Err(Refusal::OtherShard),
            Some(_) | None => (0, empty_root()),
        };
        if request.old != size {
            return Err(Refusal::Conflict { known: size });
        }
        self.continues((size, &root), &head, &request.proof)?;
        if known.as_ref() != Some(&head) {
            store.keep(log, &request.note).map_err(Refusal::Store)?;
        }
        Ok(self.key.cosign(request.note.text(), now))
    }

    /// The newest head of a log; none before the first.
    pub fn newest(&self, log: &str) -> Result<Option<Checkpoint>, StoreError> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).head(log)
    }

    fn watched(&self, origin: &str) -> Option<(&str, &[VerifierKey])> {
        let whole = self.logs.get_key_value(origin);
        let shard = origin.rsplit_once('/').and_then(|(log, _)| self.logs.get_key_value(log));
        whole.or(shard).map(|(log, keys)| (log.as_str(), keys.as_slice()))
    }

    fn continues(&self, old: (u64, &Digest), head: &Checkpoint, proof: &[Digest]) -> Result<(), Refusal> {
        // The same size with another root is a fork in plain sight, not a proof that went wrong.
        if old.0 == head.size && old.1 != &head.root {
            return Err(Refusal::Conflict { known: old.0 });
        }
        check_consistency(old, (head.size, &head.root), proof).map_err(|_| Refusal::Inconsistent)
    }
}

/// Whether a head is of the shard that follows the one of the known head.
fn follows(log: &str, known: &Checkpoint, head: &Checkpoint) -> bool {
    let shard = known.origin.strip_prefix(log).and_then(|rest| rest.strip_prefix('/'));
    let line = shard.map(|shard| format!("previous {shard} {} {}", known.size, hash_text(&known.root)));
    line.is_some_and(|line| head.extensions.contains(&line))
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
            Refusal::OtherShard | Refusal::Inconsistent => 422,
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
