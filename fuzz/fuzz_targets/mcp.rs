//! Two texts, a line of zeroes between them: as messages of the protocol, as a schema and what is held
//! against it, and as a value before and after a rule changed it. Nothing panics, whatever a schema
//! refers to; and what is spliced reads as what it should.
#![no_main]

use action::Json;
use gateway::mcp::message::{Message, What, messages};
use gateway::mcp::schema::{self, Checked};
use gateway::mcp::splice::differences;
use libfuzzer_sys::fuzz_target;
use wire::doc::Doc;
use wire::edit::Edits;

fuzz_target!(|bytes: &[u8]| {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (first, second) = bytes.split_at(at);
    let second = second.strip_prefix(b"\0").unwrap_or(second);
    read(first);
    let (Ok(old), Ok(new)) = (Json::parse(first), Json::parse(second)) else { return };
    if let Checked::Wrong(wrong) = schema::check(&old, &new) {
        assert!(wrong.at.starts_with('/') && !wrong.keyword.is_empty());
    }
    assert_eq!(schema::check(&Json::Bool(true), &new), Checked::Fits);
    splice(first, &old, &new);
});

fn read(bytes: &[u8]) {
    let Ok(doc) = Doc::parse(bytes) else { return };
    for message in messages(&doc) {
        match message.what {
            What::Request => assert!(message.id.is_some() && message.outcome().is_none()),
            What::Notification => {
                assert!(message.id.is_none() && message.method.starts_with("notifications/"))
            }
            What::Answer => assert!(message.outcome().is_some() && message.method.is_empty()),
            What::Unreadable => {}
        }
        // By itself it is the same message.
        let again = Doc::parse(message.value.raw().as_bytes()).expect("a part of a document is one");
        assert_eq!(Message::of(again.root()).what, message.what);
        message.param("name");
    }
}

fn splice(source: &[u8], old: &Json, new: &Json) {
    let Ok(doc) = Doc::parse(source) else { return };
    let mut edits = Edits::default();
    differences(doc.root(), old, new, &mut edits);
    let written = edits.apply(doc.source()).expect("differences do not overlap");
    let read = Json::parse(written.as_bytes()).expect("what is spliced is JSON");
    assert_eq!(read.sorted(), new.sorted(), "{written}");
}
