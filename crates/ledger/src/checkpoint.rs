//! The signed head of a tree (C2SP tlog-checkpoint): the text that a log signs and witnesses cosign.

use std::fmt;

use action::Digest;

use crate::note::{NoteError, decimal, hash_line, hash_text};

/// What a log promises: these are the leaves, so many, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the tree; never used for another.
    pub origin: String,
    pub size: u64,
    pub root: Digest,
    /// Further lines under the signature, for the log's own use.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Reads the text of a note. There is one text for each checkpoint.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let body = text.strip_suffix('\n').ok_or(NoteError::Checkpoint)?;
        let mut lines = body.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(NoteError::Checkpoint)?;
        let size = lines.next().and_then(decimal).ok_or(NoteError::Checkpoint)?;
        let root = lines.next().and_then(hash_line).ok_or(NoteError::Checkpoint)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(NoteError::Checkpoint);
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, hash_text(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn a_checkpoint_reads_back() {
        for text in
            [format!("example.org/a\n0\n{ROOT}\n"), format!("example.org/a\n18\n{ROOT}\nshard 1\nmore\n")]
        {
            assert_eq!(Checkpoint::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let cases = [
            String::new(),
            "\n".into(),
            format!("o\n1\n{ROOT}"),
            format!("\n1\n{ROOT}\n"),
            format!("o\n01\n{ROOT}\n"),
            format!("o\n+1\n{ROOT}\n"),
            format!("o\n-1\n{ROOT}\n"),
            format!("o\n18446744073709551616\n{ROOT}\n"),
            format!("o\n1\n{ROOT}\n\n"),
            format!("o\n1\n{ROOT}\n\next\n"),
            format!("o\n1\n {ROOT}\n"),
            // Bits beyond the hash, which would make two texts of one checkpoint.
            format!("o\n1\n{}\n", ROOT.replace("U=", "V=")),
            format!("o\n1\n{}\n", ROOT.replace("=", "")),
            "o\n1\nAAAA\n".into(),
        ];
        for text in cases {
            assert_eq!(Checkpoint::parse(&text), Err(NoteError::Checkpoint), "{text:?}");
        }
    }
}
