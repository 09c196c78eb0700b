//! Timing: engines take turns, each call by itself.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Result;
use crate::engines::Judge;

/// Rounds in which every engine judges every call once. Times 512 calls, so that one call in a
/// thousand is still a dozen of them.
const ROUNDS: usize = 24;

/// Nanoseconds of single calls, in order.
pub struct Times(Vec<u64>);

impl Times {
    pub fn sorted(mut nanos: Vec<u64>) -> Times {
        nanos.sort_unstable();
        Times(nanos)
    }

    /// The time within which so many of a thousand calls were answered.
    pub fn per_mille(&self, share: usize) -> u64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((self.0.len() * share / 1_000).min(last)).copied().unwrap_or(0)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Times every engine on every call. The order changes from round to round, so that none always
/// runs after the one that fills the caches most.
pub fn in_turns(engines: &mut [Box<dyn Judge>], calls: usize) -> Result<Vec<Times>> {
    let mut nanos: Vec<Vec<u64>> = engines.iter().map(|_| Vec::with_capacity(ROUNDS * calls)).collect();
    for round in 0..ROUNDS {
        for turn in 0..engines.len() {
            let at = (turn + round) % engines.len();
            for call in 0..calls {
                let start = Instant::now();
                black_box(engines[at].blocks(call)?);
                nanos[at].push(nanos_since(start));
            }
        }
    }
    Ok(nanos.into_iter().map(Times::sorted).collect())
}

/// The middle one of five times.
pub fn middle_of_five(mut once: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut times = (0..5).map(|_| once()).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    Ok(times[2])
}

/// What reading the clock adds to every time here.
pub fn clock_cost() -> u64 {
    let nanos = (0..10_000).map(|_| nanos_since(black_box(Instant::now())));
    Times::sorted(nanos.collect()).per_mille(500)
}

pub fn nanos_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
