//! The seven factors, in one table.

use action::Dimension;

use super::{action_risk, agent_risk, compliance, sensitivity, surroundings};
use crate::detect::Scene;

/// One dimension of the score: what it looks at, what it weighs by default, how it is computed.
pub struct Factor {
    pub dimension: Dimension,
    /// In tenths.
    pub weight: u8,
    pub about: &'static str,
    pub weigh: fn(&Scene<'_>, &mut Reasons),
}

/// In the order of [`Dimension::ALL`].
pub const FACTORS: [Factor; 7] = [
    Factor {
        dimension: Dimension::Action,
        weight: 15,
        about: "what would be done, to how much, with how much money, and whether it can be undone",
        weigh: action_risk::weigh,
    },
    Factor {
        dimension: Dimension::Agent,
        weight: 12,
        about: "the agent's record: registration, freeze, age, credentials, alerts, refusals, a new version",
        weigh: agent_risk::weigh,
    },
    Factor {
        dimension: Dimension::Temporal,
        weight: 10,
        about: "the hour and the day against the agent's own operating hours",
        weigh: surroundings::temporal,
    },
    Factor {
        dimension: Dimension::Environment,
        weight: 8,
        about: "production or not, the network, the region, and whether something leaves the estate",
        weigh: surroundings::environment,
    },
    Factor {
        dimension: Dimension::Behaviour,
        weight: 13,
        about: "how far the action is from what the agent usually does",
        weigh: surroundings::behaviour,
    },
    Factor {
        dimension: Dimension::Compliance,
        weight: 11,
        about: "duties under PCI DSS, HIPAA, SOX and GDPR that the action touches",
        weigh: compliance::weigh,
    },
    Factor {
        dimension: Dimension::Sensitivity,
        weight: 10,
        about: "how sensitive the data at hand is",
        weigh: sensitivity::weigh,
    },
];

/// One thing that counted, with its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// `None` for the uplift.
    pub dimension: Option<Dimension>,
    pub id: &'static str,
    pub points: i16,
}

/// Collects the reasons of one dimension; the part score is their sum, cut to 0..=100.
pub struct Reasons {
    dimension: Dimension,
    list: Vec<Reason>,
}

impl Reasons {
    pub fn new(dimension: Dimension) -> Self {
        Reasons { dimension, list: Vec::new() }
    }

    pub fn add(&mut self, id: &'static str, points: i16) {
        if points != 0 {
            self.list.push(Reason { dimension: Some(self.dimension), id, points });
        }
    }

    pub fn part(&self) -> u8 {
        let sum: i32 = self.list.iter().map(|reason| i32::from(reason.points)).sum();
        u8::try_from(sum.clamp(0, 100)).unwrap_or(100)
    }

    pub fn into_list(self) -> Vec<Reason> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_list_of_dimensions_and_weighs_79() {
        let order: Vec<Dimension> = FACTORS.iter().map(|factor| factor.dimension).collect();
        assert_eq!(order, Dimension::ALL);
        assert_eq!(FACTORS.iter().map(|factor| u32::from(factor.weight)).sum::<u32>(), 79);
    }
}
