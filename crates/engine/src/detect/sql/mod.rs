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

use super::rule::Finding;
use super::{Hit, Leaf};

pub use facts::{StatementFacts, facts};
pub use rules::RULES;
use value::Level;

#[cfg(test)]
mod tests;

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
    let most = match level {
        Level::Query => Confidence::new(100),
        // Where the sink is not known to be a database, the same shape says less.
        Level::Unknown => Confidence::new(90),
        Level::Prose => Confidence::HIGH,
    };
    for reading in leaf.text.readings() {
        if level == Level::Unknown && statement::is_whole(reading.raw) {
            statement::judge(&reading, leaf.semantic, out);
            continue;
        }
        let found = Finding::in_reading(&reading, |text| value::judge(text, level));
        out.extend(found.map(|found| found.hit(most, &reading)));
    }
}
