//! Named validators and the entropy measure, in integers.

use crate::detect::pii::check;

/// Validators that a rule may name.
pub const CHECKS: &[(&str, Check)] = &[("luhn", luhn)];

/// Tells a real value from one that only looks like it.
pub type Check = fn(&str) -> bool;

/// The check digit of payment cards.
fn luhn(text: &str) -> bool {
    let digits: Vec<u8> =
        text.bytes().filter(u8::is_ascii_digit).map(|digit| digit.saturating_sub(b'0')).collect();
    digits.len() > 1 && check::luhn(&digits)
}

/// Shannon entropy in tenths of a bit per byte, rounded down.
///
/// `H = (n * log2(n) - sum(c * log2(c))) / n` in 16 fractional bits, so that all machines agree.
pub fn entropy_tenths(bytes: &[u8]) -> u32 {
    let mut counts = [0usize; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let weighted = |count: usize| {
        let log2 = LOG2.get(count).copied().unwrap_or_else(|| log2(count as u64));
        count as u64 * u64::from(log2)
    };
    let parts: u64 = counts.iter().map(|count| weighted(*count)).sum();
    let spread = weighted(bytes.len()).saturating_sub(parts) * 10;
    u32::try_from(spread.checked_div(bytes.len() as u64).unwrap_or(0) >> 16).unwrap_or(u32::MAX)
}

/// The logarithms of small counts: tokens are short, and each is measured.
const LOG2: [u32; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut number = 0;
    while let [first, tail @ ..] = rest {
        *first = log2(number);
        number += 1;
        rest = tail;
    }
    table
};

/// `log2(value)` with 16 fractional bits; 0 for 0 and 1.
const fn log2(value: u64) -> u32 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    // The mantissa in 1.31 fixed point; squaring it shifts out one binary digit of the logarithm.
    let mut mantissa = if whole <= 31 { value << (31 - whole) } else { value >> (whole - 31) };
    let mut result = whole;
    let mut digit = 0;
    while digit < 16 {
        mantissa = (mantissa * mantissa) >> 31;
        result <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            result |= 1;
        }
        digit += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_texts() {
        assert_eq!(entropy_tenths(b"aaaaaaaa"), 0);
        assert_eq!(entropy_tenths(b"abababab"), 10);
        assert_eq!(entropy_tenths(b"0123456789abcdef"), 40);
        assert_eq!(entropy_tenths(b""), 0);
        // log2(3) = 1.58496
        assert_eq!(entropy_tenths(b"abc"), 15);
        assert_eq!(entropy_tenths("ab".repeat(40_000).as_bytes()), 10);
    }

    #[test]
    fn luhn_knows_a_changed_digit() {
        assert!(luhn("4111 1111 1111 1111"));
        assert!(!luhn("4111 1111 1111 1112"));
        assert!(!luhn(""));
    }
}
