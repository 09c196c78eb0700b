//! Cross-site scripting: markup that would run code where a text is rendered.
//!
//! Being HTML is no offence: links, images, tables and plain styles pass. What counts is an
//! element, an attribute or an address that runs code or takes the page over, wherever in a page
//! the text may be put.

mod break_out;
mod calls;
mod code_spans;
mod fold;
mod judge;
mod markup;
mod rules;
mod sections;
mod tags;

use action::{Confidence, SemanticType};

use super::rule::Finding;
use super::{Hit, Leaf};

use judge::Level;
pub use rules::RULES;

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
    let most = match level {
        Level::Rendered | Level::Address => Confidence::new(100),
        // Where nothing is known to render it, the same markup says less.
        Level::Unknown | Level::Source => Confidence::new(90),
        Level::Prose => Confidence::HIGH,
    };
    for reading in leaf.text.readings() {
        // Entities are how a page shows a tag instead of running it.
        if reading.via.iter().any(|v| v == "html") {
            continue;
        }
        let found = Finding::in_reading(&reading, |text| judge::judge(text, level));
        out.extend(found.map(|found| found.hit(most, &reading)));
    }
}
