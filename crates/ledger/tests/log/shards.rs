//! Time goes on, back and away; keys change.

use std::sync::Arc;

use ledger::note::{KeyKind, SigningKey, check_rotation};
use ledger::{Ledger, OpenError, RecordKind, ShardPeriod};

use crate::disk::{Fault, FaultyDisk, How, Op};
use crate::support::{
    HOME, LOG, TODAY, TestClock, append, check_from_outside, key, numbers, root_of, settings,
};

const DAY: i64 = 86_400_000_000_000;

fn open_at(disk: &FaultyDisk, day: i64) -> Result<(Ledger, Arc<TestClock>), OpenError> {
    let clock = TestClock::at(day);
    let mut settings = settings();
    settings.shard = ShardPeriod::Day;
    let (ledger, _) =
        Ledger::open(settings, key(), Arc::new(disk.clone()), Arc::clone(&clock) as Arc<dyn ledger::Clock>)?;
    Ok((ledger, clock))
}

#[test]
fn a_new_day_is_a_new_shard_chained_to_the_old() {
    let disk = FaultyDisk::new(1);
    let (ledger, clock) = open_at(&disk, TODAY).unwrap();
    (0..300).for_each(|n| drop(append(&ledger, n).unwrap()));
    clock.set(TODAY + DAY);
    (300..310).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    // Proofs of both days, the first day's under its final head.
    for sequence in [0, 150, 300, 301, 302, 311] {
        let stored = ledger.read(sequence, 1).unwrap().remove(0);
        let head = ledger.prove(sequence).unwrap().check(&stored.leaf).unwrap();
        let day = if sequence <= 301 { "000001-2026-11-25" } else { "000002-2026-11-26" };
        assert_eq!(head.origin, format!("{LOG}/{day}"), "record {sequence}");
    }
    drop(ledger);
    let found = check_from_outside(&disk, &[HOME]);
    let seal = found.iter().position(|found| found.kind() == "shard_seal").unwrap();
    let leaves: Vec<_> = found[..=seal].iter().map(|found| found.leaf).collect();
    let root = |leaves: &[[u8; 32]]| action::Digest::from_bytes(root_of(leaves)).to_string();
    assert_eq!(found[seal].json["shard"]["root"], root(&leaves[..seal]));
    assert_eq!(found[seal].json["shard"]["size"], seal as u64);
    let open = &found[seal + 1].json;
    assert_eq!((open["kind"].as_str(), &open["shard"]["root"]), (Some("shard_open"), &root(&leaves).into()));
    assert_eq!(open["notes"]["previous"], "000001-2026-11-25");
    assert_eq!(numbers(&found), (0..310).collect::<Vec<_>>());
    // Old days are read by a later process as well.
    let (ledger, _) = open_at(&disk, TODAY + DAY).unwrap();
    assert_eq!(ledger.read(5, 1).unwrap()[0].record.sequence, 5);
    let stored = ledger.read(5, 1).unwrap().remove(0);
    assert!(ledger.prove(5).unwrap().check(&stored.leaf).is_ok());
}

#[test]
fn the_machine_stops_at_each_step_of_a_change_of_day() {
    for op in [Op::Create, Op::Write, Op::Sync, Op::Rename, Op::SyncDir] {
        for skip in 0..8 {
            for how in [How::PowerBefore, How::PowerAfter] {
                let place = format!("{op:?} {skip} {how:?}");
                let disk = FaultyDisk::new(skip as u64 + 9);
                let (ledger, clock) = open_at(&disk, TODAY).unwrap();
                let mut acknowledged = Vec::new();
                acknowledged.extend((0..5).filter(|n| append(&ledger, *n).is_ok()));
                clock.set(TODAY + DAY);
                disk.fail(Fault { op, path: "", skip, how, always: false });
                acknowledged.extend((5..8).filter(|n| append(&ledger, *n).is_ok()));
                ledger.sign();
                drop(ledger);
                disk.boot();
                let (ledger, _) =
                    open_at(&disk, TODAY + DAY).unwrap_or_else(|error| panic!("{place}: {error:?}"));
                append(&ledger, 100).unwrap();
                assert!(ledger.sign(), "{place}: {:?}", ledger.health());
                drop(ledger);
                let found = check_from_outside(&disk, &[HOME]);
                let there = numbers(&found);
                assert!(
                    acknowledged.iter().all(|n| there.contains(n)),
                    "{place}: {acknowledged:?} of {there:?}"
                );
                let count = |kind: &str| found.iter().filter(|found| found.kind() == kind).count();
                assert_eq!((count("shard_seal"), count("shard_open")), (1, 2), "{place}");
            }
        }
    }
}

#[test]
fn a_clock_that_is_set_is_on_record_and_opens_no_older_shard() {
    let disk = FaultyDisk::new(1);
    let (ledger, clock) = open_at(&disk, TODAY).unwrap();
    append(&ledger, 0).unwrap();
    // An hour ahead within the day, then a day back.
    clock.set(TODAY + DAY / 24);
    append(&ledger, 1).unwrap();
    clock.set(TODAY - DAY);
    append(&ledger, 2).unwrap();
    append(&ledger, 3).unwrap();
    drop(ledger);
    // Between two runs it goes back once more.
    let (ledger, _) = open_at(&disk, TODAY - 2 * DAY).unwrap();
    append(&ledger, 4).unwrap();
    drop(ledger);
    let found = check_from_outside(&disk, &[HOME]);
    let kinds: Vec<&str> = found.iter().map(|found| found.kind()).collect();
    assert_eq!(kinds, ["shard_open", "boot", "clock", "boot", "clock", "boot", "boot", "clock", "boot"]);
    assert_eq!(found[4].json["notes"]["to"], (TODAY - DAY).to_string());
}

#[test]
fn a_key_is_replaced_under_both_signatures() {
    let disk = FaultyDisk::new(1);
    let new_key = || SigningKey::from_seed(LOG, KeyKind::Log, [8; 32]).unwrap();
    let open_by = |key| Ledger::open(settings(), key, Arc::new(disk.clone()), TestClock::at(TODAY));
    let (ledger, _) = open_by(key()).unwrap();
    append(&ledger, 0).unwrap();
    assert!(ledger.sign());
    let receipt = ledger.rotate(new_key()).unwrap();
    let before_head = disk.copy();
    let stored = ledger.read(receipt.sequence().unwrap(), 1).unwrap().remove(0);
    assert_eq!(stored.record.kind, RecordKind::Key);
    let (old, new) = check_rotation(LOG, stored.record.key.as_ref().unwrap()).unwrap();
    assert!(old == *key().verifier() && new == *new_key().verifier());
    assert!(ledger.sign());
    assert!(ledger.rotate(new_key()).is_err(), "a key follows itself");
    append(&ledger, 1).unwrap();
    drop(ledger);
    assert!(matches!(open_by(key()), Err(OpenError::OtherKey { .. })), "the old key signs no more");
    let (ledger, _) = open_by(new_key()).unwrap();
    append(&ledger, 2).unwrap();
    drop(ledger);
    assert_eq!(numbers(&check_from_outside(&disk, &[HOME])), [0, 1, 2]);

    // The machine stops after the record and before a head by the new key.
    let open_by = |key| Ledger::open(settings(), key, Arc::new(before_head.copy()), TestClock::at(TODAY));
    assert!(open_by(new_key()).is_ok());
}

#[test]
fn what_opening_owes_is_written_though_a_day_ended_meanwhile() {
    let disk = FaultyDisk::new(1);
    let (ledger, _) = open_at(&disk, TODAY).unwrap();
    (0..5).for_each(|n| drop(append(&ledger, n).unwrap()));
    let torn = disk.copy();
    drop(ledger);
    // A write was under way when the machine stopped.
    let path = torn.paths().into_iter().find(|path| path.to_string_lossy().contains("segment-")).unwrap();
    let mut bytes = torn.content(&path);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes[end..end + 4].copy_from_slice(b"half");
    torn.plant(&path, bytes);
    let (ledger, _) = open_at(&torn, TODAY + DAY).unwrap();
    append(&ledger, 5).unwrap();
    drop(ledger);
    let found = check_from_outside(&torn, &[HOME]);
    let kinds: Vec<&str> = found.iter().skip(6).map(|found| found.kind()).collect();
    assert_eq!(kinds, ["shard_seal", "shard_open", "gap", "boot"]);
}
