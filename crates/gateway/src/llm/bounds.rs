//! Numbers that a request sets, and the bound of an answer's length above all: each dialect has its
//! own place for it.

use action::Json;
use wire::dialect::Dialect;
use wire::doc::{Kind, Value};
use wire::edit::Edits;

use super::asked::{NoPlace, number};

/// Where a dialect keeps the bound of an answer: by which name it is judged, and by which path it is
/// found and set.
struct Bound {
    dialect: &'static str,
    judged: &'static str,
    path: &'static [&'static str],
}

/// Every other number stands at the top of its body, under the name by which it is judged.
#[rustfmt::skip]
const BOUNDS: &[Bound] = &[
    Bound { dialect: "gemini",           judged: "max_tokens", path: &["generationConfig", "maxOutputTokens"] },
    Bound { dialect: "bedrock_converse", judged: "max_tokens", path: &["inferenceConfig", "maxTokens"] },
    Bound { dialect: "ollama",           judged: "max_tokens", path: &["options", "num_predict"] },
    // By its own name, so that a rule for the others sets this one where nothing is set.
    Bound { dialect: "openai_responses", judged: "max_tokens", path: &["max_output_tokens"] },
];

fn bound(dialect: &Dialect) -> Option<&'static Bound> {
    BOUNDS.iter().find(|bound| bound.dialect == dialect.name)
}

/// The numbers of a body.
pub fn numbers(root: Value<'_>, dialect: &Dialect) -> Vec<(String, Json)> {
    let own = bound(dialect);
    let mut found: Vec<(String, Json)> = own
        .and_then(|bound| Some((bound.judged.to_owned(), limit(at(root, bound.path)?)?)))
        .into_iter()
        .collect();
    for (key, value) in root.entries() {
        let Some(name) = key.text().filter(|_| value.kind() == Kind::Number) else { continue };
        let taken = ["model", "messages", "tools", "notes"].contains(&name.as_ref())
            || own.is_some_and(|bound| bound.path == [name.as_ref()] || bound.judged == name);
        if !taken {
            found.push((name.into_owned(), number(value)));
        }
    }
    found
}

/// A bound as it is judged, also one that is no number.
fn limit(value: Value<'_>) -> Option<Json> {
    match value.kind() {
        Kind::Number => Some(number(value)),
        Kind::Text => value.text().map(|text| Json::Text(text.into_owned())),
        Kind::Null | Kind::Bool | Kind::List | Kind::Object => None,
    }
}

/// Writes the numbers that were changed or set.
pub fn write(
    root: Value<'_>,
    dialect: &Dialect,
    before: &Json,
    after: &Json,
    edits: &mut Edits,
) -> Result<(), NoPlace> {
    let Json::Object(entries) = after else { return Err(NoPlace) };
    for (key, value) in entries {
        if !matches!(value, Json::Number(_) | Json::Text(_))
            || key == "model"
            || before.get(key) == Some(value)
        {
            continue;
        }
        let written = serde_json::to_string(value).map_err(|_| NoPlace)?;
        let path = match bound(dialect).filter(|bound| bound.judged == key) {
            Some(bound) => bound.path,
            None => &[key.as_str()][..],
        };
        set(root, path, written, edits)?;
    }
    Ok(())
}

/// Puts a value at a path; what is missing on the way is made.
fn set(root: Value<'_>, path: &[&str], written: String, edits: &mut Edits) -> Result<(), NoPlace> {
    let mut here = root;
    for (depth, step) in path.iter().enumerate() {
        let last = depth + 1 == path.len();
        match here.get(step) {
            Some(value) if last => {
                edits.value(value, written);
                return Ok(());
            }
            Some(value) if value.kind() == Kind::Object => here = value,
            Some(_) => return Err(NoPlace),
            None => {
                let inner = path.get(depth..).unwrap_or_default();
                let opened: String =
                    inner.iter().skip(1).map(|step| format!("{{{}:", wire::doc::quoted(step))).collect();
                let closed = "}".repeat(inner.len().saturating_sub(1));
                edits.entry(here, step, format!("{opened}{written}{closed}"));
                return Ok(());
            }
        }
    }
    Err(NoPlace)
}

fn at<'d>(root: Value<'d>, path: &[&str]) -> Option<Value<'d>> {
    path.iter().try_fold(root, |value, step| value.get(step))
}
