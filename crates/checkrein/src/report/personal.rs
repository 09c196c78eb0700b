//! Personal data by span: how many of the marked values are found, and how many finds are marked.

use std::io::Write;
use std::path::Path;

use action::Vector;
use anyhow::Result;
use engine::detect::{Detectors, ScanKind, scan};

use super::corpus;
use super::wilson::{Share, percent};

/// A mark of the corpus, and the rules that should find it.
const TYPES: &[(&str, &[&str])] = &[
    ("CREDIT_CARD", &["pii.card"]),
    ("EMAIL_ADDRESS", &["pii.email"]),
    ("IBAN_CODE", &["pii.iban"]),
    ("PHONE_NUMBER", &["pii.phone"]),
    ("US_DRIVER_LICENSE", &["pii.driver_licence"]),
];

pub fn print(out: &mut impl Write, dir: &Path, detectors: &Detectors) -> Result<()> {
    let Some(rows) = corpus::read(dir, "pii")? else {
        writeln!(out, "unavailable: no corpus `pii`")?;
        return Ok(());
    };
    let mut recall = vec![Share::default(); TYPES.len()];
    let mut precision = vec![Share::default(); TYPES.len()];
    for row in &rows {
        let Some(text) = &row.text else { continue };
        let marks = marks(&row.meta);
        let found = scan(ScanKind::Document, text, detectors).found;
        let finds: Vec<(usize, usize, &str)> = found
            .iter()
            .filter(|(vector, _)| *vector == Vector::Pii)
            .map(|(_, hit)| {
                (characters(text, hit.span.start), characters(text, hit.span.end), hit.rule.as_ref())
            })
            .collect();
        for (((mark, rules), recall), precision) in TYPES.iter().zip(&mut recall).zip(&mut precision) {
            let mine = |rule: &str| rules.iter().any(|known| rule.starts_with(known));
            for (start, end, _) in marks.iter().filter(|(.., kind)| kind == mark) {
                recall.add(finds.iter().any(|(from, to, rule)| mine(rule) && from < end && start < to));
            }
            for (from, to, _) in finds.iter().filter(|(.., rule)| mine(rule)) {
                precision
                    .add(marks.iter().any(|(start, end, kind)| kind == mark && from < end && start < to));
            }
        }
    }
    writeln!(out, "{:<20} {:<36} {:<36}", "type", "recall", "precision")?;
    for (((mark, _), recall), precision) in TYPES.iter().zip(&recall).zip(&precision) {
        writeln!(out, "{mark:<20} {:<36} {:<36}", percent(*recall), percent(*precision))?;
    }
    Ok(())
}

/// Marked spans, in characters: start, end, type.
fn marks(meta: &serde_json::Value) -> Vec<(usize, usize, String)> {
    let spans = meta.get("spans").and_then(|spans| spans.as_array()).map(Vec::as_slice).unwrap_or_default();
    let number = |value: Option<&serde_json::Value>| {
        value.and_then(|v| v.as_u64()).and_then(|v| usize::try_from(v).ok())
    };
    spans
        .iter()
        .filter_map(|span| {
            Some((number(span.get(0))?, number(span.get(1))?, span.get(2)?.as_str()?.to_owned()))
        })
        .collect()
}

fn characters(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}
