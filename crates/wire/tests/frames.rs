//! Streams cut into frames: the same frames however the bytes arrive, and every byte accounted for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use proptest::prelude::*;
use wire::frame::{AwsFrames, Frame, FrameFault, Framing, Lines, MAX_FRAME, Sse, encode_aws};

/// What was carried, event by event, and all bytes in their order.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    carried: Vec<(Option<String>, Vec<u8>)>,
    bytes: Vec<u8>,
    fault: Option<FrameFault>,
}

fn cut(mut framing: impl Framing, chunks: &[&[u8]]) -> Cut {
    let mut cut = Cut { carried: Vec::new(), bytes: Vec::new(), fault: None };
    for chunk in chunks {
        framing.push(chunk);
        loop {
            match framing.next() {
                Ok(Some(Frame { raw, event, data })) => {
                    cut.carried.push((event, data));
                    cut.bytes.extend(raw);
                }
                Ok(None) => break,
                Err(fault) => {
                    cut.fault = Some(fault);
                    break;
                }
            }
        }
    }
    cut.bytes.extend(framing.rest());
    cut
}

fn pieces<'s>(stream: &'s [u8], cuts: &[usize]) -> Vec<&'s [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

fn sse() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "data: [a-z{}\":]{0,12}",
        "data:[a-z]{0,6}",
        "event: [a-z]{1,8}",
        "id: [0-9]{1,3}",
        ": [a-z]{0,5}",
        "data",
        "é: ü",
        Just(String::new()),
        Just(String::new()),
    ];
    let ending = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let mark = prop_oneof![3 => Just(""), 1 => Just("\u{feff}")];
    (mark, prop::collection::vec((line, ending), 0..24)).prop_map(|(mark, lines)| {
        let lines: String = lines.into_iter().map(|(line, ending)| line + ending).collect();
        format!("{mark}{lines}").into_bytes()
    })
}

proptest! {
    #[test]
    fn events_are_the_same_for_any_split(stream in sse(), cuts in prop::collection::vec(0..400_usize, 0..12)) {
        let whole = cut(Sse::default(), &[&stream]);
        prop_assert_eq!(&whole.bytes, &stream);
        prop_assert_eq!(cut(Sse::default(), &pieces(&stream, &cuts)), whole);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        let single = cut(Sse::default(), &bytes);
        prop_assert_eq!(&single.bytes, &stream);
    }

    #[test]
    fn lines_are_the_same_for_any_split(
        stream in "(\\{\"a\":[0-9]{1,3}\\}|[ a-z]{0,4})(\n|\r\n)?([a-z]{0,3}\n){0,4}[a-z]{0,4}",
        cuts in prop::collection::vec(0..400_usize, 0..8),
    ) {
        let whole = cut(Lines::default(), &[stream.as_bytes()]);
        prop_assert_eq!(&whole.bytes, stream.as_bytes());
        prop_assert_eq!(cut(Lines::default(), &pieces(stream.as_bytes(), &cuts)), whole);
    }

    #[test]
    fn binary_frames_are_the_same_for_any_split_and_a_flipped_bit_is_found(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5),
        cuts in prop::collection::vec(0..600_usize, 0..12),
        flip in 0..4_000_usize,
    ) {
        let frames: Vec<Vec<u8>> = payloads
            .iter()
            .map(|data| encode_aws(&[(":event-type", "contentBlockDelta"), (":message-type", "event")], data).unwrap())
            .collect();
        let stream = frames.concat();
        let whole = cut(AwsFrames::default(), &[&stream]);
        let carried: Vec<Vec<u8>> = whole.carried.iter().map(|(_, data)| data.clone()).collect();
        prop_assert_eq!(carried, payloads);
        prop_assert!(whole.carried.iter().all(|(event, _)| event.as_deref() == Some("contentBlockDelta")));
        prop_assert_eq!(cut(AwsFrames::default(), &pieces(&stream, &cuts)), whole);

        let mut broken = stream.clone();
        let bit = flip % (broken.len() * 8);
        broken[bit / 8] ^= 1 << (bit % 8);
        let found = cut(AwsFrames::default(), &[&broken]);
        prop_assert!(found.fault.is_some(), "{found:?}");
        prop_assert!(found.carried.len() < frames.len());
    }
}

#[test]
fn an_event_ends_at_a_blank_line_and_its_data_lines_are_joined() {
    let stream = b"\xEF\xBB\xBFevent: delta\ndata: {\"a\":\ndata: 1}\n\n: ping\n\ndata\n\nid: 7\ndata: late";
    let cut = cut(Sse::default(), &[stream]);
    let text = |data: &str| data.as_bytes().to_vec();
    let want = vec![(Some("delta".to_owned()), text("{\"a\":\n1}")), (None, text("")), (None, text(""))];
    assert_eq!(cut.carried, want, "what never ended is no event");
    assert_eq!(cut.bytes, stream);
}

#[test]
fn a_frame_without_an_end_is_cut_at_the_bound() {
    let endless = vec![b'x'; MAX_FRAME + 1];
    assert_eq!(cut(Sse::default(), &[&endless]).fault, Some(FrameFault::TooLarge));
    assert_eq!(cut(Lines::default(), &[&endless]).fault, Some(FrameFault::TooLarge));
    let mut prelude = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes().to_vec();
    prelude.extend([0; 4]);
    prelude.extend(crc32fast_of(&prelude));
    assert_eq!(cut(AwsFrames::default(), &[&prelude]).fault, Some(FrameFault::TooLarge));
    assert_eq!(encode_aws(&[], &vec![0; MAX_FRAME]), None);
}

/// From a frame of ours, whose prelude's checksum covers the same eight bytes.
fn crc32fast_of(lengths: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in lengths {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    (!crc).to_be_bytes()
}

#[test]
fn a_frame_with_other_data_keeps_all_else() {
    use wire::dialect::Stream;
    let event = b"\xEF\xBB\xBF: hello\r\nevent: delta\r\ndata: {\"a\":\r\ndata: 1}\r\nid: 7\r\n\r\n";
    let want = b"\xEF\xBB\xBF: hello\r\nevent: delta\r\ndata: {\"b\":\r\ndata: 2}\r\nid: 7\r\n\r\n";
    assert_eq!(Stream::Events.rebuilt(event, b"{\"b\":\n2}").unwrap(), want);
    assert_eq!(Stream::Events.rebuilt(b"event: x\n\n", b"1").unwrap(), b"event: x\ndata: 1\n\n");
    assert_eq!(Stream::Lines.rebuilt(b" {\"a\":1} \r\n", b"{\"b\":\n2}").unwrap(), b"{\"b\": 2} \r\n");

    let frame = Stream::Aws.framed(Some("contentBlockDelta"), "{\"a\":1}").unwrap();
    let again = Stream::Aws.rebuilt(&frame, b"{\"longer\":true}").unwrap();
    assert_eq!(again, Stream::Aws.framed(Some("contentBlockDelta"), "{\"longer\":true}").unwrap());
    assert_eq!(Stream::Aws.rebuilt(&again, b"{\"a\":1}").unwrap(), frame);
    assert_eq!(Stream::Aws.rebuilt(b"nothing of the kind", b"1"), None);

    let frame = Stream::AwsChunks.framed(None, "{\"a\":1}").unwrap();
    let again = Stream::AwsChunks.rebuilt(&frame, b"{\"b\":2}").unwrap();
    let mut framing = Stream::AwsChunks.framing();
    framing.push(&again);
    let read = framing.next().unwrap().unwrap();
    assert_eq!((read.event.as_deref(), read.data.as_slice()), (Some("chunk"), &b"{\"b\":2}"[..]));
}

#[test]
fn a_chunk_that_holds_more_than_its_bytes_is_left_packed() {
    let mut framing = wire::dialect::Stream::AwsChunks.framing();
    let packed = br#"{"bytes":"e30=","x":"more"}"#;
    framing.push(&wire::frame::encode_aws(&[(":event-type", "chunk")], packed).unwrap());
    assert_eq!(framing.next().unwrap().unwrap().data, packed);
}
