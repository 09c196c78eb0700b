//! Measures the injection model: `injection_report DIR...` reads `DIR/*.jsonl.gz`, prints the
//! cross-validated report and the latency of the shipped model. With `--write OUT` first, trains and
//! writes `OUT/injection.bin` and `OUT/injection.md` instead.

use std::io;
use std::path::Path;
use std::time::Instant;

use engine::detect::injection::model::{Head, Model};
use engine::text::Prepared;
use engine::train::{self, Row};

fn main() -> io::Result<()> {
    let mut folders: Vec<_> = std::env::args().skip(1).collect();
    let out = (folders.first().map(String::as_str) == Some("--write") && folders.len() > 2)
        .then(|| folders.drain(..2).nth(1))
        .flatten();
    if folders.is_empty() {
        eprintln!("usage: injection_report [--write OUT] DIR...   (folders of *.jsonl.gz corpora)");
        std::process::exit(64);
    }
    let mut rows = Vec::new();
    for folder in &folders {
        rows.extend(read(Path::new(folder))?);
    }
    match out {
        Some(out) => {
            let trained = train::train(&rows);
            std::fs::write(Path::new(&out).join("injection.bin"), trained.weights)?;
            std::fs::write(Path::new(&out).join("injection.md"), trained.card)
        }
        None => {
            print!("{}", train::report(&rows));
            latency(&rows);
            Ok(())
        }
    }
}

/// Time of one judgement, by length of text.
fn latency(rows: &[Row]) {
    let Some(model) = Model::shipped() else { return };
    let all: String =
        rows.iter().filter(|row| row.kind == "user_prompt").map(|row| row.text.as_str()).collect();
    for bytes in [200, 1024, 4096, 16_384, 65_536] {
        let mut times = Vec::new();
        for start in (0..all.len()).step_by(bytes + 17).take(400) {
            let Some(text) = all.get(start..start + bytes) else { continue };
            let prepared = Prepared::new(text);
            let clock = Instant::now();
            std::hint::black_box(model.judge(prepared.plain().normal, Head::Document));
            times.push(clock.elapsed());
        }
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!("judging {bytes:6} bytes: p50 {:?}, p99 {:?} (n {})", at(50), at(99), times.len());
    }
}

/// Every row of every corpus of the folder, files in order of name.
fn read(folder: &Path) -> io::Result<Vec<Row>> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    let mut rows = Vec::new();
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_suffix(".jsonl.gz") else { continue };
        let text =
            unzip(&std::fs::read(&path)?).ok_or_else(|| io::Error::other("not a gzip file of text"))?;
        rows.extend(text.lines().filter_map(|line| Row::parse(name, line)));
    }
    Ok(rows)
}

/// The text in a gzip file with the plain header that corpora are written with.
fn unzip(bytes: &[u8]) -> Option<String> {
    let header = bytes.strip_prefix(&[0x1f, 0x8b, 8])?;
    let flags = *header.first()?;
    let mut body = header.get(7..)?;
    if flags & 4 != 0 {
        return None;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = body.iter().position(|byte| *byte == 0)?;
            body = body.get(end + 1..)?;
        }
    }
    String::from_utf8(miniz_oxide::inflate::decompress_to_vec(body).ok()?).ok()
}
