//! The key of a session, and what is derived from it. Keys are arguments; nothing here is random.

use action::SensitiveClass;
use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 32 secret bytes. The same key gives the same replacements, so a tenant has its own, and a
/// session may narrow it with [`Key::narrowed`].
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    pub const fn new(bytes: [u8; 32]) -> Key {
        Key(bytes)
    }

    /// A key from a secret of any length, for instance the content of a key file.
    pub fn from_secret(secret: &[u8]) -> Key {
        Key(mac(&[0; 32], "checkrein.redact.key.v1", &[secret]))
    }

    /// The key of one scope, for instance a session, that tells nothing about the others.
    pub fn narrowed(&self, scope: &str) -> Key {
        Key(mac(&self.0, "checkrein.redact.scope.v1", &[scope.as_bytes()]))
    }

    /// 32 bytes that depend on every part and on nothing else.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, purpose, parts)
    }

    /// Encrypts digits into as many digits (FF1 over radix 10). `None` under six digits: so small
    /// a set can be tried out, and the standard forbids it.
    pub fn encrypt_digits(&self, class: SensitiveClass, tweak: &[u8], digits: &[u8]) -> Option<Vec<u8>> {
        if digits.len() < 6 {
            return None;
        }
        let cipher_key = self.derive("checkrein.redact.ff1.v1", &[class.as_str().as_bytes()]);
        let cipher = FF1::<Aes256>::new(&cipher_key, 10).ok()?;
        let numerals: Vec<u16> = digits.iter().map(|digit| u16::from(*digit)).collect();
        let encrypted = cipher.encrypt(tweak, &FlexibleNumeralString::from(numerals)).ok()?;
        Vec::<u16>::from(encrypted).into_iter().map(|numeral| u8::try_from(numeral).ok()).collect()
    }
}

fn mac(key: &[u8; 32], purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC accepts a key of any length, so the branch without a key is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        // Lengths go in too, or two lists of parts could share a value by moving a border.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// An endless sequence of bytes drawn from a key and a value.
pub struct Stream<'k> {
    key: &'k Key,
    seed: [u8; 32],
    block: [u8; 32],
    used: usize,
    count: u64,
}

impl<'k> Stream<'k> {
    pub fn new(key: &'k Key, class: SensitiveClass, attempt: u32, value: &[u8]) -> Self {
        let parts = [class.as_str().as_bytes(), &attempt.to_be_bytes(), value];
        let seed = key.derive("checkrein.redact.stream.v1", &parts);
        Stream { key, seed, block: [0; 32], used: 32, count: 0 }
    }

    /// A number under `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let number = (0..8).fold(0u64, |number, _| (number << 8) | u64::from(self.byte()));
        number.checked_rem(bound).unwrap_or(0)
    }

    pub fn byte(&mut self) -> u8 {
        if self.used >= self.block.len() {
            self.block =
                self.key.derive("checkrein.redact.block.v1", &[&self.seed, &self.count.to_be_bytes()]);
            self.used = 0;
            self.count += 1;
        }
        let byte = self.block.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        byte
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = self.below(from.len() as u64);
        from.get(usize::try_from(place).ok()?).copied()
    }
}
