//! Conditions on the payload: what stands in a field, or anywhere in the text.

use action::{Decimal, Json};
use regex::{Regex, RegexBuilder};

use super::{Range, Reader};
use crate::yaml::{Node, Value};

/// Longest pattern and biggest compiled pattern: a rule cannot make judging slow.
const MAX_PATTERN_BYTES: usize = 2_000;
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A path into the payload and what must hold for at least one value found there.
#[derive(Debug, Clone)]
pub struct FieldTest {
    pub path: String,
    pub checks: Vec<Check>,
}

/// One check of one value. Contains, starts and ends ignore case: SQL, HTML and addresses do too.
#[derive(Debug, Clone)]
pub enum Check {
    Equals(Json),
    OneOf(Vec<Json>),
    Within(Range),
    Contains(Vec<String>),
    StartsWith(Vec<String>),
    EndsWith(Vec<String>),
    Matches(Box<Regex>),
    Not(Vec<Check>),
    /// Whether the path leads anywhere. Asked of the path, not of a value.
    Exists(bool),
}

impl FieldTest {
    pub fn holds(&self, payload: &Json) -> bool {
        let mut found = Vec::new();
        collect(payload, &self.path, &mut found);
        let exists = |check: &Check| match check {
            Check::Exists(wanted) => *wanted != found.is_empty(),
            _ => true,
        };
        if !self.checks.iter().all(exists) {
            return false;
        }
        let about_values = self.checks.iter().any(|check| !matches!(check, Check::Exists(_)));
        !about_values || found.iter().any(|value| self.checks.iter().all(|check| check.holds(value)))
    }
}

/// The values at a path of keys with dots; `*` stands for every key or item. A single value stands
/// for a list of one: most tools take either, and a rule about the one must not miss the other.
fn collect<'j>(value: &'j Json, path: &str, found: &mut Vec<&'j Json>) {
    let (step, rest) = match path.split_once('.') {
        Some((step, rest)) => (step, Some(rest)),
        None => (path, None),
    };
    let mut follow = |value: &'j Json| match rest {
        Some(rest) => collect(value, rest, found),
        None => found.push(value),
    };
    match (value, step) {
        (Json::Object(entries), "*") => entries.iter().for_each(|(_, value)| follow(value)),
        (Json::List(items), "*") => items.iter().for_each(follow),
        (Json::Text(_) | Json::Number(_) | Json::Bool(_), "*") => follow(value),
        (Json::Object(_), key) => value.get(key).into_iter().for_each(follow),
        (Json::List(items), index) => {
            index.parse::<usize>().ok().and_then(|at| items.get(at)).into_iter().for_each(follow)
        }
        _ => {}
    }
}

impl Check {
    pub fn holds(&self, value: &Json) -> bool {
        let text = || value.as_text().map(str::to_lowercase);
        let any = |parts: &[String], test: fn(&str, &str) -> bool| {
            text().is_some_and(|text| parts.iter().any(|part| test(&text, part)))
        };
        match self {
            Check::Equals(wanted) => equals(wanted, value),
            Check::OneOf(wanted) => wanted.iter().any(|wanted| equals(wanted, value)),
            Check::Within(range) => number(value).is_some_and(|number| range.contains(number)),
            Check::Contains(parts) => any(parts, |text, part| text.contains(part)),
            Check::StartsWith(parts) => any(parts, |text, part| text.starts_with(part)),
            Check::EndsWith(parts) => any(parts, |text, part| text.ends_with(part)),
            Check::Matches(pattern) => value.as_text().is_some_and(|text| pattern.is_match(text)),
            Check::Not(checks) => !checks.iter().all(|check| check.holds(value)),
            Check::Exists(_) => true,
        }
    }
}

/// A number that was sent as a text is equal to itself, too.
fn equals(wanted: &Json, value: &Json) -> bool {
    wanted == value || wanted.as_number().is_some_and(|wanted| number(value) == Some(wanted))
}

/// A number, also one that was sent as a text: quoting it must not get it past a limit.
fn number(value: &Json) -> Option<Decimal> {
    value.as_number().or_else(|| {
        let text = value.as_text()?.trim();
        Decimal::parse(text.strip_prefix('+').filter(|rest| !rest.starts_with('-')).unwrap_or(text))
    })
}

/// Whether some string of the payload passes all checks.
pub fn any_text(payload: &Json, checks: &[Check]) -> bool {
    match payload {
        Json::Text(_) => checks.iter().all(|check| check.holds(payload)),
        Json::List(items) => items.iter().any(|item| any_text(item, checks)),
        Json::Object(entries) => entries.iter().any(|(_, value)| any_text(value, checks)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Reads what must hold for a value: a value it equals, a list of such, or a mapping of checks.
pub fn read_checks(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Check> {
    match &node.value {
        Value::Scalar { .. } => vec![Check::Equals(plain_json(node))],
        Value::List(items) => vec![Check::OneOf(items.iter().map(plain_json).collect())],
        Value::Map(_) => read_mapping(reader, node),
    }
}

fn read_mapping(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Check> {
    let before = reader.faults.0.len();
    let Some(mut fields) = reader.fields(node) else { return Vec::new() };
    let faults = &mut *reader.faults;
    let mut checks = Vec::new();
    checks.extend(fields.get("equals").map(|node| Check::Equals(plain_json(node))));
    if let Some(items) = fields.list("one_of", faults) {
        checks.push(Check::OneOf(items.iter().map(plain_json).collect()));
    }
    let range = Range::read(&mut fields, faults);
    if !range.is_everything() {
        checks.push(Check::Within(range));
    }
    let mut texts = |key, make: fn(Vec<String>) -> Check| {
        let parts = fields.texts(key, faults)?;
        if parts.iter().any(|part| part.is_empty()) {
            let message = format!("`{key}` is empty, which every text fulfils");
            fields.fault(faults, "empty_text", message, None);
        }
        Some(make(parts.into_iter().map(str::to_lowercase).collect()))
    };
    checks.extend(texts("contains", Check::Contains));
    checks.extend(texts("starts_with", Check::StartsWith));
    checks.extend(texts("ends_with", Check::EndsWith));
    checks.extend(fields.flag("exists", faults).map(Check::Exists));
    if let Some(pattern) = fields.get("matches") {
        checks.extend(read_pattern(reader, pattern).map(|regex| Check::Matches(Box::new(regex))));
    }
    if let Some(negated) = fields.get("not") {
        checks.push(Check::Not(read_checks(reader, negated)));
    }
    fields.finish(reader.faults);
    if checks.is_empty() && reader.faults.0.len() == before {
        reader.fault(node, "empty_condition", "nothing to check here".into(), None);
    }
    checks
}

fn read_pattern(reader: &mut Reader<'_, '_>, node: &Node) -> Option<Regex> {
    let text = node.as_text().unwrap_or("");
    if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
        let message = format!("`matches` must be a pattern of 1 to {MAX_PATTERN_BYTES} bytes");
        reader.fault(node, "bad_pattern", message, None);
        return None;
    }
    let built = RegexBuilder::new(text).size_limit(MAX_COMPILED_BYTES).nest_limit(50).build();
    if let Err(error) = &built {
        let (message, hint) = match error {
            regex::Error::CompiledTooBig(_) => ("this pattern grows too large", "use smaller repetitions"),
            _ => ("this is no regular expression", "look-around and back-references are not offered"),
        };
        reader.fault(node, "bad_pattern", message.into(), Some(hint.into()));
    }
    built.ok()
}

/// A YAML value as JSON: plain scalars are numbers, flags or null where they look like it.
pub fn plain_json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, quoted: true } => Json::Text(text.clone()),
        Value::Scalar { text, quoted: false } => match text.as_str() {
            "" | "~" | "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            other => Decimal::parse(other).map_or_else(|| Json::Text(other.into()), Json::Number),
        },
        Value::List(items) => Json::List(items.iter().map(plain_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.text.clone(), plain_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(path: &str, check: Check, payload: &str) -> bool {
        let payload = Json::parse(payload.as_bytes()).unwrap();
        FieldTest { path: path.into(), checks: vec![check] }.holds(&payload)
    }

    #[test]
    fn a_single_value_stands_for_a_list_of_one() {
        let outside = || Check::Not(vec![Check::EndsWith(vec!["@corp.example".into()])]);
        assert!(holds("to.*", outside(), r#"{ "to": ["eve@elsewhere.example"] }"#));
        assert!(holds("to.*", outside(), r#"{ "to": "eve@elsewhere.example" }"#));
        assert!(!holds("to.*", outside(), r#"{ "to": "ana@corp.example" }"#));
        assert!(!holds("to.*", outside(), r#"{ "to": null }"#));
    }

    #[test]
    fn a_number_sent_as_a_text_is_the_number() {
        let five = || Check::Equals(Json::Number(Decimal::from_int(5)));
        for (payload, expected) in [
            (r#"{ "n": 5 }"#, true),
            (r#"{ "n": "5" }"#, true),
            (r#"{ "n": " +5.0 " }"#, true),
            (r#"{ "n": "+-5" }"#, false),
            (r#"{ "n": "five" }"#, false),
        ] {
            assert_eq!(holds("n", five(), payload), expected, "{payload}");
        }
    }
}
