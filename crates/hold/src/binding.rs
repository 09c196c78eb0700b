//! What an approval is bound to, in a form that may stand in the ledger.

use action::Digest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key of the hashes below. A payload hash of a short payload can be guessed; under a key that
/// never leaves the server it cannot.
pub struct BindingKey([u8; 32]);

impl BindingKey {
    pub const fn new(key: [u8; 32]) -> Self {
        BindingKey(key)
    }

    /// The keyed form of an action's payload hash.
    pub fn payload(&self, hash: &Digest) -> Digest {
        self.keyed("payload", hash.as_bytes())
    }

    /// The keyed form of the name under which a caller takes a released action.
    pub fn claim(&self, claim: &str) -> Digest {
        self.keyed("claim", claim.as_bytes())
    }

    fn keyed(&self, what: &str, bytes: &[u8]) -> Digest {
        // HMAC takes keys of any length, so making one cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Digest::default() };
        mac.update(b"checkrein.hold.v1\0");
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        Digest::from_bytes(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for BindingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BindingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_another_purpose_or_another_payload_gives_another_hash() {
        let (one, two) = (BindingKey::new([1; 32]), BindingKey::new([2; 32]));
        let hash = action::digest("test", &[b"a"]);
        assert_eq!(one.payload(&hash), one.payload(&hash));
        assert_ne!(one.payload(&hash), two.payload(&hash));
        assert_ne!(one.payload(&hash), one.payload(&action::digest("test", &[b"b"])));
        assert_ne!(one.claim("a"), one.payload(&Digest::default()));
        assert!(!format!("{one:?}").contains('1'), "a key is never printed");
    }
}
