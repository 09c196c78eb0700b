//! Taking an approved action: the same payload, once, judged again.

use action::{Json, Name, Verdict};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::answer::Told;
use super::question::Question;
use super::{Answer, Ask, Desk};
use crate::guard::Released;
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
        self.own(caller, hold)?;
        let action = Ask::of(resume.action).action(caller, now)?;
        let payload = action.payload_hash();
        if !self.tokens.opens(&resume.token, id, &caller.agent.name, &payload, now) {
            return Err(Refusal::BadToken);
        }
        let claim = resume.claim.as_str();
        let Released { permit, changed, repeated } =
            self.guard.release(caller, &action, id, claim, None).await?;
        if !repeated {
            self.awaited.expect(id, &caller.agent.name, Verdict::Allow, now);
        }
        let told = Told::bare(id);
        let mut answer = match changed {
            Some(changed) => Answer::changed(permit, told, changed),
            None => Answer::run(permit, told),
        };
        answer.repeated = repeated;
        Ok(answer.into_response())
    }
}
