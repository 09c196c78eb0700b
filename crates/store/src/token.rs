//! Keys of agents and tokens of operators: how they look and what is stored of them.

use action::{Digest, Name};
use aws_lc_rs::digest;
use zeroize::Zeroizing;

/// Who a key stands for; its first letters say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Agent,
    Operator,
}

impl TokenKind {
    const fn letters(self) -> &'static str {
        match self {
            TokenKind::Agent => "cra",
            TokenKind::Operator => "cro",
        }
    }
}

/// A new key: the text for its owner, shown once, and what is stored.
pub struct Minted {
    pub text: Zeroizing<String>,
    pub prefix: Name,
    pub hash: Digest,
}

/// A key as it was presented: where to look for it, and what to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    pub prefix: Name,
    pub hash: Digest,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandom;

const PREFIX_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// Draws a key of 256 random bits: `cra_<12 hex digits>_<64 hex digits>`.
pub fn mint(kind: TokenKind) -> Result<Minted, NoRandom> {
    let mut prefix = [0u8; PREFIX_BYTES];
    let mut secret = Zeroizing::new([0u8; SECRET_BYTES]);
    getrandom::fill(&mut prefix).map_err(|_| NoRandom)?;
    getrandom::fill(secret.as_mut()).map_err(|_| NoRandom)?;
    let text = Zeroizing::new(format!(
        "{}_{}_{}",
        kind.letters(),
        hex(&prefix).as_str(),
        hex(secret.as_ref()).as_str()
    ));
    let presented = present(kind, &text).ok_or(NoRandom)?;
    Ok(Minted { text, prefix: presented.prefix, hash: presented.hash })
}

/// What to look up and compare for a key of this kind. None when the text cannot be such a key.
pub fn present(kind: TokenKind, text: &str) -> Option<Presented> {
    let (prefix, secret) = text.strip_prefix(kind.letters())?.strip_prefix('_')?.split_once('_')?;
    let is_hex = |part: &str, bytes: usize| {
        part.len() == 2 * bytes && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(prefix, PREFIX_BYTES) || !is_hex(secret, SECRET_BYTES) {
        return None;
    }
    let mut hash = [0u8; 32];
    // The secret has 256 random bits, so a plain hash cannot be searched.
    let made = digest::digest(&digest::SHA256, secret.as_bytes());
    hash.iter_mut().zip(made.as_ref()).for_each(|(to, from)| *to = *from);
    Some(Presented { prefix: Name::new(prefix).ok()?, hash: Digest::from_bytes(hash) })
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    use std::fmt::Write as _;
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_its_text_is_not_stored() {
        let minted = mint(TokenKind::Agent).unwrap();
        let presented = present(TokenKind::Agent, &minted.text).unwrap();
        assert_eq!((presented.prefix, presented.hash), (minted.prefix.clone(), minted.hash));
        assert!(minted.text.contains(minted.prefix.as_str()));
        assert!(!minted.text.contains(&minted.hash.to_string()));
    }

    #[test]
    fn another_kind_and_other_texts_are_no_keys() {
        let minted = mint(TokenKind::Operator).unwrap();
        assert_eq!(present(TokenKind::Agent, &minted.text), None);
        let upper = minted.text.to_uppercase().replacen("CRO", "cro", 1);
        for text in ["", "cro_", "cro__", "cro_00_11", upper.as_str(), &format!("{} ", minted.text.as_str())]
        {
            assert_eq!(present(TokenKind::Operator, text), None, "{text}");
        }
        let mut changed = minted.text.to_string();
        let last = if changed.pop() == Some('0') { '1' } else { '0' };
        changed.push(last);
        assert_ne!(present(TokenKind::Operator, &changed).unwrap().hash, minted.hash);
    }
}
