//! AES-256-GCM with a random nonce in front. What a sealed text is about is bound into it, so that it
//! cannot be moved to another row.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// A 256-bit key, overwritten when it is dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Sealing or opening failed; which part of it, a caller must not learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsealed;

pub(super) fn random_key() -> Result<Key, Unsealed> {
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(key.as_mut()).map_err(|_| Unsealed)?;
    Ok(key)
}

/// nonce ‖ ciphertext ‖ tag. `about` names the row and the column.
pub(super) fn seal(key: &Key, about: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, Unsealed> {
    let cipher = cipher(key)?;
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| Unsealed)?;
    // Encrypted in place: no copy of the plain text is left in memory that was given back.
    let mut text = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
    text.extend_from_slice(plain);
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound(about), &mut text)
        .map_err(|_| Unsealed)?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + text.len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

pub(super) fn open(key: &Key, about: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealed> {
    let cipher = cipher(key)?;
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unsealed)?;
    let mut text = Zeroizing::new(text.to_vec());
    let plain = cipher.open_in_place(Nonce::from(nonce), bound(about), &mut text).map_err(|_| Unsealed)?;
    let length = plain.len();
    text.truncate(length);
    Ok(text)
}

pub(super) fn open_key(key: &Key, about: &[&[u8]], sealed: &[u8]) -> Result<Key, Unsealed> {
    let plain = open(key, about, sealed)?;
    let mut opened = Zeroizing::new([0u8; 32]);
    if plain.len() != opened.len() {
        return Err(Unsealed);
    }
    opened.copy_from_slice(&plain);
    Ok(opened)
}

fn cipher(key: &Key) -> Result<LessSafeKey, Unsealed> {
    UnboundKey::new(&AES_256_GCM, key.as_ref()).map(LessSafeKey::new).map_err(|_| Unsealed)
}

/// Hashed with their lengths: no two lists of parts are bound alike.
fn bound(about: &[&[u8]]) -> Aad<[u8; 32]> {
    Aad::from(*action::digest("checkrein.content", about).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_where_it_was_sealed() {
        let (key, other) = (random_key().unwrap(), random_key().unwrap());
        let sealed = seal(&key, &[b"piece", b"d-1"], b"the text").unwrap();
        assert_eq!(open(&key, &[b"piece", b"d-1"], &sealed).unwrap().as_slice(), b"the text");
        assert_eq!(open(&key, &[b"piece", b"d-2"], &sealed).unwrap_err(), Unsealed);
        assert_eq!(open(&key, &[b"pieced", b"-1"], &sealed).unwrap_err(), Unsealed);
        assert_eq!(open(&other, &[b"piece", b"d-1"], &sealed).unwrap_err(), Unsealed);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(open(&key, &[b"piece", b"d-1"], &changed).unwrap_err(), Unsealed, "byte {place}");
            assert_eq!(open(&key, &[b"piece", b"d-1"], &sealed[..place]).unwrap_err(), Unsealed);
        }
    }

    #[test]
    fn equal_texts_are_sealed_differently() {
        let key = random_key().unwrap();
        assert_ne!(seal(&key, &[], b"x").unwrap(), seal(&key, &[], b"x").unwrap());
    }
}
