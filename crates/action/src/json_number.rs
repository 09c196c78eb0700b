//! Numbers without floating point: a sign, digits and a decimal scale.

use std::cmp::Ordering;

/// `units / 10^scale`, with no trailing zero after the point, so equal values are equal structs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    units: i128,
    scale: u8,
}

impl Decimal {
    /// More digits after the point than any amount of money, model parameter or embedding uses.
    pub const MAX_SCALE: u8 = 36;
    /// Bound of the whole number of units. With the scale bound it keeps comparison inside i128.
    const MAX_UNITS: i128 = 1_000_000_000_000_000_000_000_000_000_000_000_000;

    pub const ZERO: Decimal = Decimal { units: 0, scale: 0 };

    pub const fn from_int(value: i64) -> Self {
        Decimal { units: value as i128, scale: 0 }
    }

    pub const fn from_u64(value: u64) -> Self {
        Decimal { units: value as i128, scale: 0 }
    }

    /// Reads `-12.50` or `1e-7`. `None` when it is no number or does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, exponent) = match text.split_once(['e', 'E']) {
            Some((body, exponent)) => (body, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match body.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, body),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || (digits.contains('.') && fraction.is_empty()) {
            return None;
        }
        let mut units: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
        }
        let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        while scale > 0 && units % 10 == 0 && units != 0 {
            units /= 10;
            scale -= 1;
        }
        if units == 0 {
            return Some(Self::ZERO);
        }
        while scale < 0 {
            units = units.checked_mul(10)?;
            scale += 1;
        }
        if units.abs() > Self::MAX_UNITS {
            return None;
        }
        let scale = u8::try_from(scale).ok().filter(|s| *s <= Self::MAX_SCALE)?;
        Some(Decimal { units: if negative { -units } else { units }, scale })
    }

    /// The whole part, towards zero; saturates at the ends of `i64`.
    pub fn trunc(self) -> i64 {
        let whole = self.units / 10i128.pow(u32::from(self.scale));
        i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
    }

    pub const fn is_integer(self) -> bool {
        self.scale == 0
    }

    /// The same without its sign. The bound of the units leaves no value without one.
    pub const fn abs(self) -> Self {
        Decimal { units: self.units.saturating_abs(), scale: self.scale }
    }

    /// A hundredth of it: what an amount in cents is in whole units.
    pub fn hundredth(self) -> Self {
        let Some(scale) = self.scale.checked_add(2).filter(|scale| *scale <= Self::MAX_SCALE) else {
            return self;
        };
        let (mut units, mut scale) = (self.units, scale);
        while scale > 0 && units % 10 == 0 {
            (units, scale) = (units / 10, scale - 1);
        }
        Decimal { units, scale }
    }

    /// The same with the other sign.
    pub const fn negated(self) -> Self {
        Decimal { units: self.units.saturating_neg(), scale: self.scale }
    }

    pub const fn is_negative(self) -> bool {
        self.units < 0
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Whole parts first: they cannot overflow. Fractions are below 10^36 and scale exactly.
        let split = |d: &Decimal| {
            let base = 10i128.pow(u32::from(d.scale));
            let fraction = (d.units % base) * 10i128.pow(u32::from(Decimal::MAX_SCALE - d.scale));
            (d.units / base, fraction)
        };
        split(self).cmp(&split(other))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let base = 10u128.pow(u32::from(self.scale));
        let units = self.units.unsigned_abs();
        write!(f, "{sign}{}", units / base)?;
        if self.scale > 0 {
            write!(f, ".{:0width$}", units % base, width = usize::from(self.scale))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_writes_and_orders() {
        for (text, shown) in
            [("0", "0"), ("-0.0", "0"), ("1000.50", "1000.5"), ("1e3", "1000"), ("1.5e-3", "0.0015")]
        {
            assert_eq!(Decimal::parse(text).map(|d| d.to_string()).as_deref(), Some(shown), "{text}");
        }
        let parse = |t| Decimal::parse(t).unwrap_or_default();
        assert!(parse("999.999999999999999999") < parse("1000"));
        assert!(parse("-1.5") < parse("-1.25"));
        assert!(parse("170000000000000000000000000000000000") > parse("0.000000000000000001"));
    }

    #[test]
    fn a_hundredth_and_the_other_sign_are_exact() {
        for (text, hundredth, negated) in
            [("9900", "99", "-9900"), ("-1.5", "-0.015", "1.5"), ("0", "0", "0"), ("1234", "12.34", "-1234")]
        {
            let value = Decimal::parse(text).unwrap_or_default();
            assert_eq!(
                (value.hundredth().to_string().as_str(), value.negated().to_string().as_str()),
                (hundredth, negated)
            );
            assert_eq!(value.hundredth(), Decimal::parse(hundredth).unwrap_or_default());
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "1e400",
            "1e-400",
            "0x10",
            "1_000",
            "340282366920938463463374607431768211456",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
