//! Changes to bytes that otherwise stay as they came.

use std::ops::Range;

use crate::doc::{Value, quoted};

/// What is to be replaced, by place.
#[derive(Debug, Clone, Default)]
pub struct Edits(Vec<(Range<usize>, String)>);

/// Two edits concern the same bytes, or bytes that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two changes concern the same place of a body")]
pub struct Clash;

impl Edits {
    /// Replaces a text by another one.
    pub fn text(&mut self, value: Value<'_>, by: &str) {
        self.0.push((value.span(), quoted(by)));
    }

    /// Replaces a value by JSON that is already written.
    pub fn value(&mut self, value: Value<'_>, by: String) {
        self.0.push((value.span(), by));
    }

    /// Puts a new entry first into an object. Two of them for one object clash.
    pub fn entry(&mut self, object: Value<'_>, key: &str, by: String) {
        let start = object.span().start.saturating_add(1);
        let comma = if object.entries().next().is_some() { "," } else { "" };
        self.0.push((start..start, format!("{}:{by}{comma}", quoted(key))));
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes with every change made.
    pub fn apply(mut self, source: &str) -> Result<String, Clash> {
        self.0.sort_by_key(|(span, _)| (span.start, span.end));
        let grown: usize = self.0.iter().map(|(_, by)| by.len()).sum();
        let mut out = String::with_capacity(source.len() + grown);
        let mut done = 0;
        for (span, by) in &self.0 {
            out.push_str(source.get(done..span.start).ok_or(Clash)?);
            out.push_str(by);
            done = span.end;
        }
        out.push_str(source.get(done..).ok_or(Clash)?);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Doc;

    #[test]
    fn what_is_not_changed_stays_byte_for_byte() {
        let source = "{ \"a\" :\t\"x\",\n \"b\": [1.50, \"\\u0079\"] , \"c\":\"z\" }";
        let doc = Doc::parse(source.as_bytes()).unwrap();
        let mut edits = Edits::default();
        edits.text(doc.root().get("b").unwrap().items().nth(1).unwrap(), "q\"\n\u{1}");
        edits.text(doc.root().get("a").unwrap(), "");
        let want = "{ \"a\" :\t\"\",\n \"b\": [1.50, \"q\\\"\\n\\u0001\"] , \"c\":\"z\" }";
        assert_eq!(edits.apply(source).unwrap(), want);
        assert_eq!(Edits::default().apply(source).unwrap(), source);
    }

    #[test]
    fn an_entry_is_put_in_front_also_into_an_empty_object() {
        for (source, want) in [(r#"{"a":1}"#, r#"{"k":[],"a":1}"#), ("{ }", r#"{"k":[] }"#)] {
            let doc = Doc::parse(source.as_bytes()).unwrap();
            let mut edits = Edits::default();
            edits.entry(doc.root(), "k", "[]".to_owned());
            assert_eq!(edits.apply(source).unwrap(), want);
        }
    }

    #[test]
    fn changes_of_the_same_place_are_refused() {
        let doc = Doc::parse(b"[[\"a\"]]").unwrap();
        let inner = doc.root().items().next().unwrap();
        let mut edits = Edits::default();
        edits.value(inner, "1".to_owned());
        edits.text(inner.items().next().unwrap(), "b");
        assert_eq!(edits.apply(doc.source()), Err(Clash));
    }
}
