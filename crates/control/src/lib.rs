//! The operators' API.
//!
//! One table says everything about a route: path, who may call it, what its record is called, what
//! it takes and gives. Requests are dispatched from it, access is decided by it, the OpenAPI
//! document is written from it and tests walk it. Start with [`ROUTES`].

mod access;
mod call;
mod dispatch;
mod fault;
pub mod money;
mod openapi;
pub mod outward;
pub mod pins;
mod routes;
pub mod shadows;
mod table;

use std::sync::Arc;

use action::{Name, Timestamp};
use arc_swap::ArcSwap;
use hold::Holds;
use ledger::{Clock, Ledger};
use store::{Content, Index, State};

pub use dispatch::router;
pub use fault::Fault;
pub use openapi::openapi;
pub use table::{ROUTES, Route, Verb};

/// What the routes work with. One per process.
pub struct Office {
    pub state: Arc<State>,
    pub index: Arc<Index>,
    pub content: Arc<Content>,
    pub ledger: Ledger,
    pub holds: Holds,
    /// What operators keep, as it was last read. Changes are in it within moments.
    pub kept: Arc<ArcSwap<store::Snapshot>>,
    pub clock: Arc<dyn Clock>,
    pub rules: Arc<dyn RuleCheck>,
    pub outward: Arc<dyn outward::Outward>,
    pub money: Arc<dyn money::Money>,
    pub shadows: Arc<dyn shadows::Shadows>,
    pub pins: Arc<dyn pins::Pins>,
    /// Activating rules needs a second policy author.
    pub four_eyes: bool,
}

/// Reading rules as the server would put them in force. The composition knows what stands beside
/// them.
pub trait RuleCheck: Send + Sync {
    /// Every fault of a text, or none.
    fn faults(&self, name: &str, rego: bool, text: &str) -> Vec<String>;

    /// Judges by the rules in force, and by the same with this version in the place of its set. The
    /// fault, when they cannot stand together.
    fn compare(&self, version: &store::RuleVersion) -> Result<Box<dyn Compare>, String>;
}

/// Judges an action twice. Keeps nothing of it, and teaches nobody anything.
pub trait Compare {
    /// By the rules in force and by the others, at the time of the action. None when nothing is known
    /// of its agent any more.
    fn answers(&self, action: &action::Action, at: Timestamp) -> Option<(Answer, Answer)>;
}

/// What one set of rules says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub verdict: action::Verdict,
    /// What decided.
    pub rule: String,
}

impl Office {
    fn now(&self) -> Timestamp {
        self.clock.now().timestamp()
    }

    /// The pseudonym under which an operator's acts are recorded. It is the one of the same person
    /// as a principal, so that nobody approves an action that was asked for in their own name.
    fn pseudonym(&self, operator: &Name) -> Result<Name, Fault> {
        let person = store::Subject::Person(operator.as_str().to_owned().into());
        self.content.pseudonym(&person, self.now()).map_err(Fault::content)
    }
}
