//! Keys that sign notes, and the texts by which others know them.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{NoteSignature, is_key_name};

/// What a key signs. The number stands in the key's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// A log's key: Ed25519 over the text of the note.
    Log = 0x01,
    /// A witness's key: Ed25519 over a time and the text of a checkpoint.
    Witness = 0x04,
}

/// The public half: `name+id+key`.
#[derive(Clone)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
    id: [u8; 4],
    /// Read once: a checkpoint is checked each second.
    parsed: ParsedPublicKey,
}

/// The secret half, with its name. Wiped when dropped, never printed.
pub struct SigningKey {
    public: VerifierKey,
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

/// Why a key cannot be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "a key's name is not empty and has no blanks and no `+`: use something like `example.org/node-a`"
    )]
    Name,
    #[error("a verifier key reads `NAME+ID+KEY`, with eight hexadecimal digits and base64")]
    Form,
    #[error("a verifier key's id does not fit its name and key: was it copied whole?")]
    Id,
    #[error("the key is of a kind that we do not know")]
    Kind,
    #[error("the cryptographic library would not take the key")]
    Rejected,
}

impl SigningKey {
    /// A key out of 32 random bytes.
    pub fn from_seed(name: &str, kind: KeyKind, seed: [u8; 32]) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyError::Rejected)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Rejected)?;
        Ok(SigningKey { public: VerifierKey::new(name, kind, public)?, seed, pair })
    }

    /// A new key from the system's randomness.
    pub fn generate(name: &str, kind: KeyKind) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::Rejected)?;
        SigningKey::from_seed(name, kind, *seed)
    }

    pub fn name(&self) -> &str {
        &self.public.name
    }

    pub fn kind(&self) -> KeyKind {
        self.public.kind
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs the text of a note, for a log's key; a witness's says time 0. Use [`SigningKey::cosign`] there.
    pub(super) fn sign_note(&self, text: &str) -> NoteSignature {
        match self.public.kind {
            KeyKind::Log => self.line(self.sign(text.as_bytes()).to_vec()),
            KeyKind::Witness => self.cosign(text, 0),
        }
    }

    /// States that, at that time (seconds since 1970), this was the largest checkpoint seen.
    pub fn cosign(&self, text: &str, time: u64) -> NoteSignature {
        let signature = self.sign(cosigned(text, time).as_bytes());
        self.line([time.to_be_bytes().as_slice(), &signature].concat())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(self.pair.sign(message).as_ref()) {
            *to = *from;
        }
        bytes
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    fn line(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.public.name.clone(), id: self.public.id, bytes }
    }
}

impl VerifierKey {
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let parsed = ParsedPublicKey::new(&ED25519, public).map_err(|_| KeyError::Rejected)?;
        let about = [name.as_bytes(), &[b'\n', kind as u8], &public].concat();
        let [a, b, c, d, ..] = *crate::hash::plain(&about).as_bytes();
        Ok(VerifierKey { name: name.to_owned(), kind, public, id: [a, b, c, d], parsed })
    }

    /// Reads `name+id+key`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (kind, public) = bytes.split_first().ok_or(KeyError::Form)?;
        let kind = match kind {
            0x01 => KeyKind::Log,
            0x04 => KeyKind::Witness,
            _ => return Err(KeyError::Kind),
        };
        let key = VerifierKey::new(name, kind, public.try_into().map_err(|_| KeyError::Form)?)?;
        if key.id_text() == id { Ok(key) } else { Err(KeyError::Id) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) fn public(&self) -> &[u8; 32] {
        &self.public
    }

    pub(crate) fn is_named_by(&self, line: &NoteSignature) -> bool {
        line.name == self.name && line.id == self.id
    }

    /// The time that a signature of this key states, if it holds.
    pub(crate) fn check_note(&self, text: &str, signature: &[u8]) -> Option<u64> {
        match self.kind {
            KeyKind::Log => self.holds(text.as_bytes(), signature).then_some(0),
            KeyKind::Witness => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                let sane = i64::try_from(time).is_ok();
                (sane && self.holds(cosigned(text, time).as_bytes(), signature)).then_some(time)
            }
        }
    }

    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    fn id_text(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The message under a cosignature.
fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8], self.public.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id_text(), STANDARD.encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.kind, self.public) == (&other.name, other.kind, other.public)
    }
}

impl Eq for VerifierKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(for {})", self.public)
    }
}
