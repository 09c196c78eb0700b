//! Notices when somebody, or something, sets the clock.

use std::time::Duration;

use action::Name;

use super::Tip;
use crate::clock::Clock;
use crate::record::{Nanos, Record, RecordKind};

/// Time of day and time passed may drift apart by so much before it is a jump.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// What the clocks said when they last agreed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockWatch {
    day: Nanos,
    passed: Duration,
}

impl ClockWatch {
    pub fn start(clock: &dyn Clock) -> Self {
        ClockWatch { day: clock.now(), passed: clock.elapsed() }
    }

    /// A record of a jump since the last call, if there was one.
    pub fn look(&mut self, clock: &dyn Clock) -> Option<Record> {
        let now = ClockWatch::start(clock);
        let passed = nanos(now.passed.saturating_sub(self.passed));
        let expected = Nanos(self.day.0.saturating_add(passed));
        // Compared with the last look, not with the start: slow drift, which time services correct
        // all the time, is no jump.
        *self = now;
        let off = now.day.0.saturating_sub(expected.0).unsigned_abs();
        (u128::from(off) > CLOCK_TOLERANCE.as_nanos()).then(|| jump(expected, now.day))
    }
}

/// A record that says where the clock was and where it went.
pub(crate) fn jump(from: Nanos, to: Nanos) -> Record {
    let mut record = Record::new(RecordKind::Clock, to);
    for (key, time) in [("from", from), ("to", to)] {
        if let (Ok(key), Ok(value)) = (Name::new(key), Name::new(&time.0.to_string())) {
            record.notes.insert(key, value);
        }
    }
    record
}

/// A jump back from the last record of an earlier run.
pub(crate) fn back_since(tip: Tip, now: Nanos) -> Option<Record> {
    let back = tip.time.0.saturating_sub(now.0);
    (tip.next > 0 && back > nanos(CLOCK_TOLERANCE)).then(|| jump(tip.time, now))
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
