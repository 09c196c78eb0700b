//! Check digits and number rules. Digits come as values 0 to 9.

/// Luhn: cards, Canadian SIN, Swedish personnummer, NPI.
pub fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits).is_multiple_of(10)
}

pub fn luhn_sum(digits: &[u8]) -> u32 {
    digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, d) => d,
            (_, d) => d * 2 / 10 + d * 2 % 10,
        })
        .sum()
}

/// ISO 7064 mod 97-10 over letters and digits, as IBAN reads them: the first four moved behind.
pub fn iban(text: &[u8]) -> bool {
    let (Some(head), Some(body)) = (text.get(..4), text.get(4..)) else { return false };
    remainder_97(body.iter().chain(head)) == Some(1)
}

pub fn remainder_97<'b>(bytes: impl Iterator<Item = &'b u8>) -> Option<u32> {
    let mut rest = 0u32;
    for byte in bytes {
        rest = match byte.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => (rest * 10 + u32::from(digit - b'0')) % 97,
            letter @ b'A'..=b'Z' => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
            _ => return None,
        };
    }
    Some(rest)
}

/// The sum of digits times weights; shorter lists end the sum.
pub fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

pub fn digit(digits: &[u8], place: usize) -> u32 {
    digits.get(place).copied().map(u32::from).unwrap_or(99)
}

pub fn number(digits: &[u8], from: usize, to: usize) -> u64 {
    digits.get(from..to).unwrap_or_default().iter().fold(0, |sum, d| sum * 10 + u64::from(*d))
}

/// Verhoeff: Aadhaar.
pub fn verhoeff(digits: &[u8]) -> bool {
    // The group of the ten symmetries of a pentagon, and the permutation applied by position.
    const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    fn times(a: u8, b: u8) -> u8 {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => (a + b - 5) % 5 + 5,
            (false, true) => (a + 5 - b) % 5 + 5,
            (false, false) => (a + 5 - b) % 5,
        }
    }
    let permuted = |digit: u8, times: usize| {
        (0..times).fold(digit, |d, _| PERMUTATION.get(usize::from(d)).copied().unwrap_or(d))
    };
    digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| times(sum, permuted(*digit, place % 8)))
        == 0
}

/// ISO 7064 mod 11,10: German tax number.
pub fn mod_11_10(digits: &[u8]) -> bool {
    let Some((last, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*last)
}

/// A calendar day; years as written, two digits allowed.
pub fn day(day: u64, month: u64) -> bool {
    let longest = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=longest).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    #[test]
    fn published_examples_pass_and_a_changed_digit_does_not() {
        assert!(luhn(&digits("79927398713")) && !luhn(&digits("79927398714")));
        assert!(verhoeff(&digits("2363")) && !verhoeff(&digits("2364")));
        assert!(mod_11_10(&digits("86095742719")) && !mod_11_10(&digits("86095742718")));
        assert!(iban(b"GB82WEST12345698765432") && !iban(b"GB82WEST12345698765433"));
    }

    #[test]
    fn days_follow_the_calendar() {
        assert!(day(31, 12) && day(29, 2) && !day(31, 4) && !day(0, 1) && !day(1, 13));
    }
}
