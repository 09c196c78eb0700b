//! What a caller is told when a call does not succeed.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// Status, stable code and a sentence. Details of our own trouble are logged where it is made.
#[derive(Debug)]
pub struct Fault {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
}

#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct Body {
    error: Told,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Told {
    /// Stable; programs decide by it.
    code: String,
    /// For people.
    message: String,
}

impl Fault {
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Fault { status, code: code.to_owned(), message: message.into() }
    }

    pub fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// Something of ours does not work. What it is stands in the log.
    pub fn ours(doing: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(doing, error, "an operators' call failed");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            format!("cannot {doing} now; see the server's log"),
        )
    }

    pub fn content(error: store::ContentError) -> Self {
        Self::ours("read what is kept", &error)
    }
}

impl From<store::DatabaseError> for Fault {
    fn from(error: store::DatabaseError) -> Self {
        Fault::ours("read the database", &error)
    }
}

impl From<store::WriteError> for Fault {
    fn from(error: store::WriteError) -> Self {
        use store::WriteError as E;
        let told = error.to_string();
        match error {
            E::Missing { .. } => Fault::new(StatusCode::NOT_FOUND, "not_found", told),
            E::Taken { .. } => Fault::new(StatusCode::CONFLICT, "taken", told),
            E::Stale { .. } => Fault::new(StatusCode::PRECONDITION_FAILED, "stale", told),
            E::Refused { code, why } => Fault::new(StatusCode::CONFLICT, code, why),
            E::Limit { .. } => Fault::new(StatusCode::CONFLICT, "limit", told),
            other => Fault::ours("write the database", &other),
        }
    }
}

impl From<hold::Refusal> for Fault {
    fn from(refusal: hold::Refusal) -> Self {
        let status = match refusal {
            hold::Refusal::Unknown => StatusCode::NOT_FOUND,
            hold::Refusal::OwnAction => StatusCode::FORBIDDEN,
            hold::Refusal::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::CONFLICT,
        };
        Fault::new(status, refusal.code(), refusal.to_string())
    }
}

impl From<action::JsonError> for Fault {
    fn from(error: action::JsonError) -> Self {
        Fault::bad(error.code(), format!("the body is not what this route takes: {error}"))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = Body { error: Told { code: self.code, message: self.message } };
        (self.status, Json(body)).into_response()
    }
}
