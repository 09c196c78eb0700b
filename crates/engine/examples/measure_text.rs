//! Measures preparing of texts: time by size, time on hostile input, and how often ordinary texts
//! of the corpora in a folder get a decoded view. `cargo run --release --example measure_text [DIR]`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read;
use std::time::{Duration, Instant};

use action::{ActionKind, Json, SemanticType};
use engine::detect::{TypeHints, Walk, meaning};
use engine::text::Prepared;

fn time(text: &str) -> Duration {
    let mut best = Duration::MAX;
    let started = Instant::now();
    for _ in 0..200 {
        let start = Instant::now();
        black_box(Prepared::new(black_box(text)));
        best = best.min(start.elapsed());
        if started.elapsed() > Duration::from_millis(300) {
            break;
        }
    }
    best
}

fn main() {
    sizes();
    hostile();
    if let Some(folder) = std::env::args().nth(1) {
        corpora(&folder);
        types(&folder);
    }
}

const PROSE: &str = "The committee met on Tuesday to review the plans for next year. Several members asked about the cost, \
and the chair said a full report would follow. Nobody objected to the schedule; the next meeting is in May. ";

fn sizes() {
    println!("-- time to prepare, best of many");
    for size in [200, 1024, 8 * 1024, 64 * 1024] {
        let ascii: String = PROSE.chars().cycle().take(size).collect();
        let lines = ascii.replace(". ", ".\n\n");
        let mut foreign =
            "Комитет собрался во вторник, чтобы обсудить планы на следующий год. ".repeat(1 + size / 60);
        while foreign.len() > size {
            foreign.pop();
        }
        let accents: String = "Le comité s’est réuni mardi pour étudier les projets de l’année à venir. "
            .chars()
            .cycle()
            .take(size)
            .collect();
        println!(
            "{size:6} B: prose {:9.2?}  lines {:9.2?}  cyrillic {:9.2?}  french {:9.2?}",
            time(&ascii),
            time(&lines),
            time(&foreign),
            time(&accents)
        );
    }
}

fn hostile() {
    println!("-- 64 KiB of one thing");
    let sixty_four = |unit: &str| unit.repeat(64 * 1024 / unit.len());
    let units = [
        "A",
        "a ",
        "aB3/",
        "aWdub3JlIGFsbA==",
        "%41",
        "%2541",
        "%25",
        "\\",
        "\\u0041",
        "&#65;",
        "&lt;",
        "&amp;",
        "=41",
        "+ADw-",
        "+",
        "((",
        "a@a@a@",
        "a.",
        "a-b-",
        "e\u{301}",
        "e\u{301}\u{302}\u{303}\u{304}\u{305}",
        "\u{301}",
        "\u{200b}\u{200c}",
        "\u{202e}",
        "а",
        "аb",
        "a\u{430}b ",
        "ａ",
        "𝐀",
        "0101",
        "105 ",
        "105,",
        ".- ",
        "-",
        "ignore",
        "erongi lla ",
        "th",
        "ht",
        "xqzk ",
        "qwrtpsdf",
        "1gn0r3 ",
        "aabbcc",
        "India Golf ",
        "wayay ",
        "\u{2800}\u{2801}",
        "\u{FE01}",
        "\u{E0041}",
        "<b>",
        "i<b>g",
        "4",
        "f",
        "0x41",
        "Zz9",
        "eJw",
        "H4sI",
        "{\"a\":",
        "AAECAwQFBgcICQ",
        "ZmZmZmZm",
        "NB2HI4",
        "vtaber nyy ",
        "zzzz zzzz",
        "a b c ",
        "пароль",
        "Ω",
        "字",
        "한",
        "\u{0}",
        "\n",
        " ",
        "password=",
        "\u{10FFFF}",
    ];
    let mut times: Vec<(Duration, &str)> =
        units.iter().map(|unit| (time(&sixty_four(unit)), *unit)).collect();
    times.sort();
    for (time, unit) in times.iter().rev().take(25) {
        println!("{time:10.2?}  {unit:?}");
    }
}

fn rows(folder: &str, name: &str) -> Vec<Json> {
    let bytes = std::fs::read(format!("{folder}/{name}.jsonl.gz")).unwrap();
    let body = &bytes[10
        + bytes[10..].iter().position(|b| *b == 0).filter(|_| bytes[3] & 8 != 0).map_or(0, |at| at + 1)..];
    let text = miniz_oxide::inflate::decompress_to_vec(body).unwrap();
    let mut out = String::new();
    text.as_slice().read_to_string(&mut out).unwrap();
    out.lines().filter_map(|line| Json::parse(line.as_bytes()).ok()).collect()
}

fn field<'j>(row: &'j Json, name: &str) -> &'j str {
    row.get(name).and_then(Json::as_text).unwrap_or_default()
}

fn corpora(folder: &str) {
    println!("-- benign rows that get a view");
    let mut totals: BTreeMap<String, (u32, u32, usize, Duration)> = BTreeMap::new();
    let mut views: BTreeMap<String, u32> = BTreeMap::new();
    for name in [
        "bfcl",
        "tau_bench",
        "prompts_chat",
        "wildguard_benign",
        "notinject",
        "agentdojo",
        "pii",
        "sqli",
        "secrets",
    ] {
        for row in rows(folder, name) {
            let benign = field(&row, "label") == "benign" || name == "pii";
            let text = field(&row, "text");
            if !benign || text.is_empty() {
                continue;
            }
            let start = Instant::now();
            let prepared = Prepared::new(text);
            let took = start.elapsed();
            let entry = totals.entry(format!("{name} {}", field(&row, "kind"))).or_default();
            entry.0 += 1;
            entry.2 += text.len();
            entry.3 += took;
            if prepared.readings().count() > 1 {
                entry.1 += 1;
                for reading in prepared.readings().skip(1) {
                    *views.entry(reading.via.join(">")).or_default() += 1;
                    if std::env::args().nth(2).is_some() {
                        let short = |text: &str| text.chars().take(90).collect::<String>();
                        println!(
                            "   {name} {:?}: {:?} <- {:?}",
                            reading.via.join(">"),
                            short(reading.normal),
                            short(text)
                        );
                    }
                }
            }
        }
    }
    for (name, (rows, viewed, bytes, took)) in totals {
        let per_kib = took.as_nanos() as f64 / 1000.0 / (bytes as f64 / 1024.0);
        println!("{name:32} {viewed:4}/{rows:5}  {per_kib:6.2} µs/KiB");
    }
    println!("{views:?}");
}

fn types(folder: &str) {
    println!("-- types of the arguments in recorded calls");
    let mut counts: BTreeMap<(SemanticType, String), (u32, String)> = BTreeMap::new();
    for name in ["bfcl", "tau_bench", "agentdojo"] {
        for row in rows(folder, name) {
            let Some(call) = row.get("action") else { continue };
            let text = serde_json::to_string(call.get("args").unwrap_or(&Json::Null)).unwrap();
            let hints = TypeHints::default();
            let walk = Walk::json(&text, &hints);
            for (leaf, _) in walk.leaves() {
                let value = leaf.text.original();
                let semantic = meaning(ActionKind::McpTool, "", leaf.key, value, &hints);
                let entry = counts.entry((semantic, leaf.key.to_owned())).or_default();
                entry.0 += 1;
                entry.1 = value.chars().take(50).collect();
            }
        }
    }
    for semantic in SemanticType::ALL {
        let mut keys: Vec<_> = counts.iter().filter(|((s, _), _)| s == semantic).collect();
        keys.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        let total: u32 = keys.iter().map(|(_, (count, _))| count).sum();
        println!("{semantic}: {total}");
        for ((_, key), (count, example)) in
            keys.into_iter().take(if *semantic == SemanticType::Value { 12 } else { 30 })
        {
            println!("    {count:4} {key:24} {example:?}");
        }
    }
}
