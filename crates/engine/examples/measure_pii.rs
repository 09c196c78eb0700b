//! Reads JSON lines `{"text": …, "key": …}` and writes one line of what was found for each:
//! rule, class, confidence and byte span, and the time it took. The texts themselves are not
//! written.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measuring tool stops at input it cannot read"
)]

use std::io::{BufRead, Write};
use std::time::Instant;

use action::SemanticType;
use engine::detect::{Hit, Leaf};
use engine::text::Prepared;

fn main() {
    let which = std::env::args().nth(1).unwrap_or_else(|| "both".into());
    let rounds: u32 = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = row["text"].as_str().unwrap_or_default();
        let key = row["key"].as_str().unwrap_or_default();
        let leaf = Leaf { key, channel: None, semantic: SemanticType::FreeText, text: Prepared::new(text) };
        let mut best = u128::MAX;
        let mut hits: Vec<Hit> = Vec::new();
        for _ in 0..rounds {
            hits.clear();
            let started = Instant::now();
            if which != "secrets" {
                engine::detect::pii::find(&leaf, &mut hits);
            }
            if which != "pii" {
                engine::detect::secrets::find(&leaf, &mut hits);
            }
            best = best.min(started.elapsed().as_nanos());
        }
        let hits: Vec<serde_json::Value> = hits
            .iter()
            .map(|hit| {
                serde_json::json!({
                    "rule": hit.rule, "class": hit.class, "severity": hit.severity,
                    "confidence": hit.confidence.percent(), "start": hit.span.start, "end": hit.span.end,
                })
            })
            .collect();
        let line = serde_json::json!({ "id": row["id"], "nanos": best as u64, "hits": hits });
        writeln!(out, "{line}").unwrap();
    }
}
