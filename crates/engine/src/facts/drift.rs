//! Drift: how far an agent's habits moved between two snapshots, in integers.

use serde::Serialize;

use super::Baseline;
use super::sketch::{BIT, Spread};

/// One habit that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Drift {
    pub what: &'static str,
    /// Thousandths of the population stability index for a mix, thousandths of a bit for a volume,
    /// thousandths for a rate of failures.
    pub thousandths: u32,
    pub level: DriftLevel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftLevel {
    /// Worth a look.
    Moderate,
    /// Another agent, by its habits.
    Strong,
}

/// Decisions that both snapshots must have before they can be compared.
const LEAST_OBSERVED: u32 = 50;

/// The bounds of one habit: from where on it has moderately or strongly moved.
struct Habit {
    what: &'static str,
    moderate: u32,
    strong: u32,
    measure: fn(&Baseline, &Baseline) -> Option<u32>,
}

/// A stability index of 0.1 and 0.25 are the customary bounds for a mix.
const HABITS: [Habit; 11] = [
    Habit { what: "tool_mix", moderate: 100, strong: 250, measure: |a, b| mix(tools(a), tools(b)) },
    Habit {
        what: "resource_mix",
        moderate: 100,
        strong: 250,
        measure: |a, b| mix(resources(a), resources(b)),
    },
    Habit {
        what: "destination_mix",
        moderate: 100,
        strong: 250,
        measure: |a, b| mix(destinations(a), destinations(b)),
    },
    Habit { what: "payload_shapes", moderate: 150, strong: 400, measure: |a, b| mix(shapes(a), shapes(b)) },
    Habit {
        what: "operations",
        moderate: 100,
        strong: 250,
        measure: |a, b| mix(numbered(&a.learned().operations), numbered(&b.learned().operations)),
    },
    Habit {
        what: "hours",
        moderate: 200,
        strong: 500,
        measure: |a, b| mix(numbered(&a.learned().hours), numbered(&b.learned().hours)),
    },
    Habit {
        what: "records",
        moderate: 1_000,
        strong: 3_000,
        measure: |a, b| shift(&a.learned().records, &b.learned().records),
    },
    Habit {
        what: "bytes",
        moderate: 1_000,
        strong: 3_000,
        measure: |a, b| shift(&a.learned().bytes, &b.learned().bytes),
    },
    Habit {
        what: "amount",
        moderate: 1_000,
        strong: 3_000,
        measure: |a, b| shift(&a.learned().amount, &b.learned().amount),
    },
    Habit {
        what: "call_rate",
        moderate: 1_000,
        strong: 3_000,
        measure: |a, b| shift(&a.learned().rate, &b.learned().rate),
    },
    Habit { what: "failures", moderate: 50, strong: 200, measure: failures },
];

/// The habits that moved from `old` to `new`, in the order of the table. Empty when one of the
/// snapshots has too few decisions to compare.
pub fn drift(old: &Baseline, new: &Baseline) -> Vec<Drift> {
    if old.learned().observed < LEAST_OBSERVED || new.learned().observed < LEAST_OBSERVED {
        return Vec::new();
    }
    let moved = |habit: &Habit| {
        let thousandths = (habit.measure)(old, new)?;
        let level = match thousandths {
            n if n >= habit.strong => DriftLevel::Strong,
            n if n >= habit.moderate => DriftLevel::Moderate,
            _ => return None,
        };
        Some(Drift { what: habit.what, thousandths, level })
    };
    HABITS.iter().filter_map(moved).collect()
}

type Mix = Vec<(u64, u32)>;

fn tools(it: &Baseline) -> Mix {
    it.learned().tools.entries().collect()
}
fn resources(it: &Baseline) -> Mix {
    it.learned().resources.entries().collect()
}
fn destinations(it: &Baseline) -> Mix {
    it.learned().destinations.entries().collect()
}
fn shapes(it: &Baseline) -> Mix {
    it.learned().shapes.entries().collect()
}
fn numbered(counts: &[u32]) -> Mix {
    (0u64..).zip(counts.iter().copied()).collect()
}

/// Population stability index in thousandths: the sum over keys of
/// `(share_new - share_old) * ln(share_new / share_old)`, both symmetric and never negative.
/// A share never counts as less than half a per mille, so a new key has a finite weight.
fn mix(old: Mix, new: Mix) -> Option<u32> {
    let sum = |mix: &Mix| mix.iter().map(|(_, count)| u64::from(*count)).sum::<u64>();
    let (old_sum, new_sum) = (sum(&old), sum(&new));
    if old_sum == 0 || new_sum == 0 {
        return None;
    }
    let mut keys: Vec<u64> = old.iter().chain(&new).map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    // Shares in 1/65536; logarithms in 1/256 of a bit.
    let share = |mix: &Mix, sum: u64, key: u64| {
        let count = mix.iter().find(|(k, _)| *k == key).map_or(0, |(_, count)| *count);
        ((u64::from(count) << 16) / sum).max(33)
    };
    let total: i64 = keys
        .iter()
        .map(|key| {
            let (was, is) = (share(&old, old_sum, *key), share(&new, new_sum, *key));
            let gap = i64::try_from(is).unwrap_or(0) - i64::try_from(was).unwrap_or(0);
            // `bits` takes value + 1, so one is taken off before.
            gap * i64::from(super::sketch::bits(is - 1) - super::sketch::bits(was - 1))
        })
        .sum();
    // 65536 * 256 per bit; a bit is 0.693 natural units.
    let thousandths = i128::from(total) * 693 / (65_536 * 256);
    u32::try_from(thousandths.max(0)).ok()
}

/// Thousandths of a bit by which a usual volume moved, up or down.
fn shift(old: &Spread, new: &Spread) -> Option<u32> {
    if old.seen() == 0 || new.seen() == 0 {
        return None;
    }
    let gap = i64::from(new.mean_bits()) - i64::from(old.mean_bits());
    u32::try_from(gap.unsigned_abs() * 1000 / u64::from(BIT.unsigned_abs())).ok()
}

/// Thousandths by which the share of failed or refused decisions rose.
fn failures(old: &Baseline, new: &Baseline) -> Option<u32> {
    let share = |it: &Baseline| {
        let (failed, fine) = (u64::from(it.learned().failures), u64::from(it.learned().observed));
        failed * 1000 / (failed + fine).max(1)
    };
    u32::try_from(share(new).saturating_sub(share(old))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Observation;
    use action::{Operation, Timestamp};

    fn snapshot(days: i64, seen: impl Fn(i64) -> Observation) -> Baseline {
        let mut baseline = Baseline::begin(5);
        for n in 0..days * 20 {
            let at = Timestamp::from_millis(n / 20 * 86_400_000 + (n % 8 + 9) * 3_600_000);
            baseline.observe(&Observation { at, ..seen(n) });
        }
        baseline
    }

    fn usual(n: i64) -> Observation {
        Observation {
            operation: Some(Operation::Read),
            tool: ["lookup", "lookup", "lookup", "note"][(n % 4) as usize].into(),
            resource: "order".into(),
            records: 1 + (n % 3).unsigned_abs(),
            bytes: 100,
            ..Observation::default()
        }
    }

    #[test]
    fn the_same_habits_do_not_drift() {
        assert_eq!(drift(&snapshot(10, usual), &snapshot(20, usual)), []);
    }

    #[test]
    fn another_mix_more_volume_and_failures_are_named() {
        let other = |n: i64| Observation {
            tool: ["export", "lookup"][(n % 2) as usize].into(),
            records: 4_000,
            destinations: vec!["sink.example".into()],
            ..usual(n)
        };
        let mut new = snapshot(10, other);
        for _ in 0..100 {
            new.observe_failure();
        }
        let found = drift(&snapshot(10, usual), &new);
        let what: Vec<&str> = found.iter().map(|drift| drift.what).collect();
        assert_eq!(what, ["tool_mix", "records", "failures"]);
        assert!(found.iter().all(|drift| drift.level == DriftLevel::Strong), "{found:?}");
    }

    #[test]
    fn too_little_history_is_no_drift() {
        assert_eq!(drift(&snapshot(1, usual), &snapshot(10, usual)), []);
    }
}
