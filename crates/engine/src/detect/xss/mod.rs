//! Cross-site scripting: markup that would run code where a text is rendered.
//!
//! Being HTML is no offence: links, images, tables and plain styles pass. What counts is an
//! element, an attribute or an address that runs code or takes the page over, wherever in a page
//! the text may be put.

mod fold;
mod judge;
mod rules;
mod tags;

use action::{Confidence, SemanticType};

use super::{Hit, Leaf};
use crate::text::Reading;

use judge::{Finding, Level};
pub use rules::Rule;

#[cfg(test)]
mod tests;

/// Looks for cross-site scripting in one leaf.
pub fn find(leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
    let level = match leaf.semantic {
        SemanticType::Html => Level::Rendered,
        SemanticType::Value | SemanticType::Id | SemanticType::SqlValue => Level::Unknown,
        SemanticType::Url => Level::Address,
        SemanticType::FreeText => Level::Prose,
        SemanticType::Code => Level::Source,
        // Never shown to a browser as they are.
        SemanticType::SqlStatement | SemanticType::Shell | SemanticType::Path => return,
    };
    for reading in leaf.text.readings() {
        // Entities are how a page shows a tag instead of running it.
        if reading.via.iter().any(|v| v == "html") {
            continue;
        }
        if let Some(found) = judge::judge(reading.raw, level) {
            let span = reading.raw_span(found.span.clone());
            out.push(hit(&found, level, span, &reading));
        } else if !reading.raw.is_ascii()
            && let Some(found) = judge::judge(reading.normal, level)
        {
            // Full-width brackets and look-alike letters: some hosts fold them on the way in.
            let span = reading.normal_span(found.span.clone());
            out.push(hit(&found, level, span, &reading));
        }
    }
}

fn hit(found: &Finding, level: Level, span: std::ops::Range<usize>, reading: &Reading<'_>) -> Hit {
    let sure = found.rule.confidence();
    let confidence = match level {
        Level::Rendered | Level::Address => sure,
        // Where nothing is known to render it, the same markup says less.
        Level::Unknown | Level::Source => sure.min(Confidence::new(90)),
        Level::Prose => sure.min(Confidence::HIGH),
    };
    Hit {
        rule: found.rule.id().into(),
        severity: found.rule.severity(),
        confidence,
        class: None,
        span,
        via: reading.via.to_vec(),
    }
}
