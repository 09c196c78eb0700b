//! Scanning one text outside of any action.

use action::{Channel, SemanticType, Vector};

use super::vectors::VECTORS;
use super::{Detectors, Hit, Walk};

/// What a text is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanKind {
    User,
    Document,
    Memory,
    SqlValue,
    SqlStatement,
    Shell,
    Html,
    Path,
    Url,
    Json,
}

/// What was found, in the order of the vectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    pub found: Vec<(Vector, Hit)>,
    /// The text exceeded a bound, and what is behind it was not read.
    pub partial: bool,
}

/// Looks for threats in one text with every vector that looks at texts.
pub fn scan(kind: ScanKind, text: &str, detectors: &Detectors) -> Scanned {
    let walk = match kind {
        ScanKind::Json => Walk::json(text, &detectors.hints),
        _ => Walk::alone(kind.channel(), kind.semantic(), text),
    };
    let mut found = Vec::new();
    let mut hits = Vec::new();
    for (leaf, source) in walk.leaves() {
        for row in &VECTORS {
            let Some(look) = &row.text else { continue };
            (look.find)(&leaf, detectors, &mut hits);
            let placed = hits.drain(..).map(|hit| Hit { span: source.span(hit.span), ..hit });
            found.extend(placed.map(|hit| (row.vector, hit)));
        }
    }
    // The order of the vectors, whichever string of a document they were found in.
    found.sort_by_key(|(vector, _)| *vector);
    Scanned { found, partial: !walk.overflows().is_empty() }
}

impl ScanKind {
    /// Where such a text comes from; an argument has no channel.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            ScanKind::User => Some(Channel::User),
            ScanKind::Document => Some(Channel::ToolOutput),
            ScanKind::Memory => Some(Channel::Memory),
            ScanKind::SqlValue
            | ScanKind::SqlStatement
            | ScanKind::Shell
            | ScanKind::Html
            | ScanKind::Path
            | ScanKind::Url
            | ScanKind::Json => None,
        }
    }

    /// What it means to whoever consumes it.
    pub const fn semantic(self) -> SemanticType {
        match self {
            ScanKind::User | ScanKind::Document | ScanKind::Memory => SemanticType::FreeText,
            ScanKind::SqlValue => SemanticType::SqlValue,
            ScanKind::SqlStatement => SemanticType::SqlStatement,
            ScanKind::Shell => SemanticType::Shell,
            ScanKind::Html => SemanticType::Html,
            ScanKind::Path => SemanticType::Path,
            ScanKind::Url => SemanticType::Url,
            ScanKind::Json => SemanticType::Value,
        }
    }
}
