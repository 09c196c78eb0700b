//! Vectors that look at state: what was done before, how often, how much, by whom.
//!
//! Each is one function over a [`Scene`](super::Scene); all are in one table. They report facts:
//! counts and changes have no place in a text, so their evidence is the rule that names them.

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

use super::Scene;

/// A vector that looks at state.
pub struct Stateful {
    pub vector: Vector,
    pub about: &'static str,
    pub find: fn(&Scene<'_>, &Limits, &mut Vec<Detection>),
}

/// In the order of [`Vector::ALL`].
pub const STATEFUL: [Stateful; 7] = [
    Stateful {
        vector: Vector::ExfiltrationVelocity,
        about: "records and bytes that leave the estate: at once, per hour, per day, to one destination or to all",
        find: exfiltration::find,
    },
    Stateful {
        vector: Vector::ResourceExhaustion,
        about: "oversized payloads, endless repetition, deep delegation, unbounded reads, spent quotas",
        find: exhaustion::find,
    },
    Stateful {
        vector: Vector::PrivilegeEscalation,
        about: "rights that are granted, widened or taken on, to the agent itself or to others",
        find: privilege::find,
    },
    Stateful {
        vector: Vector::SessionAnomaly,
        about: "context that does not fit the identity the session was opened for, and impossible times",
        find: session::find,
    },
    Stateful {
        vector: Vector::RateLimit,
        about: "calls per minute of an agent, a session or a tool",
        find: rate::find,
    },
    Stateful {
        vector: Vector::PolicyViolation,
        about: "breaches of data-access rules of the identity system or the behaviour certificate",
        find: policy_violation::find,
    },
    Stateful {
        vector: Vector::BehaviourAnomaly,
        about: "deviation from the learned baseline beyond a limit",
        find: behaviour::find,
    },
];

/// Every stateful vector over one scene, in the order of the table.
pub fn find(scene: &Scene<'_>, limits: &Limits, out: &mut Vec<Detection>) {
    for stateful in &STATEFUL {
        (stateful.find)(scene, limits, out);
    }
}

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
