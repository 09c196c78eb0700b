//! Shannon entropy in whole numbers, so that every machine sees the same value.

/// Most bytes that are looked at; longer tokens are judged by their beginning.
const LONGEST: usize = 255;

/// log2 of 0 to 255 in 65,536ths, found by repeated squaring.
const LOG2: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut number = 0u32;
    while let [first, tail @ ..] = rest {
        *first = log2(number);
        number += 1;
        rest = tail;
    }
    table
};

const fn log2(number: u32) -> u32 {
    if number < 2 {
        return 0;
    }
    let whole = number.ilog2();
    let mut mantissa = (number as u64) << (31 - whole);
    let mut fraction = 0u32;
    let mut bit = 0;
    while bit < 16 {
        mantissa = (mantissa * mantissa) >> 31;
        fraction <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            fraction |= 1;
        }
        bit += 1;
    }
    (whole << 16) | fraction
}

/// Entropy in tenths of a bit per byte.
pub fn tenths(token: &[u8]) -> u32 {
    let token = token.get(..LONGEST).unwrap_or(token);
    if token.is_empty() {
        return 0;
    }
    let mut counts = [0u8; 256];
    for byte in token {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let weighted = |count: usize| count as u64 * u64::from(LOG2.get(count).copied().unwrap_or(0));
    let total = weighted(token.len());
    let parts: u64 = counts.iter().map(|count| weighted(usize::from(*count))).sum();
    ((total.saturating_sub(parts) * 10 / token.len() as u64) >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (token, want) in [("", 0), ("aaaa", 0), ("ab", 10), ("abcd", 20), ("0123456789abcdef", 40)] {
            assert_eq!(tenths(token.as_bytes()), want, "{token}");
        }
        // log2(3) = 1.58496
        assert_eq!(tenths(b"abc"), 15);
    }

    #[test]
    fn long_tokens_are_judged_by_their_beginning() {
        assert_eq!(tenths("ab".repeat(40_000).as_bytes()), 9);
    }
}
