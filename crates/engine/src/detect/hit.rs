//! A hit: what one text detector found in one leaf.

use std::borrow::Cow;
use std::ops::Range;

use action::{Confidence, SensitiveClass, Severity};

/// What one text detector found in one leaf. The caller adds the vector and the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub rule: Cow<'static, str>,
    pub severity: Severity,
    pub confidence: Confidence,
    pub class: Option<SensitiveClass>,
    /// Byte range in the original text.
    pub span: Range<usize>,
    /// The decodings that led to it, outermost first.
    pub via: Vec<Cow<'static, str>>,
}
