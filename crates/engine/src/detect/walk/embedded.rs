//! JSON within a string: whether there is any, and where in the string its parts stand.

use std::ops::Range;

use action::Json;

use super::holds_text;

/// Longest string that is tried as JSON.
const MAX_EMBEDDED_BYTES: usize = 64 * 1024;

/// The document in a string that is one: an object or a list, with something in it.
pub(crate) fn embedded_json(text: &str) -> Option<Json> {
    let trimmed = text.trim();
    let framed = matches!(
        (trimmed.as_bytes().first(), trimmed.as_bytes().last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
    );
    if !framed || trimmed.len() > MAX_EMBEDDED_BYTES || trimmed.len() < 4 {
        return None;
    }
    Json::parse(trimmed.as_bytes()).ok().filter(holds_text)
}

/// A string that holds JSON: strings found inside are looked up in it, in order.
pub(super) struct Outer<'t> {
    pub(super) text: &'t str,
    cursor: usize,
    /// Bytes that may still be searched; strings that are written with other escapes are not found.
    budget: usize,
}

impl<'t> Outer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Outer { text, cursor: 0, budget: text.len().saturating_mul(4) }
    }

    /// Where the next string with this content stands, and whether byte for byte.
    pub(super) fn locate(&mut self, inner: &str) -> (Range<usize>, bool) {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        let written = serde_json::to_string(inner).unwrap_or_default();
        let found = if self.budget > 0 { rest.find(&written) } else { None };
        self.budget = self.budget.saturating_sub(found.unwrap_or(rest.len()) + written.len());
        let Some(at) = found else { return (0..self.text.len(), false) };
        let start = self.cursor + at + 1;
        let end = start + written.len().saturating_sub(2);
        self.cursor = end;
        (start..end, end - start == inner.len())
    }
}
