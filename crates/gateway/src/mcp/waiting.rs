//! Calls that wait for a person: the wait itself, and coming back after it.
//!
//! Models call a tool again when it said "not yet". Such a call is the same action, so it joins the
//! wait of the first one instead of asking the person once more; a token says the same explicitly,
//! also after a restart.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use action::{Action, Digest, Name};
use engine::Changed;
use hold::{Hold, State};
use wire::doc::Value;
use wire::edit::Edits;
use wire::refuse::Why;

use super::Mcp;
use super::message::Message;
use super::outbound::{Held, Line};
use super::refusal::{No, RECEIPT, TOKEN};
use crate::guard::{Permit, Released};
use crate::refuse::Refusal;

/// Held calls that a repetition is recognised of; of the oldest beyond them only the token is good.
pub const MAX_WAITING: usize = 8_192;

/// Which held action a call is, by agent and payload.
#[derive(Default)]
pub struct Waiting(Mutex<Table>);

#[derive(Default)]
struct Table {
    holds: HashMap<(Name, Digest), Name>,
    order: VecDeque<(Name, Digest)>,
}

impl Waiting {
    pub fn keep(&self, agent: &Name, payload: &Digest, hold: &Name) {
        let mut table = self.lock();
        let key = (agent.clone(), *payload);
        if table.holds.insert(key.clone(), hold.clone()).is_none() {
            table.order.push_back(key);
        }
        while table.order.len() > MAX_WAITING {
            if let Some(oldest) = table.order.pop_front() {
                table.holds.remove(&oldest);
            }
        }
    }

    fn get(&self, agent: &Name, payload: &Digest) -> Option<Name> {
        self.lock().holds.get(&(agent.clone(), *payload)).cloned()
    }

    fn forget(&self, agent: &Name, payload: &Digest) {
        let key = (agent.clone(), *payload);
        let mut table = self.lock();
        if table.holds.remove(&key).is_some() {
            table.order.retain(|other| *other != key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a wait ended.
pub enum Waited {
    /// It may go on, once.
    Go(Permit, Option<Box<Changed>>),
    /// Nobody decided in time; the caller may come back.
    NotYet(No),
    No(No),
}

impl Mcp {
    /// The held action that a message comes back for, if it does.
    pub(super) fn come_back(
        &self,
        line: &Line,
        message: &Message<'_>,
        action: &Action,
        payload: &Digest,
        edits: &mut Edits,
    ) -> Result<Option<Hold>, No> {
        let agent = &line.caller.agent.name;
        let meta = message.params().and_then(|params| params.get(self.protocol.notes));
        let text = |key| meta.and_then(|meta| meta.get(key)).and_then(Value::text);
        let (receipt, token) = (text(RECEIPT), text(TOKEN));
        let presented = token.is_some();
        let id = match (receipt, token) {
            (Some(id), Some(token)) => {
                let id = Name::new(&id).map_err(|_| No::from(&Refusal::BadToken))?;
                let now = self.guard.clock.now().timestamp();
                if !self.tokens.opens(&token, &id, agent, payload, now) {
                    return Err(No::from(&Refusal::BadToken));
                }
                strip(meta, edits);
                Some(id)
            }
            (None, None) => self.waiting.get(agent, payload),
            (Some(_), None) | (None, Some(_)) => return Err(No::from(&Refusal::BadToken)),
        };
        let Some(hold) = id.and_then(|id| self.guard.holds.get(&id)) else {
            return if presented { Err(No::from(&Refusal::UnknownDecision)) } else { Ok(None) };
        };
        if hold.agent != action.agent.name {
            return Err(No::from(&Refusal::NotYours));
        }
        let now = self.guard.clock.now().timestamp();
        match hold.state {
            State::Pending { .. } | State::Approved { .. } => Ok(Some(hold)),
            // What was refused stays refused for as long as it might have been approved.
            State::Denied { .. } if now <= hold.deadline || presented => Err(ended(&hold)),
            State::Expired { .. } | State::Cancelled { .. } if presented => Err(ended(&hold)),
            State::Released { .. } if presented => Err(No {
                receipt: Some(hold.id),
                ..No::new(Why::Refused, "released", "the action went on already")
            }),
            State::Denied { .. }
            | State::Expired { .. }
            | State::Cancelled { .. }
            | State::Released { .. } => {
                self.waiting.forget(agent, payload);
                Ok(None)
            }
        }
    }

    /// Waits for a person, and takes the action once it is approved.
    pub(super) async fn wait(&self, line: &Line, held: &Held, within: Duration) -> Waited {
        let no =
            |refusal: &Refusal| Waited::No(No { receipt: Some(held.hold.id.clone()), ..No::from(refusal) });
        let hold = match self.guard.settled(held.hold.clone(), within).await {
            Ok(hold) => hold,
            Err(refusal) => return no(&refusal),
        };
        match &hold.state {
            State::Pending { .. } => Waited::NotYet(self.not_yet(held)),
            State::Denied { .. } | State::Expired { .. } | State::Cancelled { .. } => {
                Waited::No(ended(&hold))
            }
            State::Approved { .. } | State::Released { .. } => {
                let now = self.guard.clock.now().timestamp();
                // Whoever takes it takes it for one call; nobody else knows the claim.
                let claim = crate::ids::fresh(now, &*self.guard.dice);
                let taken =
                    self.guard.release(&line.caller, &held.action, &hold.id, claim.as_str(), None).await;
                self.waiting.forget(&line.caller.agent.name, &held.action.payload_hash());
                match taken {
                    Ok(Released { permit, changed, answered, .. }) => {
                        self.guard.answered.keep(&line.caller.agent.name, &hold.id, answered);
                        Waited::Go(permit, changed.map(Box::new))
                    }
                    Err(refusal) => no(&refusal),
                }
            }
        }
    }

    pub(super) fn not_yet(&self, held: &Held) -> No {
        No {
            receipt: Some(held.hold.id.clone()),
            token: Some(held.token.clone()),
            ..No::new(
                Why::Refused,
                "waiting",
                "the action waits for a person to approve it; call again with the same arguments",
            )
        }
    }
}

fn ended(hold: &Hold) -> No {
    let no = No::new(Why::Refused, hold.approval().as_str(), "the action was not approved");
    No { receipt: Some(hold.id.clone()), ..no }
}

/// Takes our own notes out of a message before it goes on.
fn strip(meta: Option<Value<'_>>, edits: &mut Edits) {
    let Some(meta) = meta else { return };
    let kept: Vec<String> = meta
        .entries()
        .filter(|(key, _)| !key.is_text(RECEIPT) && !key.is_text(TOKEN))
        .map(|(key, value)| format!("{}:{}", key.raw(), value.raw()))
        .collect();
    edits.value(meta, format!("{{{}}}", kept.join(",")));
}
