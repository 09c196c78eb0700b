//! How sensitive the data at hand is.

use action::Sensitivity;

use super::Reasons;
use crate::detect::Scene;

pub fn weigh(scene: &Scene<'_>, reasons: &mut Reasons) {
    let level = scene.sensitivity;
    let (id, points) = match level {
        Sensitivity::None => ("sensitivity.none", 10),
        Sensitivity::Low => ("sensitivity.low", 20),
        Sensitivity::Medium => ("sensitivity.medium", 40),
        Sensitivity::High => ("sensitivity.high", 90),
    };
    reasons.add(id, points);
    // One address is a contact; a thousand are the customer list.
    let many = scene.records >= 1_000 || (scene.traits.everything && scene.action.count.is_none());
    if level == Sensitivity::Medium && many {
        reasons.add("sensitivity.medium_in_bulk", 40);
    }
}
