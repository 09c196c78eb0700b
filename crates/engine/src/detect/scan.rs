//! Scanning one text outside of any action.

use action::{Channel, SemanticType, Vector};

use super::vectors::VECTORS;
use super::walk::Walk;
use super::{Detectors, Hit};

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
}

/// Looks for threats in one text with every vector that looks at texts.
pub fn scan(kind: ScanKind, text: &str, detectors: &Detectors) -> Scanned {
    let mut found = Vec::new();
    let walk = match kind {
        ScanKind::Json => Walk::json(text, &detectors.hints),
        _ => Walk::alone(kind.channel(), kind.semantic(), text),
    };
    for (leaf, source) in walk.leaves() {
        for row in &VECTORS {
            let Some(look) = &row.text else { continue };
            let mut hits = Vec::new();
            look.look(row.vector, &leaf, detectors, &mut hits);
            found.extend(hits.into_iter().map(|hit| {
                let span = source.span(hit.span.clone());
                (row.vector, Hit { span, ..hit })
            }));
        }
    }
    Scanned { found }
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
