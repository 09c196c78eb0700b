//! What only somebody with the log's key can do: everything is signed anew, but not by witnesses.

use ledger::note::{SignedNote, SigningKey, rotate};
use ledger::tree::TlogProof;
use ledger::{Nanos, Record, RecordKind, ShardPart};

use super::super::common::archive::Parts;
use super::super::common::{Dice, LOG, Sample, key, name, witness};
use super::around::{end_in, note, stripped, stripped_proof};
use super::{Subject, Want};

type Made = (Vec<u8>, Want);

/// A decision changed, the log chained and signed anew.
fn changed(subject: &Subject, dice: &mut Dice, change: impl FnOnce(&mut Record)) -> (Sample, u64) {
    let sequence = subject.decision(dice);
    let mut sample = subject.sample.clone();
    change(&mut sample.records[sequence as usize]);
    sample.chain_from(0);
    (sample, sequence)
}

fn at_change(subject: &Subject, dice: &mut Dice, change: impl FnOnce(&mut Record)) -> Made {
    let (sample, sequence) = changed(subject, dice, change);
    (sample.bundle(subject.from), Want::At(sequence))
}

fn signer(subject: &Subject) -> SigningKey {
    key(if subject.sample.rotations.is_empty() { 1 } else { 2 })
}

/// The log's own key cannot be caught by itself. The witnesses did not sign the second history.
pub fn rewritten(subject: &Subject, dice: &mut Dice) -> Made {
    let (sample, _) = changed(subject, dice, |record| record.session = Some(name("s-rewritten")));
    (sample.bundle(subject.from), Want::Undecided)
}

pub fn back_dated(subject: &Subject, dice: &mut Dice) -> Made {
    at_change(subject, dice, |record| record.time = Nanos(record.time.0 - 86_400_000_000_000))
}

pub fn parts_of_another_kind(subject: &Subject, dice: &mut Dice) -> Made {
    let lacks = dice.below(2) == 0;
    at_change(subject, dice, |record| {
        if lacks {
            record.agent = None;
        } else {
            record.shard = Some(ShardPart { name: "d-1".into(), root: None, size: 0 });
        }
    })
}

pub fn other_log(subject: &Subject, dice: &mut Dice) -> Made {
    at_change(subject, dice, |record| record.log = "example.org/acme/node-b".into())
}

pub fn other_version(subject: &Subject, dice: &mut Dice) -> Made {
    at_change(subject, dice, |record| record.version = 2)
}

/// A shard opened where none was sealed, or, where there is one, sealed with another root.
pub fn shard_root(subject: &Subject, dice: &mut Dice) -> Made {
    let seal = subject.sample.records.iter().rposition(|record| record.kind == RecordKind::ShardSeal);
    if let Some(seal) = seal.filter(|seal| *seal as u64 > subject.from && dice.below(2) == 0) {
        let mut sample = subject.sample.clone();
        sample.records[seal].shard.as_mut().unwrap().root = Some(dice.digest());
        sample.chain_from(seal as u64);
        return (sample.bundle(subject.from), Want::At(seal as u64));
    }
    at_change(subject, dice, |record| {
        let time = record.time;
        *record = Record { log: LOG.into(), ..Record::new(RecordKind::ShardOpen, time) };
        record.shard = Some(ShardPart { name: "000009-2030-01".into(), root: None, size: 0 });
    })
}

pub fn rotation_unsigned(subject: &Subject, dice: &mut Dice) -> Made {
    let (mut sample, sequence) = changed(subject, dice, |record| {
        let time = record.time;
        let mut part = rotate(LOG, &key(1), &key(2)).unwrap();
        part.old_signature = part.new_signature.clone();
        *record = Record { log: LOG.into(), key: Some(part), ..Record::new(RecordKind::Key, time) };
    });
    sample.rotations.retain(|(at, _)| *at != sequence);
    (sample.bundle(subject.from), Want::At(sequence))
}

pub fn cosignatures_stripped(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    for head in parts.names("checkpoints/") {
        *parts.get_mut(&head) = stripped(&note(parts.get(&head))).into_bytes();
    }
    for member in ["proofs/first.tlog-proof", "proofs/last.tlog-proof"] {
        let proof = TlogProof::parse(std::str::from_utf8(parts.get(member)).unwrap()).unwrap();
        *parts.get_mut(member) = stripped_proof(&proof).into_bytes();
    }
    parts.list_again(Some(&signer(subject)));
    (parts.pack(), Want::Undecided)
}

pub fn cosignature_forged(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts: Parts = subject.parts.clone();
    let heads = parts.names("checkpoints/");
    let head = dice.pick(&heads);
    let end = end_in(head);
    let mut forged = SignedNote::parse(&stripped(&note(parts.get(head)))).unwrap();
    forged.add(witness(1).cosign("another text\n", 1_780_000_000));
    *parts.get_mut(head) = forged.to_string().into_bytes();
    parts.list_again(Some(&signer(subject)));
    (parts.pack(), Want::At(subject.vouched(end - 1)))
}

pub fn manifest_lies(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let mut manifest = parts.manifest();
    match dice.below(4) {
        0 => manifest.first.time.0 += 1,
        1 => drop(manifest.kinds.insert("decision".into(), 7_000_000)),
        2 => drop(manifest.files.pop()),
        _ => manifest.files[0].bytes += 1,
    }
    parts.set_manifest(&manifest, Some(&signer(subject)));
    (parts.pack(), Want::Around)
}
