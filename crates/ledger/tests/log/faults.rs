//! Each write point fails in each way; then the log is opened again and looked at from outside.

use std::io::ErrorKind;

use ledger::Health;

use crate::disk::{Fault, FaultyDisk, How, Op};
use crate::support::{HOME, MIRROR, append, check_from_outside, numbers, open, open_with, settings};

/// The places where a log writes: name, operation, part of the path, matching operations before.
const POINTS: &[(&str, Op, &str, usize)] = &[
    ("make the first segment", Op::Create, "segment-", 0),
    ("write the first header", Op::Write, "segment-", 0),
    ("sync the first header", Op::Sync, "segment-", 0),
    ("sync the shard's folder", Op::SyncDir, "shards/0", 0),
    ("write the first record", Op::Write, "segment-", 1),
    ("sync the first record", Op::Sync, "segment-", 1),
    ("write a batch", Op::Write, "segment-", 4),
    ("sync a batch", Op::Sync, "segment-", 4),
    ("make the second segment", Op::Create, "segment-000001", 0),
    ("write the second header", Op::Write, "segment-000001", 0),
    ("sync the second header", Op::Sync, "segment-000001", 0),
    ("sync the name of the second segment", Op::SyncDir, "shards/0", 1),
    ("write into the second segment", Op::Write, "segment-000001", 1),
    ("sync the second segment", Op::Sync, "segment-000001", 1),
    ("make the new head", Op::Create, "head.new", 0),
    ("write the new head", Op::Write, "head.new", 0),
    ("sync the new head", Op::Sync, "head.new", 0),
    ("rename the new head", Op::Rename, "head", 0),
    ("sync the name of the head", Op::SyncDir, "ledger", 3),
    ("make the checkpoint", Op::Create, "checkpoint.new", 0),
    ("write the checkpoint", Op::Write, "checkpoint.new", 0),
    ("sync the checkpoint", Op::Sync, "checkpoint.new", 0),
    ("rename the checkpoint", Op::Rename, "checkpoint", 0),
    ("rename the second checkpoint", Op::Rename, "checkpoint", 1),
    ("rename the second head", Op::Rename, "head", 1),
    ("make a tile", Op::Create, "tile/", 0),
    ("write a tile", Op::Write, "tile/", 0),
    ("write the history", Op::Write, "checkpoints.log", 0),
];

const WAYS: &[How] = &[
    How::NotDone(ErrorKind::Other),
    How::NotDone(ErrorKind::StorageFull),
    How::Done(ErrorKind::Other),
    How::Done(ErrorKind::StorageFull),
    How::Half(ErrorKind::Other),
    How::Half(ErrorKind::StorageFull),
    How::PowerBefore,
    How::PowerAfter,
];

/// What happened to the records of a run.
#[derive(Default)]
struct Run {
    acknowledged: Vec<u64>,
    tried: u64,
    signed: u64,
}

/// Opens, appends with a head now and then, and ends in whatever way the fault lets it.
fn run(disk: &FaultyDisk, settings: &ledger::Settings, from: u64, run: &mut Run) {
    let Ok((ledger, _)) = open_with(disk, settings.clone()) else { return };
    for n in from..from + 60 {
        run.tried = n + 1;
        if append(&ledger, n).is_ok() {
            run.acknowledged.push(n);
        }
        if n % 25 == 24 {
            ledger.sign();
        }
    }
    run.signed = run.signed.max(ledger.head().signed);
}

/// Runs with one fault, loses power, and runs again on what is left.
fn strike(
    point: &(&str, Op, &'static str, usize),
    how: How,
    always: bool,
    power: bool,
    mirror: bool,
    seed: u64,
) {
    let (name, op, path, skip) = point;
    let place = format!("{name}, {how:?}, always {always}, power {power}, mirror {mirror}, seed {seed}");
    let disk = FaultyDisk::new(seed);
    let mut settings = settings();
    settings.segment = 8 << 10;
    let mut homes = vec![HOME];
    if mirror {
        settings.mirror = Some(MIRROR.into());
        homes.push(MIRROR);
    }
    // Only the first folder fails.
    let path = match *path {
        "segment-" if mirror => "/data/ledger/shards/000001-2026-11/segment-",
        "segment-000001" if mirror => "/data/ledger/shards/000001-2026-11/segment-000001",
        path => path,
    };
    disk.fail(Fault { op: *op, path, skip: *skip, how, always });
    let mut story = Run::default();
    run(&disk, &settings, 0, &mut story);
    assert!(disk.met() > 0, "{place}: the fault was never met");
    if power {
        disk.boot();
    } else {
        disk.restart();
    }
    let (ledger, _) = match open_with(&disk, settings.clone()) {
        Ok(opened) => opened,
        Err(error) => panic!("{place}: does not open again: {error:?}"),
    };
    assert!(append(&ledger, 1_000).is_ok(), "{place}: takes no record after the fault");
    assert!(ledger.sign(), "{place}: signs nothing after the fault: {:?}", ledger.health());
    let end = ledger.head().durable;
    for sequence in 0..end {
        let stored = ledger.read(sequence, 1).unwrap();
        let proof = ledger
            .prove(sequence)
            .unwrap_or_else(|error| panic!("{place}: no proof of {sequence}: {error:?}"));
        assert!(proof.check(&stored[0].leaf).is_ok(), "{place}: the proof of {sequence} proves nothing");
    }
    ledger.close().unwrap();

    let found = check_from_outside(&disk, &homes);
    let there = numbers(&found);
    for n in &story.acknowledged {
        assert!(there.contains(n), "{place}: acknowledged record {n} is gone");
    }
    let mut sorted = there.clone();
    sorted.dedup();
    assert!(there.is_sorted() && sorted == there, "{place}: out of order or twice: {there:?}");
    assert!(found.len() as u64 >= story.signed, "{place}: fewer records than were signed");
}

#[test]
fn every_write_point_fails_in_every_way() {
    for point in POINTS {
        for (n, how) in WAYS.iter().enumerate() {
            for power in [false, true] {
                strike(point, *how, false, power, false, n as u64 + 1);
            }
        }
    }
}

#[test]
fn with_a_mirror_a_folder_that_fails_for_good_costs_nothing() {
    for point in POINTS.iter().filter(|point| point.2.starts_with("segment-")) {
        for how in [How::NotDone(ErrorKind::Other), How::Done(ErrorKind::Other), How::Half(ErrorKind::Other)]
        {
            for power in [false, true] {
                strike(point, how, true, power, true, 3);
            }
        }
    }
}

#[test]
fn the_writer_goes_on_in_the_mirror_and_says_so() {
    let disk = FaultyDisk::new(1);
    let mut settings = settings();
    settings.mirror = Some(MIRROR.into());
    let (ledger, _) = open_with(&disk, settings.clone()).unwrap();
    append(&ledger, 0).unwrap();
    let how = How::NotDone(ErrorKind::Other);
    disk.fail(Fault { op: Op::Sync, path: "/data/ledger/shards", skip: 0, how, always: true });
    for n in 1..100 {
        append(&ledger, n).unwrap();
    }
    assert!(matches!(ledger.health(), Health::Warned { .. }), "{:?}", ledger.health());
    drop(ledger);
    disk.boot();
    let (ledger, opened) = open_with(&disk, settings).unwrap();
    assert!(opened.size >= 101);
    append(&ledger, 100).unwrap();
    drop(ledger);
    assert_eq!(numbers(&check_from_outside(&disk, &[HOME, MIRROR])), (0..=100).collect::<Vec<_>>());
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let disk = FaultyDisk::new(1);
    let (ledger, _) = open(&disk).unwrap();
    append(&ledger, 0).unwrap();
    let how = How::NotDone(ErrorKind::Other);
    disk.fail(Fault { op: Op::Sync, path: "segment-", skip: 0, how, always: false });
    let error = append(&ledger, 1).unwrap_err();
    assert_eq!(error.code(), "ledger.failed");
    // The disk works again, and the writer does not believe it.
    assert_eq!(append(&ledger, 2).unwrap_err().code(), "ledger.failed");
    assert_eq!(
        ledger.append_wait(crate::support::record(3), ledger::Promise::Windowed).unwrap_err().code(),
        "ledger.failed"
    );
    assert!(matches!(ledger.health(), Health::Failed { .. }));
    assert!(ledger.close().is_err());
}

#[test]
fn bytes_that_only_the_kernel_has_are_written_again_before_anything_is_built_on_them() {
    let disk = FaultyDisk::new(1);
    let (ledger, _) = open(&disk).unwrap();
    append(&ledger, 0).unwrap();
    disk.fail(Fault {
        op: Op::Sync,
        path: "segment-",
        skip: 0,
        how: How::NotDone(ErrorKind::Other),
        always: false,
    });
    append(&ledger, 1).unwrap_err();
    drop(ledger);
    // Only the process ends. The kernel still shows record 1, as clean.
    disk.restart();
    let (ledger, _) = open(&disk).unwrap();
    append(&ledger, 2).unwrap();
    drop(ledger);
    disk.boot();
    let (ledger, _) = open(&disk).unwrap();
    drop(ledger);
    assert_eq!(numbers(&check_from_outside(&disk, &[HOME])), [0, 1, 2]);
}
