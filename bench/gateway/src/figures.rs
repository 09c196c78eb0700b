//! Percentiles, medians and ratios, in whole numbers.

/// Times in order, in nanoseconds.
pub struct Times(Vec<u64>);

impl Times {
    pub fn of(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        Times(nanos)
    }

    /// At this many of a thousand, by nearest rank.
    pub fn at(&self, per_mille: usize) -> u64 {
        let rank = (self.0.len() * per_mille).div_ceil(1_000).max(1) - 1;
        self.0.get(rank).copied().unwrap_or(0)
    }
}

/// The middle one; of an even number the lower of the two.
pub fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// Nanoseconds as milliseconds with three places.
pub fn millis(nanos: i64) -> String {
    let micros = nanos / 1_000;
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", micros.abs() / 1_000, micros.abs() % 1_000)
}

/// One number by another, with two places.
pub fn ratio(of: i64, to: i64) -> String {
    if to <= 0 {
        return "–".to_owned();
    }
    let hundredths = of.saturating_mul(100) / to;
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times = Times::of((1..=100).rev().collect());
        assert_eq!([10, 500, 990, 999, 1_000].map(|at| times.at(at)), [1, 50, 99, 100, 100]);
        assert_eq!(Times::of(Vec::new()).at(500), 0);
    }

    #[test]
    fn medians_and_ratios_are_whole_numbers() {
        assert_eq!((median(vec![3, 1, 2]), median(vec![4, 1]), median(Vec::new())), (Some(2), Some(1), None));
        assert_eq!((ratio(3, 2), ratio(-1, 4), ratio(1, 0)), ("1.50".into(), "-0.25".into(), "–".to_owned()));
        assert_eq!((millis(1_234_567), millis(-45_000)), ("1.234".to_owned(), "-0.045".to_owned()));
    }
}
