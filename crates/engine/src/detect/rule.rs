//! Rules that are code: what each one says, and what a reader found by it.
//!
//! Rules that are data stand in [`rules`](super::rules).

use std::borrow::Cow;
use std::ops::Range;

use action::{Confidence, Severity};

use super::Hit;
use crate::text::Reading;

/// One thing that a detector recognises.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable, `family.what`.
    pub id: &'static str,
    pub severity: Severity,
    /// How sure it is where nothing speaks against it.
    pub confidence: Confidence,
    /// One sentence for people.
    pub about: &'static str,
}

/// Declares a table of rules: each one as a constant of its name, and all of them as `RULES`.
macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $percent:literal, $about:literal;)+) => {
        $(pub(in crate::detect) static $name: $crate::detect::Rule = $crate::detect::Rule {
            id: $id,
            severity: action::Severity::$severity,
            confidence: action::Confidence::new($percent),
            about: $about,
        };)+

        /// Every rule, in order.
        pub const RULES: &[&$crate::detect::Rule] = &[$(&$name,)+];
    };
}
pub(super) use rules;

/// What was found, as a byte range of the text that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static Rule,
    pub span: Range<usize>,
}

impl Finding {
    /// The graver finding, then the surer one, then the one that was there first.
    pub fn keep(best: &mut Option<Finding>, found: Finding) {
        let weight = |finding: &Finding| (finding.rule.severity, finding.rule.confidence);
        if best.as_ref().is_none_or(|best| weight(&found) > weight(best)) {
            *best = Some(found);
        }
    }

    /// Judges a reading as it stands, and in its normal form where that could say more: some hosts
    /// fold full-width signs and look-alike letters on the way in. The span is one of the original.
    pub fn in_reading(reading: &Reading<'_>, judge: impl Fn(&str) -> Option<Finding>) -> Option<Finding> {
        if let Some(found) = judge(reading.raw) {
            return Some(Finding { span: reading.raw_span(found.span), ..found });
        }
        let found = if reading.raw.is_ascii() { None } else { judge(reading.normal) }?;
        Some(Finding { span: reading.normal_span(found.span), ..found })
    }

    /// The finding as a hit, no surer than `most`; its span is one of the original.
    pub fn hit(self, most: Confidence, reading: &Reading<'_>) -> Hit {
        Hit {
            rule: Cow::Borrowed(self.rule.id),
            severity: self.rule.severity,
            confidence: self.rule.confidence.min(most),
            class: None,
            span: self.span,
            via: reading.via.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::{exploits, sql, xss};

    #[test]
    fn ids_are_dotted_unique_and_say_something() {
        let tables = sql::RULES.iter().chain(xss::RULES).copied();
        let mut ids = Vec::new();
        for rule in tables.chain(exploits::rules().map(|(_, rule)| rule)) {
            assert!(rule.id.contains('.') && rule.about.len() > 15, "{}", rule.id);
            ids.push(rule.id);
        }
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
