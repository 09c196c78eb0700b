//! Vectors that look at state: what was done before, how often, how much, by whom.
//!
//! Each is one function over a [`Scene`](super::Scene), in the table of all vectors
//! ([`VECTORS`](super::VECTORS)). They report facts: counts and changes have no place in a text, so
//! their evidence is the rule that names them.

pub(super) mod behaviour;
pub(super) mod exfiltration;
pub(super) mod exhaustion;
mod limits;
pub(super) mod policy_violation;
pub(super) mod privilege;
pub(super) mod rate;
pub(super) mod session;

pub use limits::{LimitSet, Limits};

use std::borrow::Cow;

use action::{Confidence, Detection, Severity, Vector};

/// A detection whose evidence is the fact that its rule names.
pub(crate) fn fact(
    vector: Vector,
    rule: &'static str,
    severity: Severity,
    confidence: Confidence,
) -> Detection {
    Detection { vector, rule: Cow::Borrowed(rule), severity, confidence, class: None, evidence: None }
}

#[cfg(test)]
pub(crate) mod testing;
