//! What a roll-out is measured by: decisions of its sessions beside those of the others.

use std::sync::atomic::{AtomicU64, Ordering};

use action::{Decision, Verdict};

/// Counts since a candidate was put beside the active rules. They only go up.
#[derive(Debug, Default)]
pub struct Tally {
    candidate: Counts,
    others: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    decisions: AtomicU64,
    blocked: AtomicU64,
    faulty: AtomicU64,
}

/// Decisions of some sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    pub decisions: u64,
    /// That the policy blocks, whatever the mode carries out.
    pub blocked: u64,
    /// In which a rule could not be evaluated.
    pub faulty: u64,
}

/// Both sides at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Both {
    pub candidate: Counted,
    pub others: Counted,
}

impl Tally {
    pub(crate) fn count(&self, is_candidate: bool, decision: &Decision) {
        let side = if is_candidate { &self.candidate } else { &self.others };
        side.decisions.fetch_add(1, Ordering::Relaxed);
        if decision.verdict == Verdict::Block {
            side.blocked.fetch_add(1, Ordering::Relaxed);
        }
        if !decision.ruling.faults.is_empty() {
            side.faulty.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn read(&self) -> Both {
        Both { candidate: self.candidate.read(), others: self.others.read() }
    }
}

impl Counts {
    /// What is counted last is read first, so that no part is greater than its whole.
    fn read(&self) -> Counted {
        let faulty = self.faulty.load(Ordering::Relaxed);
        let blocked = self.blocked.load(Ordering::Relaxed);
        let decisions = self.decisions.load(Ordering::Relaxed);
        Counted { decisions: decisions.max(blocked).max(faulty), blocked, faulty }
    }
}

impl Counted {
    fn since(self, before: Counted) -> Counted {
        Counted {
            decisions: self.decisions.saturating_sub(before.decisions),
            blocked: self.blocked.saturating_sub(before.blocked),
            faulty: self.faulty.saturating_sub(before.faulty),
        }
    }
}

impl Both {
    /// What came between two moments.
    #[must_use]
    pub fn since(self, before: Both) -> Both {
        Both { candidate: self.candidate.since(before.candidate), others: self.others.since(before.others) }
    }

    /// Whether the candidate's share of blocked decisions exceeds that of the others by more than so
    /// many points of a hundred. Where the others decided nothing, their share is none.
    pub fn blocked_share_exceeds(&self, points: u8) -> bool {
        let wide = |count: u64| i128::from(count);
        let (own, own_blocked) = (wide(self.candidate.decisions), wide(self.candidate.blocked));
        let (others, others_blocked) = match self.others.decisions {
            0 => (1, 0),
            decisions => (wide(decisions), wide(self.others.blocked)),
        };
        // a/b - c/d > p/100, without a fraction; counts of any process keep far from the bounds.
        let above = own_blocked.saturating_mul(others).saturating_sub(others_blocked.saturating_mul(own));
        own > 0 && above.saturating_mul(100) > i128::from(points).saturating_mul(own.saturating_mul(others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(own: (u64, u64), others: (u64, u64)) -> Both {
        let counted = |(decisions, blocked)| Counted { decisions, blocked, faulty: 0 };
        Both { candidate: counted(own), others: counted(others) }
    }

    #[test]
    fn shares_are_compared_in_points() {
        for (own, others, points, want) in [
            ((100, 16), (1_000, 100), 5, true),
            ((100, 15), (1_000, 100), 5, false),
            ((100, 10), (1_000, 500), 5, false),
            ((10, 1), (0, 0), 5, true),
            ((10, 0), (0, 0), 0, false),
            ((0, 0), (10, 0), 0, false),
            ((3, 1), (3, 1), 0, false),
            ((1 << 52, 1 << 52), (1 << 52, 0), 99, true),
        ] {
            assert_eq!(both(own, others).blocked_share_exceeds(points), want, "{own:?} {others:?} {points}");
        }
    }

    #[test]
    fn a_window_is_the_difference_of_two_moments() {
        let now = both((30, 9), (50, 1)).since(both((10, 9), (50, 1)));
        assert_eq!(now, both((20, 0), (0, 0)));
    }
}
