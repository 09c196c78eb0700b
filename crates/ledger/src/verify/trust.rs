//! What the reader brings: keys that came by another way than the bundle.

use crate::note::{Policy, VerifierKey, check_rotation};
use crate::record::KeyPart;

/// Keys to trust and cosignatures to want.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// Keys of the log: any that was ever in force will do, changes of key are followed both ways.
    pub keys: Vec<VerifierKey>,
    pub policy: Policy,
    /// Take the key that the bundle names. It then only shows that nobody changed a bundle since it
    /// was made, not who made it.
    pub as_stated: bool,
}

/// Why a set of keys cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("a change of key is not signed by both keys")]
    Rotation,
}

impl Trust {
    /// Every key that is joined to a trusted one by changes of key. The old key names its
    /// successor, and the new one vouches for what it took over, so it is followed both ways.
    pub(crate) fn closure(
        &self,
        log: &str,
        stated: &VerifierKey,
        changes: &[KeyPart],
    ) -> Result<Vec<VerifierKey>, TrustError> {
        let mut pairs = Vec::new();
        for part in changes {
            pairs.push(check_rotation(log, part).map_err(|_| TrustError::Rotation)?);
        }
        let mut known = self.keys.clone();
        if self.as_stated {
            known.push(stated.clone());
        }
        // Changes come in their order: once forwards and once backwards reaches all.
        let forwards = pairs.iter().map(|(old, new)| (old, new));
        let backwards = pairs.iter().rev().map(|(old, new)| (new, old));
        for (from, to) in forwards.chain(backwards) {
            if known.contains(from) && !known.contains(to) {
                known.push(to.clone());
            }
        }
        Ok(known)
    }
}
