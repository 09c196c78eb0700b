//! Redaction of a payload: the same, leaf by leaf, at the places that detections name.

use std::collections::BTreeMap;
use std::ops::Range;

use action::{Decimal, Detection, Json, Place, SensitiveClass};

use super::restore::{Restorer, whole};
use super::{Mode, Redactor, TokenMap, Value};

/// One sensitive value in a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// JSON pointer of the string (or of the value whose key it is).
    pub pointer: String,
    pub is_key: bool,
    pub span: Range<usize>,
    pub class: SensitiveClass,
    /// How it is replaced, where that is said.
    pub mode: Option<Mode>,
}

impl Piece {
    /// The pieces of a payload that detections point at; those elsewhere are left out.
    pub fn of(detections: &[Detection]) -> Vec<Piece> {
        let piece = |detection: &Detection| {
            let (class, evidence) = (detection.class?, detection.evidence.as_ref()?);
            let (pointer, is_key) = match &evidence.place {
                Place::Payload { pointer } => (pointer, false),
                Place::Key { pointer } => (pointer, true),
                Place::Context { .. } | Place::Field { .. } => return None,
            };
            let span = evidence.start..evidence.end;
            Some(Piece { pointer: pointer.clone(), is_key, span, class, mode: None })
        };
        detections.iter().filter_map(piece).collect()
    }
}

impl Redactor {
    /// Redacts one leaf.
    pub fn redact_leaf(&mut self, text: &str, spans: &[(Range<usize>, SensitiveClass)]) -> String {
        let mode = self.mode;
        let value = |(span, class): &(Range<usize>, _)| Value { span: span.clone(), class: *class, mode };
        self.replace(text, spans.iter().map(value).collect())
    }

    /// Replaces the whole of a text.
    pub fn redact_whole(&mut self, text: &str, class: SensitiveClass, mode: Mode) -> String {
        self.replace(text, vec![Value { span: 0..text.len(), class, mode }])
    }

    /// Redacts a payload. Values found in one leaf are replaced in the leaves after it too.
    pub fn redact_json(&mut self, payload: &Json, pieces: &[Piece]) -> Json {
        let mut places: BTreeMap<(&str, bool), Vec<Value>> = BTreeMap::new();
        for piece in pieces {
            let mode = piece.mode.unwrap_or(self.mode);
            let value = Value { span: piece.span.clone(), class: piece.class, mode };
            places.entry((piece.pointer.as_str(), piece.is_key)).or_default().push(value);
        }
        let mut pointer = String::new();
        self.walk(payload, &mut pointer, &places)
    }

    fn walk(
        &mut self,
        json: &Json,
        pointer: &mut String,
        places: &BTreeMap<(&str, bool), Vec<Value>>,
    ) -> Json {
        let values = places.get(&(pointer.as_str(), false)).cloned().unwrap_or_default();
        match json {
            Json::Text(text) => Json::Text(self.replace(text, values)),
            Json::Number(number) if !values.is_empty() => {
                // A number under a sensitive name stays a number where its replacement is one.
                let text = self.replace(&number.to_string(), values);
                Decimal::parse(&text)
                    .filter(|new| new.to_string() == text)
                    .map_or(Json::Text(text), Json::Number)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => json.clone(),
            Json::List(items) => Json::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(place, item)| self.below(&place.to_string(), item, pointer, places))
                    .collect(),
            ),
            Json::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let new = self.below(key, value, pointer, places);
                    let length = pointer.len();
                    push_step(pointer, key);
                    let values = places.get(&(pointer.as_str(), true)).cloned().unwrap_or_default();
                    pointer.truncate(length);
                    (self.replace(key, values), new)
                });
                Json::Object(distinct(entries.collect()))
            }
        }
    }

    fn below(
        &mut self,
        step: &str,
        json: &Json,
        pointer: &mut String,
        places: &BTreeMap<(&str, bool), Vec<Value>>,
    ) -> Json {
        let length = pointer.len();
        push_step(pointer, step);
        let new = self.walk(json, pointer, places);
        pointer.truncate(length);
        new
    }
}

/// Masks of two keys may be alike; an object with the same key twice would read differently
/// everywhere, so the later one is numbered.
fn distinct(mut entries: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut seen = std::collections::BTreeSet::new();
    for (key, _) in &mut entries {
        let plain = key.clone();
        let mut count = 2;
        while !seen.insert(key.clone()) {
            *key = format!("{plain}#{count}");
            count += 1;
        }
    }
    entries
}

/// A step of a JSON pointer (RFC 6901).
fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    for c in step.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Puts originals back into every text and key of a value.
pub fn restore_json(json: &Json, map: &TokenMap) -> Json {
    put_back(json, map, &mut Restorer::new(map))
}

fn put_back(json: &Json, map: &TokenMap, restorer: &mut Restorer) -> Json {
    match json {
        Json::Text(text) => Json::Text(whole(restorer, text)),
        Json::Number(number) => {
            let original = map.original_of(&number.to_string()).and_then(Decimal::parse);
            Json::Number(original.unwrap_or(*number))
        }
        Json::Null | Json::Bool(_) => json.clone(),
        Json::List(items) => Json::List(items.iter().map(|item| put_back(item, map, restorer)).collect()),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = whole(restorer, key);
                (key, put_back(value, map, restorer))
            });
            Json::Object(entries.collect())
        }
    }
}
