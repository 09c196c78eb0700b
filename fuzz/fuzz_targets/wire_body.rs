//! Any bytes as the body of a request, an answer or an event, in every dialect: read as another
//! reader reads them, no text passed over, and changed texts stand where they stood.
#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use wire::dialect::ALL;
use wire::doc::{Doc, DocFault, Kind, Value};
use wire::edit::Edits;
use wire::shape::places;

fn texts(value: Value<'_>, into: &mut Vec<Range<usize>>) {
    match value.kind() {
        Kind::Text => into.push(value.span()),
        Kind::List => value.items().for_each(|item| texts(item, into)),
        Kind::Object => value.entries().for_each(|(_, value)| texts(value, into)),
        Kind::Null | Kind::Bool | Kind::Number => {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(doc) = Doc::parse(bytes) else { return };
    // Halves of surrogate pairs and numbers without end are read here and refused there.
    if let Ok(theirs) = serde_json::from_slice::<serde_json::Value>(bytes)
        && let Some(text) = theirs.as_str()
    {
        assert_eq!(doc.root().text().as_deref(), Some(text));
    }
    let mut all = Vec::new();
    texts(doc.root(), &mut all);
    for dialect in ALL {
        for shape in [&dialect.request, &dialect.answer, &dialect.event] {
            let mut found = Vec::new();
            let mut edits = Edits::default();
            places(doc.root(), shape, &mut |place| {
                found.push(place.value.span());
                edits.text(place.value, "changed \"");
            });
            for text in &all {
                let covering = found.iter().filter(|at| at.start <= text.start && text.end <= at.end);
                assert_eq!(covering.count(), 1, "{} passes over a text", dialect.name);
            }
            let changed = edits.apply(doc.source()).expect("places do not overlap");
            // A key that is changed like another one stands twice; anything else still reads.
            let read = Doc::parse(changed.as_bytes());
            assert!(matches!(read, Ok(_) | Err(DocFault::KeyTwice(_))), "{read:?}");
        }
    }
});
