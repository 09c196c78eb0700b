//! JSON as it arrives: bounded, without floats, without duplicate keys, in its own order.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Decimal;

/// Most bytes of one document. Beyond it the document is refused before it is read.
pub const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting of one document.
pub const MAX_DEPTH: usize = 64;
/// Most values of one document, containers included.
pub const MAX_LEAVES: usize = 100_000;

/// One JSON value. Objects keep the order in which their keys arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Json {
    #[default]
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Why a text is no acceptable JSON. The text itself never appears in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("the document has {0} bytes; at most {MAX_BYTES} are read")]
    TooLarge(usize),
    #[error("the document is not valid UTF-8 at byte {0}")]
    NotUtf8(usize),
    #[error("line {line}, column {column}: {what}")]
    Malformed { line: usize, column: usize, what: String },
}

impl JsonError {
    /// The stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            JsonError::TooLarge(_) => "json_too_large",
            JsonError::NotUtf8(_) => "json_not_utf8",
            JsonError::Malformed { .. } => "json_malformed",
        }
    }
}

impl Json {
    /// Reads one document of any type, with the bounds of this module.
    pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
        Self::parse_as(bytes)
    }

    /// Reads one document into a typed value. Unknown and duplicate keys are refused by the types.
    pub fn parse_as<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
        if bytes.len() > MAX_BYTES {
            return Err(JsonError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| JsonError::NotUtf8(e.valid_up_to()))?;
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let full = error.to_string();
            let suffix = format!(" at line {line} column {column}");
            let what = without_values(full.strip_suffix(&suffix).unwrap_or(&full));
            JsonError::Malformed { line, column, what }
        })
    }

    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The value at a path of keys separated by dots; list items by their index.
    pub fn at(&self, path: &str) -> Option<&Json> {
        path.split('.').try_fold(self, |value, step| match value {
            Json::List(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<Decimal> {
        match self {
            Json::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// Serde puts the offending value into some messages: ``unknown variant `x`, expected …``,
/// ``invalid type: string "x", expected …``. A value may be a secret, so what stands in quotes of
/// either kind before the expectation is left out. Names of fields stay, since they are what to mend,
/// as long as they look like one: whoever puts a secret in the place of a key gets no echo of it.
fn without_values(message: &str) -> String {
    // The last one: a value may hold the same words.
    let (found, expected) = message.split_at(message.rfind(", expected").unwrap_or(message.len()));
    for what in ["unknown field", "missing field", "duplicate field", "unknown variant"] {
        let Some(rest) = found.strip_prefix(what) else { continue };
        let name = rest.strip_prefix(" `").and_then(|rest| rest.strip_suffix('`'));
        let shown = name.filter(|name| what.ends_with("field") && looks_like_a_field(name)).unwrap_or("…");
        return format!("{what} `{shown}`{expected}");
    }
    let mut kept = String::new();
    let mut open: Option<char> = None;
    let mut escaped = false;
    for c in found.chars() {
        match (open, c) {
            (None, '"') => {
                open = Some('"');
                kept.push('…');
            }
            (None, '`') => {
                open = Some('`');
                kept.push('…');
            }
            (None, _) => kept.push(c),
            (Some(_), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(mark), _) if c == mark && !escaped => open = None,
            (Some(_), _) => {}
        }
        escaped = false;
    }
    format!("{kept}{expected}")
}

fn looks_like_a_field(name: &str) -> bool {
    name.len() <= 40 && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))
}

/// Reads a value with what is left of the depth and count bounds.
struct Bounded<'a> {
    depth: usize,
    left: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Json;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        *self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| D::Error::custom(format_args!("more than {MAX_LEAVES} values in one document")))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(Decimal::from_int(value)))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(Decimal::from_u64(value)))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        // Whole numbers of 2^53 and above reach us rounded already; passing on a changed
        // number would judge another action than the one that runs.
        if value.abs() >= 9_007_199_254_740_992.0 {
            return Err(E::custom("a number does not fit exactly; send it as a string"));
        }
        Decimal::parse(&value.to_string())
            .map(Json::Number)
            .ok_or_else(|| E::custom("a number has more than 36 digits after the point"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let depth = deeper::<A::Error>(self.depth)?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Bounded { depth, left: self.left })? {
            items.push(item);
        }
        Ok(Json::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let depth = deeper::<A::Error>(self.depth)?;
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            // Two readers that keep different ones of two equal keys would see different actions.
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("an object has the same key twice"));
            }
            let value = map.next_value_seed(Bounded { depth, left: self.left })?;
            entries.push((key, value));
        }
        Ok(Json::Object(entries))
    }
}

fn deeper<E: serde::de::Error>(depth: usize) -> Result<usize, E> {
    if depth >= MAX_DEPTH {
        return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(depth + 1)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = MAX_LEAVES;
        Bounded { depth: 0, left: &mut left }.deserialize(deserializer)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Number(number) => write_number(*number, serializer),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Json::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

/// Whole numbers as such; fractions through `f64`, whose shortest form is where they came from.
pub(crate) fn write_number<S: Serializer>(number: Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    let text = number.to_string();
    if let Ok(whole) = text.parse::<i64>() {
        serializer.serialize_i64(whole)
    } else if let Ok(whole) = text.parse::<u64>() {
        serializer.serialize_u64(whole)
    } else {
        let value: f64 = text.parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(value)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_number(*self, serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Number(number) => Ok(number),
            Json::Text(text) => Decimal::parse(&text)
                .ok_or_else(|| D::Error::custom("a number in quotes is written like `1000.50`")),
            _ => Err(D::Error::custom("expected a number")),
        }
    }
}

#[cfg(feature = "schema")]
mod schema {
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    impl JsonSchema for super::Json {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Json".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "description": "Any JSON value: at most 64 levels deep, no key twice." })
        }
    }
    impl JsonSchema for super::Decimal {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Decimal".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "description": "A decimal number, plain or in quotes.", "type": ["number", "string"] })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Json::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn order_and_numbers_survive_a_round_trip() {
        let text = r#"{"b":[1,-2.5,18446744073709551615,0.000012345678901234567],"a":{"x":null,"y":true}}"#;
        let json = Json::parse(text.as_bytes()).unwrap();
        let again = serde_json::to_string(&json).unwrap();
        assert_eq!(Json::parse(again.as_bytes()).unwrap(), json);
        assert!(again.starts_with(r#"{"b":[1,-2.5,18446744073709551615,"#));
    }

    #[test]
    fn duplicate_keys_are_refused_even_when_escaped() {
        assert!(refusal(r#"{"a":1,"\u0061":2}"#).contains("same key twice"));
        assert!(refusal(r#"[{"k":{"z":1,"z":1}}]"#).contains("same key twice"));
    }

    #[test]
    fn depth_count_size_and_encoding_are_bounded() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        assert!(refusal(&deep).contains("deeper than 64"));
        let bomb = "[".repeat(1_000_000);
        assert!(Json::parse(bomb.as_bytes()).is_err());
        let wide = format!("[{}1]", "1,".repeat(MAX_LEAVES));
        assert!(refusal(&wide).contains("more than 100000"));
        assert_eq!(Json::parse(&vec![b' '; MAX_BYTES + 1]).unwrap_err().code(), "json_too_large");
        assert_eq!(Json::parse(b"\"\xff\"").unwrap_err(), JsonError::NotUtf8(1));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        for text in ["18446744073709551617", "1e400", "1e-40"] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn messages_show_a_key_only_where_it_looks_like_one() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Known {
            #[serde(rename = "kind")]
            _kind: Option<Word>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Word {
            Read,
        }
        let told = |text: &str| Json::parse_as::<Known>(text.as_bytes()).unwrap_err().to_string();
        assert!(told(r#"{"knid":null}"#).contains("unknown field `knid`, expected `kind`"));
        for text in [
            r#"{"SECRET-7f3a":1}"#,
            r#"{"a`SECRET-7f3a`b":1}"#,
            r#"{"a, expected SECRET-7f3a":1}"#,
            r#"{"kind":"a`SECRET-7f3a`b"}"#,
            r#"{"kind":"a, expected SECRET-7f3a"}"#,
        ] {
            let told = told(text);
            assert!(!told.contains("SECRET") && told.contains("expected"), "{told}");
        }
    }

    #[test]
    fn messages_never_show_the_value() {
        let error = Json::parse_as::<bool>(br#""sk-live-\"abcdef""#).unwrap_err().to_string();
        assert!(!error.contains("abcdef") && !error.contains("sk-live"), "{error}");
        for text in [r#""4111-secret""#, "4111111111111111"] {
            let error = Json::parse_as::<crate::Verdict>(text.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("4111") && error.contains("expected"), "{error}");
        }
    }
}
