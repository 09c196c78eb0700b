//! One text with all its readings.

use std::borrow::Cow;
use std::ops::Range;

use super::fold;
use super::mapped::{Offsets, on_borders};
use super::oddity::{Oddity, OddityKind};
use super::traits::Traits;
use super::views::{self, Grown, View};

/// A text and the ways to read it: as sent first, then each decoded view.
#[derive(Debug)]
pub struct Prepared<'a> {
    original: &'a str,
    normal: Cow<'a, str>,
    offsets: Offsets,
    traits: Traits,
    oddities: Vec<Oddity>,
    views: Vec<View>,
    effort: usize,
}

/// One way to read a text.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The text of this reading with case and marks kept: for patterns that are exact.
    pub raw: &'a str,
    /// The same, normalised: compatibility forms, confusables and case folded, blanks collapsed.
    pub normal: &'a str,
    /// The decodings that led here, outermost first; empty for the text as sent.
    pub via: &'a [Cow<'static, str>],
    /// The text it belongs to, and which of its views it is.
    of: &'a Prepared<'a>,
    view: Option<&'a View>,
}

impl<'a> Prepared<'a> {
    pub fn new(original: &'a str) -> Self {
        let traits = Traits::of(original);
        let (normal, offsets, mut oddities, disguised) = fold::normal(original, &traits);
        let Grown { views, effort } = views::grow(original, &traits, disguised, &mut oddities);
        Prepared { original, normal, offsets, traits, oddities, views, effort }
    }

    pub fn original(&self) -> &'a str {
        self.original
    }

    /// Counts of the text as sent.
    pub fn traits(&self) -> &Traits {
        &self.traits
    }

    /// What is odd about how the text is written, with its place in the original.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// Whether a bound cut decoding short.
    pub fn truncated(&self) -> bool {
        self.oddities.iter().any(|oddity| oddity.kind == OddityKind::Truncated)
    }

    /// Bytes that decoders were given to look at: what this text cost beyond normalising.
    pub fn effort(&self) -> usize {
        self.effort
    }

    /// The text as sent.
    pub fn plain(&self) -> Reading<'_> {
        Reading { raw: self.original, normal: &self.normal, via: &[], of: self, view: None }
    }

    /// The text as sent, then each decoded view.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        std::iter::once(self.plain()).chain(self.views.iter().map(|view| Reading {
            raw: &view.raw,
            normal: view.normal(),
            via: &view.via,
            of: self,
            view: Some(view),
        }))
    }

    /// From a range of a view's raw text back to the original, one decoding at a time.
    fn home(&self, view: Option<&View>, range: Range<usize>) -> Range<usize> {
        let mut range = range;
        let mut view = view;
        while let Some(current) = view {
            range = current.raw_offsets.span(on_borders(&current.raw, range));
            view = current.parent.and_then(|index| self.views.get(index));
        }
        on_borders(self.original, range)
    }
}

impl Reading<'_> {
    /// Where a byte range of [`Reading::raw`] stands in the original.
    pub fn raw_span(&self, range: Range<usize>) -> Range<usize> {
        self.of.home(self.view, range)
    }

    /// Where a byte range of [`Reading::normal`] stands in the original.
    pub fn normal_span(&self, range: Range<usize>) -> Range<usize> {
        let range = on_borders(self.normal, range);
        let offsets = self.view.map_or(&self.of.offsets, |view| &view.normal_offsets);
        self.of.home(self.view, offsets.span(range))
    }

    /// Whether this is the text as sent.
    pub fn is_plain(&self) -> bool {
        self.view.is_none()
    }
}
