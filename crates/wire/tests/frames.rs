//! Streams cut into frames: the same frames however the bytes arrive, and every byte accounted for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use proptest::prelude::*;
use wire::frame::{AwsFrames, Elements, Frame, FrameFault, Framing, Lines, List, MAX_FRAME, Sse, encode_aws};

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
    fn items_of_a_list_are_the_same_for_any_split(
        items in prop::collection::vec("\\{\"a\":(\"([ -!#-\\[\\]-~é]|\\\\\"|\\\\\\\\){0,8}\"|\\[\\{\\},\\[1\\]\\]|[0-9]{1,3})\\}", 0..6),
        between in prop::sample::select(vec![",", "\n,\r\n", " ,\t"]),
        around in prop::sample::select(vec![("[", "]"), (" [\n", "\n]"), ("[", " ]\n")]),
        cuts in prop::collection::vec(0..400_usize, 0..12),
    ) {
        let stream = format!("{}{}{}", around.0, items.join(between), around.1);
        let whole = cut(Elements::default(), &[stream.as_bytes()]);
        prop_assert_eq!((whole.bytes.as_slice(), whole.fault), (stream.as_bytes(), None));
        let carried: Vec<&[u8]> = whole.carried.iter().map(|(_, data)| data.as_slice()).collect();
        let wanted: Vec<&[u8]> = items.iter().map(|item| item.as_bytes()).chain([&b""[..]]).collect();
        prop_assert_eq!(carried, wanted);
        prop_assert_eq!(cut(Elements::default(), &pieces(stream.as_bytes(), &cuts)), whole);
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
    // The same when its end comes with it.
    let ended = [&b"data: "[..], &endless, b"\n\n"].concat();
    assert_eq!(cut(Sse::default(), &[&ended]).fault, Some(FrameFault::TooLarge));
    assert_eq!(cut(Lines::default(), &[&ended]).fault, Some(FrameFault::TooLarge));
    let mut prelude = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes().to_vec();
    prelude.extend([0; 4]);
    prelude.extend(crc32fast_of(&prelude));
    assert_eq!(cut(AwsFrames::default(), &[&prelude]).fault, Some(FrameFault::TooLarge));
    assert_eq!(encode_aws(&[], &vec![0; MAX_FRAME]), None);
}

#[test]
fn an_event_whose_end_comes_in_two_halves_is_one_frame() {
    let stream = b"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n";
    let mut framing = Sse::default();
    let mut raw = Vec::new();
    for byte in stream {
        framing.push(&[*byte]);
        raw.extend(framing.next().unwrap().map(|frame| frame.raw));
    }
    assert_eq!(raw, [&stream[..21], &stream[21..]]);
    assert!(framing.rest().is_empty());
    // Where lines end in either way, an event does not wait; what is written anew stays one all the same.
    let late = b"\nevent: b\ndata: 2\n\n";
    assert_eq!(wire::dialect::Stream::Events.rebuilt(late, b"3").unwrap(), b"\nevent: b\ndata: 3\n\n");
}

#[test]
fn what_is_no_list_of_objects_is_a_fault_and_one_object_is_a_list_of_it() {
    let fault = |stream: &str| cut(Elements::default(), &[stream.as_bytes()]).fault;
    for stream in ["x", "\"a\"", "[1]", "[{},]", "[{}{}]", "[,{}]", "[]]", "[{}] {}", "{} ,", "[[]]", "{}]"] {
        assert_eq!(fault(stream), Some(FrameFault::Malformed), "{stream}");
    }
    let bare = cut(Elements::default(), &[b" {\"a\":[{}]}\n"]);
    assert_eq!((bare.carried, bare.fault), (vec![(None, b"{\"a\":[{}]}".to_vec())], None));
    for (stream, closed) in [("[{}", false), ("[{}]", true), ("[]\n", true), ("{}", true), ("", false)] {
        let mut items = Elements::default();
        items.push(stream.as_bytes());
        while items.next().unwrap().is_some() {}
        assert_eq!(items.is_closed(), closed, "{stream}");
    }
    let endless = [b"[{\"a\":\"", vec![b'x'; MAX_FRAME].as_slice()].concat();
    assert_eq!(fault(std::str::from_utf8(&endless).unwrap()), Some(FrameFault::TooLarge));
}

#[test]
fn events_are_written_as_one_list_however_they_come() {
    let events = b": hello\n\ndata: {\"a\":1}\n\nevent: x\ndata: {\"b\":\ndata: 2}\n\n";
    for size in [1, 7, events.len()] {
        let mut list = List::default();
        let mut out: Vec<u8> = events.chunks(size).flat_map(|piece| list.put(piece)).collect();
        out.extend(list.end());
        assert_eq!(out, b"\n[{\"a\":1},\r\n{\"b\":\n2}\n]\n");
    }
    assert_eq!(List::default().end(), b"[]\n");
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
