//! What a caller is told. An answer that lets something run is made from a permit.

use action::{Decision, ExplainLevel, Json, Name, Timestamp};
use axum::response::{IntoResponse, Response};
use engine::Changed;
use engine::explain::{Reason, explain};
use hold::Hold;
use http::StatusCode;
use ledger::Receipt;
use serde::Serialize;

use crate::guard::Permit;
use crate::limits::KEPT_RESULT;
use crate::ports::PastDecision;
use crate::refuse::ErrorBody;

/// The answer to one question.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Answer {
    /// The receipt: with it the decision is found and proven.
    pub id: Name,
    pub outcome: Outcome,
    /// A sentence that is safe to show to anybody.
    pub message: String,
    /// The record's place on the ledger, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Why, as far as this scope tells its callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Run this instead of what was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<ChangedAction>,
    /// What a real execution would have returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Waiting>,
    /// Why it waits instead of running in isolation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unisolated: Option<&'static str>,
    /// The same question was answered before; what it let run, it let run then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// There is no record of it: the ledger could not be written, and the scope fails open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unrecorded: bool,
}

/// What the caller does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Run the action as it was sent.
    Run,
    /// Run the action in the form under `changed`.
    RunChanged,
    /// Do not run it: it ran in isolation, and `result` is what it gave.
    Isolated,
    /// Wait; somebody decides.
    Wait,
    /// Do not run it.
    Refused,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ChangedAction {
    pub payload: Json,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Name>,
    /// To be shown instead of a result, where the action goes nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Waiting {
    pub state: String,
    pub deadline: Timestamp,
    /// Approvals that are still missing.
    pub missing: u8,
    /// Needed to go on; good until the action can no longer be released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct BatchAnswer {
    pub answers: Vec<InBatch>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum InBatch {
    Answer(Box<Answer>),
    Error(ErrorBody),
}

/// What every answer about one decision says.
pub struct Told {
    id: Name,
    sequence: Option<u64>,
    reason: Option<String>,
    details: Vec<String>,
}

impl Told {
    pub fn new(id: &Name, decision: &Decision, level: ExplainLevel, receipt: Option<&Receipt>) -> Self {
        let explanation = explain(decision, level);
        Told {
            id: id.clone(),
            sequence: receipt.and_then(Receipt::sequence),
            reason: explanation.reason.map(code),
            details: explanation.details,
        }
    }

    /// Why, as a stable word, as far as the level tells.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Nothing but the id: there is no decision beside it to tell of.
    pub fn bare(id: &Name) -> Self {
        Told { id: id.clone(), sequence: None, reason: None, details: Vec::new() }
    }

    pub fn past(id: &Name, past: &PastDecision) -> Self {
        Told { sequence: Some(past.sequence), ..Told::bare(id) }
    }
}

fn code(reason: Reason) -> String {
    match reason {
        Reason::RiskScore => "risk_score",
        Reason::Threat => "threat",
        Reason::Policy => "policy",
        Reason::PolicyFault => "policy_fault",
    }
    .to_owned()
}

impl Answer {
    fn new(told: Told, outcome: Outcome, message: &str) -> Self {
        Answer {
            id: told.id,
            outcome,
            message: message.to_owned(),
            sequence: told.sequence,
            reason: told.reason,
            details: told.details,
            changed: None,
            result: None,
            hold: None,
            unisolated: None,
            repeated: false,
            unrecorded: false,
        }
    }

    pub fn run(permit: Permit, told: Told) -> Self {
        let mut answer = Self::new(told, Outcome::Run, "run the action as it was sent");
        answer.unrecorded = permit.is_unrecorded();
        answer
    }

    pub fn changed(permit: Permit, told: Told, changed: Changed) -> Self {
        let mut answer = Self::new(told, Outcome::RunChanged, "run the action in the form under `changed`");
        answer.unrecorded = permit.is_unrecorded();
        answer.changed = Some(ChangedAction {
            payload: changed.action.payload,
            destinations: changed.action.resource.destinations,
            message: changed.message,
        });
        answer
    }

    pub fn isolated(told: Told, result: Json) -> Self {
        let mut answer = Self::new(
            told,
            Outcome::Isolated,
            "the action ran in isolation; take `result`, and do not run it",
        );
        answer.result = Some(result);
        answer
    }

    pub fn held(told: Told, hold: &Hold, token: String) -> Self {
        let mut answer = Self::new(told, Outcome::Wait, "the action waits for a person to approve it");
        answer.hold = Some(Waiting::of(hold, Some(token)));
        answer
    }

    pub fn refused(told: Told) -> Self {
        Self::new(told, Outcome::Refused, "the action cannot be completed")
    }

    /// A pass without a record.
    pub fn unrecorded(permit: Permit) -> Self {
        let told = Told::bare(permit.decision());
        Self::run(permit, told)
    }

    /// An answer of before a restart that let the action run. Its permit was taken then.
    pub fn past_run(told: Told) -> Self {
        Self::new(told, Outcome::Run, "run the action as it was sent")
    }

    /// What is remembered of it for the same question: all but a large result, as there are many answers.
    pub fn to_keep(&self) -> Answer {
        let mut kept = self.clone();
        let bytes = |json: &Json| serde_json::to_vec(json).map_or(usize::MAX, |bytes| bytes.len());
        kept.result = kept.result.filter(|result| bytes(result) <= KEPT_RESULT);
        kept
    }

    /// Whether its result was too large to be remembered.
    pub fn is_stripped(&self) -> bool {
        self.outcome == Outcome::Isolated && self.result.is_none()
    }

    /// How a held action fares now.
    pub fn refresh(&mut self, hold: &Hold) {
        if let Some(waiting) = &mut self.hold {
            *waiting = Waiting::of(hold, waiting.token.take());
        }
    }

    const fn status(&self) -> StatusCode {
        match self.outcome {
            // A caller that looks at nothing but the status is still safe: 200 says that what was sent
            // may run, and nothing else says so.
            Outcome::Run => StatusCode::OK,
            Outcome::RunChanged | Outcome::Isolated => StatusCode::NON_AUTHORITATIVE_INFORMATION,
            Outcome::Wait => StatusCode::ACCEPTED,
            Outcome::Refused => StatusCode::FORBIDDEN,
        }
    }
}

impl Waiting {
    pub fn of(hold: &Hold, token: Option<String>) -> Self {
        let votes = match &hold.state {
            hold::State::Pending { votes }
            | hold::State::Approved { votes, .. }
            | hold::State::Released { votes, .. } => votes.len(),
            hold::State::Denied { .. } | hold::State::Expired { .. } | hold::State::Cancelled { .. } => 0,
        };
        Waiting {
            state: hold.approval().as_str().to_owned(),
            deadline: hold.deadline,
            missing: hold.needed.saturating_sub(u8::try_from(votes).unwrap_or(u8::MAX)),
            token,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = self.status();
        let receipt = http::HeaderValue::from_str(self.id.as_str());
        let mut response = (status, axum::Json(self)).into_response();
        if let Ok(receipt) = receipt {
            response.headers_mut().insert("checkrein-receipt", receipt);
        }
        response
    }
}
