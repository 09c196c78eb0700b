//! Streamed answers in every dialect: however the bytes are split, the same texts and all the bytes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use wire::dialect::{self, ALL, Dialect, Stream};
use wire::frame::{encode_aws, encode_chunk};
use wire::shape::Meaning;
use wire::stream::{Key, MAX_TEXTS, Reader, Reading, StreamFault};

/// The events of a dialect's fixture as they travel.
fn stream(dialect: &Dialect) -> Vec<u8> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dialect.name).join("event.json");
    let events = std::fs::read_to_string(file).unwrap();
    let mut stream: Vec<u8> = events
        .lines()
        .flat_map(|event| match dialect.stream {
            Stream::Events => format!("event: x\ndata: {event}\n\n").into_bytes(),
            Stream::Lines => format!("{event}\n").into_bytes(),
            Stream::Aws => encode_aws(&[(":event-type", "x")], event.as_bytes()).unwrap(),
            Stream::AwsChunks => encode_chunk(event.as_bytes()).unwrap(),
        })
        .collect();
    if let Some(end) = dialect.ends_with {
        stream.extend(format!(": bye\n\ndata: {end}\n\n").into_bytes());
    }
    stream
}

#[derive(Debug, PartialEq)]
struct Read {
    readings: Vec<Reading>,
    texts: BTreeMap<Key, String>,
    bytes: Vec<u8>,
    fault: Option<StreamFault>,
}

fn read(dialect: &'static Dialect, chunks: &[&[u8]]) -> Read {
    let mut reader = Reader::new(dialect);
    let mut read = Read { readings: Vec::new(), texts: BTreeMap::new(), bytes: Vec::new(), fault: None };
    for chunk in chunks {
        reader.push(chunk);
        loop {
            match reader.step() {
                Ok(Some(step)) => {
                    read.readings.push(step.reading);
                    read.bytes.extend(step.raw);
                }
                Ok(None) => break,
                Err(fault) => {
                    read.fault = Some(fault);
                    return read;
                }
            }
        }
    }
    read.texts = reader.texts().map(|(key, text)| (*key, text.to_owned())).collect();
    read.bytes.extend(reader.rest());
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_gives_the_same(number in 0..ALL.len(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..24)) {
        let dialect = ALL[number];
        let stream = stream(dialect);
        let whole = read(dialect, &[&stream]);
        prop_assert_eq!(&whole.bytes, &stream);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(dialect, &pieces), whole);
    }
}

#[test]
fn one_byte_at_a_time_is_a_split_like_any_other() {
    for dialect in ALL {
        let stream = stream(dialect);
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(dialect, &single), read(dialect, &[&stream]), "{}", dialect.name);
    }
}

#[test]
fn pieces_are_joined_by_where_they_belong() {
    let chat = dialect::named("openai_chat").unwrap();
    let events = [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}},{"index":1,"delta":{"content":"Bon"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"name":"pay","arguments":"{\"a\""}}]}}]}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"jour"}},{"index":0,"delta":{"content":"lo"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":":1}"}}]}}]}"#,
    ];
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let texts = read(chat, &[stream.as_bytes()]).texts;
    let joined = |meaning, turn, call| {
        let found = texts
            .iter()
            .find(|(key, _)| key.meaning == meaning && key.spot.turn == turn && key.spot.call == call);
        found.map(|(_, text)| text.as_str())
    };
    assert_eq!(joined(Meaning::Text, 0, 0), Some("Hello"));
    assert_eq!(joined(Meaning::Text, 1, 0), Some("Bonjour"));
    assert_eq!(joined(Meaning::CallTool, 0, 1), Some("pay"));
    assert_eq!(joined(Meaning::CallArguments, 0, 1), Some("{\"a\":1}"));
}

#[test]
fn what_is_said_again_as_a_whole_is_not_joined_twice() {
    let responses = dialect::named("openai_responses").unwrap();
    let read = read(responses, &[&stream(responses)]);
    let arguments: Vec<&String> = read
        .texts
        .iter()
        .filter(|(key, _)| key.meaning == Meaning::CallArguments)
        .map(|(_, text)| text)
        .collect();
    assert_eq!(arguments, ["{\"am"], "the pieces that came");
    let wholes: Vec<&str> = read
        .readings
        .iter()
        .filter_map(|reading| if let Reading::Event(told) = reading { Some(told) } else { None })
        .flatten()
        .filter(|told| told.key.meaning == Meaning::CallArguments)
        .filter_map(|told| told.whole.as_deref())
        .collect();
    assert_eq!(wholes, ["", "{\"amount\":40}"], "and the whole, to be judged by itself");
}

#[test]
fn what_cannot_be_read_is_told_and_a_stream_without_end_is_cut() {
    let chat = dialect::named("openai_chat").unwrap();
    let told = read(chat, &[b"data: {\"choices\":[\n\ndata: [DONE]\n\n: hm\n\ndata: {\"cut"]);
    assert!(
        matches!(told.readings[..], [Reading::Unreadable(_), Reading::End, Reading::Nothing]),
        "{told:?}"
    );
    assert!(told.bytes.ends_with(b"{\"cut"));
    let event =
        |n: usize| format!("data: {{\"choices\":[{{\"index\":{n},\"delta\":{{\"content\":\"x\"}}}}]}}\n\n");
    let many: String = (0..=MAX_TEXTS).map(event).collect();
    assert_eq!(read(chat, &[many.as_bytes()]).fault, Some(StreamFault::TooLarge));
}
