//! Labelled corpora: one JSON object a line, compressed.

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::input;

/// One labelled text or action.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    pub kind: String,
    pub label: String,
    pub text: Option<String>,
    pub action: Option<Value>,
    #[serde(default)]
    pub meta: Value,
}

/// Reads one corpus. `None` when the file is not there.
pub fn read(dir: &Path, name: &str) -> Result<Option<Vec<Row>>> {
    let path = dir.join(format!("{name}.jsonl.gz"));
    if !path.exists() {
        return Ok(None);
    }
    let shown = path.display();
    let mut lines = Vec::new();
    for (number, line) in bytes_of(&path)?.split(|byte| *byte == b'\n').enumerate() {
        if !line.is_empty() {
            let row = serde_json::from_slice(line)
                .with_context(|| format!("line {} of `{shown}` is no corpus row", number + 1))?;
            lines.push(row);
        }
    }
    Ok(Some(lines))
}

/// The uncompressed bytes of one file.
pub fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let packed = input::bytes(path)?;
    let mut bytes = Vec::new();
    BufReader::new(flate2::read::MultiGzDecoder::new(packed.as_slice()))
        .take(1 << 30)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot unpack `{}`", path.display()))?;
    Ok(bytes)
}
