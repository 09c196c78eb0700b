//! What was written is changed, cut or put back behind the ledger's back.

use std::path::{Path, PathBuf};

use ledger::{OpenError, Promise, RecordKind};

use crate::disk::{FaultyDisk, next_random};
use crate::support::{HOME, append, check_from_outside, number, numbers, open, open_with, record, settings};

const HEAD: &str = "/data/ledger/head";

/// A log with some records under a head and some beyond, closed by a kill.
fn written(signed: u64, beyond: u64) -> FaultyDisk {
    let disk = FaultyDisk::new(5);
    let (ledger, _) = open(&disk).unwrap();
    (0..signed).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    (signed..signed + beyond).for_each(|n| drop(append(&ledger, n).unwrap()));
    // What is on the disk now; the ledger itself goes on and signs at its end.
    disk.copy()
}

fn newest_segment(disk: &FaultyDisk) -> PathBuf {
    disk.paths().into_iter().rfind(|path| path.to_string_lossy().contains("segment-")).unwrap()
}

/// Offsets of the frames of a segment, and the end of the last.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let (mut offsets, mut at) = (vec![32], 32);
    loop {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x7FFF_FFFF;
        if length == 0 {
            return offsets;
        }
        at += 8 + length as usize;
        offsets.push(at);
    }
}

fn change(disk: &FaultyDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.content(path);
    change(&mut bytes);
    disk.plant(path, bytes);
}

#[test]
fn damage_below_a_head_refuses_to_start_and_names_the_record() {
    // Record n of the test is record n + 1 of the log: the first opens the shard.
    for victim in [1_u64, 7, 20] {
        let disk = written(20, 3);
        let segment = newest_segment(&disk);
        change(&disk, &segment, |bytes| {
            let at = frames(bytes)[victim as usize];
            bytes[at + 40] ^= 1;
        });
        match open(&disk) {
            Err(OpenError::Damaged { sequence, .. }) => assert_eq!(sequence, victim),
            other => panic!("{:?}", other.map(|(_, opened)| opened)),
        }
    }
}

#[test]
fn a_forger_who_fixes_checksum_and_chain_is_found_by_the_root() {
    let disk = written(300, 0);
    let paths: Vec<PathBuf> =
        disk.paths().into_iter().filter(|path| path.to_string_lossy().contains("segment-")).collect();
    // Rewrites every record from the 42nd on with a right checksum and a right link.
    let mut previous: Option<String> = None;
    for path in &paths {
        change(&disk, path, |bytes| {
            let offsets = frames(bytes);
            for pair in offsets.windows(2) {
                let content = String::from_utf8(bytes[pair[0] + 8..pair[1]].to_vec()).unwrap();
                let json: serde_json::Value = serde_json::from_str(&content).unwrap();
                let mut forged = content;
                if number(&json) == Some(42) {
                    forged = forged.replace("\"n\":\"42\"", "\"n\":\"24\"");
                }
                if let Some(previous) = &previous {
                    forged = forged.replace(json["previous"].as_str().unwrap(), previous);
                }
                if previous.is_some() || number(&json) == Some(42) {
                    previous = Some(ledger::hash::leaf(forged.as_bytes()).to_string());
                    let length = bytes[pair[0]..pair[0] + 4].to_vec();
                    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), forged.as_bytes());
                    bytes[pair[0] + 4..pair[0] + 8].copy_from_slice(&checksum.to_le_bytes());
                    bytes[pair[0] + 8..pair[1]].copy_from_slice(forged.as_bytes());
                }
            }
        });
    }
    match open(&disk) {
        // The tiles remember the leaf: the very record is named.
        Err(OpenError::Damaged { sequence, .. }) => assert_eq!(sequence, 43),
        other => panic!("{:?}", other.map(|(_, opened)| opened)),
    }
}

#[test]
fn a_torn_tail_is_cut_and_put_on_record_once() {
    let disk = written(5, 5);
    let segment = newest_segment(&disk);
    let mut torn = Vec::new();
    change(&disk, &segment, |bytes| {
        let offsets = frames(bytes);
        let (last, end) = (offsets[offsets.len() - 2], offsets[offsets.len() - 1]);
        bytes[last + 50..end].fill(0);
        torn = bytes[last..last + 50].to_vec();
        while torn.last() == Some(&0) {
            torn.pop();
        }
    });
    let (ledger, opened) = open(&disk).unwrap();
    assert_eq!(opened.cut, torn.len() as u64);
    append(&ledger, 100).unwrap();
    drop(ledger);
    let (ledger, opened) = open(&disk).unwrap();
    assert_eq!(opened.cut, 0, "a second start finds nothing to cut");
    drop(ledger);
    let found = check_from_outside(&disk, &[HOME]);
    assert_eq!(numbers(&found), [0, 1, 2, 3, 4, 5, 6, 7, 8, 100]);
    let gaps: Vec<_> = found.iter().filter(|found| found.kind() == "gap").collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].json["gap"]["reason"], "torn_tail");
    assert_eq!(gaps[0].json["gap"]["was"], ledger::hash::plain(&torn).to_string());
}

#[test]
fn a_damaged_record_that_was_acknowledged_is_damage_even_without_a_head_over_it() {
    let disk = written(5, 5);
    let segment = newest_segment(&disk);
    change(&disk, &segment, |bytes| {
        let at = frames(bytes)[7];
        bytes[at + 40] ^= 1;
    });
    match open(&disk) {
        Err(OpenError::Damaged { sequence, .. }) => assert_eq!(sequence, 7),
        other => panic!("{:?}", other.map(|(_, opened)| opened)),
    }
}

#[test]
fn yesterdays_volume_is_refused() {
    let disk = FaultyDisk::new(5);
    let mut settings = settings();
    settings.head = Some("/elsewhere/head".into());
    let (ledger, _) = open_with(&disk, settings.clone()).unwrap();
    (0..10).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    let yesterday = disk.copy();
    (10..20).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    drop(ledger);
    let head = Path::new("/elsewhere/head");
    yesterday.plant(head, disk.content(head));
    match open_with(&yesterday, settings.clone()) {
        Err(OpenError::RolledBack { signed: 21, size: 11, .. }) => {}
        other => panic!("{:?}", other.map(|(_, opened)| opened)),
    }
    // An empty volume is an old one too.
    let empty = FaultyDisk::new(5);
    empty.plant(head, disk.content(head));
    assert!(matches!(open_with(&empty, settings.clone()), Err(OpenError::RolledBack { .. })));
    // And the newest one is not.
    assert!(open_with(&disk, settings).is_ok());
}

#[test]
fn a_log_that_went_another_way_is_refused() {
    // Two logs with one history, then each its own: whoever has the cell of one cannot open the other.
    let one = written(10, 0);
    let (other, key_path) = (one.copy(), Path::new(HEAD));
    let (ledger, _) = open(&one).unwrap();
    append(&ledger, 10).unwrap();
    assert!(ledger.sign());
    drop(ledger);
    let (ledger, _) = open(&other).unwrap();
    (20..25).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    drop(ledger);
    other.plant(key_path, one.content(key_path));
    assert!(matches!(open(&other), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_missing_head_is_not_made_anew() {
    let disk = written(5, 0);
    disk.delete(Path::new(HEAD));
    assert!(matches!(open(&disk), Err(OpenError::HeadMissing { .. })));
}

#[test]
fn heads_of_others_are_refused() {
    let disk = written(5, 0);
    let mut other_log = settings();
    other_log.log = "example.org/acme/node-b".into();
    assert!(matches!(open_with(&disk, other_log), Err(OpenError::OtherLog { .. })));
    let other_key =
        ledger::note::SigningKey::from_seed(crate::support::LOG, ledger::note::KeyKind::Log, [8; 32])
            .unwrap();
    let clock = crate::support::TestClock::at(crate::support::TODAY);
    let opened = ledger::Ledger::open(settings(), other_key, std::sync::Arc::new(disk.clone()), clock);
    assert!(matches!(opened, Err(OpenError::OtherKey { .. })));
    disk.plant(Path::new(HEAD), b"nonsense".to_vec());
    assert!(matches!(open(&disk), Err(OpenError::HeadUnreadable { .. })));
}

#[test]
fn missing_tiles_are_made_again() {
    let disk = written(600, 0);
    for path in disk.paths().iter().filter(|path| path.to_string_lossy().contains("/tile/")) {
        disk.delete(path);
    }
    let (ledger, _) = open(&disk).unwrap();
    append(&ledger, 600).unwrap();
    assert!(ledger.sign());
    for sequence in [0, 255, 256, 511, 512, 601] {
        let stored = ledger.read(sequence, 1).unwrap().remove(0);
        assert!(ledger.prove(sequence).unwrap().check(&stored.leaf).is_ok(), "record {sequence}");
    }
}

#[test]
fn a_repaired_ledger_goes_on_in_a_new_shard_and_says_what_it_lost() {
    let disk = written(20, 3);
    let segment = newest_segment(&disk);
    change(&disk, &segment, |bytes| {
        let at = frames(bytes)[9];
        bytes[at + 40] ^= 1;
    });
    assert!(open(&disk).is_err());
    let clock = crate::support::TestClock::at(crate::support::TODAY);
    let repaired = ledger::Ledger::repair(
        settings(),
        crate::support::key(),
        std::sync::Arc::new(disk.clone()),
        clock,
        crate::support::name("operator-1"),
    );
    let (ledger, _) = repaired.unwrap();
    append(&ledger, 500).unwrap();
    let size = ledger.head().durable;
    let after: Vec<_> = ledger.read(24, 10).unwrap();
    let kinds: Vec<_> = after.iter().map(|stored| stored.record.kind).collect();
    assert_eq!(kinds, [RecordKind::ShardOpen, RecordKind::Gap, RecordKind::Boot]);
    let gap = after.iter().find(|stored| stored.record.kind == RecordKind::Gap).unwrap();
    assert_eq!(gap.record.gap.as_ref().unwrap().reason, ledger::GapReason::Repaired);
    let note = |key: &str| {
        gap.record.notes.iter().find(|(name, _)| name.as_str() == key).unwrap().1.as_str().to_owned()
    };
    assert_eq!((note("first"), note("by")), ("9".into(), "operator-1".into()));
    drop(ledger);
    // It opens as any other from now on, and what was damaged stays where it is.
    let (ledger, opened) = open(&disk).unwrap();
    assert_eq!(opened.size, size);
    assert!(ledger.read(9, 1).is_err());
    assert_eq!(ledger.read(8, 1).unwrap()[0].record.sequence, 8);
}

#[test]
fn no_segment_of_random_bytes_opens_as_something_else() {
    let whole = written(10, 10);
    let segment = newest_segment(&whole);
    let mut random = 0xFEED_BEEF_u64;
    let (mut refused, mut kept) = (0, 0);
    for _ in 0..400 {
        let disk = whole.copy();
        change(&disk, &segment, |bytes| {
            let end = *frames(bytes).last().unwrap();
            let at = 32 + next_random(&mut random) as usize % (end - 32);
            bytes[at] ^= 1 << (next_random(&mut random) % 8);
        });
        match open(&disk) {
            Ok((ledger, opened)) => {
                // Only the last write can be taken for one that was never finished.
                assert!(opened.cut > 0, "a changed byte was not noticed");
                drop(ledger);
                assert_eq!(numbers(&check_from_outside(&disk, &[HOME])), (0..19).collect::<Vec<_>>());
                kept += 1;
            }
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(refused > 300 && kept > 0, "{refused} refused, {kept} kept");
}

#[test]
fn a_cut_is_owed_until_it_is_on_record() {
    // The machine stops at each step of a start that has something to cut.
    let torn = written(5, 5);
    let segment = newest_segment(&torn);
    change(&torn, &segment, |bytes| {
        let offsets = frames(bytes);
        let last = offsets[offsets.len() - 2];
        bytes[last + 60] ^= 1;
    });
    let ops = [
        crate::disk::Op::Create,
        crate::disk::Op::Write,
        crate::disk::Op::Sync,
        crate::disk::Op::Rename,
        crate::disk::Op::SyncDir,
    ];
    for op in ops {
        for skip in 0..8 {
            for how in [crate::disk::How::PowerBefore, crate::disk::How::PowerAfter] {
                let disk = torn.copy();
                disk.fail(crate::disk::Fault { op, path: "", skip, how, always: false });
                drop(open(&disk));
                disk.boot();
                let (ledger, _) =
                    open(&disk).unwrap_or_else(|error| panic!("{op:?} {skip} {how:?}: {error:?}"));
                ledger.append_wait(record(100), Promise::Synced).unwrap();
                drop(ledger);
                let found = check_from_outside(&disk, &[HOME]);
                let gaps = found.iter().filter(|found| found.kind() == "gap").count();
                assert_eq!(gaps, 1, "{op:?} {skip} {how:?}");
                assert_eq!(numbers(&found), [0, 1, 2, 3, 4, 5, 6, 7, 8, 100], "{op:?} {skip} {how:?}");
            }
        }
    }
}
