//! The `ask` story: a caller asks before it acts.
//!
//! ```text
//! POST /ask/v1/decisions                 may I?              200 run | 203 otherwise | 202 wait | 403 no
//! POST /ask/v1/decisions/batch           may I, many times?
//! GET  /ask/v1/decisions/{id}?wait=30    has somebody decided?
//! POST /ask/v1/decisions/{id}/resume     approved: let me run it, once
//! POST /ask/v1/decisions/{id}/outcome    this is what happened
//! ```

mod answer;
mod outcome;
mod question;
mod recent;
mod replies;
mod resume;
mod wait;

use std::sync::Arc;

use action::{Action, Digest, ExplainLevel, Name, TraceParent, Verdict};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

pub use answer::{Answer, Outcome, Told};
pub use outcome::{Awaited, OutcomeReport};
pub use question::{Ask, Batch, Question};
pub use recent::Recent;
use recent::Seen;
pub use replies::Replies;
pub use resume::Resume;

use crate::guard::{Guard, Passage, Passed, Plane};
use crate::identity::Caller;
use crate::limits::{LATE_KNOWN_WITHIN, LATE_LOOKED_FOR_AFTER, LATE_LOOKED_FOR_EVERY, MAX_BATCH};
use crate::ports::{Past, PastDecision};
use crate::refuse::Refusal;
pub use crate::token::Tokens;

/// What the story needs.
pub struct Desk {
    pub guard: Arc<Guard>,
    pub tokens: Tokens,
    pub replies: Replies,
    pub awaited: Awaited,
    pub recent: Recent,
    pub past: Arc<dyn Past>,
}

impl Desk {
    /// One question.
    pub async fn ask(
        &self,
        caller: &Caller,
        body: &Bytes,
        parent: Option<TraceParent>,
    ) -> Result<Response, Refusal> {
        let ask = Ask::read(body)?;
        Ok(self.one(caller, ask, parent).await?.into_response())
    }

    /// Many questions, answered in their order. Each stands alone: a refused one stops no other.
    pub async fn batch(
        &self,
        caller: &Caller,
        body: &Bytes,
        parent: Option<TraceParent>,
    ) -> Result<Response, Refusal> {
        let batch = Batch::read(body)?;
        match batch.questions.len() {
            0 => return Err(Refusal::BatchEmpty),
            many if many > MAX_BATCH => return Err(Refusal::BatchTooLarge),
            _ => {}
        }
        let mut answers = Vec::with_capacity(batch.questions.len());
        for question in batch.questions {
            // One after the other: what one taught is known to the next.
            answers.push(match self.one(caller, Ask::of(question), parent).await {
                Ok(answer) => answer::InBatch::Answer(Box::new(answer)),
                Err(refusal) => answer::InBatch::Error(refusal.body()),
            });
        }
        Ok(axum::Json(answer::BatchAnswer { answers }).into_response())
    }

    async fn one(&self, caller: &Caller, ask: Ask, parent: Option<TraceParent>) -> Result<Answer, Refusal> {
        let now = self.guard.clock.now().timestamp();
        let action = ask.action(caller, now)?;
        match action.idempotency_key.clone() {
            None => {
                let id = crate::ids::fresh(now, &*self.guard.dice);
                self.decide(caller, action, id, parent, ()).await
            }
            Some(key) => self.decide_once(caller, action, &key, parent).await,
        }
    }

    /// The same question under the same key is decided once. Its id follows from the key, so the
    /// ledger knows the answer even after a restart.
    async fn decide_once(
        &self,
        caller: &Caller,
        action: Action,
        key: &Name,
        parent: Option<TraceParent>,
    ) -> Result<Answer, Refusal> {
        let agent = &caller.agent.name;
        let id = crate::ids::keyed(&self.guard.binding.claim(&format!("{agent}\0{key}")));
        let payload = action.payload_hash();
        let turn = match self.replies.begin(&id, &payload) {
            replies::Begun::First(turn) => turn,
            replies::Begun::Answered(answer) => return self.again(*answer),
            replies::Begun::InProgress => return Err(Refusal::StillDeciding),
            replies::Begun::OtherPayload => return Err(Refusal::KeyReused),
        };
        if let Some(past) = self.past(&id).await? {
            if past.agent != *agent || past.payload != Some(self.guard.binding.payload(&payload)) {
                return Err(Refusal::KeyReused);
            }
            return self.remembered(caller, &id, &past, &payload);
        }
        let (over, ended) = tokio::sync::oneshot::channel::<()>();
        match self.decide(caller, action, id.clone(), parent, over).await {
            Ok(answer) => {
                self.replies.keep(&id, &payload, &answer.to_keep());
                Ok(answer)
            }
            Err(refusal) => {
                // Its record may still come. Until then, and until it is known, nobody decides again.
                if matches!(refusal, Refusal::TimedOut) {
                    let past = Arc::clone(&self.past);
                    tokio::spawn(async move {
                        // An error is what comes: the other end is dropped when all is over.
                        let _ = ended.await;
                        known(past, id).await;
                        drop(turn);
                    });
                }
                Err(refusal)
            }
        }
    }

    async fn decide(
        &self,
        caller: &Caller,
        action: Action,
        id: Name,
        parent: Option<TraceParent>,
        until_over: impl Send + 'static,
    ) -> Result<Answer, Refusal> {
        let environment = action.environment;
        let operation = action.operation;
        match self.guard.pass_keeping(caller, action, id.clone(), parent, Plane::ASK, until_over).await {
            Ok(passed) => Ok(self.answer(caller, passed, environment, operation)),
            Err(Refusal::OpenPass(permit)) => Ok(Answer::unrecorded(*permit)),
            Err(refusal) => {
                self.guard.meter.refused(refusal.code());
                Err(refusal)
            }
        }
    }

    fn answer(
        &self,
        caller: &Caller,
        passed: Passed,
        environment: action::Environment,
        operation: action::Operation,
    ) -> Answer {
        let Passed { id, decision, passage, receipt, scope, unisolated } = passed;
        let level = scope.explain.unwrap_or_else(|| engine::explain::default_level(environment));
        let told = Told::new(&id, &decision, level, receipt.as_ref());
        let carried = match &passage {
            Passage::Run(_) => Verdict::Allow,
            Passage::Changed(..) => Verdict::Constrain,
            Passage::Isolated(_) => Verdict::Sandbox,
            Passage::Held(_) => Verdict::Approve,
            Passage::Refused => Verdict::Block,
        };
        self.recent.keep(&id, Seen { agent: caller.agent.name.clone(), carried });
        let await_outcome = |verdict| {
            if operation.has_effect() {
                self.awaited.expect(&id, &caller.agent.name, verdict, self.guard.clock.now().timestamp());
            }
        };
        match passage {
            Passage::Run(permit) => {
                await_outcome(Verdict::Allow);
                Answer::run(permit, told)
            }
            Passage::Changed(permit, changed) => {
                await_outcome(Verdict::Constrain);
                Answer::changed(permit, told, *changed)
            }
            // Nobody waits for a report: the run itself is on the ledger.
            Passage::Isolated(result) => Answer::isolated(told, *result),
            Passage::Held(hold) => {
                let mut answer = self.held(caller, told, &hold, &decision.payload_hash);
                answer.unisolated = unisolated.filter(|_| level != ExplainLevel::None);
                answer
            }
            Passage::Refused => {
                self.awaited.expect(
                    &id,
                    &caller.agent.name,
                    Verdict::Block,
                    self.guard.clock.now().timestamp(),
                );
                Answer::refused(told)
            }
        }
    }

    fn held(&self, caller: &Caller, told: Told, hold: &hold::Hold, payload: &Digest) -> Answer {
        let until = hold.deadline.plus_millis(i64::try_from(hold.release_within).unwrap_or(i64::MAX));
        let token = self.tokens.seal(&hold.id, &caller.agent.name, payload, until);
        Answer::held(told, hold, token)
    }

    /// The answer that was given before. What it let run, it let run once: a repetition is marked.
    fn again(&self, mut answer: Answer) -> Result<Answer, Refusal> {
        if answer.is_stripped() {
            return Err(Refusal::ReplyGone);
        }
        answer.repeated = true;
        if let Some(hold) = self.guard.holds.get(&answer.id) {
            answer.refresh(&hold);
        }
        Ok(answer)
    }

    /// What is known of an earlier decision. Looked up away from the threads that answer.
    async fn past(&self, id: &Name) -> Result<Option<PastDecision>, Refusal> {
        let (past, id) = (Arc::clone(&self.past), id.clone());
        let found = tokio::task::spawn_blocking(move || past.decision(&id)).await;
        Ok(found.map_err(|_| Refusal::Faulty)??)
    }

    /// What was carried out of a decision, also of moments ago, also after a release.
    async fn seen(&self, id: &Name) -> Result<Option<Seen>, Refusal> {
        let found = match self.recent.get(id) {
            Some(seen) => Some((seen, false)),
            None => self
                .past(id)
                .await?
                .map(|past| (Seen { agent: past.agent, carried: past.effective }, past.released)),
        };
        Ok(found.map(|(seen, released)| {
            // The index is behind by moments, the holds are not.
            let released = released || self.guard.holds.get(id).is_some_and(|hold| hold.is_released());
            Seen { carried: if released { Verdict::Allow } else { seen.carried }, ..seen }
        }))
    }

    /// An answer from the ledger, after a restart has forgotten the reply itself.
    fn remembered(
        &self,
        caller: &Caller,
        id: &Name,
        past: &PastDecision,
        payload: &Digest,
    ) -> Result<Answer, Refusal> {
        let told = Told::past(id, past);
        let mut answer = match past.effective {
            Verdict::Allow | Verdict::Alert => Answer::past_run(told),
            Verdict::Constrain => return Err(Refusal::ReplyGone),
            // What was to be isolated may wait instead; the result of what was isolated is not kept.
            Verdict::Sandbox | Verdict::Approve => {
                let hold = self.guard.holds.get(id).ok_or(Refusal::ReplyGone)?;
                self.held(caller, told, &hold, payload)
            }
            Verdict::Block => Answer::refused(told),
        };
        answer.repeated = true;
        Ok(answer)
    }
}

/// Waits until a decision is in the index, or will not be: one that never got a record never is.
async fn known(past: Arc<dyn Past>, id: Name) {
    let looked = async {
        // Less and less often: when many are late, looking for them must not be what makes others late.
        let mut pause = LATE_LOOKED_FOR_AFTER;
        loop {
            let (past, id) = (Arc::clone(&past), id.clone());
            let found = tokio::task::spawn_blocking(move || past.decision(&id)).await;
            if !matches!(found, Ok(Ok(None) | Err(_))) {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LATE_LOOKED_FOR_EVERY);
        }
    };
    let _ = tokio::time::timeout(LATE_KNOWN_WITHIN, looked).await;
}
