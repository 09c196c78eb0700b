//! Where the ledger takes the time from.

use std::time::{Duration, Instant, SystemTime};

use crate::Nanos;

/// Two clocks: one that people set, one that only goes on. When they disagree, somebody or
/// something set the first, which is worth a record.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Nanos;
    /// Time that passed since some start, never going back.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        SystemClock { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Nanos {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
