//! What the request path tells of itself. The composition turns it into metrics.

use std::time::Duration;

use action::{Action, Decision, Name, TraceParent, Verdict};
use ledger::Nanos;

use crate::identity::Wrong;
use crate::llm::{Compared, Outcome};

/// Where time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Facts, detection, score and policy.
    Judge,
    /// Until the promise of the ledger is kept.
    Record,
    /// From the first byte of the question to the answer.
    Whole,
}

impl Stage {
    pub const ALL: [Stage; 3] = [Stage::Judge, Stage::Record, Stage::Whole];

    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Judge => "judge",
            Stage::Record => "record",
            Stage::Whole => "whole",
        }
    }
}

/// An action that was decided, on its way to its answer.
pub struct Passing<'p> {
    pub id: &'p Name,
    pub action: &'p Action,
    pub decision: &'p Decision,
    /// What is carried out, after what this plane cannot do has moved up.
    pub carried: Verdict,
    /// Its place in the ledger, where it is known already.
    pub sequence: Option<u64>,
    /// The caller's place in a trace.
    pub parent: Option<TraceParent>,
    pub began: Nanos,
    pub ended: Nanos,
}

/// Takes what happens. Must not block.
pub trait Meter: Send + Sync {
    fn took(&self, stage: Stage, time: Duration);
    fn decided(&self, action: &Action, decision: &Decision);
    /// The same once its record is kept, or could not be had.
    fn passing(&self, passing: &Passing<'_>);
    /// An action for which no record could be had, and whether it passed.
    fn unrecorded(&self, passed: bool);
    fn refused(&self, code: &'static str);
    /// What became of an action that was to run in isolation: `ran`, or why not. Both are words of a
    /// closed list.
    fn isolated(&self, adapter: &'static str, outcome: &'static str);
    /// Why credentials did not hold. Callers do not learn it.
    fn wrong(&self, wrong: Wrong);
    fn budget(&self, agent: &Name, share: u8);
    /// What became of a call that was to be made once more at a second model.
    fn shadowed(&self, outcome: Outcome, compared: Option<&Compared>);
}

/// Counts nothing.
pub struct Silent;

impl Meter for Silent {
    fn took(&self, _: Stage, _: Duration) {}
    fn decided(&self, _: &Action, _: &Decision) {}
    fn passing(&self, _: &Passing<'_>) {}
    fn unrecorded(&self, _: bool) {}
    fn refused(&self, _: &'static str) {}
    fn isolated(&self, _: &'static str, _: &'static str) {}
    fn wrong(&self, _: Wrong) {}
    fn budget(&self, _: &Name, _: u8) {}
    fn shadowed(&self, _: Outcome, _: Option<&Compared>) {}
}
