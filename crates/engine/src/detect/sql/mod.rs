//! SQL: values that would end in a query, and whole statements.
//!
//! A value is judged by its shape: whether it breaks out of the place where a host would put it
//! and reads on as code. A statement is parsed and judged by what it would do; being SQL is no
//! offence.

mod condition;
mod facts;
mod rules;
mod shape;
mod signs;
mod statement;
mod token;
mod value;
mod words;

use action::{Confidence, SemanticType};

use super::{Hit, Leaf};
use crate::text::Reading;

pub use facts::{StatementFacts, facts};
pub use rules::Rule;
use value::{Finding, Level};

/// Looks for SQL injection in one leaf.
pub fn find(leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
    let level = match leaf.semantic {
        SemanticType::SqlStatement => return statement::find(leaf, out),
        SemanticType::SqlValue => Level::Query,
        SemanticType::Value | SemanticType::Id => Level::Unknown,
        SemanticType::FreeText => Level::Prose,
        // Judged by the detectors of what they are.
        SemanticType::Shell
        | SemanticType::Path
        | SemanticType::Url
        | SemanticType::Html
        | SemanticType::Code => {
            return;
        }
    };
    for reading in leaf.text.readings() {
        if level == Level::Unknown && statement::is_whole(reading.raw) {
            statement::judge(&reading, leaf.semantic, out);
            continue;
        }
        if let Some(found) = value::judge(reading.raw, level) {
            let span = reading.raw_span(found.span.clone());
            out.push(hit(&found, level, span, &reading));
        } else if !reading.raw.is_ascii()
            && let Some(found) = value::judge(reading.normal, level)
        {
            // Full-width quotes and look-alike letters: some servers fold them on the way in.
            let span = reading.normal_span(found.span.clone());
            out.push(hit(&found, level, span, &reading));
        }
    }
}

fn hit(found: &Finding, level: Level, span: std::ops::Range<usize>, reading: &Reading<'_>) -> Hit {
    let sure = found.rule.confidence();
    let confidence = match level {
        Level::Query => sure,
        // Where the sink is not known to be a database, the same shape says less.
        Level::Unknown => sure.min(Confidence::new(90)),
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
