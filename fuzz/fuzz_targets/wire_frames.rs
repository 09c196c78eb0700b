//! Any bytes as a stream, cut anywhere: the same frames as in one piece, and every byte accounted for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::frame::{AwsFrames, FrameFault, Framing, Lines, Sse};

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
    let kinds: [fn() -> Box<dyn Framing>; 3] =
        [|| Box::new(Sse::default()), || Box::new(Lines::default()), || Box::new(AwsFrames::default())];
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
});
