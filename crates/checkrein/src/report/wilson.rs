//! Shares with their uncertainty.
#![allow(clippy::float_arithmetic, reason = "figures for people; nothing here decides")]

/// `k` of `n`, with the 95 % Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    pub k: usize,
    pub n: usize,
}

impl Share {
    pub fn add(&mut self, hit: bool) {
        self.n += 1;
        self.k += usize::from(hit);
    }

    pub fn value(self) -> f64 {
        if self.n == 0 { 0.0 } else { self.k as f64 / self.n as f64 }
    }

    /// Lower and upper end of the 95 % Wilson interval.
    pub fn interval(self) -> (f64, f64) {
        if self.n == 0 {
            return (0.0, 1.0);
        }
        let (n, p, z) = (self.n as f64, self.value(), 1.959_963_984_540_054_f64);
        let centre = p + z * z / (2.0 * n);
        let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (low, high) = self.interval();
        write!(
            f,
            "{:>5}/{:<5} {:>6.2} % [{:.2}, {:.2}]",
            self.k,
            self.n,
            self.value() * 100.0,
            low * 100.0,
            high * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let (low, high) = Share { k: 7, n: 110 }.interval();
        assert!((low - 0.0311).abs() < 0.0005 && (high - 0.1256).abs() < 0.0005, "{low} {high}");
        assert_eq!(Share { k: 0, n: 0 }.interval(), (0.0, 1.0));
    }
}
