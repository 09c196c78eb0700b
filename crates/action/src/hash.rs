//! SHA-256 digests, written as 64 hexadecimal digits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

use crate::text::read_text;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

/// Hashes the parts with their lengths, so that no two lists of parts share a digest by
/// moving a border between them.
pub fn digest(domain: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = sha2::Sha256::new();
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

impl Digest {
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// Reads digits of either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::from_digits(text, &EITHER_CASE)
    }

    fn from_digits(text: &str, values: &[u8; 256]) -> Option<Self> {
        let pairs: &[[u8; 2]; 32] = text.as_bytes().as_chunks::<2>().0.try_into().ok()?;
        // Every digit is read before any is judged: without a way out the loop has no branches.
        let mut seen = 0;
        let value = |digit: u8| values.get(usize::from(digit)).copied().unwrap_or(NONE);
        let mut bytes = [0u8; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = (value(*high), value(*low));
            seen |= high | low;
            *byte = high << 4 | low;
        }
        (seen < 16 && text.len() == 64).then_some(Digest(bytes))
    }

    /// The 64 digits. In one piece, for a digest that is written byte by byte through the formatter
    /// takes longer than all else of a record.
    fn digits(&self) -> [u8; 64] {
        let mut text = [b'0'; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair =
                [byte >> 4, byte & 15].map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0'));
        }
        text
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Stands for a byte that is no digit.
const NONE: u8 = 0xFF;

/// What each byte is worth as a digit.
static EITHER_CASE: [u8; 256] = values(true);
static LOWER_CASE: [u8; 256] = values(false);

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn values(upper: bool) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        table[DIGITS[value] as usize] = value as u8;
        if upper {
            table[DIGITS[value].to_ascii_uppercase() as usize] = value as u8;
        }
        value += 1;
    }
    table
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).map_err(|_| std::fmt::Error)?)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.digits()).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, |text| {
            // In documents a digest has one form: what is hashed or signed must be written back as it came.
            Digest::from_digits(text, &LOWER_CASE).ok_or("a digest has 64 lower-case hexadecimal digits")
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_as_they_are_read_in_either_case() {
        let text = "00ff10a1b2c3d4e5f60718293a4b5c6d7e8f9009f0e1d2c3b4a5968778695a4b";
        let digest = Digest::from_hex(text);
        assert_eq!(digest.map(|digest| digest.to_string()).as_deref(), Some(text));
        assert_eq!(Digest::from_hex(&text.to_uppercase()), digest);
        assert_eq!(serde_json::to_string(&digest).ok(), Some(format!("\"{text}\"")));
    }

    #[test]
    fn in_a_document_a_digest_has_one_form() {
        let text = format!("\"{}\"", "0f".repeat(32));
        assert!(serde_json::from_str::<Digest>(&text).is_ok());
        assert!(serde_json::from_str::<Digest>(&text.to_uppercase()).is_err());
    }

    #[test]
    fn anything_but_64_digits_is_no_digest() {
        let zeros = "0".repeat(64);
        assert!(Digest::from_hex(&zeros).is_some());
        for at in [0, 1, 31, 62, 63] {
            for other in ["g", "G", "/", ":", "@", "`", "+", "-", " ", "\0"] {
                let mut text = zeros.clone();
                text.replace_range(at..=at, other);
                assert_eq!(Digest::from_hex(&text), None, "{text}");
            }
        }
        for text in [&zeros[..63], &zeros[..62], &format!("{zeros}0"), &format!("{zeros}00"), "", "é"] {
            assert_eq!(Digest::from_hex(text), None, "{text}");
        }
    }
}
