//! A rule, an exception, and what goes with them.

use std::sync::Arc;

use action::{ConstrainKind, Containment, Decimal, Digest, Layer, Severity, Timestamp, Verdict};

use super::condition::When;
use super::rego::Module;

/// One rule as its author wrote it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique over all documents in force.
    pub id: String,
    /// Index of the document it stands in.
    pub document: usize,
    pub layer: Layer,
    /// Inside a layer the smallest number is tried first.
    pub priority: i64,
    /// The author's sentence; it becomes the reason that people read.
    pub note: Option<String>,
    pub when: When,
    pub verdict: Verdict,
    pub changes: Vec<Change>,
    pub alert: Option<Notice>,
    pub containment: Vec<Containment>,
    /// Stands in for the score bands for what it matches.
    pub instead_of_bands: bool,
    /// Weighed beside the order of its layer: it hides no rule and no rule hides it.
    pub always: bool,
    /// Evaluated and recorded, never carried out.
    pub shadow: bool,
    pub exceptions: Vec<Exception>,
    /// A Rego module that says the verdict; `verdict` is then what its failure counts as.
    pub module: Option<Arc<Module>>,
    pub place: Place,
    /// Digest of what is written, without where.
    pub(super) written: Digest,
}

impl Rule {
    /// Digest of what is written, without where: equal for a rule that only moved.
    pub fn written(&self) -> Digest {
        self.written
    }
}

/// Where a rule is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    pub file: String,
    pub line: usize,
}

/// An explicit, attributed, expiring permission to be milder than one rule, band or floor.
#[derive(Debug, Clone)]
pub struct Exception {
    pub id: String,
    pub when: When,
    /// The verdict that the excepted rule counts as, if that is milder.
    pub verdict: Verdict,
    pub until: Timestamp,
    pub owner: String,
    pub reason: String,
    /// Index of the document it stands in, whose scope it has.
    pub document: usize,
    pub place: Place,
}

/// How a constrain verdict changes the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: ConstrainKind,
    pub field: Option<String>,
    pub limit: Option<Decimal>,
    /// A clamp that also sets the limit where there is no number to lower.
    pub or_set: bool,
    pub target: Option<String>,
    /// How a redaction replaces.
    pub mode: Option<action::RedactionMode>,
}

/// Whom a rule tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub team: String,
    pub severity: Option<Severity>,
}
