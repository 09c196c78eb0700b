//! The injection model: figures on texts that the judged weights were not trained on, and the
//! training itself.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use engine::train::Row;

use super::corpus;

/// Every row of every corpus of a folder, files in order of name, as training takes them.
pub fn rows(dir: &Path) -> Result<Vec<Row>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot list `{}`", dir.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".jsonl.gz"));
    files.sort();
    if files.is_empty() {
        bail!("`{}` holds no corpora (*.jsonl.gz)", dir.display());
    }
    let mut rows = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(".jsonl.gz");
        let text = String::from_utf8(corpus::bytes_of(path)?)
            .with_context(|| format!("`{}` is not UTF-8 text", path.display()))?;
        rows.extend(text.lines().filter_map(|line| Row::parse(name, line)));
    }
    Ok(rows)
}

pub fn print(out: &mut impl Write, dir: &Path) -> Result<()> {
    write!(out, "{}", engine::train::report(&rows(dir)?))?;
    Ok(())
}
