//! Identifiers of decisions: what a caller keeps as the receipt.

use action::{Digest, Name, Timestamp};

use crate::ports::Dice;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new one: time first, so that they sort, then 80 random bits.
pub fn fresh(now: Timestamp, dice: &dyn Dice) -> Name {
    let mut bytes = [0u8; 16];
    dice.fill(&mut bytes);
    let millis = u128::from(now.millis().unsigned_abs() & 0xffff_ffff_ffff) << 80;
    written(millis | (u128::from_be_bytes(bytes) >> 48))
}

/// The one of a question that was asked under a key: asked again, it is the same, also after a
/// restart.
pub fn keyed(hash: &Digest) -> Name {
    let mut bytes = [0u8; 16];
    for (to, from) in bytes.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    written(u128::from_be_bytes(bytes))
}

fn written(number: u128) -> Name {
    let mut text = String::with_capacity(30);
    text.push_str("dec_");
    for place in (0..26).rev() {
        let digit = usize::try_from((number >> (place * 5)) & 31).unwrap_or(0);
        text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
    }
    Name::new(&text).unwrap_or_else(|_| crate::guard::nameless())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Dice for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn ids_sort_by_time_and_differ_within_a_millisecond() {
        let dice = Counting(std::sync::atomic::AtomicU8::new(0));
        let at = |millis| fresh(Timestamp::from_millis(millis), &dice);
        let (a, b, c) = (at(1_000), at(1_000), at(2_000));
        assert_ne!(a, b);
        assert!(a < c && b < c);
        assert_eq!(a.as_str().len(), 30);
        assert_ne!(keyed(&action::digest("t", &[b"a"])), keyed(&action::digest("t", &[b"b"])));
    }
}
