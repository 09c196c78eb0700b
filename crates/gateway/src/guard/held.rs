//! An action that waits at the door: for its next move, and for its release.

use std::time::{Duration, Instant};

use action::{Action, Name, SensitiveClass};
use engine::Changed;
use hold::{Event, Hold, State};

use super::{Again, Guard, Permit, Veil};
use crate::identity::Caller;
use crate::refuse::Refusal;

/// An approved action that was taken.
pub struct Released {
    pub permit: Permit,
    /// The form in which it may run, where that is another one.
    pub changed: Option<Changed>,
    /// It was taken before under the same claim.
    pub repeated: bool,
    /// Sensitive classes that it carries still.
    pub classes: Vec<SensitiveClass>,
    /// Rules that asked for a person, who said yes.
    pub answered: Vec<String>,
}

impl Guard {
    /// The hold after its next move, or as it is when time is up.
    pub async fn moved(&self, hold: Hold, wait: Duration) -> Result<Hold, Refusal> {
        let (wake, woken) = tokio::sync::oneshot::channel();
        let wake = move || {
            let _ = wake.send(());
        };
        self.holds.wake_after(&hold, wake).map_err(Refusal::Hold)?;
        let _ = tokio::time::timeout(wait, woken).await;
        self.holds.get(&hold.id).ok_or(Refusal::UnknownDecision)
    }

    /// The hold once nobody's vote is missing any more, or as it is when time is up.
    pub async fn settled(&self, mut hold: Hold, wait: Duration) -> Result<Hold, Refusal> {
        let until = Instant::now() + wait;
        while matches!(hold.state, State::Pending { .. }) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            hold = self.moved(hold, left).await?;
        }
        Ok(hold)
    }

    /// Takes an approved action, once: under another claim than the first it is gone. Judged again
    /// before, since what was approved under yesterday's rules does not pass today's block.
    pub async fn release(
        &self,
        caller: &Caller,
        action: &Action,
        id: &Name,
        claim: &str,
        veil: Option<&Veil>,
    ) -> Result<Released, Refusal> {
        let hold = self.holds.get(id).ok_or(Refusal::UnknownDecision)?;
        let again = match hold.state {
            State::Approved { .. } | State::Released { .. } => self.judge_again(caller, action, veil).await?,
            State::Pending { .. }
            | State::Denied { .. }
            | State::Expired { .. }
            | State::Cancelled { .. } => Again::default(),
        };
        let Again { changed, classes, answered } = again;
        let payload = action.payload_hash();
        let event =
            Event::Release { payload: self.binding.payload(&payload), claim: self.binding.claim(claim) };
        let (tell, told) = tokio::sync::oneshot::channel();
        self.holds.act(id, event, None, self.clock.now().timestamp(), move |moved| {
            let _ = tell.send(moved);
        });
        let released = told.await.map_err(|_| Refusal::Stopping)?.map_err(Refusal::Hold)?;
        let payload = changed.as_ref().map_or(payload, |changed| changed.action.payload_hash());
        let permit = Permit::released(id.clone(), payload, &released).ok_or(Refusal::Faulty)?;
        Ok(Released { permit, changed, repeated: released.repeated, classes, answered })
    }
}
