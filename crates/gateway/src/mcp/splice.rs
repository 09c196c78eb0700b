//! Carrying a changed value back into the bytes it was read from.

use action::Json;
use wire::doc::{Kind, Value};
use wire::edit::Edits;

/// Notes what has to change in the bytes of `value`, which was read as `old`, to read as `new`. Texts
/// that are the same stay as they were written.
pub fn differences(value: Value<'_>, old: &Json, new: &Json, edits: &mut Edits) {
    match (old, new, value.kind()) {
        _ if old == new => {}
        (_, Json::Text(text), Kind::Text) => edits.text(value, text),
        (Json::List(before), Json::List(after), Kind::List) if before.len() == after.len() => {
            for ((item, old), new) in value.items().zip(before).zip(after) {
                differences(item, old, new, edits);
            }
        }
        (Json::Object(before), Json::Object(after), Kind::Object)
            if value.entries().count() == before.len()
                && before.len() == after.len()
                && before.iter().zip(after).all(|(a, b)| a.0 == b.0) =>
        {
            for (((_, item), (_, old)), (_, new)) in value.entries().zip(before).zip(after) {
                differences(item, old, new, edits);
            }
        }
        (_, _, _) => edits.value(value, written(new)),
    }
}

/// A value as JSON.
pub fn written(value: &Json) -> String {
    // A value of ours can always be written.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
mod tests {
    use wire::doc::Doc;

    use super::*;

    #[test]
    fn only_what_differs_is_written_anew() {
        let source = "{ \"a\" : [ 1.50, \"\\u0079\", {\"k\": true} ],\t\"b\":\"x\" }";
        let old = Json::parse(source.as_bytes()).unwrap();
        for (new, want) in [
            (source, source.to_owned()),
            (r#"{"a":[1.50,"y",{"k":true}],"b":"z"}"#, source.replace("\"x\"", "\"z\"")),
            (r#"{"a":[1.5,"q",{"k":true}],"b":"x"}"#, source.replace("\"\\u0079\"", "\"q\"")),
            (r#"{"a":[1.5,"y",{"k":false}],"b":"x"}"#, source.replace("true", "false")),
            (r#"{"a":[],"b":"x"}"#, "{ \"a\" : [],\t\"b\":\"x\" }".to_owned()),
            (r#"{"b":"x"}"#, r#"{"b":"x"}"#.to_owned()),
        ] {
            let new = Json::parse(new.as_bytes()).unwrap();
            let doc = Doc::parse(source.as_bytes()).unwrap();
            let mut edits = Edits::default();
            differences(doc.root(), &old, &new, &mut edits);
            assert_eq!(edits.apply(source).unwrap(), want);
        }
    }
}
