//! Any bytes as a request, an answer or a stream of any dialect, by the first two of them: counted,
//! with every call refused, and said in another dialect. Nothing panics, what is written is read
//! again, and of a refused call nothing is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::dialect::{ALL, Dialect};
use wire::doc::Doc;
use wire::endpoint::{endpoint, streams};
use wire::instead::{Mender, Refused, answer};
use wire::shape::{Meaning, Shape, Speaker, Spot, places};
use wire::stream::{Reader, Reading};
use wire::translate::{self, Stream};
use wire::usage::Tally;

fuzz_target!(|input: &[u8]| {
    let Some(([first, second], bytes)) = input.split_first_chunk::<2>() else { return };
    let dialect = ALL[usize::from(*first) % ALL.len()];
    let other = ALL[usize::from(*second >> 2) % ALL.len()];
    match second % 4 {
        0 => path(bytes),
        1 => request(dialect, other, bytes),
        2 => whole(dialect, other, bytes),
        _ => pieces(dialect, other, bytes),
    }
});

fn path(bytes: &[u8]) {
    let Ok(path) = std::str::from_utf8(bytes) else { return };
    for method in ["GET", "POST"] {
        if let Some(found) = endpoint(method, path) {
            assert_eq!(format!("{}{}", found.root, found.tail), path);
            let asked = Doc::parse(b"{}").expect("an empty object");
            streams(&found, &asked);
            if let Some(model) = &found.model {
                let again = format!("{}{}", found.root, found.endpoint.tail(model));
                let again = endpoint(method, &again).expect("a path that is written is found");
                assert_eq!(again.model.as_deref(), Some(model.as_ref()));
            }
        }
    }
}

fn request(dialect: &Dialect, other: &Dialect, bytes: &[u8]) {
    let Ok(doc) = Doc::parse(bytes) else { return };
    if let Ok(written) = translate::request(dialect, other, &doc, "m", true) {
        Doc::parse(written.as_bytes()).expect("what is written is read");
    }
    let Ok(neutral) = translate::read_request(dialect, &doc) else { return };
    if let Ok(written) = translate::write_request(dialect, &neutral) {
        let again = Doc::parse(written.as_bytes()).expect("what is written is read");
        let again = translate::read_request(dialect, &again).expect("what is written is read");
        assert_eq!(again.tools, neutral.tools);
        assert_eq!(again.settings.stop, neutral.settings.stop);
    }
}

fn calls(doc: &Doc<'_>, shape: &Shape) -> Vec<Spot> {
    let mut spots = Vec::new();
    places(doc.root(), shape, &mut |place| {
        if place.meaning == Meaning::CallTool && place.speaker == Speaker::Model {
            spots.push(place.spot);
        }
    });
    spots
}

fn whole(dialect: &Dialect, other: &Dialect, bytes: &[u8]) {
    let Ok(doc) = Doc::parse(bytes) else { return };
    let tally = Tally::of(dialect, doc.root());
    let mut twice = tally;
    twice.merge(tally);
    assert_eq!(twice, tally);
    if let Ok(written) = translate::answer(dialect, other, &doc, "id", "m") {
        Doc::parse(written.as_bytes()).expect("what is written is read");
    }
    let spots = calls(&doc, &dialect.answer);
    let refused: Vec<Refused<'_>> =
        spots.iter().map(|spot| Refused { spot: *spot, text: "no".into() }).collect();
    if let Ok(edits) = answer(dialect, &doc, &refused) {
        let changed = edits.apply(doc.source()).expect("changes do not overlap");
        let changed = Doc::parse(changed.as_bytes()).expect("what is changed is read");
        if !refused.is_empty() {
            assert!(calls(&changed, &dialect.answer).is_empty(), "a refused call is left");
        }
    }
}

fn pieces(dialect: &'static Dialect, other: &'static Dialect, bytes: &[u8]) {
    let mut reader = Reader::new(dialect);
    reader.push(bytes);
    let mut mender = Mender::new(dialect);
    let mut translated = Stream::new(dialect, other, "id", "m").ok();
    let mut framing = dialect.stream.framing();
    while let Ok(Some(step)) = reader.step() {
        let Reading::Event(_) = &step.reading else { continue };
        framing.push(&step.raw);
        let Ok(Some(frame)) = framing.next() else { return };
        let doc = Doc::parse(&frame.data).expect("an event that was read");
        if let Some(stream) = &mut translated {
            let _ = stream.event(&doc);
        }
        for spot in calls(&doc, &dialect.event) {
            let _ = mender.refuse(&Refused { spot, text: "no".into() });
        }
        let Ok(out) = mender.event(&step) else { return };
        let mut left = dialect.stream.framing();
        left.push(&out);
        while let Ok(Some(frame)) = left.next() {
            if !frame.data.is_empty() {
                Doc::parse(&frame.data).expect("what leaves is read");
            }
        }
        assert!(left.rest().is_empty(), "half an event leaves");
    }
    if let Some(stream) = &mut translated {
        let _ = stream.end();
    }
}
