//! The risk score: seven part scores, their weighted power mean, and what threat vectors add.
//!
//! Integers only, so that all machines agree. [`weigh`] gives the score with its reasons; the
//! factors are one table ([`FACTORS`]), the weights and the uplift are configuration
//! ([`Weights`]) with a version hash that is written into every score.

mod action_risk;
mod agent_risk;
mod compliance;
mod factors;
mod mean;
mod sensitivity;
mod surroundings;
mod uplift;
mod weights;

pub use factors::{FACTORS, Factor, Reason, Reasons};
pub use mean::{MAX_POWER, power_mean};
pub use uplift::{UPLIFT, Uplift};
pub use weights::Weights;

use action::{Detection, Score};

use crate::detect::Scene;

/// A score and why it is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    pub score: Score,
    /// What the parts are made of, in the order of the dimensions, then the uplift.
    pub reasons: Vec<Reason>,
}

/// Weighs one action: seven parts, their power mean, the uplift of the vectors that hit.
pub fn weigh(scene: &Scene<'_>, detections: &[Detection], weights: &Weights) -> Scored {
    let mut parts = [0u8; 7];
    let mut reasons = Vec::new();
    for (part, factor) in parts.iter_mut().zip(&FACTORS) {
        let mut noted = Reasons::new(factor.dimension);
        (factor.weigh)(scene, &mut noted);
        *part = noted.part();
        reasons.extend(noted.into_list());
    }
    let base = power_mean(&parts, &weights.tenths, weights.power);
    let (uplift, raised) = uplift::sum(scene, detections, weights);
    reasons.extend(raised);
    let value = base.saturating_add(uplift).min(100);
    Scored { score: Score { value, base, uplift, parts, weights_hash: weights.hash() }, reasons }
}

/// One line per reason, for people.
pub fn explain(scored: &Scored) -> Vec<String> {
    scored
        .reasons
        .iter()
        .map(|reason| {
            let what = reason.dimension.map_or("uplift", |dimension| dimension.as_str());
            format!("{what} {:+} {}", reason.points, reason.id)
        })
        .collect()
}

#[cfg(test)]
mod tests;
