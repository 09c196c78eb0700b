//! Shares with their uncertainty, as the tables print them.
#![allow(clippy::float_arithmetic, reason = "figures for people; nothing here decides")]

pub use engine::train::Share;

/// `k/n` and the share in per cent with its 95 % Wilson interval.
pub fn percent(share: Share) -> String {
    let (low, high) = share.wilson();
    let value = if share.n == 0 { 0.0 } else { share.k as f64 / share.n as f64 };
    let shown = format!("{:>5}/{:<5} {:>6.2} %", share.k, share.n, value * 100.0);
    format!("{shown} [{:.2}, {:.2}]", low * 100.0, high * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        assert_eq!(percent(Share { k: 7, n: 110 }), "    7/110     6.36 % [3.12, 12.56]");
        assert_eq!(percent(Share { k: 0, n: 0 }), "    0/0       0.00 % [0.00, 100.00]");
    }
}
