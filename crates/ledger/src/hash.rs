//! The hashes of RFC 6962, and the commitment to content that is kept elsewhere.

use action::Digest;
use aws_lc_rs::digest::{Context, SHA256, digest};

/// The leaf hash of a record's bytes: SHA-256(0x00 ‖ bytes). Also what the next record names as the one before.
pub fn leaf(bytes: &[u8]) -> Digest {
    sha256(&[&[0x00], bytes])
}

/// SHA-256(0x01 ‖ left ‖ right). The leading byte keeps a node from passing as a leaf.
pub fn node(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// SHA-256(0x02 ‖ salt ‖ content). Without the salt, short content such as an address could be guessed.
pub fn commit(salt: &[u8; 32], content: &[u8]) -> Digest {
    sha256(&[&[0x02], salt, content])
}

/// SHA-256 of bytes as they are, for files and for what was cut from one.
pub fn plain(bytes: &[u8]) -> Digest {
    sha256(&[bytes])
}

/// Most records, and all pairs of hashes, are shorter.
const SHORT: usize = 1_024;

fn sha256(parts: &[&[u8]]) -> Digest {
    // In one piece a hash needs no state on the heap, which costs more than to copy what is short.
    let mut piece = [0u8; SHORT];
    let mut free = piece.as_mut_slice();
    for part in parts {
        let Some((to, rest)) = free.split_at_mut_checked(part.len()) else { return long(parts) };
        to.copy_from_slice(part);
        free = rest;
    }
    let used = SHORT - free.len();
    digest_of(digest(&SHA256, piece.get(..used).unwrap_or_default()).as_ref())
}

fn long(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    digest_of(context.finish().as_ref())
}

fn digest_of(hashed: &[u8]) -> Digest {
    let mut out = [0u8; 32];
    for (byte, hashed) in out.iter_mut().zip(hashed) {
        *byte = *hashed;
    }
    Digest::from_bytes(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with coreutils: printf '\000' | sha256sum, and so on.
    #[test]
    fn the_first_byte_says_what_was_hashed() {
        assert_eq!(leaf(b"").to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(
            plain(b"").to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let zeros = Digest::from_bytes([0; 32]);
        assert_ne!(node(&zeros, &zeros), leaf(&[0; 64]));
        assert_ne!(commit(&[0; 32], &[0; 32]), node(&zeros, &zeros));
    }

    #[test]
    fn short_and_long_are_hashed_alike() {
        for size in [0, 1, SHORT - 1, SHORT, SHORT + 1, 5_000] {
            let bytes = vec![7; size];
            assert_eq!(leaf(&bytes), long(&[&[0], &bytes]), "{size} bytes");
            assert_eq!(plain(&bytes), long(&[&bytes]), "{size} bytes");
        }
    }

    #[test]
    fn the_salt_changes_the_commitment() {
        assert_ne!(commit(&[1; 32], b"a@example.org"), commit(&[2; 32], b"a@example.org"));
    }
}
