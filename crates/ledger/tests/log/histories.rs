//! Random histories of appending, signing, failing and losing power, against a model that is a list.

use std::io::ErrorKind;

use ledger::Promise;
use proptest::prelude::*;

use crate::disk::{Fault, FaultyDisk, How, Op};
use crate::support::{HOME, append, check_from_outside, name, number, open_with, record, settings};

#[derive(Debug, Clone)]
enum Step {
    Append,
    /// A record of many bytes: it fills segments.
    AppendLong,
    AppendWindowed,
    Sign,
    Fail {
        op: Op,
        skip: usize,
        how: How,
    },
    /// The process ends and another starts.
    Restart,
    /// The machine stops in the middle of whatever goes on.
    PowerCut,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let op =
        prop_oneof![Just(Op::Create), Just(Op::Write), Just(Op::Sync), Just(Op::Rename), Just(Op::SyncDir),];
    let kind = prop_oneof![Just(ErrorKind::Other), Just(ErrorKind::StorageFull)];
    let how = prop_oneof![
        kind.clone().prop_map(How::NotDone),
        kind.clone().prop_map(How::Done),
        kind.prop_map(How::Half),
        Just(How::PowerBefore),
        Just(How::PowerAfter),
    ];
    prop_oneof![
        8 => Just(Step::Append),
        2 => Just(Step::AppendLong),
        2 => Just(Step::AppendWindowed),
        3 => Just(Step::Sign),
        2 => (op, 0..12_usize, how).prop_map(|(op, skip, how)| Step::Fail { op, skip, how }),
        2 => Just(Step::Restart),
        2 => Just(Step::PowerCut),
        1 => Just(Step::Close),
    ]
}

/// What must hold of a log, as a list: all numbers that were acknowledged are there in this order, and
/// nothing is there that was never appended.
#[derive(Default)]
struct Model {
    next: u64,
    acknowledged: Vec<u64>,
    /// Accepted ahead of the disk: may be lost.
    windowed: Vec<u64>,
}

fn play(steps: &[Step], seed: u64) {
    let disk = FaultyDisk::new(seed);
    let mut model = Model::default();
    let mut ledger = None;
    for step in steps {
        if ledger.is_none() {
            if disk.is_off() {
                disk.boot();
            }
            ledger = match open_with(&disk, settings()) {
                Ok((ledger, _)) => Some(ledger),
                // A planned fault met the opening.
                Err(error) => {
                    assert!(disk.met() > 0, "does not open without a fault: {error:?}");
                    disk.boot();
                    Some(
                        open_with(&disk, settings())
                            .unwrap_or_else(|error| panic!("does not open: {error:?}"))
                            .0,
                    )
                }
            };
        }
        let open = ledger.as_ref().unwrap();
        let n = model.next;
        match step {
            Step::Append => {
                model.next += 1;
                if append(open, n).is_ok() {
                    model.acknowledged.push(n);
                }
            }
            Step::AppendLong => {
                model.next += 1;
                let mut long = record(n);
                for pad in 0..20 {
                    long.notes.insert(name(&format!("pad{pad}")), name(&"x".repeat(250)));
                }
                if open.append_wait(long, Promise::Synced).is_ok() {
                    model.acknowledged.push(n);
                }
            }
            Step::AppendWindowed => {
                model.next += 1;
                match open.append_wait(record(n), Promise::Windowed).map(|receipt| receipt.kept()) {
                    Ok(Promise::Synced) => model.acknowledged.push(n),
                    Ok(Promise::Windowed) => model.windowed.push(n),
                    Err(_) => {}
                }
            }
            Step::Sign => {
                open.sign();
            }
            Step::Fail { op, skip, how } => {
                disk.fail(Fault { op: *op, path: "", skip: *skip, how: *how, always: false });
            }
            Step::Restart => {
                ledger = None;
                if !disk.is_off() {
                    disk.restart();
                }
            }
            Step::PowerCut => {
                disk.cut_power();
                ledger = None;
                disk.boot();
            }
            Step::Close => {
                let _ = ledger.take().unwrap().close();
                disk.heal();
            }
        }
    }
    drop(ledger);
    disk.cut_power();
    disk.boot();
    let (ledger, _) =
        open_with(&disk, settings()).unwrap_or_else(|error| panic!("does not open at the end: {error:?}"));
    assert!(ledger.sign());
    drop(ledger);
    let found = check_from_outside(&disk, &[HOME]);
    let there: Vec<u64> = found.iter().filter_map(|found| number(&found.json)).collect();
    assert!(there.windows(2).all(|pair| pair[0] < pair[1]), "out of order or twice: {there:?}");
    for n in &model.acknowledged {
        assert!(there.contains(n), "acknowledged record {n} is gone");
    }
    assert!(there.iter().all(|n| *n < model.next));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_records_survive_every_history(steps in prop::collection::vec(step(), 1..60), seed in any::<u64>()) {
        play(&steps, seed);
    }
}
