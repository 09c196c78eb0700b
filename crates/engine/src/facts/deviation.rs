//! How far one action is from what its agent usually does. Compared once, used three times.

use super::baseline::{Baseline, ColdStart, Observation};
use super::sketch::BIT;

/// The comparison of one action with a baseline that is past its cold start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// 0 is usual, 95 is as unusual as can be told; already weighed by the confidence.
    pub grade: u8,
    /// How far the baseline can be trusted, 1 to 100.
    pub confidence: u8,
    /// What is unusual, with its points before weighing.
    pub reasons: Vec<(&'static str, u8)>,
}

/// The part score of an agent without a usable baseline: neither usual nor unusual.
pub const UNKNOWN: u8 = 30;
const USUAL: u8 = 5;
const GREATEST: u8 = 95;

/// `None` while the baseline is in its cold start. Between the minimum and full confidence, the
/// grade moves from [`UNKNOWN`] to what the comparison says.
pub fn compare(baseline: &Baseline, seen: &Observation, start: &ColdStart) -> Option<Deviation> {
    let confidence = baseline.confidence(start);
    if confidence == 0 {
        return None;
    }
    let it = baseline.learned();
    let mut reasons: Vec<(&'static str, u8)> = Vec::new();
    let mut note = |id, points: u8| {
        if points > 0 {
            reasons.push((id, points));
        }
    };

    let new = |count: u32, total: u32, normal: bool, points: u8| match (count, total) {
        (0, 1..) if normal => points / 3,
        (0, 1..) => points,
        _ => 0,
    };
    let tool = it.tools.count(baseline.key(&seen.tool));
    note("behaviour.tool_new", new(tool, it.tools.total(), it.tools.novelty_is_normal(), 35));
    let resource = it.resources.count(baseline.key(&seen.resource));
    note("behaviour.resource_new", new(resource, it.resources.total(), it.resources.novelty_is_normal(), 20));
    let strange = seen.destinations.iter().any(|name| it.destinations.count(baseline.key(name)) == 0);
    // An agent that never sent anything anywhere has an empty table, and its first destination is news.
    let destinations = it.destinations.total().max(u32::from(it.operations.iter().any(|n| *n > 0)));
    if strange {
        let normal = it.destinations.novelty_is_normal();
        note("behaviour.destination_new", new(0, destinations, normal, 30));
    }
    let operations: u32 = it.operations.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let operation = seen.operation.and_then(|operation| it.operations.get(operation.index())).copied();
    note("behaviour.operation_new", new(operation.unwrap_or(1), operations, false, 25));
    let shape = it.shapes.count(seen.shape);
    note("behaviour.payload_shape_new", new(shape, it.shapes.total(), it.shapes.novelty_is_normal(), 15));
    if it.version != 0 && it.version != baseline.version_key(seen.version.as_deref()) {
        note("behaviour.version_new", 10);
    }

    note("behaviour.records_high", steps(it.records.excess(seen.records), 20));
    note("behaviour.amount_high", steps(seen.amount.map_or(0, |amount| it.amount.excess(amount)), 20));
    note("behaviour.bytes_high", steps(it.bytes.excess(seen.bytes), 15));
    note("behaviour.rate_high", steps(it.rate.excess(seen.rate), 15));

    let sum = reasons.iter().fold(u32::from(USUAL), |sum, (_, points)| sum + u32::from(*points));
    let found = sum.min(u32::from(GREATEST));
    let trust = u32::from(confidence);
    let grade = (found * trust + u32::from(UNKNOWN) * (100 - trust) + 50) / 100;
    Some(Deviation { grade: u8::try_from(grade).unwrap_or(GREATEST), confidence, reasons })
}

/// One, two or three times the points at 1, 3 and 6 bits (2, 8 and 64 times) above the usual room.
fn steps(excess: i32, points: u8) -> u8 {
    match excess / BIT {
        0 => 0,
        1..3 => points,
        3..6 => points.saturating_mul(2),
        _ => points.saturating_mul(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use action::Operation;

    const START: ColdStart = ColdStart { min_decisions: 50, min_days: 3, full_decisions: 500, full_days: 14 };

    fn usual() -> Observation {
        Observation {
            operation: Some(Operation::Read),
            tool: "get_profile".into(),
            resource: "customer_profile".into(),
            records: 1,
            bytes: 40,
            ..Observation::default()
        }
    }

    fn baseline(decisions: i64, per_day: i64) -> Baseline {
        let mut baseline = Baseline::begin(3);
        for n in 0..decisions {
            let millis = n * super::super::counters::DAY / per_day;
            baseline.observe(&Observation { at: action::Timestamp::from_millis(millis), ..usual() });
        }
        baseline
    }

    #[test]
    fn the_usual_is_usual_and_a_dump_is_not() {
        let baseline = baseline(1000, 50);
        assert_eq!(compare(&baseline, &usual(), &START).unwrap().grade, USUAL);
        let dump = Observation {
            records: 100_000,
            operation: Some(Operation::Send),
            destinations: vec!["collector.example".into()],
            ..usual()
        };
        assert_eq!(compare(&baseline, &dump, &START).unwrap().grade, GREATEST);
    }

    #[test]
    fn a_cold_baseline_says_nothing_and_a_young_one_says_it_softly() {
        assert_eq!(compare(&baseline(40, 5), &usual(), &START), None);
        let dump = Observation { records: 100_000, ..usual() };
        let young = compare(&baseline(60, 10), &dump, &START).unwrap();
        let old = compare(&baseline(1000, 50), &dump, &START).unwrap();
        assert!(young.grade > UNKNOWN && young.grade < old.grade, "{young:?} {old:?}");
    }
}
