//! Why an action was not run in isolation. It was not run at all then.

use std::error::Error;

type Cause = Box<dyn Error + Send + Sync>;

/// Why an adapter did not run an action. The text never holds a value of the action.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("no adapter knows the target of the action")]
    NoAdapter,
    #[error("the payload is not what the adapter reads: {0}")]
    NotUnderstood(String),
    #[error("the action would leave its isolation: {0}")]
    Leaves(String),
    #[error("the action is larger than an isolated run may be: {0}")]
    TooMuch(&'static str),
    #[error("the action took longer than an isolated run may take")]
    TooLong,
    #[error("what a real execution would answer cannot be told: {0}")]
    Unknowable(String),
    #[error("the target does not answer: {what}")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Option<Cause>,
    },
    /// The role of the adapter can do what no rollback undoes.
    #[error("the role of the adapter may do what a rollback does not undo: {}", .0.join(", "))]
    OpenDoors(Vec<&'static str>),
}

impl Refused {
    /// The stable word for records and programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Refused::NoAdapter => "no_adapter",
            Refused::NotUnderstood(_) => "not_understood",
            Refused::Leaves(_) => "leaves",
            Refused::TooMuch(_) => "too_much",
            Refused::TooLong => "too_long",
            Refused::Unknowable(_) => "unknowable",
            Refused::Unavailable { .. } => "unavailable",
            Refused::OpenDoors(_) => "open_doors",
        }
    }

    pub(crate) fn unavailable(what: &'static str, source: impl Into<Cause>) -> Self {
        Refused::Unavailable { what, source: Some(source.into()) }
    }
}
