//! Prints the report on the injection model: `injection_report DIR...` reads `DIR/*.jsonl.gz`.

use std::io;
use std::path::Path;

use engine::train::{self, Row};

fn main() -> io::Result<()> {
    let folders: Vec<_> = std::env::args().skip(1).collect();
    if folders.is_empty() {
        eprintln!("usage: injection_report DIR...   (folders of *.jsonl.gz corpora)");
        std::process::exit(64);
    }
    let mut rows = Vec::new();
    for folder in &folders {
        rows.extend(read(Path::new(folder))?);
    }
    print!("{}", train::report(&rows));
    Ok(())
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
