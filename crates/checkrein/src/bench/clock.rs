//! Timing one closure many times.

use std::time::Instant;

use serde::Serialize;

/// Latencies of one row, in nanoseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    pub rounds: usize,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

/// Runs `work` to warm up, then times each of `rounds` runs by itself.
pub fn time<T>(rounds: usize, mut work: impl FnMut() -> T) -> Latency {
    for _ in 0..rounds.div_ceil(10).max(3) {
        std::hint::black_box(work());
    }
    let mut nanos: Vec<u64> = Vec::with_capacity(rounds);
    for _ in 0..rounds.max(1) {
        let start = Instant::now();
        std::hint::black_box(work());
        nanos.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    nanos.sort_unstable();
    let at = |share: usize| nanos.get((nanos.len() - 1) * share / 1000).copied().unwrap_or(0);
    Latency { rounds: nanos.len(), p50: at(500), p90: at(900), p99: at(990), max: at(1000) }
}

/// Nanoseconds as people read them.
pub fn shown(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{}.{} us", nanos / 1_000, nanos % 1_000 / 100),
        _ => format!("{}.{:02} ms", nanos / 1_000_000, nanos % 1_000_000 / 10_000),
    }
}
