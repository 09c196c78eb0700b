//! How well the ledger is, as one word for probes and for the content store.

use crate::DiskSteps;
use crate::volume::Space;

/// Ordered: the later, the worse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Sound,
    /// It works, and somebody should look: the disk fills, the second sink is in use, heads are signed late.
    Warned {
        why: String,
    },
    /// The disk is nearly full: content must not be kept any more, records still are.
    Shedding {
        why: String,
    },
    /// The disk is full: no record is taken until there is space.
    ReadOnly {
        why: String,
    },
    /// Writing ended, for good in this process.
    Failed {
        why: String,
    },
}

impl Health {
    /// What a disk as full as this means.
    pub fn of_space(space: Space, steps: DiskSteps) -> Self {
        let used = space.used_percent();
        let why = format!("{used} % of the disk is used");
        if used >= steps.full {
            Health::ReadOnly { why }
        } else if used >= steps.shed {
            Health::Shedding { why }
        } else if used >= steps.warn {
            Health::Warned { why }
        } else {
            Health::Sound
        }
    }

    /// One word for programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Health::Sound => "sound",
            Health::Warned { .. } => "warned",
            Health::Shedding { .. } => "shedding",
            Health::ReadOnly { .. } => "read_only",
            Health::Failed { .. } => "failed",
        }
    }

    /// Whether the content store may still write.
    pub fn keeps_content(&self) -> bool {
        matches!(self, Health::Sound | Health::Warned { .. })
    }

    /// Whether records are taken.
    pub fn takes_records(&self) -> bool {
        !matches!(self, Health::ReadOnly { .. } | Health::Failed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_steps_are_where_they_are_said_to_be() {
        let at =
            |used: u64| Health::of_space(Space { total: 1_000, free: 1_000 - used }, DiskSteps::default());
        assert_eq!(at(790), Health::Sound);
        assert!(matches!(at(791), Health::Warned { .. }), "a part of a percent counts up");
        assert!(matches!(at(890), Health::Warned { .. }));
        assert!(matches!(at(900), Health::Shedding { .. }));
        assert!(matches!(at(950), Health::ReadOnly { .. }));
        assert!(at(790).keeps_content() && at(800).keeps_content() && !at(900).keeps_content());
        assert!(at(900).takes_records() && !at(950).takes_records());
    }

    #[test]
    fn an_empty_volume_counts_as_unused() {
        assert_eq!(Space { total: 0, free: 0 }.used_percent(), 0);
    }
}
