//! The permit: what a request must have to proceed.

use action::{Digest, Name};
use ledger::Receipt;

use crate::fail::OpenPass;

/// Leave to carry out one action with one payload. It is taken by value, so it is used once.
///
/// Only the guard makes one, and only from a receipt of the ledger or from an open pass that was
/// counted. Elsewhere it cannot be written down:
///
/// ```compile_fail,E0451
/// # fn forge(decision: action::Name, payload: action::Digest) -> gateway::Permit {
/// gateway::Permit { decision, payload, proof: todo!() }
/// # }
/// ```
///
/// ```compile_fail,E0624
/// # fn forge(decision: action::Name, payload: action::Digest, receipt: ledger::Receipt) {
/// gateway::Permit::recorded(decision, payload, receipt);
/// # }
/// ```
///
/// nor copied, so that one leave is not two:
///
/// ```compile_fail,E0599
/// # fn twice(permit: gateway::Permit) {
/// permit.clone();
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a permit that nobody takes lets nothing pass"]
pub struct Permit {
    decision: Name,
    payload: Digest,
    proof: Proof,
}

/// Why it may proceed.
#[derive(Debug)]
enum Proof {
    Recorded(Receipt),
    /// A person approved it, and that it was handed out is on the ledger.
    Released,
    /// The ledger could not be written, and the scope fails open.
    Open(OpenPass),
}

impl Permit {
    pub(super) const fn recorded(decision: Name, payload: Digest, receipt: Receipt) -> Self {
        Permit { decision, payload, proof: Proof::Recorded(receipt) }
    }

    /// From a hold that was released: the one place where an approval becomes leave to act.
    pub(super) fn released(decision: Name, payload: Digest, released: &hold::Outcome) -> Option<Self> {
        matches!(released.hold.state, hold::State::Released { .. }).then_some(Permit {
            decision,
            payload,
            proof: Proof::Released,
        })
    }

    pub(super) const fn open(decision: Name, payload: Digest, pass: OpenPass) -> Self {
        Permit { decision, payload, proof: Proof::Open(pass) }
    }

    pub const fn decision(&self) -> &Name {
        &self.decision
    }

    /// Payload hash of what may be carried out.
    pub const fn payload(&self) -> Digest {
        self.payload
    }

    pub const fn receipt(&self) -> Option<&Receipt> {
        match &self.proof {
            Proof::Recorded(receipt) => Some(receipt),
            Proof::Released | Proof::Open(_) => None,
        }
    }

    /// Whether there is no record of it.
    pub const fn is_unrecorded(&self) -> bool {
        matches!(self.proof, Proof::Open(_))
    }
}
