//! Our bytes are canonical JSON, says a program that makes them so from any value.

use std::collections::BTreeMap;

use action::{Digest, Name};
use ledger::{
    ApprovalPart, ApprovalStep, Commitment, Committed, ErasurePart, FindingPart, GapPart, GapReason, KeyPart,
    MAX_RECORD_BYTES, Nanos, OperatorPart, OutcomePart, Part, Record, RecordKind, Report, RiskPart,
    ShardPart, Unreadable,
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

/// What may read as the same for other readers, and what only looks as if.
const TWISTS: &[(&str, &str)] = &[
    (":", ": "),
    (",", ",\n"),
    ("{", "{ "),
    ("\"", "\\\""),
    ("/", "\\/"),
    ("a", "\\u0061"),
    ("é", "\\u00e9"),
    ("\\u0001", "\\u0001\\u000a"),
    ("\\u0001", "\\u001F"),
    ("\\u0001", "\\u001f"),
    ("\\u0001", "\\u0020"),
    ("\\n", "\\u000a"),
    ("\\n", "\n"),
    ("\\n", "\\b\\f\\r\\t"),
    ("\\\"", "\\u0022"),
    (":0", ":00"),
    (":0", ":-0"),
    (":1", ":01"),
    (":1", ":1.0"),
    (":1", ":1e0"),
    (":1", ":+1"),
    (":1", ":\"1\""),
    (":", ":null,"),
    ("{\"", "{\"cause\":null,\""),
    ("{\"", "{\"commitments\":{},\""),
    ("\"kind\"", "\"detections\":[],\"kind\""),
    ("\"previous\"", "\"notes\":{},\"previous\""),
    ("\"of\"", "\"from\":[],\"of\""),
    ("\"kind\":\"boot\"", "\"kind\":{\"boot\":null}"),
    ("\"version\":1", "\"version\":1,\"version\":1"),
    ("\"version\":1", "\"version\":257"),
    ("\"version\":1", "\"version\":1,\"z\":1"),
    ("a", "A"),
    ("f", "F"),
    ("[", "[["),
    ("]", ",]"),
    ("}", ",}"),
    ("}", "} "),
    ("}", "}}"),
    ("time\":\"", "time\":\"+"),
    ("time\":\"", "time\":\"0"),
    ("time\":\"", "time\":\"-"),
];

fn by_writing_again(bytes: &[u8]) -> Option<Record> {
    let record: Record = serde_json::from_slice(bytes).ok()?;
    let mut again = Vec::new();
    record.write_to(&mut again).unwrap();
    (again == bytes).then_some(record)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, max_local_rejects: 1_000_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The reader writes nothing again, and must accept exactly what writing again would.
    #[test]
    fn a_record_reads_if_and_only_if_it_is_written_the_same(
        record in any_record(),
        twists in prop::collection::vec(
            (prop::sample::select(TWISTS), any::<prop::sample::Index>()), 0..3,
        ),
        bytes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..2),
    ) {
        let mut line = Vec::new();
        record.write_to(&mut line).unwrap();
        let mut text = String::from_utf8(line).unwrap();
        for ((from, to), at) in &twists {
            let places: Vec<usize> = text.match_indices(from).map(|(place, _)| place).collect();
            if !places.is_empty() {
                let place = places[at.index(places.len())];
                text.replace_range(place..place + from.len(), to);
            }
        }
        let mut line = text.into_bytes();
        for (at, byte, how) in bytes {
            let at = at.index(line.len());
            match how {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 => drop(line.remove(at)),
                _ => line[at] ^= 1 << (byte % 8),
            }
        }
        prop_assert_eq!(Record::read(&line).ok(), by_writing_again(&line), "{}", String::from_utf8_lossy(&line));
    }
}

/// Each twist once, where it changes the meaning of nothing or of everything; some leave another record.
#[test]
fn every_twist_is_tried() {
    let mut record = Record::new(RecordKind::Boot, Nanos(5));
    record.notes.insert(Name::new("a\"é/f").unwrap(), Name::new("1").unwrap());
    record.outcome = Some(OutcomePart { of: Name::new("x").unwrap(), report: Report::Failed });
    record.approval = Some(ApprovalPart {
        by: None,
        channel: None,
        claim: Some(Digest::from_bytes([0xaf; 32])),
        from: vec![Name::new("f").unwrap()],
        needed: Some(0),
        of: Name::new("x").unwrap(),
        payload: None,
        release_within: Some(1),
        step: ApprovalStep::Voted,
        until: None,
    });
    record.key = Some(KeyPart {
        new: "\n".into(),
        new_signature: "\u{1}".into(),
        old: "\u{7f}".into(),
        old_signature: String::new(),
    });
    let mut line = Vec::new();
    record.write_to(&mut line).unwrap();
    let text = String::from_utf8(line).unwrap();
    assert_eq!(Record::read(text.as_bytes()).unwrap(), record);
    for (from, to) in TWISTS {
        assert!(text.contains(from), "{from} does not occur");
        for (place, _) in text.match_indices(from) {
            let mut twisted = text.clone();
            twisted.replace_range(place..place + from.len(), to);
            let twisted = twisted.as_bytes();
            assert_eq!(Record::read(twisted).ok(), by_writing_again(twisted), "{from} to {to} at {place}");
        }
    }
}

#[test]
fn why_bytes_are_no_record_is_told_apart() {
    let mut line = Vec::new();
    Record::new(RecordKind::Boot, Nanos(5)).write_to(&mut line).unwrap();
    let blank = [b" ", line.as_slice()].concat();
    assert!(matches!(Record::read(&blank), Err(Unreadable::NotCanonical)));
    assert!(matches!(Record::read(&line[1..]), Err(Unreadable::Json(_))));
    let long = vec![b' '; MAX_RECORD_BYTES + 1];
    assert!(matches!(Record::read(&long), Err(Unreadable::TooLong { .. })));
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
