//! Counts with their uncertainty.

/// `k` of `n`, written with a 95 % Wilson interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub k: usize,
    pub n: usize,
}

impl Share {
    pub fn add(&mut self, hit: bool) {
        self.n += 1;
        self.k += usize::from(hit);
    }

    pub fn plus(self, other: Share) -> Share {
        Share { k: self.k + other.k, n: self.n + other.n }
    }

    /// The lower and upper end of the interval.
    pub fn wilson(self) -> (f64, f64) {
        if self.n == 0 {
            return (0.0, 1.0);
        }
        let (k, n, z) = (self.k as f64, self.n as f64, 1.959_963_984_540_054);
        let share = k / n;
        let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let middle = share + z * z / (2.0 * n);
        let scale = 1.0 + z * z / n;
        (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (low, high) = self.wilson();
        let share = if self.n == 0 { 0.0 } else { self.k as f64 / self.n as f64 };
        write!(f, "{}/{} = {:.3} [{:.3}, {:.3}]", self.k, self.n, share, low, high)
    }
}

/// The share of pairs of an attack and a benign text that the scores put in the right order.
pub fn auc(attacks: &[i32], benign: &[i32]) -> f64 {
    let mut sorted = benign.to_vec();
    sorted.sort_unstable();
    let won: usize = attacks
        .iter()
        .map(|score| {
            sorted.partition_point(|other| other < score) + sorted.partition_point(|other| other <= score)
        })
        .sum();
    won as f64 / (2.0 * attacks.len().max(1) as f64 * sorted.len().max(1) as f64)
}

/// The lowest score that at most `per_thousand` of the benign scores reach.
pub fn threshold(benign: &[i32], per_thousand: u32) -> i32 {
    let mut sorted = benign.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let allowed = sorted.len() * per_thousand as usize / 1000;
    sorted.get(allowed).map_or(1_000_000, |score| score.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_share_and_is_wide_for_few() {
        let few = Share { k: 9, n: 10 }.wilson();
        let many = Share { k: 900, n: 1000 }.wilson();
        assert!(few.0 < 0.9 && 0.9 < few.1 && many.0 < 0.9 && 0.9 < many.1);
        assert!(few.1 - few.0 > 3.0 * (many.1 - many.0));
    }

    #[test]
    fn a_threshold_lets_no_more_benign_texts_pass_than_its_rate() {
        let benign: Vec<i32> = (0..1000).collect();
        let reached = |rate: u32| benign.iter().filter(|score| **score >= threshold(&benign, rate)).count();
        assert_eq!((reached(10), reached(1), reached(50)), (10, 1, 50));
    }

    #[test]
    fn the_area_is_one_for_a_clean_split_and_half_for_none() {
        assert_eq!(auc(&[5, 6], &[1, 2, 3]), 1.0);
        assert_eq!(auc(&[1, 2], &[1, 2]), 0.5);
    }
}
