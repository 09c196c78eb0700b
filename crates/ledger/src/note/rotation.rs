//! From one signing key to the next, with both signatures on record.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{KeyError, KeyKind, SigningKey, VerifierKey};
use crate::record::KeyPart;

/// Why a key record names no successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    #[error("the `{which}` key of a rotation cannot be read")]
    Key {
        which: &'static str,
        #[source]
        source: KeyError,
    },
    #[error("the `{which}` key's signature under a rotation does not hold")]
    Forged { which: &'static str },
    #[error("a rotation goes from one log key to another of the same name")]
    Names,
}

/// The part of a key record. Both keys sign the same text: the old one names its successor, the
/// new one shows that it is held by whoever asked, and vouches for the old one backwards.
pub fn rotate(log: &str, old: &SigningKey, new: &SigningKey) -> Result<KeyPart, RotationError> {
    let (old_text, new_text) = (old.verifier().to_string(), new.verifier().to_string());
    may_follow(old.verifier(), new.verifier())?;
    let message = message(log, &old_text, &new_text);
    let sign = |key: &SigningKey| STANDARD.encode(key.sign(message.as_bytes()));
    Ok(KeyPart { new_signature: sign(new), old_signature: sign(old), new: new_text, old: old_text })
}

/// Both keys of a rotation, old and new, if both signed it for this log.
pub fn check_rotation(log: &str, part: &KeyPart) -> Result<(VerifierKey, VerifierKey), RotationError> {
    let read =
        |which, text: &str| VerifierKey::parse(text).map_err(|source| RotationError::Key { which, source });
    let (old, new) = (read("old", &part.old)?, read("new", &part.new)?);
    may_follow(&old, &new)?;
    let message = message(log, &part.old, &part.new);
    for (which, key, signature) in [("old", &old, &part.old_signature), ("new", &new, &part.new_signature)] {
        let signature = STANDARD.decode(signature).map_err(|_| RotationError::Forged { which })?;
        if !key.holds(message.as_bytes(), &signature) {
            return Err(RotationError::Forged { which });
        }
    }
    Ok((old, new))
}

fn may_follow(old: &VerifierKey, new: &VerifierKey) -> Result<(), RotationError> {
    let fits =
        old.kind() == KeyKind::Log && new.kind() == KeyKind::Log && old.name() == new.name() && old != new;
    if fits { Ok(()) } else { Err(RotationError::Names) }
}

// No checkpoint starts with this line, for a log may not be named so: it has blanks.
fn message(log: &str, old: &str, new: &str) -> String {
    format!("checkrein key rotation v1\n{log}\n{old}\n{new}\n")
}
