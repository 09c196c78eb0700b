//! Signed notes (C2SP signed-note): a text, a blank line, and a line for each signature.
//!
//! Two kinds of keys sign: the log's own ([`KeyKind::Log`]) and a witness's ([`KeyKind::Witness`],
//! C2SP tlog-cosignature), whose signature also covers the time at which it looked.

mod key;
mod key_file;
mod policy;
mod rotation;
#[cfg(test)]
mod tests;

use std::fmt;

use action::Digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use key::{KeyError, KeyKind, SigningKey, VerifierKey};
pub use key_file::{KeyFileError, Passphrase, load_key, save_key};
pub use policy::{Cosigned, Policy, PolicyError};
pub use rotation::{RotationError, check_rotation, rotate};

/// Most bytes of a note that is read.
pub const MAX_NOTE_BYTES: usize = 64 << 10;
/// Most signatures on a note that is read.
pub const MAX_SIGNATURES: usize = 64;

/// A text with signatures. Being read says nothing about them: ask [`SignedNote::signed_by`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// Why a text is no note, or a note is not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a note is a text of lines, a blank line, and signature lines")]
    Form,
    #[error("a note has at most {MAX_NOTE_BYTES} bytes and {MAX_SIGNATURES} signatures")]
    TooLarge,
    #[error("a checkpoint has an origin, a size, a root hash and further lines that are not empty")]
    Checkpoint,
    #[error("a signature in the name of a known key does not hold")]
    Forged,
}

impl SignedNote {
    /// Signs a text. The text is lines, each ended; anything else would not read back.
    pub fn sign(text: &str, key: &SigningKey) -> Result<Self, NoteError> {
        let mut note = SignedNote { text: String::new(), signatures: Vec::new() };
        if !is_text(text) {
            return Err(NoteError::Form);
        }
        text.clone_into(&mut note.text);
        note.add(key.sign_note(text));
        Ok(note)
    }

    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge);
        }
        // The last blank line: a text may have some of its own.
        let (body, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let text = format!("{body}\n");
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        if !is_text(&text) {
            return Err(NoteError::Form);
        }
        let signatures = parse_signatures(lines)?;
        Ok(SignedNote { text, signatures })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// Puts a key's signature in place of the ones that it had.
    pub(crate) fn replace(&mut self, key: &VerifierKey, signature: NoteSignature) {
        self.signatures.retain(|line| !key.is_named_by(line));
        self.signatures.push(signature);
    }

    /// Whether this key signed the text; for a witness, when: seconds since 1970, else 0. A line in
    /// the key's name that does not hold is an error, for nobody but a forger writes one.
    pub fn signed_by(&self, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let mut time = None;
        for signature in self.signatures.iter().filter(|line| key.is_named_by(line)) {
            time = time.max(Some(key.check_note(&self.text, &signature.bytes).ok_or(NoteError::Forged)?));
        }
        Ok(time)
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl NoteSignature {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "— {} {}", self.name, STANDARD.encode([&self.id, self.bytes.as_slice()].concat()))
    }
}

/// Reads signature lines without the last line end: what a witness answers, or the end of a note.
pub fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        if signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        let (name, data) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Form)?;
        let data = STANDARD.decode(data).map_err(|_| NoteError::Form)?;
        let (id, bytes) = data.split_first_chunk::<4>().ok_or(NoteError::Form)?;
        if !is_key_name(name) || bytes.is_empty() {
            return Err(NoteError::Form);
        }
        signatures.push(NoteSignature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() });
    }
    Ok(signatures)
}

fn is_text(text: &str) -> bool {
    text.ends_with('\n') && text != "\n" && !text.bytes().any(|byte| byte < 0x20 && byte != b'\n')
}

fn is_key_name(name: &str) -> bool {
    let odd = |letter: char| letter == '+' || letter.is_whitespace() || letter.is_control();
    !name.is_empty() && !name.contains(odd)
}

/// A number with one form: digits, no leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let one_form = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if one_form { text.parse().ok() } else { None }
}

pub(crate) fn hash_text(hash: &Digest) -> String {
    STANDARD.encode(hash.as_bytes())
}

pub(crate) fn hash_line(line: &str) -> Option<Digest> {
    STANDARD.decode(line).ok()?.try_into().ok().map(Digest::from_bytes)
}
