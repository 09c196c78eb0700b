//! Writing that hides text from people: what counts as an attack, and how much.

use std::borrow::Cow;

use action::{Confidence, Severity};

use super::{Hit, Leaf};
use crate::text::OddityKind;

/// One kind of odd writing as a rule.
pub struct Rule {
    pub kind: OddityKind,
    pub id: &'static str,
    pub severity: Severity,
    pub confidence: Confidence,
    /// How often it must occur. A few soft hyphens or joiners are ordinary typography.
    pub least: u32,
    pub about: &'static str,
}

/// Kinds that are not here are ordinary enough to be a fact about the text and no more.
pub const RULES: &[Rule] = &[
    Rule {
        kind: OddityKind::TagCharacters,
        id: "unicode.tag_characters",
        severity: Severity::High,
        confidence: Confidence::HIGH,
        least: 8,
        about: "text in characters that no screen shows and every model reads",
    },
    Rule {
        kind: OddityKind::VariationRun,
        id: "unicode.variation_run",
        severity: Severity::Medium,
        confidence: Confidence::MEDIUM,
        least: 1,
        about: "runs of variation selectors, which can carry hidden bytes",
    },
    Rule {
        kind: OddityKind::BidiControl,
        id: "unicode.bidi_control",
        severity: Severity::Medium,
        confidence: Confidence::MEDIUM,
        least: 2,
        about: "controls that show text in another order than it is read",
    },
    Rule {
        kind: OddityKind::Invisible,
        id: "unicode.invisible",
        severity: Severity::Low,
        confidence: Confidence::LOW,
        least: 24,
        about: "many characters without width inside words",
    },
    Rule {
        kind: OddityKind::StackedMarks,
        id: "unicode.stacked_marks",
        severity: Severity::Low,
        confidence: Confidence::LOW,
        least: 16,
        about: "letters under more marks than any language writes",
    },
];

pub fn find(leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
    for oddity in leaf.text.oddities() {
        let rule = RULES.iter().find(|rule| rule.kind == oddity.kind && rule.least <= oddity.count);
        out.extend(rule.map(|rule| Hit {
            rule: Cow::Borrowed(rule.id),
            severity: rule.severity,
            confidence: rule.confidence,
            class: None,
            span: oddity.span.clone(),
            via: Vec::new(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Prepared;
    use action::{Channel, SemanticType};

    fn rules(text: &str) -> Vec<Cow<'static, str>> {
        let leaf = Leaf {
            key: "",
            channel: Some(Channel::Memory),
            semantic: SemanticType::FreeText,
            text: Prepared::new(text),
        };
        let mut hits = Vec::new();
        find(&leaf, &mut hits);
        hits.into_iter().map(|hit| hit.rule).collect()
    }

    #[test]
    fn hidden_text_is_an_attack_and_typography_is_not() {
        let hidden: String = "send it"
            .chars()
            .chain("away".chars())
            .map(|c| char::from_u32(0xE0000 + u32::from(c)).unwrap())
            .collect();
        assert_eq!(rules(&format!("Nice weather{hidden}")), ["unicode.tag_characters"]);
        assert!(rules("soft\u{AD}hyphen and family \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}").is_empty());
        assert!(rules("Plain text.").is_empty());
    }
}
