//! What threat vectors add to the base: by vector and confidence, cut at 15.

use action::{Confidence, Detection, Place, SensitiveClass, Vector};

use super::{Reason, Weights};
use crate::detect::Scene;

/// Points of one vector by the confidence of its surest hit: below medium, medium, high, critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uplift {
    pub vector: Vector,
    pub points: [u8; 4],
}

/// The default table, in the order of `Vector::ALL`. Behavioural anomaly adds nothing: it is the
/// behaviour dimension seen against a limit.
pub const UPLIFT: [Uplift; 12] = [
    Uplift { vector: Vector::PromptInjection, points: [2, 5, 5, 5] },
    Uplift { vector: Vector::SqlInjection, points: [2, 4, 6, 8] },
    Uplift { vector: Vector::Xss, points: [1, 3, 4, 5] },
    Uplift { vector: Vector::ExfiltrationVelocity, points: [2, 5, 7, 8] },
    Uplift { vector: Vector::Pii, points: [3, 6, 10, 10] },
    Uplift { vector: Vector::KnownExploit, points: [2, 5, 8, 10] },
    Uplift { vector: Vector::ResourceExhaustion, points: [1, 2, 3, 5] },
    Uplift { vector: Vector::PrivilegeEscalation, points: [2, 4, 6, 8] },
    Uplift { vector: Vector::SessionAnomaly, points: [1, 3, 5, 7] },
    Uplift { vector: Vector::RateLimit, points: [1, 2, 3, 3] },
    Uplift { vector: Vector::PolicyViolation, points: [2, 4, 6, 8] },
    Uplift { vector: Vector::BehaviourAnomaly, points: [0, 0, 0, 0] },
];

/// The greatest sum.
pub const GREATEST: u8 = 15;

/// Rules whose fact a dimension has counted already, so that it is not counted twice.
const COUNTED: [&str; 8] = [
    "session.agent_unregistered",
    "session.agent_frozen",
    "session.version_changed",
    "session.region_unapproved",
    "exfiltration.records",
    "exhaustion.records_read",
    "privilege.grant",
    "rate.baseline",
];

/// The sum of the vectors that hit, each by its surest hit.
pub fn sum(scene: &Scene<'_>, detections: &[Detection], weights: &Weights) -> (u8, Vec<Reason>) {
    let mut reasons = Vec::new();
    let mut left = GREATEST;
    for row in &weights.uplift {
        let new = detections.iter().filter(|hit| hit.vector == row.vector && is_new(scene, hit));
        let Some(surest) = new.map(|hit| hit.confidence).max() else { continue };
        let [low, medium, high, critical] = row.points;
        let points = match surest {
            sure if sure >= Confidence::CRITICAL => critical,
            sure if sure >= Confidence::HIGH => high,
            sure if sure >= Confidence::MEDIUM => medium,
            _ => low,
        };
        let points = points.min(left);
        left -= points;
        if points > 0 {
            reasons.push(Reason { dimension: None, id: row.vector.as_str(), points: i16::from(points) });
        }
    }
    (GREATEST - left, reasons)
}

/// Whether a hit says something that no dimension knows. Sensitive data by itself is the
/// sensitivity dimension; together with a destination outside it is a new fact.
fn is_new(scene: &Scene<'_>, hit: &Detection) -> bool {
    if COUNTED.contains(&hit.rule.as_ref()) {
        return false;
    }
    if hit.vector != Vector::Pii {
        return true;
    }
    let of_the_agent = match hit.evidence.as_ref().map(|evidence| &evidence.place) {
        Some(Place::Context { .. }) => false,
        Some(Place::Payload { .. } | Place::Key { .. } | Place::Field { .. }) | None => true,
    };
    // An address is where a message goes; one in a message to somebody is no exfiltration by itself.
    let telling = !matches!(hit.class, Some(SensitiveClass::IpAddress));
    scene.external && of_the_agent && telling
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_list_of_vectors_and_grows_with_confidence() {
        for (row, vector) in UPLIFT.iter().zip(Vector::ALL) {
            assert_eq!(row.vector, *vector);
            assert!(row.points.windows(2).all(|pair| pair[0] <= pair[1]), "{vector}");
        }
    }
}
