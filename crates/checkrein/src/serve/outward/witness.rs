//! Asking witnesses to cosign the ledger's checkpoints.
//!
//! A witness remembers the largest checkpoint that it signed and signs nothing that does not
//! continue it. So it notices what this server cannot notice by itself: that its data folder was put
//! back to an older state, or that two copies of it go on. That is a critical finding.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use action::{Severity, Timestamp};
use anyhow::{Context as _, Result};
use control::outward::WitnessStanding;
use ledger::ShardHead;
use ledger::note::{SignedNote, VerifierKey};
use ledger::witness::{TakeError, take_cosignatures};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Shared;
use super::counters::{ByName, ByWitness};
use super::http::Sender;
use crate::serve::config::Witnesses;

/// Shards that a witness may be behind: two months of days.
const MAX_SHARDS: usize = 64;

/// All witnesses of one ledger.
pub struct Notary {
    shared: Shared,
    every: Duration,
    silent_after: Duration,
    witnesses: Vec<Arc<Asked>>,
    /// The newest checkpoint with cosignatures.
    cosigned: Mutex<Option<SignedNote>>,
}

/// One witness.
pub struct Asked {
    key: VerifierKey,
    sender: Sender,
    standing: Mutex<Standing>,
}

struct Standing {
    /// When it last signed; before it first did, since when it is asked.
    since: Instant,
    last: Option<Timestamp>,
    /// Records of the log under what it signed last, and the size of the shard then.
    end: u64,
    fault: Option<Fault>,
    /// Whether a finding says that it is silent, or that it contradicts us.
    told_silent: bool,
    told_contradiction: bool,
}

/// Why a witness did not sign.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// It knows more of this log than we do: our folder was put back.
    RolledBack,
    /// What it knows is not the beginning of what we have.
    Forked,
    /// Something that may pass.
    Other(String),
}

impl Fault {
    fn word(&self) -> &str {
        match self {
            Fault::RolledBack => "rolled_back",
            Fault::Forked => "forked",
            Fault::Other(word) => word,
        }
    }

    const fn contradicts(&self) -> bool {
        matches!(self, Fault::RolledBack | Fault::Forked)
    }
}

impl Notary {
    pub fn new(settings: &Witnesses, shared: &Shared) -> Result<Self> {
        let asked = |at: &crate::serve::config::WitnessAt| -> Result<Arc<Asked>> {
            let sender = Sender::new(at.to.clone(), at.ca.as_deref())
                .with_context(|| format!("witness `{}`", at.key.name()))?;
            Ok(Arc::new(Asked { key: at.key.clone(), sender, standing: Mutex::new(Standing::new()) }))
        };
        Ok(Notary {
            shared: shared.clone(),
            every: settings.every,
            silent_after: settings.silent_after,
            witnesses: settings.from.iter().map(asked).collect::<Result<_>>()?,
            cosigned: Mutex::new(shared.ledger.newest_cosigned()),
        })
    }

    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                // In the middle of a round nothing is half done: the next start asks again.
                () = self.round() => {}
                _ = stop.changed() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Asks every witness about the same heads.
    async fn round(self: &Arc<Self>) {
        let ledger = self.shared.ledger.clone();
        let heads = match tokio::task::spawn_blocking(move || ledger.shard_heads(MAX_SHARDS)).await {
            Ok(Ok(heads)) => Arc::new(heads),
            Ok(Err(error)) => return tracing::error!(%error, "the heads for the witnesses cannot be read"),
            Err(_) => return,
        };
        let Some(newest) = heads.last() else { return };
        let mut asking = JoinSet::new();
        for witness in &self.witnesses {
            let (notary, witness, heads) = (Arc::clone(self), Arc::clone(witness), Arc::clone(&heads));
            asking.spawn(async move {
                let answer = notary.catch_up(&witness, &heads).await;
                (witness, answer)
            });
        }
        let mut note = newest.note().clone();
        let mut signed = false;
        while let Some(joined) = asking.join_next().await {
            let Ok((witness, answer)) = joined else { continue };
            let taken = answer.and_then(|body| {
                take_cosignatures(&mut note, 200, &body, std::slice::from_ref(&witness.key))
                    .map_err(|error| Fault::Other(word_of(&error).to_owned()))
            });
            signed |= taken.is_ok();
            self.heard(&witness, taken.map(|_| newest.end())).await;
        }
        if signed {
            self.keep(newest, &note).await;
        }
    }

    /// Leads a witness to the newest head, shard by shard where it has to be; its answer to the last.
    async fn catch_up(&self, witness: &Asked, heads: &[ShardHead]) -> Result<String, Fault> {
        let mut place = heads.len().saturating_sub(1);
        // Down to a shard that it takes, then up again.
        let mut up = false;
        loop {
            let Some(head) = heads.get(place) else { return Err(Fault::Forked) };
            match self.ask(witness, head).await {
                Ok(body) if place + 1 == heads.len() => return Ok(body),
                Ok(body) => {
                    let mut note = head.note().clone();
                    if take_cosignatures(&mut note, 200, &body, std::slice::from_ref(&witness.key)).is_ok() {
                        self.keep(head, &note).await;
                    }
                    (up, place) = (true, place + 1);
                }
                Err(Fault::Forked) if !up && place > 0 => place -= 1,
                // Older shards may be what it waits for.
                Err(Fault::Forked) if !up && heads.len() == MAX_SHARDS => {
                    return Err(Fault::Other("too_far_behind".to_owned()));
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Asks about one head, from the size that the witness names.
    async fn ask(&self, witness: &Asked, head: &ShardHead) -> Result<String, Fault> {
        let end = witness.standing().end;
        let guess = end.checked_sub(head.end() - head.size()).filter(|size| *size <= head.size());
        let mut old = guess.unwrap_or(0);
        for again in [false, true] {
            let request = {
                let (ledger, head) = (self.shared.ledger.clone(), head.clone());
                tokio::task::spawn_blocking(move || ledger.ask_witness(&head, old)).await
            };
            let Ok(Ok(request)) = request else { return Err(Fault::Other("no_proof".to_owned())) };
            let body = request.to_string().into_bytes().into();
            let answer = witness.sender.post("/add-checkpoint", "text/plain; charset=utf-8", &[], body).await;
            let answer = answer.map_err(|error| Fault::Other(error.code().to_owned()))?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            match answer.status.as_u16() {
                200 => return Ok(text),
                409 => {
                    // What a conflict says is read by the same rules as a cosignature.
                    let keys = std::slice::from_ref(&witness.key);
                    let known = match take_cosignatures(&mut head.note().clone(), 409, &text, keys) {
                        Err(TakeError::Conflict { known }) => known,
                        _ => return Err(Fault::Other("bad_answer".to_owned())),
                    };
                    if known > head.size() {
                        return Err(Fault::RolledBack);
                    }
                    // It named this size a moment ago: it knows another tree of it.
                    if again || known == old {
                        return Err(Fault::Forked);
                    }
                    old = known;
                }
                422 => return Err(Fault::Forked),
                status => return Err(Fault::Other(format!("status_{status}"))),
            }
        }
        Err(Fault::Forked)
    }

    async fn keep(&self, head: &ShardHead, note: &SignedNote) {
        {
            let mut cosigned = self.cosigned.lock().unwrap_or_else(PoisonError::into_inner);
            let known = cosigned.as_ref().filter(|known| known.text() == note.text());
            // The same head with fresh times and nobody new is not worth another line on the disk.
            let nobody_new = known.is_some_and(|known| known.signatures().len() >= note.signatures().len());
            *cosigned = Some(note.clone());
            if nobody_new {
                return;
            }
        }
        let (ledger, head, note) = (self.shared.ledger.clone(), head.clone(), note.clone());
        let kept = tokio::task::spawn_blocking(move || ledger.keep_cosigned(&head, &note)).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::error!("cosignatures could not be written; the next are asked for soon");
        }
    }

    /// Keeps how a witness answered, and tells when that is worth attention.
    async fn heard(&self, witness: &Asked, answer: Result<u64, Fault>) {
        let name = witness.key.name();
        let result = match &answer {
            Ok(_) => "cosigned",
            Err(fault) if fault.contradicts() => "refused",
            Err(_) => "unreachable",
        };
        let counters = &self.shared.counters;
        counters.witness_asked.get_or_create(&ByWitness { witness: name.to_owned(), result }).inc();
        let find = {
            let mut standing = witness.standing();
            match &answer {
                Ok(end) => {
                    *standing = Standing {
                        last: Some(self.shared.clock.now().timestamp()),
                        end: *end,
                        ..Standing::new()
                    };
                    None
                }
                Err(fault) => {
                    tracing::warn!(witness = name, fault = fault.word(), "a witness did not cosign");
                    standing.fault = Some(fault.clone());
                    let silent = standing.since.elapsed() >= self.silent_after;
                    if fault.contradicts() && !standing.told_contradiction {
                        Some(("witness.contradicts", Severity::Critical, fault.clone()))
                    } else if silent && !fault.contradicts() && !standing.told_silent {
                        Some(("witness.silent", Severity::High, fault.clone()))
                    } else {
                        None
                    }
                }
            }
        };
        let behind = self.shared.ledger.head().signed.saturating_sub(witness.standing().end);
        let behind = i64::try_from(behind).unwrap_or(i64::MAX);
        counters.witness_behind.get_or_create(&ByName { name: name.to_owned() }).set(behind);
        if let Some((rule, severity, fault)) = find {
            let told = self.shared.find(rule, severity, &[("witness", name), ("fault", fault.word())]).await;
            let mut standing = witness.standing();
            if fault.contradicts() {
                standing.told_contradiction = told;
            } else {
                standing.told_silent = told;
            }
        }
    }

    /// The newest checkpoint with cosignatures.
    pub fn cosigned(&self) -> Option<String> {
        let cosigned = self.cosigned.lock().unwrap_or_else(PoisonError::into_inner);
        cosigned.as_ref().map(SignedNote::to_string)
    }

    /// How many there are, and how many have signed lately.
    pub fn count(&self) -> (usize, usize) {
        let sign = self.witnesses.iter().filter(|witness| {
            let standing = witness.standing();
            standing.last.is_some() && standing.since.elapsed() < self.silent_after
        });
        (self.witnesses.len(), sign.count())
    }

    pub fn shown(&self) -> Vec<WitnessStanding> {
        let signed = self.shared.ledger.head().signed;
        let one = |witness: &Arc<Asked>| {
            let standing = witness.standing();
            let state = match &standing.fault {
                Some(fault) if fault.contradicts() => "refusing",
                _ if standing.since.elapsed() >= self.silent_after => "silent",
                _ if standing.last.is_some() => "cosigning",
                _ => "waiting",
            };
            WitnessStanding {
                name: witness.key.name().to_owned(),
                at: witness.sender.destination().to_string(),
                state,
                cosigned: standing.end,
                behind: signed.saturating_sub(standing.end),
                last_cosigned: standing.last,
                last_fault: standing.fault.as_ref().map(|fault| fault.word().to_owned()),
            }
        };
        self.witnesses.iter().map(one).collect()
    }
}

impl Asked {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn new() -> Self {
        Standing {
            since: Instant::now(),
            last: None,
            end: 0,
            fault: None,
            told_silent: false,
            told_contradiction: false,
        }
    }
}

const fn word_of(error: &TakeError) -> &'static str {
    match error {
        TakeError::Conflict { .. } | TakeError::Refused { .. } => "refused",
        TakeError::Form => "bad_answer",
        TakeError::Forged => "forged",
        TakeError::Nobody => "other_key",
    }
}
