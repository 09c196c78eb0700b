//! Our bytes are canonical JSON, says a program that makes them so from any value.

use std::collections::BTreeMap;

use action::{Digest, Name};
use ledger::{
    ApprovalPart, ApprovalStep, Commitment, Committed, ErasurePart, FindingPart, GapPart, GapReason, KeyPart,
    Nanos, OperatorPart, OutcomePart, Part, Record, RecordKind, Report, RiskPart, ShardPart,
};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = Name> {
    // Everything that JSON escapes or that sorts differently in UTF-16.
    "[a-zA-Z0-9\"\\\\/<>&\u{7f}-\u{ff}\u{2028}\u{ffff}\u{10000}😀é-ü]{1,40}"
        .prop_filter_map("a name", |text| Name::new(&text).ok())
}

fn key() -> impl Strategy<Value = Name> {
    "[a-zA-Z0-9_.\"-]{1,20}".prop_filter_map("a name", |text| Name::new(&text).ok())
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_u64, 0..=ledger::MAX_NUMBER, Just(ledger::MAX_NUMBER)]
}

prop_compose! {
    fn any_record()(
        kind in prop::sample::select(RecordKind::ALL),
        names in prop::collection::vec(name(), 8),
        notes in prop::collection::btree_map(key(), name(), 0..6),
        digests in prop::collection::vec(digest(), 4),
        numbers in prop::collection::vec(number(), 4),
        time in any::<i64>(),
        parts in any::<[u8; 7]>(),
        there in any::<u16>(),
    ) -> Record {
        let mut record = Record::new(kind, Nanos(time));
        let has = |bit: u16| there & (1 << bit) != 0;
        record.log = names[0].as_str().to_owned();
        record.previous = digests[0];
        record.sequence = numbers[0];
        record.notes = notes;
        record.cause = has(0).then_some(digests[1]);
        record.session = has(1).then(|| names[1].clone());
        record.principal = has(2).then(|| names[2].clone());
        let commitment = Commitment { bytes: numbers[1], hash: digests[2] };
        if has(3) {
            record.commitments = BTreeMap::from([(Committed::Sandbox, commitment.clone()), (Committed::Action, commitment)]);
        }
        record.operator = has(4).then(|| OperatorPart {
            act: names[3].clone(), by: names[4].clone(), on: has(5).then(|| names[5].clone()),
        });
        record.outcome = has(6).then(|| OutcomePart { of: names[6].clone(), report: Report::NotExecuted });
        record.erasure = has(7).then(|| ErasurePart {
            basis: names[1].clone(), by: names[2].clone(), pieces: numbers[2], principal: names[3].clone(),
        });
        record.gap = has(8).then_some(GapPart { bytes: numbers[3], reason: GapReason::TornTail, was: has(9).then_some(digests[3]) });
        record.shard = has(10).then(|| ShardPart { name: "000001-2026-11".into(), root: has(9).then_some(digests[3]), size: numbers[2] });
        record.risk = has(11).then_some(RiskPart { base: parts[0], parts, uplift: parts[1], value: parts[2], weights: digests[1] });
        record.approval = has(12).then(|| ApprovalPart {
            by: None, channel: has(9).then(|| names[7].clone()), claim: has(7).then_some(digests[1]),
            from: if has(8) { names[..2].to_vec() } else { Vec::new() }, needed: has(10).then_some(parts[3]),
            of: names[0].clone(), payload: has(6).then_some(digests[2]), release_within: has(5).then_some(numbers[0]),
            step: ApprovalStep::Voted, until: has(11).then_some(Nanos(time)),
        });
        record.key = has(13).then(|| KeyPart { new: "n".into(), new_signature: "s".into(), old: "o\n".into(), old_signature: "\u{1}".into() });
        record.finding = has(14).then(|| FindingPart { of: has(9).then(|| names[2].clone()), rule: names[7].clone(), severity: action::Severity::ALL[0] });
        record
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_record_is_written_as_canonical_json(record in any_record()) {
        let mut bytes = Vec::new();
        record.write_to(&mut bytes).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let canonical = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(String::from_utf8(bytes.clone()).unwrap(), String::from_utf8(canonical).unwrap());
        prop_assert_eq!(Record::read(&bytes).unwrap(), record);
    }

    #[test]
    fn other_bytes_of_the_same_record_are_refused(record in any_record(), at in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        record.write_to(&mut bytes).unwrap();
        // A blank between two tokens changes nothing for JSON, and everything for a hash.
        let places: Vec<usize> = (0..bytes.len()).filter(|n| bytes[*n] == b',').collect();
        let place = places[at.index(places.len())];
        let mut other = bytes.clone();
        other.insert(place + 1, b' ');
        prop_assert!(Record::read(&other).is_err());
    }
}

#[test]
fn parts_must_fit_the_kind() {
    let mut record = Record::new(RecordKind::Decision, Nanos(0));
    assert!(matches!(record.check(), Err(ledger::RecordFault::Lacks { part: Part::Action, .. })));
    record.kind = RecordKind::Boot;
    record.notes.insert(Name::new("größe").unwrap(), Name::new("1").unwrap());
    assert!(
        matches!(record.check(), Err(ledger::RecordFault::Key { .. })),
        "a key that sorts differently elsewhere"
    );
    record.notes = (0..=ledger::MAX_NOTES)
        .map(|n| (Name::new(&n.to_string()).unwrap(), Name::new("1").unwrap()))
        .collect();
    assert!(matches!(record.check(), Err(ledger::RecordFault::TooMany { .. })));
    let mut record = Record::new(RecordKind::Gap, Nanos(0));
    record.gap = Some(GapPart { bytes: 1 << 53, reason: GapReason::TornTail, was: None });
    assert!(matches!(record.check(), Err(ledger::RecordFault::Number { .. })));
}
