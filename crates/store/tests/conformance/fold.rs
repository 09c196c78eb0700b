//! Following: the same records give the same rows, in batches of any size, with restarts anywhere.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use action::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::FollowError;

use crate::place::{Place, Sqlite};
use crate::records::{Log, decision, dump, fill, random};

/// Random ledgers of up to sixty records, whose clock may go back.
fn logs() -> impl Strategy<Value = Vec<([u8; 8], i64)>> {
    vec((any::<[u8; 8]>(), -3_000_000i64..5_000_000), 1..60)
}

fn log_of(seeds: &[([u8; 8], i64)]) -> Log {
    let mut now = 1_772_000_000_000;
    Log::of(seeds.iter().map(|(bytes, step)| {
        now += step;
        random(*bytes, now, "d")
    }))
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() })
}

pub fn following_again_gives_the_same_rows(place: &dyn Place) {
    let index = place.index();
    runner()
        .run(&logs(), |seeds| {
            let log = log_of(&seeds);
            fill(&index, &log, 7);
            let once = dump(&index);
            prop_assert!(once.lines().filter(|line| line.starts_with("records ")).count() == seeds.len());
            drop_tables(&index);
            fill(&index, &log, 1_000);
            prop_assert_eq!(dump(&index), once);
            drop_tables(&index);
            Ok(())
        })
        .unwrap();
}

/// A ledger that is shorter than the index drops every table.
fn drop_tables(index: &store::Index) {
    assert!(index.step(&Log::default(), 10).unwrap().rebuilt.is_some());
    assert_eq!(index.next().unwrap(), 0);
}

pub fn batches_and_restarts_leave_no_trace(_: &dyn Place) {
    let steps = vec((1usize..9, any::<bool>()), 60);
    runner()
        .run(&(logs(), steps), |(seeds, steps)| {
            let log = log_of(&seeds);
            let (one, many) = (Sqlite::new(), Sqlite::new());
            let whole = one.index();
            fill(&whole, &log, 1_000);
            let mut index = many.index();
            for (batch, restart) in &steps {
                if restart & (index.next().unwrap() % 3 == 0) {
                    drop(index);
                    index = many.index();
                }
                index.step(&log, *batch).unwrap();
            }
            prop_assert_eq!(dump(&index), dump(&whole));
            Ok(())
        })
        .unwrap();
}

pub fn another_ledger_empties_the_index(place: &dyn Place) {
    let log = Log::of((0..20).map(|n| decision(&format!("d-{n}"), Verdict::Allow, n)));
    fill(&place.index(), &log, 100);

    // Shorter: a volume that was rolled back.
    let short = Log::of((0..5).map(|n| decision(&format!("d-{n}"), Verdict::Allow, n)));
    let index = place.index();
    let step = index.step(&short, 100).unwrap();
    assert_eq!((step.folded, step.next), (0, 0));
    assert!(step.rebuilt.unwrap().contains("the ledger has 5 records, the index 20"));
    fill(&index, &short, 100);
    drop(index);

    // As long, but another: noticed at the first step after a start.
    let other = Log::of((0..9).map(|n| decision(&format!("e-{n}"), Verdict::Block, n)));
    let index = place.index();
    assert!(index.step(&other, 100).unwrap().rebuilt.unwrap().contains("record 4"));
    fill(&index, &other, 100);
    let fresh = Sqlite::new();
    let expected = fresh.index();
    fill(&expected, &other, 3);
    assert_eq!(dump(&index), dump(&expected));
}

pub fn a_broken_chain_is_not_folded(place: &dyn Place) {
    let log = Log::of((0..10).map(|n| decision(&format!("d-{n}"), Verdict::Allow, n)));
    let index = place.index();
    index.step(&log, 5).unwrap();
    let before = dump(&index);
    log.change(|entries| entries[7].record.previous = action::Digest::from_bytes([9; 32]));
    let error = index.step(&log, 5).unwrap_err();
    assert!(matches!(error, FollowError::Broken { after: 7, got: 7 }), "{error}");
    assert_eq!(dump(&index), before, "nothing of the batch is kept");
    log.change(|entries| {
        entries.remove(6);
    });
    assert_eq!(index.step(&log, 2).unwrap_err().code(), "index.broken_chain");
}

pub fn a_follower_sees_new_records_and_stops(place: &dyn Place) {
    let (index, log, stop) =
        (place.index(), Log::of([decision("d-0", Verdict::Allow, 1)]), AtomicBool::new(false));
    let notices = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let notices = &notices;
        let notice =
            move |step: &Result<store::Step, FollowError>| notices.lock().unwrap().push(format!("{step:?}"));
        let (index, log, stop) = (&index, &log, &stop);
        let follower = scope.spawn(move || index.follow(log, stop, &notice));
        for n in 1..50 {
            log.push(decision(&format!("d-{n}"), Verdict::Allow, n));
        }
        let end = Instant::now() + Duration::from_secs(20);
        while index.next().unwrap() < 50 && Instant::now() < end {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Release);
        follower.join().unwrap();
    });
    assert_eq!(index.next().unwrap(), 50);
    assert_eq!(*notices.lock().unwrap(), Vec::<String>::new());
}
