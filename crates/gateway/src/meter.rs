//! What the request path tells of itself. The composition turns it into metrics.

use std::time::Duration;

use action::{Action, Decision, Name};

use crate::identity::Wrong;

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

/// Takes what happens. Must not block.
pub trait Meter: Send + Sync {
    fn took(&self, stage: Stage, time: Duration);
    fn decided(&self, action: &Action, decision: &Decision);
    /// An action for which no record could be had, and whether it passed.
    fn unrecorded(&self, passed: bool);
    fn refused(&self, code: &'static str);
    /// Why credentials did not hold. Callers do not learn it.
    fn wrong(&self, wrong: Wrong);
    fn budget(&self, agent: &Name, share: u8);
}

/// Counts nothing.
pub struct Silent;

impl Meter for Silent {
    fn took(&self, _: Stage, _: Duration) {}
    fn decided(&self, _: &Action, _: &Decision) {}
    fn unrecorded(&self, _: bool) {}
    fn refused(&self, _: &'static str) {}
    fn wrong(&self, _: Wrong) {}
    fn budget(&self, _: &Name, _: u8) {}
}
