//! The one owner of all held actions in a process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Name, Timestamp};
use ledger::{ApprovalPart, ApprovalStep, Commitment, Committed, Nanos, Promise, Record, RecordKind};

use crate::hold::{Event, Hold, Refusal, State};

/// Actions that may wait at once; one more is refused.
pub const MAX_HOLDS: usize = 50_000;
/// Of one agent, so that a flood of one cannot bury the others' requests.
pub const MAX_PER_AGENT: usize = 1_000;
/// Requests that may wait for one action.
pub const MAX_WAITERS: usize = 64;
/// Finished holds that are remembered, so that late questions get an answer; the oldest go first.
const MAX_OVER: usize = 20_000;

/// The note of a record that says in whose place its `by` decided.
pub(crate) const IN_PLACE_OF: &str = "in_place_of";

/// What the record of a move says beside the move.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beside {
    /// Where it was made.
    pub channel: Option<Name>,
    /// What stands for the words that were said with it.
    pub comment: Option<Commitment>,
}

/// Where a move is made durable. The ledger is one; tests have others.
pub trait Journal: Send + Sync {
    /// Calls `done` once the record is durable, or is known not to be promised.
    fn record(&self, record: Record, done: Box<dyn FnOnce(bool) + Send>);
}

impl Journal for ledger::Ledger {
    fn record(&self, record: Record, done: Box<dyn FnOnce(bool) + Send>) {
        self.append(record, Promise::Synced, move |kept| done(kept.is_ok()));
    }
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub hold: Hold,
    /// The claim had it already; nothing was recorded.
    pub repeated: bool,
}

type Waiter = Box<dyn FnOnce() + Send>;

/// All held actions. Cheap to clone.
#[derive(Clone)]
pub struct Holds {
    journal: Arc<dyn Journal>,
    desk: Arc<Mutex<Desk>>,
}

/// Guarded by the lock of [`Holds`], which is never held while a record is written.
#[derive(Default)]
struct Desk {
    slots: HashMap<Name, Slot>,
    open: BTreeMap<Name, usize>,
    /// Order in which holds ended, for forgetting the oldest.
    over: std::collections::VecDeque<Name>,
}

struct Slot {
    hold: Hold,
    /// A move of it is being recorded. Stays set when that failed: then nobody knows what a
    /// restart will find, so nothing moves it until then.
    moving: bool,
    waiters: Vec<Waiter>,
}

impl Holds {
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Holds { journal, desk: Arc::default() }
    }

    /// Takes a new hold in. `done` gets it once its request is durable.
    pub fn request(&self, hold: Hold, done: impl FnOnce(Result<Hold, Refusal>) + Send + 'static) {
        let record = record(&hold, ApprovalStep::Requested, None, hold.requested);
        if let Err(refusal) = self.desk().take_in(hold.clone(), true) {
            return done(Err(refusal));
        }
        let desk = Arc::clone(&self.desk);
        self.journal.record(
            record,
            Box::new(move |kept| {
                let mut desk = lock(&desk);
                if let Some(slot) = desk.slots.get_mut(&hold.id).filter(|_| kept) {
                    slot.moving = false;
                }
                drop(desk);
                done(if kept { Ok(hold) } else { Err(Refusal::NotRecorded) });
            }),
        );
    }

    /// Moves a hold. `done` gets it once the move is durable; until then nothing has moved.
    pub fn act(
        &self,
        id: &Name,
        event: Event,
        channel: Option<Name>,
        now: Timestamp,
        done: impl FnOnce(Result<Outcome, Refusal>) + Send + 'static,
    ) {
        self.act_saying(id, event, Beside { channel, comment: None }, now, done);
    }

    /// The same with what was said beside it.
    pub fn act_saying(
        &self,
        id: &Name,
        event: Event,
        beside: Beside,
        now: Timestamp,
        done: impl FnOnce(Result<Outcome, Refusal>) + Send + 'static,
    ) {
        let (next, step) = match self.desk().begin(id, &event, now) {
            Ok((next, Some(step))) => (next, step),
            Ok((hold, None)) => return done(Ok(Outcome { hold, repeated: true })),
            Err(refusal) => return done(Err(refusal)),
        };
        let mut entry = record(&next, step, Some(&event), now);
        if let Some(part) = &mut entry.approval {
            part.channel = beside.channel;
        }
        entry.commitments.extend(beside.comment.map(|comment| (Committed::Comment, comment)));
        let desk = Arc::clone(&self.desk);
        self.journal.record(
            entry,
            Box::new(move |kept| {
                if !kept {
                    return done(Err(Refusal::NotRecorded));
                }
                let waiters = lock(&desk).finish(&next);
                waiters.into_iter().for_each(|wake| wake());
                done(Ok(Outcome { hold: next, repeated: false }));
            }),
        );
    }

    pub fn get(&self, id: &Name) -> Option<Hold> {
        self.desk().slots.get(id).map(|slot| slot.hold.clone())
    }

    /// Calls `wake` once, when the hold has moved on from `seen`, or at once if it has already.
    pub fn wake_after(&self, seen: &Hold, wake: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        let mut desk = self.desk();
        let slot = desk.slots.get_mut(&seen.id).ok_or(Refusal::Unknown)?;
        if slot.hold.state != seen.state {
            drop(desk);
            wake();
            return Ok(());
        }
        if slot.waiters.len() >= MAX_WAITERS {
            return Err(Refusal::TooManyWaiters);
        }
        slot.waiters.push(Box::new(wake));
        Ok(())
    }

    /// Holds that somebody may still move, oldest first.
    pub fn waiting(&self) -> Vec<Hold> {
        let desk = self.desk();
        let mut holds: Vec<Hold> =
            desk.slots.values().map(|slot| &slot.hold).filter(|hold| !hold.is_over()).cloned().collect();
        holds.sort_by(|a, b| a.requested.cmp(&b.requested).then_with(|| a.id.cmp(&b.id)));
        holds
    }

    /// How many holds somebody may still move.
    pub fn open(&self) -> usize {
        self.desk().open()
    }

    /// Ids of holds whose time has passed.
    pub fn due(&self, now: Timestamp) -> Vec<Name> {
        let desk = self.desk();
        let due = desk.slots.values().filter(|slot| !slot.moving && slot.hold.is_due(now));
        due.map(|slot| slot.hold.id.clone()).collect()
    }

    /// Puts back what a replay found.
    pub(crate) fn restore(&self, hold: Hold) {
        let mut desk = self.desk();
        desk.slots.remove(&hold.id);
        desk.insert(hold, false);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

/// A panic while the lock was held leaves whole values: every change is one assignment.
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    fn open(&self) -> usize {
        self.open.values().sum()
    }

    fn take_in(&mut self, hold: Hold, moving: bool) -> Result<(), Refusal> {
        let own = self.open.get(&hold.agent).copied().unwrap_or(0);
        if self.open() >= MAX_HOLDS || own >= MAX_PER_AGENT {
            return Err(Refusal::TooMany);
        }
        self.insert(hold, moving);
        Ok(())
    }

    fn insert(&mut self, hold: Hold, moving: bool) {
        if hold.is_over() {
            self.remember(hold.id.clone());
        } else {
            *self.open.entry(hold.agent.clone()).or_default() += 1;
        }
        self.slots.insert(hold.id.clone(), Slot { hold, moving, waiters: Vec::new() });
    }

    fn begin(
        &mut self,
        id: &Name,
        event: &Event,
        now: Timestamp,
    ) -> Result<(Hold, Option<ApprovalStep>), Refusal> {
        let slot = self.slots.get_mut(id).ok_or(Refusal::Unknown)?;
        if slot.moving {
            return Err(Refusal::Busy);
        }
        let (next, step) = slot.hold.after(event, now)?;
        slot.moving = step.is_some();
        Ok((next, step))
    }

    /// Makes a durable move true; gives back whom to wake.
    fn finish(&mut self, next: &Hold) -> Vec<Waiter> {
        let Some(slot) = self.slots.get_mut(&next.id) else { return Vec::new() };
        slot.moving = false;
        let ended = next.is_over() && !slot.hold.is_over();
        slot.hold = next.clone();
        let waiters = std::mem::take(&mut slot.waiters);
        if ended {
            if let Some(count) = self.open.get_mut(&next.agent) {
                *count = count.saturating_sub(1);
            }
            self.open.retain(|_, count| *count > 0);
            self.remember(next.id.clone());
        }
        waiters
    }

    fn remember(&mut self, id: Name) {
        self.over.push_back(id);
        while self.over.len() > MAX_OVER {
            let Some(oldest) = self.over.pop_front() else { break };
            self.slots.remove(&oldest);
        }
    }
}

/// The record of a move. Everything that a replay needs is in the request's.
fn record(hold: &Hold, step: ApprovalStep, event: Option<&Event>, now: Timestamp) -> Record {
    let (by, in_place_of) = match event {
        Some(Event::Approve { by, in_place_of } | Event::Deny { by, in_place_of }) => {
            (Some(by.clone()), in_place_of.clone())
        }
        Some(Event::Cancel | Event::Expire | Event::Release { .. }) | None => (None, None),
    };
    let claim = match &hold.state {
        State::Released { claim, .. } => Some(*claim),
        _ => None,
    };
    let requested = step == ApprovalStep::Requested;
    let mut record = Record::new(RecordKind::Approval, Nanos::at(now));
    record.agent = Some(ledger::AgentPart { name: hold.agent.clone(), version: None });
    record.principal = hold.principal.clone();
    let note = in_place_of.and_then(|person| Some((Name::new(IN_PLACE_OF).ok()?, person)));
    record.notes.extend(note);
    record.approval = Some(ApprovalPart {
        by,
        channel: None,
        claim,
        from: if requested { hold.from.clone() } else { Vec::new() },
        needed: requested.then_some(hold.needed),
        of: hold.id.clone(),
        payload: requested.then_some(hold.payload),
        release_within: requested.then_some(hold.release_within),
        step,
        until: requested.then(|| Nanos::at(hold.deadline)),
    });
    record
}
