//! What others see of a log: witnesses that are led from shard to shard, records that are followed
//! while they are written, and single records with their proofs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::bundle::FolderSource;
use ledger::note::{KeyKind, Policy, SignedNote, SigningKey};
use ledger::proven::{Proven, ProvenError};
use ledger::verify::{Trust, verify_folder};
use ledger::witness::{HeadStore, Watched, Witness, take_cosignatures};
use ledger::{Folder, Ledger, ShardHead, ShardPeriod, Tail};

use crate::disk::FaultyDisk;
use crate::support::{HOME, LOG, TODAY, TestClock, append, key, number, settings};

const DAY: i64 = 86_400_000_000_000;
const NOW: u64 = 1_790_000_000;

fn open(disk: &FaultyDisk, day: i64) -> (Ledger, Arc<TestClock>) {
    let clock = TestClock::at(day);
    let mut settings = settings();
    settings.shard = ShardPeriod::Day;
    let shared = Arc::clone(&clock) as Arc<dyn ledger::Clock>;
    let (ledger, _) = Ledger::open(settings, key(), Arc::new(disk.clone()), shared).unwrap();
    (ledger, clock)
}

fn folder() -> Folder {
    Folder { log: LOG.into(), homes: vec![HOME.into()], head: Path::new(HOME).join("head") }
}

fn witness(disk: &FaultyDisk) -> Witness {
    let store = HeadStore::open(Arc::new(disk.clone()), &PathBuf::from("/witness")).unwrap();
    let own = SigningKey::from_seed("witness.example/1", KeyKind::Witness, [9; 32]).unwrap();
    let watched = vec![Watched { log: LOG.into(), keys: vec![key().verifier().clone()] }];
    Witness::new(own, watched, store).unwrap()
}

/// Asks about one head; the cosigned note, or the status.
fn ask(ledger: &Ledger, witness: &Witness, head: &ShardHead, old: u64) -> Result<SignedNote, u16> {
    let request = ledger.ask_witness(head, old).unwrap();
    let answer = witness.handle(request.to_string().as_bytes(), NOW);
    let mut note = head.note().clone();
    let keys = [witness.verifier().clone()];
    match take_cosignatures(&mut note, answer.status, &answer.body, &keys) {
        Ok(1) => Ok(note),
        _ => Err(answer.status),
    }
}

#[test]
fn a_witness_is_led_over_a_change_of_day_and_its_signature_is_kept() {
    let disk = FaultyDisk::new(3);
    let others = FaultyDisk::new(4);
    let witness = witness(&others);
    let (ledger, clock) = open(&disk, TODAY);
    (0..700).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    let heads = ledger.shard_heads(24).unwrap();
    let first = heads.last().unwrap().size();
    ask(&ledger, &witness, &heads[0], 0).unwrap();
    (700..900).for_each(|n| drop(append(&ledger, n).unwrap()));
    clock.set(TODAY + DAY);
    (900..1_000).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    drop(ledger);
    // The process that asks is another than the one that signed the first day.
    let (ledger, _) = open(&disk, TODAY + DAY);
    assert!(ledger.sign());
    let heads = ledger.shard_heads(24).unwrap();
    assert_eq!(heads.len(), 2);
    assert_eq!(heads[1].end(), ledger.head().durable);
    assert_eq!(ask(&ledger, &witness, &heads[1], 0), Err(422), "it has not seen how the first day ends");
    ask(&ledger, &witness, &heads[0], first).unwrap();
    let cosigned = ask(&ledger, &witness, &heads[1], 0).unwrap();
    assert_eq!(ledger.newest_cosigned(), None);
    ledger.keep_cosigned(&heads[1], &cosigned).unwrap();
    assert_eq!(ledger.newest_cosigned(), Some(cosigned));
    assert_eq!(ledger.shard_heads(1).unwrap().len(), 1, "the newest");
    drop(ledger);

    // Whoever verifies the folder finds it, and so does whoever shows one record.
    let policy = Policy::new(vec![witness.verifier().clone()], 1).unwrap();
    let trust = Trust { keys: vec![key().verifier().clone()], policy, as_stated: false };
    let report = verify_folder(&disk, &folder(), &trust);
    assert!(report.fault.is_none() && report.cosigned.is_some(), "{report}");
    let in_folder = folder();
    let source = FolderSource::open(&disk, &in_folder).unwrap();
    let proven = Proven::of(&source, LOG, 950).unwrap();
    assert_eq!(proven.check(&trust).unwrap().cosigned.by, [("witness.example/1".to_owned(), NOW)]);
    // The first day's last head is not cosigned on this disk.
    let other_day = Proven::of(&source, LOG, 10).unwrap();
    assert!(matches!(other_day.check(&trust), Err(ProvenError::Quorum)));
}

#[test]
fn every_record_can_be_shown_alone_and_no_changed_proof_holds() {
    let disk = FaultyDisk::new(5);
    let (ledger, clock) = open(&disk, TODAY);
    (0..60).for_each(|n| drop(append(&ledger, n).unwrap()));
    clock.set(TODAY + DAY);
    (60..80).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(ledger.sign());
    let size = ledger.head().durable;
    let in_folder = folder();
    let source = FolderSource::open(&disk, &in_folder).unwrap();
    let trust = Trust { keys: vec![key().verifier().clone()], ..Trust::default() };
    let mut texts = Vec::new();
    for sequence in 0..size {
        let proven = Proven::of(&source, LOG, sequence).unwrap();
        let text = proven.to_string();
        let read = Proven::parse(&text).unwrap();
        assert_eq!(read, proven);
        let shown = read.check(&trust).unwrap();
        assert_eq!(shown.record.sequence, sequence);
        texts.push(text);
    }
    assert!(Proven::of(&source, LOG, size).is_err());
    let stranger = SigningKey::from_seed(LOG, KeyKind::Log, [8; 32]).unwrap();
    let other = Trust { keys: vec![stranger.verifier().clone()], ..Trust::default() };
    let proven = Proven::parse(&texts[30]).unwrap();
    assert!(matches!(proven.check(&other), Err(ProvenError::Unsigned)));
    // Another record in the same proof, and any one changed byte.
    let mixed = Proven { record: Proven::parse(&texts[31]).unwrap().record, ..proven };
    assert!(matches!(mixed.check(&trust), Err(ProvenError::Proof(_))));
    for place in 0..texts[30].len() {
        let mut bytes = texts[30].clone().into_bytes();
        bytes[place] ^= 1;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let held = Proven::parse(&text).is_ok_and(|proven| proven.check(&trust).is_ok());
        assert!(!held, "byte {place}: {text}");
    }
}

#[test]
fn records_are_followed_over_segments_and_days_while_they_are_written() {
    let disk = FaultyDisk::new(6);
    let (ledger, clock) = open(&disk, TODAY);
    let in_folder = folder();
    let mut tail = Tail::new(&disk, &in_folder, 0);
    let mut found = Vec::new();
    let mut drain = |found: &mut Vec<ledger::Stored>| loop {
        let records = tail.step().unwrap();
        if records.is_empty() {
            return;
        }
        found.extend(records);
    };
    for n in 0..400 {
        append(&ledger, n).unwrap();
        if n == 250 {
            clock.set(TODAY + DAY);
        }
        if n % 7 == 0 {
            drain(&mut found);
        }
    }
    drain(&mut found);
    let size = ledger.head().durable;
    let sequences: Vec<u64> = found.iter().map(|stored| stored.record.sequence).collect();
    assert_eq!(sequences, (0..size).collect::<Vec<_>>(), "each once, in order");
    let told = found.iter().filter_map(|stored| number(&serde_json::from_slice(&stored.bytes).ok()?));
    assert_eq!(told.collect::<Vec<_>>(), (0..400).collect::<Vec<_>>());
    // From the middle on.
    let mut tail = Tail::new(&disk, &in_folder, 333);
    assert_eq!(tail.step().unwrap()[0].record.sequence, 333);
    // The newest segment is of the second day, and begins with the record that it names.
    let newest = tail.newest_segment().unwrap();
    assert!(newest > 250 && newest < size);
    let mut tail = Tail::new(&disk, &in_folder, newest);
    assert_eq!(tail.step().unwrap()[0].record.sequence, newest);
}
