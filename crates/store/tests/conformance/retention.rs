//! What is too old goes, without breaking the follow.

use action::{Timestamp, Verdict};
use ledger::{ApprovalStep, Report};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{CountBy, DecisionFilter, Limit};

use crate::place::{Place, Sqlite, at, name};
use crate::records::{Log, approval, decision, dump, fill, outcome, random};

fn day(text: &str) -> i64 {
    Timestamp::parse(&format!("{text}T12:00:00Z")).unwrap().millis()
}

pub fn what_is_too_old_goes_and_does_not_come_back(place: &dyn Place) {
    let log = Log::of([
        decision("january", Verdict::Block, day("2026-01-31")),
        approval("january", ApprovalStep::Requested, day("2026-01-31")),
        decision("february", Verdict::Block, day("2026-02-01")),
        outcome("january", Report::Executed, day("2026-02-02")),
        outcome("february", Report::Executed, day("2026-02-03")),
    ]);
    let index = place.index();
    fill(&index, &log, 10);
    assert_eq!(index.retain(at(day("2026-02-20"))).unwrap(), 2);
    let left = index.decisions(&DecisionFilter::default(), None, Limit::MOST).unwrap().items;
    assert_eq!(left.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["february"]);
    assert!(index.decision(&name("january")).unwrap().is_none());
    assert!(index.holds(None, None, Limit::MOST).unwrap().items.is_empty());
    let findings = index.findings(&Default::default(), None, Limit::MOST).unwrap().items;
    assert_eq!(findings.iter().map(|row| row.of.clone()).collect::<Vec<_>>(), [Some(name("february"))]);
    let hours = index.hours(CountBy::Verdict, at(0), at(day("2027-01-01"))).unwrap();
    assert_eq!(hours.iter().map(|row| row.count).sum::<u64>(), 1);

    // A clock that is wrong by a month brings nothing back; neither does an earlier horizon.
    log.push(decision("late", Verdict::Allow, day("2026-01-15")));
    log.push(decision("march", Verdict::Allow, day("2026-03-01")));
    assert_eq!(index.retain(at(day("2025-01-01"))).unwrap(), 0);
    fill(&index, &log, 10);
    assert_eq!(index.next().unwrap(), 7);
    assert!(index.decision(&name("late")).unwrap().is_none());
    assert!(index.decision(&name("march")).unwrap().is_some());
}

/// Deleting in the middle and following on, or following everything and deleting then: the same rows.
pub fn retention_and_following_commute(_: &dyn Place) {
    let seeds = vec((any::<[u8; 8]>(), 0i64..400_000_000), 1..50);
    TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() })
        .run(&(seeds, 0usize..50, 0u32..8), |(seeds, middle, months)| {
            let mut now = day("2026-01-10");
            // Each decision has an id of its own, as decisions do; other records speak of six of them.
            let log = Log::of(seeds.iter().enumerate().map(|(n, (bytes, step))| {
                now += step;
                let mut record = random(*bytes, now, "d");
                if let Some(part) = &mut record.decision
                    && seeds[..n].iter().any(|(other, _)| other[0] % 9 < 3 && other[1] % 6 == bytes[1] % 6)
                {
                    part.id = name(&format!("own-{n}"));
                }
                record
            }));
            let until = at(day("2026-01-10") + i64::from(months) * 30 * 86_400_000);
            let (early, late) = (Sqlite::new(), Sqlite::new());
            let (first, second) = (early.index(), late.index());
            while first.next().unwrap() < log.len().min(middle as u64) {
                first.step(&log, 1).unwrap();
            }
            first.retain(until).unwrap();
            fill(&first, &log, 7);
            first.retain(until).unwrap();
            fill(&second, &log, 1_000);
            second.retain(until).unwrap();
            prop_assert_eq!(dump(&first), dump(&second));
            Ok(())
        })
        .unwrap();
}
