//! One held action, and how it may move.
//!
//! ```text
//!            enough votes            claim, same payload
//!  pending ───────────────► approved ───────────────────► released
//!     │  deny ► denied          │
//!     │  cancel ► cancelled     │ not taken in time
//!     └─ deadline ► expired ◄───┘
//! ```

use action::{AccessRole, ApprovalState, Digest, Name, Timestamp};
use ledger::ApprovalStep;
use serde::{Deserialize, Serialize};

/// A held action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The decision that is held.
    pub id: Name,
    pub agent: Name,
    /// Whom the agent acts for, as a pseudonym. Whoever asked for an action never approves it.
    pub principal: Option<Name>,
    /// Keyed hash of the payload hash.
    pub payload: Digest,
    pub requested: Timestamp,
    /// No answer by then means expired, and expired means refused.
    pub deadline: Timestamp,
    /// How long an approved action may be taken, in milliseconds.
    pub release_within: u64,
    /// Approvals that are needed, at least one.
    pub needed: u8,
    /// Roles or names of those who may decide; empty for everybody with the access role.
    pub from: Vec<Name>,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    Pending {
        votes: Vec<Vote>,
    },
    /// May be taken by its caller until `until`.
    Approved {
        at: Timestamp,
        until: Timestamp,
        votes: Vec<Vote>,
    },
    /// Was taken, under this claim.
    Released {
        at: Timestamp,
        claim: Digest,
        votes: Vec<Vote>,
    },
    Denied {
        at: Timestamp,
        by: Name,
    },
    Expired {
        at: Timestamp,
    },
    Cancelled {
        at: Timestamp,
    },
}

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    pub by: Name,
    /// In whose place, where the voter decided from another approver's queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<Name>,
    pub at: Timestamp,
}

impl Vote {
    /// Whether one of these people has a part in it. A person and whoever decides in their place are
    /// one approval together, never two.
    fn is_of(&self, by: &Name, in_place_of: Option<&Name>) -> bool {
        let has_part = |who: &Name| self.by == *who || self.in_place_of.as_ref() == Some(who);
        has_part(by) || in_place_of.is_some_and(has_part)
    }
}

/// What can happen to a held action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Approve {
        by: Name,
        in_place_of: Option<Name>,
    },
    Deny {
        by: Name,
        in_place_of: Option<Name>,
    },
    Cancel,
    /// Time has passed; moves only what is due.
    Expire,
    /// The caller takes the approved action: the same payload, under a claim of its own.
    Release {
        payload: Digest,
        claim: Digest,
    },
}

/// Why an event did not move it. Nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no held action with this id")]
    Unknown,
    #[error("the action is not waiting any more")]
    NotPending,
    #[error("the action has not been approved")]
    NotApproved,
    #[error("the time to decide it has passed")]
    Expired,
    #[error("whoever asked for an action cannot approve it")]
    OwnAction,
    #[error("this operator has approved it already")]
    VotedAlready,
    #[error("the payload is not the one that was approved")]
    OtherPayload,
    #[error("the action was handed out already, under another claim")]
    ReleasedAlready,
    #[error("it is not due yet")]
    NotDue,
    #[error("another decision about it is being recorded")]
    Busy,
    #[error(
        "the record could not be written, so nothing moved; whether it is on the disk shows after a restart"
    )]
    NotRecorded,
    #[error("too many actions wait for a person already")]
    TooMany,
    #[error("too many requests wait for this action already")]
    TooManyWaiters,
}

impl Refusal {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::Unknown => "hold_unknown",
            Refusal::NotPending => "hold_not_pending",
            Refusal::NotApproved => "hold_not_approved",
            Refusal::Expired => "hold_expired",
            Refusal::OwnAction => "hold_own_action",
            Refusal::VotedAlready => "hold_voted_already",
            Refusal::OtherPayload => "hold_other_payload",
            Refusal::ReleasedAlready => "hold_released_already",
            Refusal::NotDue => "hold_not_due",
            Refusal::Busy => "hold_busy",
            Refusal::NotRecorded => "hold_not_recorded",
            Refusal::TooMany => "hold_too_many",
            Refusal::TooManyWaiters => "hold_too_many_waiters",
        }
    }
}

impl Hold {
    /// Whether somebody may decide it: an approver, and one of those who are named, if any are.
    pub fn may_decide(&self, who: &Name, roles: &[AccessRole]) -> bool {
        let named = |name: &Name| name == who || roles.iter().any(|role| role.as_str() == name.as_str());
        roles.contains(&AccessRole::Approver) && (self.from.is_empty() || self.from.iter().any(named))
    }

    /// The hold after an event, and the step to record. The same claim asking again for what it
    /// was given moves nothing and is no refusal: the step is absent.
    pub fn after(&self, event: &Event, now: Timestamp) -> Result<(Hold, Option<ApprovalStep>), Refusal> {
        let (state, step) = match event {
            Event::Approve { by, in_place_of } => self.approve(by, in_place_of.as_ref(), now)?,
            Event::Deny { by, .. } => {
                self.pending(now)?;
                (State::Denied { at: now, by: by.clone() }, Some(ApprovalStep::Denied))
            }
            Event::Cancel => {
                self.pending(now)?;
                (State::Cancelled { at: now }, Some(ApprovalStep::Cancelled))
            }
            Event::Expire => {
                if !self.is_due(now) {
                    return Err(Refusal::NotDue);
                }
                (State::Expired { at: now }, Some(ApprovalStep::Expired))
            }
            Event::Release { payload, claim } => self.release(payload, claim, now)?,
        };
        Ok((Hold { state, ..self.clone() }, step))
    }

    fn approve(
        &self,
        by: &Name,
        in_place_of: Option<&Name>,
        now: Timestamp,
    ) -> Result<(State, Option<ApprovalStep>), Refusal> {
        let votes = self.pending(now)?;
        let asked = self.principal.as_ref();
        // Nobody's own action goes on by the hand of somebody to whom they gave their queue.
        if asked.is_some() && (asked == Some(by) || asked == in_place_of) {
            return Err(Refusal::OwnAction);
        }
        if votes.iter().any(|vote| vote.is_of(by, in_place_of)) {
            return Err(Refusal::VotedAlready);
        }
        let mut votes = votes.to_vec();
        votes.push(Vote { by: by.clone(), in_place_of: in_place_of.cloned(), at: now });
        if votes.len() < usize::from(self.needed) {
            return Ok((State::Pending { votes }, Some(ApprovalStep::Voted)));
        }
        let until = now.plus_millis(i64::try_from(self.release_within).unwrap_or(i64::MAX));
        Ok((State::Approved { at: now, until, votes }, Some(ApprovalStep::Approved)))
    }

    fn release(
        &self,
        payload: &Digest,
        claim: &Digest,
        now: Timestamp,
    ) -> Result<(State, Option<ApprovalStep>), Refusal> {
        // The payload is compared first, whatever the state: a caller with another payload learns
        // nothing of how the one that was asked for fares.
        if self.payload != *payload {
            return Err(Refusal::OtherPayload);
        }
        match &self.state {
            State::Approved { until, .. } if now > *until => Err(Refusal::Expired),
            State::Approved { votes, .. } => Ok((
                State::Released { at: now, claim: *claim, votes: votes.clone() },
                Some(ApprovalStep::Released),
            )),
            State::Released { claim: taken, .. } if taken == claim => Ok((self.state.clone(), None)),
            State::Released { .. } => Err(Refusal::ReleasedAlready),
            State::Expired { .. } => Err(Refusal::Expired),
            State::Pending { .. } | State::Denied { .. } | State::Cancelled { .. } => {
                Err(Refusal::NotApproved)
            }
        }
    }

    fn pending(&self, now: Timestamp) -> Result<&[Vote], Refusal> {
        match &self.state {
            State::Pending { .. } if now > self.deadline => Err(Refusal::Expired),
            State::Pending { votes } => Ok(votes),
            State::Expired { .. } => Err(Refusal::Expired),
            State::Approved { .. }
            | State::Released { .. }
            | State::Denied { .. }
            | State::Cancelled { .. } => Err(Refusal::NotPending),
        }
    }

    /// Whether its time has passed, for a decision or for being taken.
    pub fn is_due(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Pending { .. } => now > self.deadline,
            State::Approved { until, .. } => now > *until,
            State::Released { .. }
            | State::Denied { .. }
            | State::Expired { .. }
            | State::Cancelled { .. } => false,
        }
    }

    /// The state in the words of the product. A released action stays approved.
    pub const fn approval(&self) -> ApprovalState {
        match self.state {
            State::Pending { .. } => ApprovalState::Pending,
            State::Approved { .. } | State::Released { .. } => ApprovalState::Approved,
            State::Denied { .. } => ApprovalState::Denied,
            State::Expired { .. } => ApprovalState::Expired,
            State::Cancelled { .. } => ApprovalState::Cancelled,
        }
    }

    /// Whether it was handed out.
    pub const fn is_released(&self) -> bool {
        matches!(self.state, State::Released { .. })
    }

    /// Whether nothing can move it any more.
    pub const fn is_over(&self) -> bool {
        match self.state {
            State::Pending { .. } | State::Approved { .. } => false,
            State::Released { .. }
            | State::Denied { .. }
            | State::Expired { .. }
            | State::Cancelled { .. } => true,
        }
    }
}
