//! What calls of models cost, who may spend how much, and who spent it.
//!
//! Money is whole micro-dollars, so that sums are exact. A call is estimated and reserved before it goes
//! out and settled by what the provider counted: [`Money::admit`] gives a [`Charge`], and [`Budgets`] says
//! how. [`Prices`] is the table, [`Spend`] the sums.

mod budget;
mod charge;
mod price;
mod spend;
mod usage;

pub use budget::{
    Budget, Budgets, Key, Limits, Measure, OnLimit, Per, Reached, Reservation, Spent, Tell, Who, Whom,
};
pub use charge::{At, Caller, Charge, Charged, Money, SpendPart};
pub use price::{Cost, Price, PriceError, Prices, Rates, prices};
pub use spend::{Row, Spend, Spender, Totals};
pub use usage::{Ask, USUAL_OUTPUT, Usage, estimate};

/// Micro-dollars.
pub type Micros = u64;

/// Reads dollars, `12` or `12.50`, with at most six digits after the point.
pub fn dollars(text: &str) -> Option<Micros> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

/// As dollars, for people and answers: `12.5` is `12.500000`.
pub fn shown(micros: Micros) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly_or_not_at_all() {
        for (text, micros) in [
            ("0", Some(0)),
            ("12", Some(12_000_000)),
            ("0.075", Some(75_000)),
            ("2.50", Some(2_500_000)),
            ("0.000001", Some(1)),
            ("0.0000001", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("1e3", None),
            ("1.2.3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(dollars(text), micros, "{text}");
        }
        assert_eq!(shown(12_500_001), "12.500001");
        assert_eq!(dollars(&shown(u64::MAX)), Some(u64::MAX));
    }
}
