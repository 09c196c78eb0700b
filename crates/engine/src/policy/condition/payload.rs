//! Conditions on the payload: what stands in a field, or anywhere in the text.

use action::{Decimal, Json};
use regex::{Regex, RegexBuilder};

use super::range::Bound;
use super::{Range, Reader, Sure};
use crate::detect::walk::embedded_json;
use crate::text::alike;
use crate::text::number::{Reading, reading};
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
    /// Possibly, when some value found there passes; for sure, when the path is there as written
    /// and every value found passes, under whatever spelling of the keys: a second recipient, or
    /// `Amount` beside `amount`, must not ride on the first.
    pub fn holds(&self, payload: &Json, sure: Sure) -> bool {
        let (mut written, mut found) = (false, false);
        collect(payload, &self.path, Sure::Certainly, &mut |_| written = true);
        let (mut some, mut all) = (false, true);
        collect(payload, &self.path, Sure::Possibly, &mut |value| {
            let passes = self.checks.iter().all(|check| check.holds(value, sure));
            (found, some, all) = (true, some || passes, all && passes);
        });
        let there = |sure: Sure| match sure {
            Sure::Possibly => found,
            Sure::Certainly => written,
        };
        let exists = |check: &Check| match check {
            Check::Exists(true) => there(sure),
            Check::Exists(false) => !there(sure.turned()),
            _ => true,
        };
        if !self.checks.iter().all(exists) {
            return false;
        }
        if self.checks.iter().all(|check| matches!(check, Check::Exists(_))) {
            return true;
        }
        match sure {
            Sure::Possibly => some,
            Sure::Certainly => written && all,
        }
    }
}

/// The values at a path of keys with dots; `*` stands for every key or item. A single value stands
/// for a list of one: most tools take either, and a rule about the one must not miss the other.
/// Possibly, a key is also one that looks like it, for many tools read `Amount` as `amount`; and
/// arguments that were sent as the text of a document are that document.
fn collect(value: &Json, path: &str, sure: Sure, visit: &mut dyn FnMut(&Json)) {
    let (step, rest) = match path.split_once('.') {
        Some((step, rest)) => (step, Some(rest)),
        None => (path, None),
    };
    let mut follow = |value: &Json| match rest {
        Some(rest) => collect(value, rest, sure, visit),
        None => visit(value),
    };
    match (value, step) {
        (Json::Object(entries), "*") => entries.iter().for_each(|(_, value)| follow(value)),
        (Json::List(items), "*") => items.iter().for_each(follow),
        (Json::Text(_) | Json::Number(_) | Json::Bool(_), "*") => follow(value),
        (Json::Object(entries), key) => match sure {
            Sure::Certainly => value.get(key).into_iter().for_each(follow),
            Sure::Possibly => {
                let form = alike(key);
                let meant = entries.iter().filter(|(name, _)| name == key || alike(name) == form);
                meant.for_each(|(_, value)| follow(value));
            }
        },
        (Json::List(items), index) => {
            index.parse::<usize>().ok().and_then(|at| items.get(at)).into_iter().for_each(follow)
        }
        // Each document found this way is entered by a step of the path, so paths end it.
        (Json::Text(text), _) if sure == Sure::Possibly => {
            if let Some(document) = embedded_json(text) {
                collect(&document, path, sure, visit);
            }
        }
        _ => {}
    }
}

impl Check {
    pub fn holds(&self, value: &Json, sure: Sure) -> bool {
        // A list where one value was expected: tools take the first, the last, or each.
        if let (Json::List(items), false) = (value, matches!(self, Check::Not(_) | Check::Exists(_))) {
            return match sure {
                Sure::Possibly => {
                    self.of_one(value, sure) || items.iter().any(|item| self.of_one(item, sure))
                }
                Sure::Certainly => self.of_one(value, sure),
            };
        }
        self.of_one(value, sure)
    }

    fn of_one(&self, value: &Json, sure: Sure) -> bool {
        match self {
            Check::Equals(wanted) => equals(wanted, value, sure),
            Check::OneOf(wanted) => wanted.iter().any(|wanted| equals(wanted, value, sure)),
            Check::Within(range) => within(range, value, sure),
            Check::Contains(parts) => some_part(value, parts, sure, |text, part| text.contains(part)),
            Check::StartsWith(parts) => some_part(value, parts, sure, |text, part| text.starts_with(part)),
            Check::EndsWith(parts) => some_part(value, parts, sure, |text, part| text.ends_with(part)),
            Check::Matches(pattern) => value.as_text().is_some_and(|text| {
                pattern.is_match(text)
                    || (sure == Sure::Possibly && !text.is_ascii() && pattern.is_match(&alike(text)))
            }),
            Check::Not(checks) => !checks.iter().all(|check| check.holds(value, sure.turned())),
            Check::Exists(_) => true,
        }
    }
}

/// Case is ignored in any reading; possibly, look-alike letters are what they look like.
fn some_part(value: &Json, parts: &[String], sure: Sure, test: fn(&str, &str) -> bool) -> bool {
    let Some(text) = value.as_text() else { return false };
    let lower = text.to_lowercase();
    let plain = |part: &String| test(&lower, part);
    if parts.iter().any(plain) {
        return true;
    }
    let form = alike(text);
    sure == Sure::Possibly && !text.is_ascii() && parts.iter().any(|part| test(&form, &alike(part)))
}

/// A number that was sent as a text is equal to itself, too. Possibly, so is a text that looks like
/// the wanted one, and what programs take for `true` and `false`.
fn equals(wanted: &Json, value: &Json, sure: Sure) -> bool {
    if wanted == value {
        return true;
    }
    let number = |json: &Json| json.as_number().map(|at| Bound { at, inside: true });
    if let Some(bound) = number(wanted) {
        return within(&Range { low: Some(bound), high: Some(bound) }, value, sure);
    }
    if sure == Sure::Certainly {
        return false;
    }
    match (wanted, value) {
        (Json::Text(wanted), Json::Text(text)) => alike(wanted) == alike(text),
        (Json::Text(wanted), Json::Number(number)) => *wanted == number.to_string(),
        (Json::Bool(wanted), value) => flag(value) == Some(*wanted),
        _ => false,
    }
}

/// What programs that are lenient about it take a value for.
fn flag(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(flag) => Some(*flag),
        Json::Null => Some(false),
        Json::Number(number) => Some(*number != Decimal::ZERO),
        Json::Text(text) => match &*alike(text.trim()) {
            "true" | "yes" | "on" | "1" | "y" | "t" => Some(true),
            "false" | "no" | "off" | "0" | "n" | "f" | "" => Some(false),
            _ => None,
        },
        Json::List(_) | Json::Object(_) => None,
    }
}

/// A number, also one that was sent as a text: quoting it must not get it past a limit, nor must
/// writing it in another way.
fn within(range: &Range, value: &Json, sure: Sure) -> bool {
    let (least, greatest) = match value {
        Json::Number(number) => (*number, *number),
        Json::Text(text) => match reading(text) {
            Reading::Words => return false,
            Reading::Between { least, greatest } => (least, greatest),
            Reading::Unsure => return sure == Sure::Possibly,
        },
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => return false,
    };
    match sure {
        Sure::Possibly => range.contains(least) || range.contains(greatest),
        Sure::Certainly => range.contains(least) && range.contains(greatest),
    }
}

/// Whether some string of the payload passes all checks.
pub fn any_text(payload: &Json, checks: &[Check], sure: Sure) -> bool {
    match payload {
        Json::Text(_) => checks.iter().all(|check| check.holds(payload, sure)),
        Json::List(items) => items.iter().any(|item| any_text(item, checks, sure)),
        Json::Object(entries) => entries.iter().any(|(_, value)| any_text(value, checks, sure)),
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
        FieldTest { path: path.into(), checks: vec![check] }.holds(&payload, Sure::Possibly)
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
