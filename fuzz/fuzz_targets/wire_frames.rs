//! Any bytes as a stream, cut anywhere: the same frames as in one piece, and every byte accounted for.
//! What is read as events and written as a list holds the same events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::dialect::Stream;
use wire::frame::{AwsFrames, Elements, FrameFault, Framing, Lines, List, MAX_FRAME, Sse};

type Carried = Vec<(Option<String>, Vec<u8>)>;

fn cut(framing: &mut dyn Framing, chunks: &[&[u8]]) -> (Carried, Vec<u8>, Option<FrameFault>) {
    let (mut carried, mut bytes, mut fault) = (Vec::new(), Vec::new(), None);
    for chunk in chunks {
        framing.push(chunk);
        loop {
            match framing.next() {
                Ok(Some(frame)) => {
                    carried.push((frame.event, frame.data));
                    bytes.extend(frame.raw);
                }
                Ok(None) => break,
                Err(found) => {
                    fault = fault.or(Some(found));
                    break;
                }
            }
        }
    }
    bytes.extend(framing.rest());
    (carried, bytes, fault)
}

fuzz_target!(|input: &[u8]| {
    let Some((at, stream)) = input.split_first_chunk::<2>() else { return };
    let at = usize::from(u16::from_be_bytes(*at)) % (stream.len() + 1);
    let (first, second) = stream.split_at(at);
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    let kinds: [fn() -> Box<dyn Framing>; 4] = [
        || Box::new(Sse::default()),
        || Box::new(Lines::default()),
        || Box::new(AwsFrames::default()),
        || Box::new(Elements::default()),
    ];
    for kind in kinds {
        let whole = cut(&mut *kind(), &[stream]);
        for pieces in [&[first, second][..], &single] {
            let split = cut(&mut *kind(), pieces);
            assert_eq!((&split.0, split.2), (&whole.0, whole.2));
            if whole.2.is_none() {
                assert_eq!(split.1, stream);
            }
        }
    }
    listed(stream);
});

/// The items of a list, told as events and listed again.
fn listed(stream: &[u8]) {
    let (items, _, fault) = cut(&mut Elements::default(), &[stream]);
    if fault.is_some() || stream.len() > MAX_FRAME / 2 {
        return;
    }
    let mut list = List::default();
    let mut again = Vec::new();
    for (_, item) in items.iter().filter(|(_, item)| !item.is_empty()) {
        let event = Stream::Events.rebuilt(b"data: {}\n\n", item).expect("events have no bound");
        again.extend(list.put(&event));
    }
    again.extend_from_slice(list.end());
    let (read, _, fault) = cut(&mut Elements::default(), &[&again]);
    assert_eq!(fault, None);
    let texts = |items: &Carried| -> Vec<Vec<u8>> {
        // Ends of lines inside of an item may be others.
        let items = items.iter().filter(|(_, item)| !item.is_empty());
        items
            .map(|(_, item)| item.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
            .collect()
    };
    assert_eq!(texts(&read), texts(&items));
}
