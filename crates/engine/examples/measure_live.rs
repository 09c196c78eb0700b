//! Measures how a growing text is held back: time per token and bytes held, over ordinary prose and
//! over texts with values in them. `cargo run --release -p engine --example measure_live [FILE…]`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::time::Instant;

use action::SensitiveClass;
use engine::Rules;
use engine::live::{Watch, sensitive, settled};
use engine::policy::Source;

/// Pieces as models send them: a word with the blank in front of it, at most six letters at once.
fn tokens(text: &str) -> Vec<&str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    for pair in chars.windows(2) {
        let (place, next) = (pair[1].0, pair[1].1);
        let word_ends = !next.is_alphanumeric() || !pair[0].1.is_alphanumeric() && pair[0].1 != ' ';
        if word_ends || place - start >= 6 {
            pieces.push(&text[start..place]);
            start = place;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn row(name: &str, mut values: Vec<u64>, unit: &str) {
    values.sort_unstable();
    println!(
        "  {name:<22} p50 {:>6} {unit}  p90 {:>6} {unit}  p99 {:>6} {unit}  max {:>7} {unit}",
        percentile(&values, 50),
        percentile(&values, 90),
        percentile(&values, 99),
        values[values.len() - 1]
    );
}

fn measure(name: &str, text: &str, watch: &Watch, rules: &Rules) {
    // Long texts are answers one after the other, of 4 kB each.
    let (mut settle, mut find, mut held) = (Vec::new(), Vec::new(), Vec::new());
    let (mut events, mut hits, mut at_once) = (0usize, 0usize, 0usize);
    let all: Vec<&str> = tokens(text);
    for answer in all.chunks(900) {
        let (mut grown, mut from) = (String::new(), 0);
        for token in answer {
            grown.push_str(token);
            let start = Instant::now();
            let to = settled(&grown, from, watch);
            settle.push(start.elapsed().as_nanos() as u64);
            let start = Instant::now();
            hits += sensitive(&grown, from..to, watch, &rules.detectors).len();
            find.push(start.elapsed().as_nanos() as u64);
            held.push((grown.len() - to) as u64);
            at_once += usize::from(to == grown.len());
            events += 1;
            from = to;
        }
    }
    println!(
        "{name}: {} bytes, {events} tokens, {hits} values, {}% of tokens released at once",
        text.len(),
        at_once * 100 / events
    );
    row("settled per token", settle, "ns");
    row("sensitive per token", find, "ns");
    row("held bytes", held, "B ");
}

fn main() {
    let rules = Rules::load(&[Source { file: "none.yaml", text: "policy: none\nrules: []\n" }])
        .unwrap_or_else(|_| panic!("an empty policy loads"));
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        let docs =
            ["README.md", "ARCHITECTURE.md", "docs/policy.md", "docs/redaction.md", "docs/identity.md"];
        files = docs.iter().map(|file| format!("{root}{file}")).collect();
    }
    let read = |file: &String| std::fs::read_to_string(file).unwrap_or_default();
    let docs: String = files.iter().map(read).collect();
    let prose: String = docs
        .lines()
        .filter(|line| !line.contains('`') && !line.contains('|') && line.len() > 60)
        .flat_map(|line| [line, "\n"])
        .collect();
    use SensitiveClass::{ApiKey, Card, Credential, Jwt, Ssn};
    let answers = Watch::only(&[ApiKey, Credential, Jwt, Card, Ssn]);
    for (name, watch) in [("answers policy", &answers), ("every class", &Watch::all())] {
        println!("-- {name}");
        measure("prose", &prose, watch, &rules);
        measure("documentation with code", &docs, watch, &rules);
    }
}
