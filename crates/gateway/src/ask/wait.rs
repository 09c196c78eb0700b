//! Asking how a decision fares, and waiting for it.

use std::time::Duration;

use action::{Name, Verdict};
use axum::response::{IntoResponse, Response};
use hold::{Hold, State};
use serde::Serialize;

use super::Desk;
use super::answer::Waiting;
use crate::identity::Caller;
use crate::limits::MAX_WAIT;
use crate::refuse::Refusal;

/// How a decision fares.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Standing {
    pub id: Name,
    /// `run`, `isolated`, `refused`, or one of the states of an approval.
    pub state: String,
    /// May be taken by `resume` now.
    pub may_resume: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Waiting>,
}

impl Desk {
    /// Answers at once, or when a held action moves, or when the wait is over.
    pub async fn standing(&self, caller: &Caller, id: &Name, wait: Duration) -> Result<Response, Refusal> {
        if let Some(hold) = self.guard.holds.get(id) {
            let hold = self.own(caller, hold)?;
            let hold = if matches!(hold.state, State::Pending { .. }) && !wait.is_zero() {
                self.guard.moved(hold, wait.min(MAX_WAIT)).await?
            } else {
                hold
            };
            return Ok(axum::Json(Standing::of(&hold)).into_response());
        }
        let seen = self.seen(id).await?.ok_or(Refusal::UnknownDecision)?;
        if seen.agent != caller.agent.name {
            return Err(Refusal::NotYours);
        }
        let state = match seen.carried {
            Verdict::Allow | Verdict::Alert | Verdict::Constrain => "run",
            Verdict::Sandbox => "isolated",
            Verdict::Approve | Verdict::Block => "refused",
        };
        let standing = Standing { id: id.clone(), state: state.to_owned(), may_resume: false, hold: None };
        Ok(axum::Json(standing).into_response())
    }

    /// The hold, if it is the caller's own. Others' do not exist for it.
    pub(super) fn own(&self, caller: &Caller, hold: Hold) -> Result<Hold, Refusal> {
        if hold.agent == caller.agent.name { Ok(hold) } else { Err(Refusal::NotYours) }
    }
}

impl Standing {
    fn of(hold: &Hold) -> Self {
        Standing {
            id: hold.id.clone(),
            state: hold.approval().as_str().to_owned(),
            may_resume: matches!(hold.state, State::Approved { .. }),
            hold: Some(Waiting::of(hold, None)),
        }
    }
}
