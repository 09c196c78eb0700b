//! Reading objects field by field so that none is forgotten, and writing them.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Told, Untranslatable};
use crate::doc::{Kind, Value, quoted};

/// The fields of an object. Each is taken once; [`Fields::done`] refuses what is left. A field that
/// is null counts as absent.
pub struct Fields<'d> {
    at: &'static str,
    entries: Vec<(Cow<'d, str>, Value<'d>)>,
}

impl<'d> Fields<'d> {
    pub fn of(value: Value<'d>, at: &'static str) -> Told<Self> {
        if value.kind() != Kind::Object {
            return Err(Untranslatable::Malformed(at));
        }
        let filled = value.entries().filter(|(_, value)| value.kind() != Kind::Null);
        Ok(Fields { at, entries: filled.filter_map(|(key, value)| Some((key.text()?, value))).collect() })
    }

    pub fn take(&mut self, key: &str) -> Option<Value<'d>> {
        let at = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.swap_remove(at).1)
    }

    /// Fields that change no answer.
    pub fn hints(&mut self, keys: &[&str]) {
        self.entries.retain(|(name, _)| !keys.contains(&name.as_ref()));
    }

    pub fn text(&mut self, key: &'static str) -> Told<Option<String>> {
        self.take(key).map(|value| text(value, key)).transpose()
    }

    pub fn need_text(&mut self, key: &'static str) -> Told<String> {
        self.text(key)?.ok_or(Untranslatable::Malformed(key))
    }

    pub fn number(&mut self, key: &'static str) -> Told<Option<String>> {
        self.take(key)
            .map(|value| match value.kind() {
                Kind::Number => Ok(value.raw().to_owned()),
                _ => Err(Untranslatable::Malformed(key)),
            })
            .transpose()
    }

    pub fn whole(&mut self, key: &'static str) -> Told<Option<u64>> {
        self.take(key).map(|value| value.whole().ok_or(Untranslatable::Malformed(key))).transpose()
    }

    pub fn flag(&mut self, key: &'static str) -> Told<Option<bool>> {
        self.take(key).map(|value| value.flag().ok_or(Untranslatable::Malformed(key))).transpose()
    }

    pub fn list(&mut self, key: &'static str) -> Told<Vec<Value<'d>>> {
        self.take(key).map_or(Ok(Vec::new()), |value| list(value, key))
    }

    pub fn texts(&mut self, key: &'static str) -> Told<Vec<String>> {
        self.list(key)?.into_iter().map(|value| text(value, key)).collect()
    }

    /// Refuses a field that has a value other than the one given.
    pub fn only(&mut self, key: &'static str, raw: &str) -> Told<()> {
        match self.take(key) {
            Some(value) if value.raw() != raw => Err(Untranslatable::Field(key)),
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses fields that are known and have no words elsewhere, by name.
    pub fn never(&mut self, keys: &[&'static str]) -> Told<()> {
        match keys.iter().find(|key| self.take(key).is_some()) {
            Some(key) => Err(Untranslatable::Field(key)),
            None => Ok(()),
        }
    }

    pub fn done(self) -> Told<()> {
        if self.entries.is_empty() { Ok(()) } else { Err(Untranslatable::Unknown(self.at)) }
    }
}

pub fn text(value: Value<'_>, at: &'static str) -> Told<String> {
    value.text().map(Cow::into_owned).ok_or(Untranslatable::Malformed(at))
}

pub fn list<'d>(value: Value<'d>, at: &'static str) -> Told<Vec<Value<'d>>> {
    match value.kind() {
        Kind::List => Ok(value.items().collect()),
        _ => Err(Untranslatable::Malformed(at)),
    }
}

/// Text of a value at a path, or nothing.
pub fn text_at(value: Value<'_>, path: &str) -> String {
    let mut found = String::new();
    value.at(path, &mut |value| found = value.text().unwrap_or_default().into_owned());
    found
}

/// An object being written.
pub struct Object(String);

impl Object {
    pub fn new() -> Self {
        Object(String::from("{"))
    }

    pub fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}:{json}", quoted(key));
        self
    }

    pub fn text(self, key: &str, text: &str) -> Self {
        self.raw(key, &quoted(text))
    }

    pub fn number(self, key: &str, number: u64) -> Self {
        self.raw(key, &number.to_string())
    }

    pub fn flag(self, key: &str, flag: bool) -> Self {
        self.raw(key, if flag { "true" } else { "false" })
    }

    /// Only where there is something.
    pub fn maybe_raw(self, key: &str, json: Option<&str>) -> Self {
        match json {
            Some(json) => self.raw(key, json),
            None => self,
        }
    }

    pub fn maybe_text(self, key: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    pub fn maybe_number(self, key: &str, number: Option<u64>) -> Self {
        match number {
            Some(number) => self.number(key, number),
            None => self,
        }
    }

    /// A list, unless it is empty.
    pub fn some_list(self, key: &str, items: &[String]) -> Self {
        if items.is_empty() { self } else { self.raw(key, &array(items)) }
    }

    /// An object, unless it is empty.
    pub fn some_object(self, key: &str, object: Object) -> Self {
        if object.0.len() > 1 { self.raw(key, &object.end()) } else { self }
    }

    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

pub fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

pub fn texts(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| quoted(text)).collect()
}

/// Arguments are an object in some dialects and the text of one in others.
pub fn object_of(arguments: &str, at: &'static str) -> Told<String> {
    let arguments = arguments.trim();
    if arguments.is_empty() {
        return Ok("{}".to_owned());
    }
    let doc = crate::doc::Doc::parse(arguments.as_bytes()).map_err(|_| Untranslatable::Malformed(at))?;
    match doc.root().kind() {
        Kind::Object => Ok(arguments.to_owned()),
        _ => Err(Untranslatable::Malformed(at)),
    }
}

/// Kind and bytes of a picture that is written into its address.
pub fn data_url(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix("data:")?.split_once(";base64,")
}
