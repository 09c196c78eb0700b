//! Weights, exponent and uplift table: configuration with a version hash.

use action::{Digest, Dimension, Vector, digest};

use super::{FACTORS, MAX_POWER, UPLIFT, Uplift};
use crate::yaml::{Faults, Fields, Node};

/// How parts become a score. Risk teams may set it per scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// In tenths, in the order of [`Dimension::ALL`].
    pub(super) tenths: [u8; 7],
    pub(super) power: u8,
    pub(super) uplift: [Uplift; 12],
    /// INVARIANT: the digest of the rest; every score carries it, so it is computed once.
    hash: Digest,
}

impl Default for Weights {
    fn default() -> Self {
        let tenths = FACTORS.map(|factor| factor.weight);
        Weights { tenths, power: 4, uplift: UPLIFT, hash: Digest::default() }.hashed()
    }
}

impl Weights {
    /// The greatest weight, in tenths.
    pub const GREATEST: u8 = 100;

    /// The version hash that is written into every score.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    fn hashed(mut self) -> Self {
        let uplift: Vec<u8> = self.uplift.iter().flat_map(|row| row.points).collect();
        self.hash = digest("checkrein.weights.v1", &[&self.tenths, &[self.power], &uplift]);
        self
    }

    /// Reads `power`, `weights: { action: 15, ... }` and `uplift: { pii: [3, 6, 10, 10], ... }`;
    /// what is left out keeps its default.
    pub fn read(file: &str, node: &Node, faults: &mut Faults) -> Self {
        let mut weights = Weights::default();
        let Some(mut fields) = Fields::of(file, node, faults) else { return weights };
        if let Some(power) = fields.whole("power", faults) {
            match u8::try_from(power).ok().filter(|power| (1..=MAX_POWER).contains(power)) {
                Some(power) => weights.power = power,
                None => {
                    fields.fault(faults, "out_of_range", format!("`power` is from 1 to {MAX_POWER}"), None)
                }
            }
        }
        if let Some(mut given) = fields.fields("weights", faults) {
            for (tenths, dimension) in weights.tenths.iter_mut().zip(Dimension::ALL) {
                let Some(value) = given.whole(dimension.as_str(), faults) else { continue };
                match u8::try_from(value).ok().filter(|value| *value <= Self::GREATEST) {
                    Some(value) => *tenths = value,
                    None => {
                        given.fault(faults, "out_of_range", "a weight is from 0 to 100 tenths".into(), None)
                    }
                }
            }
            if weights.tenths.iter().all(|weight| *weight == 0) {
                given.fault(faults, "out_of_range", "at least one weight must be above 0".into(), None);
                weights.tenths = Weights::default().tenths;
            }
            given.finish(faults);
        }
        if let Some(mut given) = fields.fields("uplift", faults) {
            for (row, vector) in weights.uplift.iter_mut().zip(Vector::ALL) {
                let Some(list) = given.list(vector.as_str(), faults) else { continue };
                match points(list) {
                    Some(points) => row.points = points,
                    None => {
                        let hint =
                            "four whole numbers from 0 to 15, growing: below medium, medium, high, critical";
                        let message = format!("`{vector}` must list its points");
                        given.fault(faults, "wrong_type", message, Some(hint.into()));
                    }
                }
            }
            given.finish(faults);
        }
        fields.finish(faults);
        weights.hashed()
    }
}

fn points(list: &[Node]) -> Option<[u8; 4]> {
    let read: Option<Vec<u8>> = list.iter().map(|node| node.as_text()?.parse().ok()).collect();
    let points: [u8; 4] = read?.try_into().ok()?;
    let growing = points.iter().zip(points.iter().skip(1)).all(|(less, more)| less <= more);
    (growing && points.iter().all(|p| *p <= super::uplift::GREATEST)).then_some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Weights, Faults) {
        let mut faults = Faults::default();
        let node = crate::yaml::parse("weights.yaml", text).unwrap();
        (Weights::read("weights.yaml", &node, &mut faults), faults)
    }

    #[test]
    fn what_is_given_changes_the_hash_and_what_is_not_keeps_its_default() {
        let (weights, faults) = read("power: 3\nweights: { temporal: 20 }\nuplift: { xss: [1, 2, 3, 4] }\n");
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!((weights.power, weights.tenths), (3, [15, 12, 20, 8, 13, 11, 10]));
        assert_ne!(weights.hash(), Weights::default().hash());
        assert_eq!(read("power: 4").0.hash(), Weights::default().hash());
    }

    #[test]
    fn impossible_weights_are_faults_and_change_nothing() {
        let (weights, faults) = read(
            "power: 99\nweights: { action: 101, tempral: 3 }\nuplift: { pii: [9, 1, 2, 3], xss: [1] }\n",
        );
        assert_eq!(weights, Weights::default());
        assert_eq!(faults.0.len(), 5, "{faults:#?}");
    }
}
