//! Measures the SQL and XSS detectors on development rows.
//!
//! Reads JSON lines (`text` or `action`, `label`, `source`) from standard input:
//! `zcat sqli.jsonl.gz | measure_sql_xss sql_value [--show-missed|--show-hits] [--label sqli]`.
//! The first argument is the detector and the semantic type to read the strings as.
#![allow(clippy::float_arithmetic, reason = "a report for people; nothing here decides")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a development tool may stop")]

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Instant;

use action::SemanticType;
use engine::detect::{Hit, Leaf, sql, xss};
use engine::text::Prepared;

#[derive(Default)]
struct Tally {
    n: u64,
    hit: u64,
    low: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|a| a == flag);
    let value = |flag: &str| args.iter().position(|a| a == flag).and_then(|at| args.get(at + 1)).cloned();
    let mode = args.first().expect("detector:semantic, for example sql:sql_value").clone();
    let (detector, semantic) = mode.split_once(':').expect("detector:semantic");
    let semantic = SemanticType::parse(semantic).expect("a semantic type");
    let find: fn(&Leaf<'_>, &mut Vec<Hit>) = if detector == "sql" { sql::find } else { xss::find };
    let (kind, label) = (value("--kind"), value("--label"));

    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut rules: BTreeMap<String, u64> = BTreeMap::new();
    let mut nanos = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("json");
        let field = |name: &str| row.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        if kind.as_ref().is_some_and(|k| *k != field("kind"))
            || label.as_ref().is_some_and(|l| *l != field("label"))
        {
            continue;
        }
        let mut texts = Vec::new();
        match row.get("text").and_then(|t| t.as_str()) {
            Some(text) if has("--params") => {
                texts.push(text.to_owned());
                for part in text.split('&') {
                    texts.push(part.split_once('=').map_or(part, |(_, v)| v).to_owned());
                }
            }
            Some(text) => texts.push(text.to_owned()),
            None => strings(row.pointer("/action/args").unwrap_or(&serde_json::Value::Null), &mut texts),
        }
        let each = !has("--params");
        let mut row_hits = Vec::new();
        for text in &texts {
            let (hits, took) = run(find, semantic, text);
            nanos.push(took);
            for hit in &hits {
                *rules.entry(format!("{} {}", field("label"), hit.rule)).or_default() += 1;
            }
            if each {
                count(&mut tallies, &field("label"), &field("source"), &hits);
                if has("--show-hits") && !hits.is_empty() || has("--show-missed") && hits.is_empty() {
                    let found: Vec<_> = hits.iter().map(|h| (&h.rule, text.get(h.span.clone()))).collect();
                    println!(
                        "{} {:?} {:?}",
                        field("source"),
                        text.chars().take(200).collect::<String>(),
                        found
                    );
                }
            }
            row_hits.extend(hits);
        }
        if !each {
            count(&mut tallies, &field("label"), &field("source"), &row_hits);
            if has("--show-hits") && !row_hits.is_empty() || has("--show-missed") && row_hits.is_empty() {
                println!("{:?} {:?}", texts.first(), row_hits.first().map(|h| &h.rule));
            }
        }
    }
    nanos.sort_unstable();
    let at = |share: usize| nanos.get(nanos.len() * share / 100).copied().unwrap_or_default();
    for (name, t) in &tallies {
        let (low, high) = wilson(t.hit, t.n);
        println!(
            "{name}: {}/{} = {:.4} [{low:.4}, {high:.4}]{}",
            t.hit,
            t.n,
            t.hit as f64 / t.n as f64,
            if t.low > 0 { format!(", and {} of low severity only", t.low) } else { String::new() }
        );
    }
    println!(
        "ns p50 {} p90 {} p99 {} max {}",
        at(50),
        at(90),
        at(99),
        nanos.last().copied().unwrap_or_default()
    );
    if has("--rules") {
        println!("{rules:#?}");
    }
}

fn run(find: fn(&Leaf<'_>, &mut Vec<Hit>), semantic: SemanticType, text: &str) -> (Vec<Hit>, u128) {
    let leaf = Leaf { key: "", channel: None, semantic, text: Prepared::new(text) };
    let mut best = u128::MAX;
    let mut hits = Vec::new();
    for _ in 0..3 {
        hits.clear();
        let start = Instant::now();
        find(&leaf, &mut hits);
        best = best.min(start.elapsed().as_nanos());
    }
    (hits, best)
}

fn count(tallies: &mut BTreeMap<String, Tally>, label: &str, source: &str, hits: &[Hit]) {
    let low = !hits.is_empty() && hits.iter().all(|h| h.severity == action::Severity::Low);
    for name in [label.to_owned(), format!("{label} {source}")] {
        let tally = tallies.entry(name).or_default();
        tally.n += 1;
        tally.low += u64::from(low);
        tally.hit += u64::from(!hits.is_empty() && !low);
    }
}

fn strings(value: &serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => out.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        serde_json::Value::Object(entries) => entries.values().for_each(|item| strings(item, out)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

/// The 95 % Wilson interval.
fn wilson(k: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, p, z) = (n as f64, k as f64 / n as f64, 1.96_f64);
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}
