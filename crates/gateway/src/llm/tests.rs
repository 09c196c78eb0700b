//! Bodies of every dialect, as they are judged and as they are written again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use action::Json;
use wire::dialect::{ALL, Dialect};
use wire::doc::Doc;

use super::asked::Asked;

fn fixture(dialect: &Dialect, name: &str) -> Option<String> {
    let path = format!("{}/../wire/tests/fixtures/{}/{name}.json", env!("CARGO_MANIFEST_DIR"), dialect.name);
    std::fs::read_to_string(path).ok()
}

fn read<'d>(dialect: &'static Dialect, name: &str, doc: &'d Doc<'d>) -> Asked<'d> {
    if name == "request" { Asked::request(doc, dialect) } else { Asked::answer(doc, dialect) }
}

/// Replaces each text of a payload by itself with a mark, one by one.
fn each_marked(payload: &Json, visit: &mut dyn FnMut(Json, &str)) {
    fn go(at: &Json, rebuild: &dyn Fn(Json) -> Json, visit: &mut dyn FnMut(Json, &str)) {
        match at {
            Json::Text(text) => visit(rebuild(Json::Text(format!("{text}\u{2603}\"\n"))), text),
            Json::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    let inner = |new: Json| {
                        let mut items = items.clone();
                        items[place] = new;
                        rebuild(Json::List(items))
                    };
                    go(item, &inner, visit);
                }
            }
            Json::Object(entries) => {
                for (place, (key, value)) in entries.iter().enumerate() {
                    if matches!(key.as_str(), "role" | "model") {
                        continue;
                    }
                    let inner = |new: Json| {
                        let mut entries = entries.clone();
                        entries[place].1 = new;
                        rebuild(Json::Object(entries))
                    };
                    go(value, &inner, visit);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
    go(payload, &|json| json, visit);
}

#[test]
fn what_is_not_changed_is_not_written_and_what_is_changed_is_all_that_is() {
    let mut changed = 0;
    for dialect in ALL.iter().copied() {
        for name in ["request", "answer"] {
            let Some(source) = fixture(dialect, name) else { continue };
            let doc = Doc::parse(source.as_bytes()).unwrap();
            let asked = read(dialect, name, &doc);
            assert_eq!(asked.spliced(&source, &asked.payload), Ok(None), "{} {name}", dialect.name);
            each_marked(&asked.payload, &mut |marked, text| {
                // The model stands once more among the notes; there it is changed.
                let marked = match (&asked.model, marked) {
                    (Some(model), Json::Object(mut entries)) if model == text => {
                        entries.retain(|(key, _)| key != "model");
                        let model = Json::Text(format!("{text}\u{2603}\"\n"));
                        entries.insert(0, ("model".to_owned(), model));
                        Json::Object(entries)
                    }
                    (_, marked) => marked,
                };
                let Ok(spliced) = asked.spliced(&source, &marked) else {
                    // Only what was read out of a file's encoding has no place of its own.
                    assert!(!source.contains(text) || text.is_empty(), "{} {name}: {text}", dialect.name);
                    return;
                };
                let spliced =
                    spliced.unwrap_or_else(|| panic!("{} {name}: {text} was not written", dialect.name));
                let again = Doc::parse(spliced.as_bytes()).unwrap();
                let (again, notes) = (read(dialect, name, &again).payload, marked.get("notes"));
                // Another word of the format makes it another body; that word is there, and judged.
                let is_note = notes.is_some_and(|notes| format!("{notes:?}").contains('\u{2603}'));
                if spliced.contains("\"logprobs\":null") {
                    // The words token by token: they are not mended, they go with the words that changed.
                    assert!(is_note || spliced.contains('\u{2603}'), "{} {name}: {text}", dialect.name);
                    return;
                }
                assert!(
                    again == marked || is_note && spliced.contains('\u{2603}'),
                    "{} {name}: {text}",
                    dialect.name
                );
                changed += 1;
            });
        }
    }
    assert!(changed > 200, "only {changed} texts were changed");
}

#[test]
fn a_bound_is_set_in_each_dialects_own_place() {
    for (name, want) in [
        ("openai_chat", r#"{"max_tokens":64}"#),
        ("openai_responses", r#"{"max_output_tokens":64}"#),
        ("gemini", r#"{"generationConfig":{"maxOutputTokens":64}}"#),
        ("bedrock_converse", r#"{"inferenceConfig":{"maxTokens":64}}"#),
        ("ollama", r#"{"options":{"num_predict":64}}"#),
    ] {
        let dialect = wire::dialect::named(name).unwrap();
        let changed = Json::parse(br#"{"max_tokens": 64}"#).unwrap();
        for before in ["{}".to_owned(), want.replace("64", "100000")] {
            let doc = Doc::parse(before.as_bytes()).unwrap();
            let asked = Asked::request(&doc, dialect);
            assert_eq!(asked.spliced(&before, &changed).unwrap().as_deref(), Some(want), "{name}");
        }
    }
}
