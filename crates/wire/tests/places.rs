//! Where the text stands in every dialect: fixtures with what is found in them, and that nothing in
//! any document is ever passed over.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use wire::dialect::{self, ALL};
use wire::doc::{Doc, Kind, Value};
use wire::shape::{Meaning, Place, Shape, places};

fn found<'d>(doc: &'d Doc<'d>, shape: &Shape) -> Vec<Place<'d>> {
    let mut all = Vec::new();
    places(doc.root(), shape, &mut |place| all.push(place));
    all
}

/// The bytes of every text of a document; keys that the format names itself are no text of anybody.
fn texts(value: Value<'_>, into: &mut Vec<(usize, usize)>) {
    match value.kind() {
        Kind::Text => into.push((value.span().start, value.span().end)),
        Kind::List => value.items().for_each(|item| texts(item, into)),
        Kind::Object => value.entries().for_each(|(_, value)| texts(value, into)),
        Kind::Null | Kind::Bool | Kind::Number => {}
    }
}

/// Every text lies in exactly one place.
fn passed_over(doc: &Doc<'_>, shape: &Shape) -> Vec<String> {
    let places: Vec<_> = found(doc, shape).iter().map(|place| place.value.span()).collect();
    let mut all = Vec::new();
    texts(doc.root(), &mut all);
    all.into_iter()
        .filter(|(start, end)| places.iter().filter(|at| at.start <= *start && *end <= at.end).count() != 1)
        .map(|(start, end)| doc.source().get(start..end).unwrap().to_owned())
        .collect()
}

/// What is found, line by line, as a fixture states it. Words of the format are left out.
fn told(doc: &Doc<'_>, shape: &Shape) -> String {
    let lines =
        found(doc, shape).into_iter().filter(|place| place.meaning != Meaning::Protocol).map(|place| {
            let spot = place.spot;
            format!(
                "{:?} {:?} {}.{}.{}{} {}\n",
                place.speaker,
                place.meaning,
                spot.turn,
                spot.part,
                spot.call,
                if place.piece { " +" } else { "" },
                place.value.raw()
            )
        });
    lines.collect()
}

/// Each folder of fixtures is a dialect; `NAME.json` is read by the shape that its name begins with,
/// and `NAME.places` says what is found.
#[test]
fn fixtures_hold_what_they_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut seen = BTreeSet::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let dialect = dialect::named(&name).unwrap_or_else(|| panic!("no dialect is called {name}"));
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let kind = stem.split('-').next().unwrap().to_owned();
            let shape = match kind.as_str() {
                "request" => &dialect.request,
                "answer" => &dialect.answer,
                "event" => &dialect.event,
                other => panic!("{}: {other} is no kind of body", path.display()),
            };
            let bytes = std::fs::read(&path).unwrap();
            // Events stand one on a line.
            let documents: Vec<&[u8]> = if kind == "event" {
                bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
            } else {
                vec![&bytes]
            };
            let mut lines = String::new();
            for document in documents {
                let doc = Doc::parse(document).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
                assert_eq!(passed_over(&doc, shape), Vec::<String>::new(), "{}", path.display());
                lines.push_str(&told(&doc, shape));
            }
            let want = path.with_extension("places");
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&want, &lines).unwrap();
            }
            assert_eq!(lines, std::fs::read_to_string(&want).unwrap_or_default(), "{}", path.display());
            // Of models whose maker is not known every text is unknown.
            assert!(
                !lines.contains(" Unknown ") || name == "bedrock_invoke",
                "{}: a fixture holds what its shape does not know\n{lines}",
                path.display()
            );
            seen.insert((name.clone(), kind));
        }
    }
    for dialect in ALL {
        for kind in ["request", "answer", "event"] {
            assert!(
                seen.contains(&(dialect.name.to_owned(), kind.to_owned())),
                "{}: no fixture of a {kind}",
                dialect.name
            );
        }
    }
}

/// Bodies that look like the real ones and are wrong in every way: known keys in strange places,
/// with values of every kind.
fn strange() -> impl Strategy<Value = serde_json::Value> {
    let key = prop_oneof![
        Just("messages"),
        Just("content"),
        Just("role"),
        Just("type"),
        Just("text"),
        Just("parts"),
        Just("tools"),
        Just("tool_calls"),
        Just("function"),
        Just("arguments"),
        Just("input"),
        Just("delta"),
        Just("choices"),
        Just("candidates"),
        Just("functionCall"),
        Just("args"),
        Just("output"),
        Just("item"),
        Just("message"),
        Just("toolUse"),
        Just("contents"),
        Just("x"),
        Just("index"),
        Just("source"),
        Just("system"),
    ];
    let word = prop_oneof![
        "[a-z]{1,6}",
        Just("user".to_owned()),
        Just("tool".to_owned()),
        Just("message".to_owned()),
        Just("function_call".to_owned()),
        Just("reasoning".to_owned()),
        Just("response.output_text.delta".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<u32>().prop_map(serde_json::Value::from),
        word.prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(7, 64, 6, move |inner| {
        let entries = prop::collection::vec((key.clone(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(serde_json::Value::Array),
            entries.prop_map(|entries| {
                serde_json::Value::Object(
                    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_is_passed_over_whatever_a_body_looks_like(body in strange()) {
        let text = body.to_string();
        let doc = Doc::parse(text.as_bytes()).unwrap();
        for dialect in ALL {
            for shape in [&dialect.request, &dialect.answer, &dialect.event] {
                prop_assert_eq!(passed_over(&doc, shape), Vec::<String>::new(), "{}: {}", dialect.name, text);
            }
        }
    }
}

#[test]
fn what_no_shape_names_is_found_with_its_keys() {
    let doc = Doc::parse(br#"{"model":"m","x_note":{"secret key":["a",1,{"b":null}]}}"#).unwrap();
    let found = found(&doc, &dialect::named("openai_chat").unwrap().request);
    let unknown: Vec<&str> = found
        .iter()
        .filter(|place| place.meaning == Meaning::Unknown)
        .map(|place| place.value.raw())
        .collect();
    assert_eq!(unknown, ["\"x_note\"", "\"secret key\"", "\"a\"", "\"b\""]);
}
