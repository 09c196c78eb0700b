//! Taking an approved action: the same payload, once, judged again.

use action::{Json, Name, Verdict};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hold::{Event, State};
use serde::Deserialize;

use super::answer::Told;
use super::question::Question;
use super::{Answer, Ask, Desk};
use crate::identity::Caller;
use crate::refuse::Refusal;

/// The body: the token, the action as it was sent, and a name for this attempt.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    pub token: String,
    pub action: Question,
    /// Chosen by the caller and kept by it before it asks. Asked again under the same claim, the
    /// answer is the same; under another one the action is gone.
    pub claim: Name,
}

impl Desk {
    pub async fn resume(&self, caller: &Caller, id: &Name, body: &Bytes) -> Result<Response, Refusal> {
        let resume: Resume = Json::parse_as(body).map_err(Refusal::Malformed)?;
        let now = self.guard.clock.now().timestamp();
        let hold = self.guard.holds.get(id).ok_or(Refusal::UnknownDecision)?;
        let hold = self.own(caller, hold)?;
        let action = Ask::of(resume.action).action(caller, now)?;
        let payload = action.payload_hash();
        if !self.tokens.opens(&resume.token, id, &caller.agent.name, &payload, now) {
            return Err(Refusal::BadToken);
        }
        // Judged again: what was approved under yesterday's rules does not pass today's block, and
        // what is released is the action as the rules change it.
        let changed = match hold.state {
            State::Approved { .. } | State::Released { .. } => {
                self.guard.judge_again(caller, &action).await?
            }
            State::Pending { .. }
            | State::Denied { .. }
            | State::Expired { .. }
            | State::Cancelled { .. } => None,
        };
        let event = Event::Release {
            payload: self.guard.binding.payload(&payload),
            claim: self.guard.binding.claim(resume.claim.as_str()),
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        self.guard.holds.act(id, event, None, now, move |moved| {
            let _ = tell.send(moved);
        });
        let released = told.await.map_err(|_| Refusal::Stopping)?.map_err(Refusal::Hold)?;
        if !released.repeated {
            self.awaited.expect(id, &caller.agent.name, Verdict::Allow, now);
        }
        let payload = changed.as_ref().map_or(payload, |changed| changed.action.payload_hash());
        let permit = self.guard.released(id, payload, &released)?;
        let told = Told::bare(id);
        let mut answer = match changed {
            Some(changed) => Answer::changed(permit, told, changed),
            None => Answer::run(permit, told),
        };
        answer.repeated = released.repeated;
        Ok(answer.into_response())
    }
}
