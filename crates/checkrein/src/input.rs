//! Reading files and standard input, within bounds.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Most bytes of one file that a command reads whole.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most bytes of one line of a line-by-line command.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// Reads a file whole; `-` stands for standard input.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let name = path.display();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut out)
    } else {
        let file = File::open(path).with_context(|| format!("cannot open `{name}`"))?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut out)
    };
    read.with_context(|| format!("cannot read `{name}`"))?;
    if out.len() as u64 > MAX_FILE_BYTES {
        bail!("`{name}` is larger than {MAX_FILE_BYTES} bytes");
    }
    Ok(out)
}

/// Reads a file, or standard input, as UTF-8 text.
pub fn text(path: Option<&Path>) -> Result<String> {
    let path = path.unwrap_or(Path::new("-"));
    String::from_utf8(bytes(path)?).with_context(|| format!("`{}` is not UTF-8 text", path.display()))
}

/// One line without its end. `Ok(None)` at the end of the input; a line over the bound is read
/// to its end, dropped, and reported by its length.
pub fn line(reader: &mut impl BufRead) -> std::io::Result<Option<Result<Vec<u8>, usize>>> {
    let mut line = Vec::new();
    let mut length = 0usize;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok((length > 0).then(|| bounded(line, length)));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let take = end.unwrap_or(chunk.len());
        length += take;
        if length <= MAX_LINE_BYTES {
            line.extend_from_slice(chunk.get(..take).unwrap_or_default());
        }
        reader.consume(take + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(bounded(line, length)));
        }
    }
}

fn bounded(line: Vec<u8>, length: usize) -> Result<Vec<u8>, usize> {
    if length > MAX_LINE_BYTES { Err(length) } else { Ok(line) }
}

/// Every file below the paths whose name ends in one of `endings`, in order of name.
pub fn files(paths: &[PathBuf], endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let kind = std::fs::metadata(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        if kind.is_dir() {
            let entries =
                std::fs::read_dir(path).with_context(|| format!("cannot list `{}`", path.display()))?;
            let mut inside = Vec::new();
            for entry in entries {
                inside.push(entry.with_context(|| format!("cannot list `{}`", path.display()))?.path());
            }
            inside.sort();
            inside.retain(|path| {
                path.is_dir() || endings.iter().any(|end| path.to_string_lossy().ends_with(end))
            });
            found.extend(files(&inside, endings)?);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}
