//! The reader of bodies beside another reader, and what it refuses on purpose.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use proptest::prelude::*;
use serde_json::Value as Json;
use wire::doc::{Doc, DocFault, Kind, MAX_DEPTH, MAX_VALUES, Value, quoted};

/// The value as another reader would have built it.
fn built(value: Value<'_>) -> Json {
    match value.kind() {
        Kind::Null => Json::Null,
        Kind::Bool => Json::Bool(value.flag().unwrap()),
        Kind::Number => serde_json::from_str(value.raw()).unwrap(),
        Kind::Text => Json::String(value.text().unwrap().into_owned()),
        Kind::List => Json::Array(value.items().map(built).collect()),
        Kind::Object => {
            let entries =
                value.entries().map(|(key, value)| (key.text().unwrap().into_owned(), built(value)));
            Json::Object(entries.collect())
        }
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_document_is_read_as_it_was_written(json in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
        let text = text.unwrap();
        let doc = Doc::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(built(doc.root()), json);
        prop_assert_eq!(doc.root().raw(), text.as_str());
    }

    #[test]
    fn broken_documents_are_refused_where_another_reader_refuses_them(
        json in json(), at in 0..400_usize, by in "[\\[\\]{},:\"0-9a-z\\\\ \u{1}-]",
    ) {
        let mut text = serde_json::to_string(&json).unwrap();
        let at = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).nth(at % (text.chars().count() + 1)).unwrap();
        text.insert_str(at, &by);
        let theirs = serde_json::from_str::<Json>(&text);
        match (Doc::parse(text.as_bytes()), &theirs) {
            (Ok(doc), Ok(theirs)) => prop_assert_eq!(built(doc.root()), theirs.clone()),
            (Err(_), Err(_)) | (Err(DocFault::KeyTwice(_)), Ok(_)) => {}
            (ours, theirs) => prop_assert!(out_of_range(&text), "{text}: {ours:?} {theirs:?}"),
        }
    }

    #[test]
    fn texts_survive_being_quoted(text in any::<String>()) {
        let quoted = quoted(&text);
        let doc = Doc::parse(quoted.as_bytes()).unwrap();
        prop_assert_eq!(doc.root().text().unwrap(), text.as_str());
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(doc) = Doc::parse(&bytes) {
            built(doc.root());
        }
    }
}

/// A number that the other reader finds too large for it; we keep numbers as they are written.
fn out_of_range(text: &str) -> bool {
    serde_json::from_str::<Json>(text).is_err_and(|error| error.to_string().contains("number out of range"))
}

#[test]
fn values_know_their_place() {
    let source = r#"{"model":"m","messages":[{"role":"user","content":"a\u00e9\ud83d\ude00\n"}],"n":2}"#;
    let doc = Doc::parse(source.as_bytes()).unwrap();
    let content = doc.root().get("messages").unwrap().items().next().unwrap().get("content").unwrap();
    assert_eq!(content.text().unwrap(), "aé😀\n");
    assert_eq!(source.get(content.span()).unwrap(), r#""a\u00e9\ud83d\ude00\n""#);
    assert_eq!(doc.root().get("n").unwrap().whole(), Some(2));
    assert!(doc.root().get("missing").is_none() && content.get("x").is_none());
    let half = Doc::parse(br#""a\ud83dz\udc00""#).unwrap();
    assert_eq!(half.root().text().unwrap(), "a\u{fffd}z\u{fffd}", "half a pair is no character");
}

#[test]
fn what_is_refused_is_refused_with_its_place() {
    let fault = |bytes: &[u8]| Doc::parse(bytes).map(|_| ()).unwrap_err();
    assert_eq!(fault(b""), DocFault::Malformed(0));
    assert_eq!(fault(b"{} x"), DocFault::Malformed(3));
    assert_eq!(fault(b"[1,]"), DocFault::Malformed(3));
    assert_eq!(fault(b"[01]"), DocFault::Malformed(2));
    assert_eq!(fault(b"\"a\nb\""), DocFault::Malformed(2));
    assert_eq!(fault(b"\"\xff\""), DocFault::NotUtf8(1));
    assert_eq!(fault(br#"{"a":1,"b":2,"\u0061":3}"#), DocFault::KeyTwice(13), "escapes hide no key");
    let many: String = (0..40).map(|n| format!("\"k{n}\":0,")).collect();
    assert!(matches!(fault(format!("{{{many}\"k39\":1}}").as_bytes()), DocFault::KeyTwice(_)));
    let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
    assert_eq!(fault(deep.as_bytes()), DocFault::TooDeep(MAX_DEPTH));
    let fits = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert!(Doc::parse(fits.as_bytes()).is_ok());
    let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
    assert_eq!(fault(many.as_bytes()), DocFault::TooMany);
}
