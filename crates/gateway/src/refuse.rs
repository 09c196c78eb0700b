//! Every way in which a question is not answered by a decision, and what its caller sees.
//!
//! One table: status, stable code, sentence. Details stay in our log.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::guard::Permit;
use crate::ports::Unavailable;

/// Why there is no decision.
#[derive(Debug)]
pub enum Refusal {
    NoCredentials,
    BadCredentials,
    Replayed,
    AgentNotActive,
    OtherAgent,
    OtherEnvironment,
    OtherVersion,
    Malformed(action::JsonError),
    BodyTooLarge,
    BodyTooSlow,
    BatchTooLarge,
    BatchEmpty,
    BadWait,
    BadId,
    UnknownDecision,
    NotYours,
    KeyReused,
    StillDeciding,
    ReplyGone,
    BadToken,
    BudgetSpent,
    Throttled,
    Stricter,
    Hold(hold::Refusal),
    TimedOut,
    Unrecorded,
    Unavailable(Unavailable),
    /// No decision and no record could be had in time, and the scope fails open.
    OpenPass(Box<Permit>),
    Stopping,
    Faulty,
    NoSuchRoute,
    NoSuchMethod,
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Refusal::Unavailable(error)
    }
}

/// What a caller is told.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ErrorBody {
    pub error: ErrorText,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ErrorText {
    /// Stable; programs decide by it.
    pub code: String,
    /// For people. May change.
    pub message: String,
}

impl Refusal {
    /// Status, code and sentence.
    pub(crate) fn told(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Refusal::NoCredentials => {
                (S::UNAUTHORIZED, "no_credentials", "send the agent's key as `Authorization: Bearer cra_…`")
            }
            Refusal::BadCredentials => {
                (S::UNAUTHORIZED, "bad_credentials", "the credentials are unknown, expired or revoked")
            }
            Refusal::Replayed => {
                (S::UNAUTHORIZED, "replayed", "this signature was used before; sign again with a new nonce")
            }
            Refusal::AgentNotActive => {
                (S::FORBIDDEN, "agent_not_active", "the agent is suspended or inactive")
            }
            Refusal::OtherAgent => {
                (S::FORBIDDEN, "other_agent", "the action names another agent than the credentials do")
            }
            Refusal::OtherEnvironment => {
                (S::FORBIDDEN, "other_environment", "the agent is not registered for this environment")
            }
            Refusal::OtherVersion => {
                (S::FORBIDDEN, "other_version", "this version of the agent is not registered")
            }
            Refusal::Malformed(_) => (S::BAD_REQUEST, "malformed", "the body is not what this route takes"),
            Refusal::BodyTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "body_too_large", "the body is larger than 4 MiB")
            }
            Refusal::BodyTooSlow => (S::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time"),
            Refusal::BatchTooLarge => (S::BAD_REQUEST, "batch_too_large", "a batch has at most 64 questions"),
            Refusal::BatchEmpty => (S::BAD_REQUEST, "batch_empty", "a batch has at least one question"),
            Refusal::BadWait => (S::BAD_REQUEST, "bad_wait", "`wait` is a number of seconds, at most 300"),
            Refusal::BadId => (S::BAD_REQUEST, "bad_id", "this is not the id of a decision"),
            Refusal::UnknownDecision => {
                (S::NOT_FOUND, "unknown_decision", "there is no decision with this id")
            }
            Refusal::NotYours => (S::NOT_FOUND, "unknown_decision", "there is no decision with this id"),
            Refusal::KeyReused => {
                (S::CONFLICT, "idempotency_key_reused", "the idempotency key was used for another action")
            }
            Refusal::StillDeciding => {
                (S::CONFLICT, "still_deciding", "the same question is being decided; ask again in a moment")
            }
            Refusal::ReplyGone => (
                S::CONFLICT,
                "reply_gone",
                "the decision stands, but its changed action or its result is not kept; ask anew under another key",
            ),
            Refusal::BadToken => {
                (S::FORBIDDEN, "bad_token", "the token is not one of this decision, or has expired")
            }
            Refusal::BudgetSpent => {
                (S::TOO_MANY_REQUESTS, "budget_spent", "the agent's budget of requests is spent")
            }
            Refusal::Throttled => {
                (S::TOO_MANY_REQUESTS, "throttled", "a rule leaves fewer calls a minute; try again later")
            }
            Refusal::Stricter => (S::FORBIDDEN, "refused", "the action cannot be completed"),
            Refusal::Hold(hold::Refusal::Unknown) => {
                (S::NOT_FOUND, "unknown_decision", "there is no decision with this id")
            }
            Refusal::Hold(hold::Refusal::NotRecorded) => {
                (S::SERVICE_UNAVAILABLE, "not_recorded", "no record could be written; nothing was released")
            }
            Refusal::Hold(hold::Refusal::TooMany | hold::Refusal::TooManyWaiters) => {
                (S::TOO_MANY_REQUESTS, "too_many_waiting", "too many actions wait for a person already")
            }
            Refusal::Hold(refusal) => (S::CONFLICT, refusal.code(), "the held action cannot go on this way"),
            Refusal::TimedOut => (
                S::SERVICE_UNAVAILABLE,
                "no_decision_in_time",
                "no decision could be had in time; the action is refused",
            ),
            Refusal::Unrecorded => {
                (S::SERVICE_UNAVAILABLE, "not_recorded", "no record could be written; the action is refused")
            }
            Refusal::Unavailable(_) => (
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "a part that decisions need is not available; the action is refused",
            ),
            Refusal::OpenPass(_) => (
                S::OK,
                "open_pass",
                "no decision could be recorded; this scope fails open, and the pass is counted",
            ),
            Refusal::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", "the server is shutting down"),
            Refusal::Faulty => {
                (S::INTERNAL_SERVER_ERROR, "internal", "an internal fault; the action is refused")
            }
            Refusal::NoSuchRoute => (S::NOT_FOUND, "no_such_route", "there is nothing at this path"),
            Refusal::NoSuchMethod => {
                (S::METHOD_NOT_ALLOWED, "no_such_method", "this path does not take this method")
            }
        }
    }

    pub fn code(&self) -> &'static str {
        self.told().1
    }

    pub fn body(&self) -> ErrorBody {
        let (_, code, message) = self.told();
        let message = match self {
            // Says where and what, never what stood there.
            Refusal::Malformed(error) => format!("{message}: {error}"),
            _ => message.to_owned(),
        };
        let code = match self {
            Refusal::Malformed(error) => error.code(),
            _ => code,
        };
        ErrorBody { error: ErrorText { code: code.to_owned(), message } }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, _) = self.told();
        if status.is_server_error() {
            tracing::error!(code, refusal = ?self, "refused");
        }
        let mut response = (status, Json(self.body())).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                http::header::WWW_AUTHENTICATE,
                http::HeaderValue::from_static("Bearer realm=\"checkrein\""),
            );
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("10"));
        }
        response
    }
}
