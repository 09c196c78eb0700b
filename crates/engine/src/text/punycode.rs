//! Host names in the spelling of people: labels that begin with `xn--` decoded (RFC 3492).

use std::borrow::Cow;

/// How a label begins that is written in this encoding.
const PREFIX: &str = "xn--";
/// Longest label of the domain name system.
const MAX_LABEL: usize = 63;

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;

/// The host with every encoded label decoded; a label that cannot be decoded stays as it is.
pub fn unicode_host(host: &str) -> Cow<'_, str> {
    let encoded = |label: &str| label.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX));
    if !host.split('.').any(encoded) {
        return Cow::Borrowed(host);
    }
    let labels: Vec<Cow<'_, str>> = host
        .split('.')
        .map(|label| match label.get(PREFIX.len()..).filter(|_| encoded(label)).and_then(decode) {
            Some(plain) => Cow::Owned(plain),
            None => Cow::Borrowed(label),
        })
        .collect();
    Cow::Owned(labels.join("."))
}

fn decode(label: &str) -> Option<String> {
    if label.len() > MAX_LABEL {
        return None;
    }
    let (basic, extended) = label.rsplit_once('-').unwrap_or(("", label));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut code, mut place, mut bias) = (128u32, 0u32, 72u32);
    let mut digits = extended.bytes();
    while digits.len() > 0 {
        let before = place;
        let mut weight = 1u32;
        for step in 1u32.. {
            let digit = value(digits.next()?)?;
            place = place.checked_add(digit.checked_mul(weight)?)?;
            let threshold = (BASE * step).saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
        }
        let count = u32::try_from(out.len()).ok()?.checked_add(1)?;
        bias = adapt(place - before, count, before == 0);
        code = code.checked_add(place / count)?;
        place %= count;
        out.insert(usize::try_from(place).ok()?, char::from_u32(code)?);
        place += 1;
    }
    Some(out.into_iter().collect())
}

fn value(byte: u8) -> Option<u32> {
    match byte {
        b'a'..=b'z' => Some(u32::from(byte - b'a')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 26),
        _ => None,
    }
}

fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        steps += BASE;
    }
    steps + (BASE - T_MIN + 1) * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of RFC 3492, section 7.1, and of the domain name system.
    #[test]
    fn known_labels_are_decoded_and_broken_ones_stay() {
        for (host, plain) in [
            ("xn--mnchen-3ya.example", "münchen.example"),
            ("mail.xn--80ak6aa92e.com", "mail.аррӏе.com"),
            ("XN--MNCHEN-3YA.example", "MüNCHEN.example"),
            ("xn--ihqwcrb4cv8a8dqg056pqjye.example", "他们为什么不说中文.example"),
            ("xn--a!b.example", "xn--a!b.example"),
            ("xn--99999999999.example", "xn--99999999999.example"),
            ("plain.example", "plain.example"),
        ] {
            assert_eq!(unicode_host(host), plain);
        }
    }

    proptest! {
        #[test]
        fn any_host_has_a_form(host in "(xn--)?[a-z0-9-]{0,70}(\\.xn--[a-z0-9-]{0,12})?") {
            prop_assert!(!unicode_host(&host).contains('\0') || host.contains('\0'));
        }
    }
}
