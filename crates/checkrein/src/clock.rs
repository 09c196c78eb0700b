//! The one place that reads the clock. The engine gets the time as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use action::Timestamp;

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment by which something has to be done.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(time: Duration) -> Self {
        let now = Instant::now();
        Deadline(now.checked_add(time).unwrap_or(now))
    }

    pub fn passed(self) -> bool {
        Instant::now() >= self.0
    }
}
