//! Oddities: ways of writing that hide text from people or from readers of bytes.

use std::ops::Range;

/// A kind of odd writing. Each is a fact about the text; detectors decide what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OddityKind {
    /// Characters of the tag block, which no screen shows but every model reads.
    TagCharacters,
    /// Zero-width characters, soft hyphens and the like between letters.
    Invisible,
    /// Controls that change the direction in which text is shown.
    BidiControl,
    /// Words that mix Latin letters with look-alikes of other scripts.
    Confusable,
    /// Latin letters in full-width, mathematical, circled or similar forms.
    LetterForms,
    /// More combining marks on one letter than any language uses.
    StackedMarks,
    /// Control characters inside the text.
    Control,
    /// Runs of variation selectors, which can carry bytes.
    VariationRun,
    /// A decoded reading was cut or left out because a bound was reached.
    Truncated,
}

impl OddityKind {
    pub const ALL: &'static [OddityKind] = &[
        OddityKind::TagCharacters,
        OddityKind::Invisible,
        OddityKind::BidiControl,
        OddityKind::Confusable,
        OddityKind::LetterForms,
        OddityKind::StackedMarks,
        OddityKind::Control,
        OddityKind::VariationRun,
        OddityKind::Truncated,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            OddityKind::TagCharacters => "tag_characters",
            OddityKind::Invisible => "invisible",
            OddityKind::BidiControl => "bidi_control",
            OddityKind::Confusable => "confusable",
            OddityKind::LetterForms => "letter_forms",
            OddityKind::StackedMarks => "stacked_marks",
            OddityKind::Control => "control",
            OddityKind::VariationRun => "variation_run",
            OddityKind::Truncated => "truncated",
        }
    }
}

/// One kind of odd writing in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    pub kind: OddityKind,
    /// How often: characters, or words for [`OddityKind::Confusable`].
    pub count: u32,
    /// From the first to the last of them, in the original.
    pub span: Range<usize>,
}

/// Adds one sighting, joining it with earlier ones of its kind.
pub(super) fn note(list: &mut Vec<Oddity>, kind: OddityKind, span: Range<usize>) {
    match list.iter_mut().find(|oddity| oddity.kind == kind) {
        Some(oddity) => {
            oddity.count = oddity.count.saturating_add(1);
            oddity.span = oddity.span.start.min(span.start)..oddity.span.end.max(span.end);
        }
        None => list.push(Oddity { kind, count: 1, span }),
    }
}
