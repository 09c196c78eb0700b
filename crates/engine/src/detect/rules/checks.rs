//! Named validators and the entropy measure, in integers.

/// Validators that a rule may name.
pub const CHECKS: &[(&str, Check)] = &[("luhn", luhn)];

/// Tells a real value from one that only looks like it.
pub type Check = fn(&str) -> bool;

/// The check digit of payment cards.
fn luhn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}

/// Shannon entropy in tenths of a bit per byte, rounded down.
///
/// `H = log2(n) - sum(c * log2(c)) / n` in 16 fractional bits, so that all machines agree.
pub fn entropy_tenths(bytes: &[u8]) -> u32 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if total < 2 {
        return 0;
    }
    let weighted: u64 = counts.iter().map(|count| u64::from(*count) * log2_fixed(u64::from(*count))).sum();
    let entropy = log2_fixed(total).saturating_sub(weighted / total);
    u32::try_from((entropy * 10) >> 16).unwrap_or(u32::MAX)
}

/// `log2(value)` with 16 fractional bits; 0 for 0 and 1.
fn log2_fixed(value: u64) -> u64 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    // The mantissa in 1.31 fixed point; squaring it shifts out one binary digit of the logarithm.
    let mut mantissa = if whole <= 31 { value << (31 - whole) } else { value >> (whole - 31) };
    let mut result = u64::from(whole);
    for _ in 0..16 {
        mantissa = (mantissa * mantissa) >> 31;
        result <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            result |= 1;
        }
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
    }

    #[test]
    fn luhn_knows_a_changed_digit() {
        assert!(luhn("4111 1111 1111 1111"));
        assert!(!luhn("4111 1111 1111 1112"));
        assert!(!luhn(""));
    }
}
