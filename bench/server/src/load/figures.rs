//! Percentiles and rows.

use std::fmt;
use std::time::Duration;

/// Times in order.
pub struct Times(Vec<u64>);

impl Times {
    pub fn of(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        Times(nanos)
    }

    /// At this many of a thousand, by nearest rank.
    pub fn at(&self, per_mille: usize) -> Duration {
        let rank = (self.0.len() * per_mille).div_ceil(1_000).max(1) - 1;
        Duration::from_nanos(self.0.get(rank).copied().unwrap_or(0))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |per_mille| self.at(per_mille).as_micros();
        write!(f, "p50 {} µs, p99 {} µs, p99.9 {} µs", micros(500), micros(990), micros(999))
    }
}

pub fn head() {
    println!(
        "  {:<16}{:>7}{:>9}{:>10}{:>10}{:>10}{:>10}{:>12}{:>14}{:>9}",
        "",
        "agents",
        "answers",
        "p50 µs",
        "p90 µs",
        "p99 µs",
        "p99.9 µs",
        "answers/s",
        "CPU µs/answer",
        "MiB"
    );
}

pub fn row(name: &str, agents: usize, times: &Times, length: Duration, cpu: Duration, memory: u64) {
    let answers = times.len().max(1) as u128;
    let micros = |per_mille| times.at(per_mille).as_micros();
    println!(
        "  {name:<16}{agents:>7}{:>9}{:>10}{:>10}{:>10}{:>10}{:>12}{:>14}{:>9}",
        times.len(),
        micros(500),
        micros(900),
        micros(990),
        micros(999),
        answers * 1_000 / length.as_millis().max(1),
        cpu.as_micros() / answers,
        memory >> 20
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times = Times::of((1..=100).rev().collect());
        let at = |per_mille| u64::try_from(times.at(per_mille).as_nanos()).unwrap();
        assert_eq!([at(10), at(500), at(990), at(999), at(1_000)], [1, 50, 99, 100, 100]);
        assert_eq!(Times::of(Vec::new()).at(500), Duration::ZERO);
    }
}
