//! Counters of one agent: rate buckets, and what went out to whom. Fixed size.

use action::Timestamp;
use serde::{Deserialize, Serialize};

/// A rate limiter's whole state: when the next call would be due if calls came evenly (GCRA).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Bucket {
    /// Microseconds since 1970; at or before now means full.
    due: i64,
}

/// Calls per minute and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_minute: u64,
    pub burst: u64,
}

impl Rate {
    fn interval(self) -> i64 {
        i64::try_from(60_000_000 / self.per_minute.max(1)).unwrap_or(i64::MAX).max(1)
    }

    fn tolerance(self) -> i64 {
        let early = i64::try_from(self.burst.saturating_sub(1)).unwrap_or(i64::MAX);
        self.interval().saturating_mul(early)
    }
}

impl Bucket {
    /// Whether one more call at `now` would be too many.
    pub fn is_empty(self, rate: Rate, now: Timestamp) -> bool {
        rate.per_minute == 0 || self.due > micros(now).saturating_add(rate.tolerance())
    }

    /// Takes one call. A call that was too many still counts, but never pushes the recovery
    /// further than one full bucket away, so a flood cannot lock an agent out for hours.
    pub fn take(&mut self, rate: Rate, now: Timestamp) {
        let now = micros(now);
        let furthest = now.saturating_add(rate.tolerance()).saturating_add(rate.interval());
        self.due = self.due.max(now).saturating_add(rate.interval()).min(furthest);
    }

    /// Moves with a clock that was set back, so that nothing is refilled and nothing is stuck.
    pub fn shift(&mut self, millis: i64) {
        self.due = self.due.saturating_add(millis.saturating_mul(1000));
    }
}

fn micros(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1000)
}

/// Records and bytes of the running and the previous window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    start: i64,
    records: u64,
    bytes: u64,
    before_records: u64,
    before_bytes: u64,
}

impl Window {
    /// What the sliding window of `length` milliseconds holds at `now`: the running window and the
    /// share of the previous one that it still covers.
    pub fn total(&self, now: Timestamp, length: i64) -> (u64, u64) {
        let view = self.at(now, length);
        let gone = now.millis().saturating_sub(view.start).clamp(0, length);
        let left = |volume: u64| {
            let part = u128::from(volume) * u128::from(length.saturating_sub(gone).unsigned_abs());
            u64::try_from(part / u128::from(length.max(1).unsigned_abs())).unwrap_or(u64::MAX)
        };
        (
            view.records.saturating_add(left(view.before_records)),
            view.bytes.saturating_add(left(view.before_bytes)),
        )
    }

    pub fn add(&mut self, now: Timestamp, length: i64, records: u64, bytes: u64) {
        *self = self.at(now, length);
        self.records = self.records.saturating_add(records);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn at(&self, now: Timestamp, length: i64) -> Window {
        let start = now.millis().div_euclid(length.max(1)).saturating_mul(length.max(1));
        if start <= self.start {
            *self
        } else if start.saturating_sub(self.start) <= length {
            Window { start, before_records: self.records, before_bytes: self.bytes, ..Window::default() }
        } else {
            Window { start, ..Window::default() }
        }
    }

    fn shift(&mut self, millis: i64) {
        self.start = self.start.saturating_add(millis);
    }

    fn absorb(&mut self, other: &Window) {
        if other.start > self.start {
            self.start = other.start;
        }
        self.records = self.records.saturating_add(other.records);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.before_records = self.before_records.saturating_add(other.before_records);
        self.before_bytes = self.before_bytes.saturating_add(other.before_bytes);
    }
}

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// What went out to one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Outflow {
    /// Hash of the destination; zero for the row that takes in what no longer has its own.
    pub key: u64,
    pub hour: Window,
    pub day: Window,
}

/// The counters of one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Counters {
    pub agent: Bucket,
    /// One bucket per tool, the least recently used gives way at [`Counters::TOOLS`].
    pub tools: Vec<(u64, Bucket)>,
    /// One row per external destination, oldest use first. At [`Counters::DESTINATIONS`] the least
    /// recently used row is merged into `other`, so spreading out hides nothing from the total.
    pub destinations: Vec<Outflow>,
    pub other: Outflow,
    /// Calls of the running and the previous minute, for the baseline.
    pub minute: Window,
    /// Calls that were refused or failed, of the running and the previous hour.
    pub failures: Window,
    pub updated: Option<Timestamp>,
}

impl Counters {
    pub const TOOLS: usize = 32;
    pub const DESTINATIONS: usize = 32;

    pub fn tool(&self, key: u64) -> Bucket {
        self.tools.iter().find(|(k, _)| *k == key).map_or(Bucket::default(), |(_, bucket)| *bucket)
    }

    pub fn take_tool(&mut self, key: u64, rate: Rate, now: Timestamp) {
        let mut bucket = self.tool(key);
        bucket.take(rate, now);
        self.tools.retain(|(k, _)| *k != key);
        while self.tools.len() >= Self::TOOLS {
            self.tools.remove(0);
        }
        self.tools.push((key, bucket));
    }

    pub fn destination(&self, key: u64) -> Outflow {
        self.destinations
            .iter()
            .find(|row| row.key == key)
            .copied()
            .unwrap_or(Outflow { key, ..Outflow::default() })
    }

    pub fn send(&mut self, key: u64, now: Timestamp, records: u64, bytes: u64) {
        let mut row = self.destination(key);
        row.hour.add(now, HOUR, records, bytes);
        row.day.add(now, DAY, records, bytes);
        self.destinations.retain(|other| other.key != key);
        while self.destinations.len() >= Self::DESTINATIONS {
            let oldest = self.destinations.remove(0);
            self.other.hour.absorb(&oldest.hour);
            self.other.day.absorb(&oldest.day);
        }
        self.destinations.push(row);
    }

    /// Everything that went out in the last hour and the last day: (records, bytes) each.
    pub fn outflow(&self, now: Timestamp) -> ((u64, u64), (u64, u64)) {
        let sum = |pick: fn(&Outflow) -> &Window, length: i64| {
            self.destinations.iter().chain(std::iter::once(&self.other)).fold((0u64, 0u64), |total, row| {
                let (records, bytes) = pick(row).total(now, length);
                (total.0.saturating_add(records), total.1.saturating_add(bytes))
            })
        };
        (sum(|row| &row.hour, HOUR), sum(|row| &row.day, DAY))
    }

    /// Brings the counters to `now`. A clock that went backwards moves them along: nothing is
    /// refilled by it, and nothing waits for the old time to come again.
    pub fn advance(&mut self, now: Timestamp) {
        if let Some(back) =
            self.updated.map(|last| now.millis().saturating_sub(last.millis())).filter(|gap| *gap < 0)
        {
            self.agent.shift(back);
            self.tools.iter_mut().for_each(|(_, bucket)| bucket.shift(back));
            for row in self.destinations.iter_mut().chain(std::iter::once(&mut self.other)) {
                row.hour.shift(back);
                row.day.shift(back);
            }
            self.minute.shift(back);
            self.failures.shift(back);
        }
        self.updated = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_minute: 60, burst: 3 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    #[test]
    fn a_burst_passes_then_calls_wait_their_turn() {
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            assert!(!bucket.is_empty(RATE, at(0)));
            bucket.take(RATE, at(0));
        }
        assert!(bucket.is_empty(RATE, at(0)));
        assert!(!bucket.is_empty(RATE, at(1)));
    }

    #[test]
    fn a_flood_recovers_within_one_bucket() {
        let mut bucket = Bucket::default();
        for _ in 0..10_000 {
            bucket.take(RATE, at(0));
        }
        assert!(bucket.is_empty(RATE, at(0)));
        assert!(!bucket.is_empty(RATE, at(3)));
    }

    #[test]
    fn a_clock_set_back_neither_refills_nor_locks() {
        let mut counters = Counters::default();
        counters.advance(at(1_000_000));
        for _ in 0..4 {
            counters.agent.take(RATE, at(1_000_000));
        }
        counters.advance(at(0));
        assert!(counters.agent.is_empty(RATE, at(0)), "nothing was refilled");
        assert!(!counters.agent.is_empty(RATE, at(5)), "and it recovers in time");
    }

    #[test]
    fn spreading_over_destinations_hides_nothing() {
        let mut counters = Counters::default();
        for key in 1..=500 {
            counters.send(key, at(0), 10, 100);
        }
        assert_eq!(counters.destinations.len(), Counters::DESTINATIONS);
        assert_eq!(counters.outflow(at(0)).0, (5_000, 50_000));
    }

    #[test]
    fn windows_slide_and_empty() {
        let mut window = Window::default();
        let start = Timestamp::from_millis(100 * HOUR);
        window.add(start, HOUR, 100, 0);
        assert_eq!(window.total(start.plus_millis(HOUR + HOUR / 2), HOUR).0, 50);
        assert_eq!(window.total(start.plus_millis(3 * HOUR), HOUR).0, 0);
        assert_eq!(window.total(start.plus_millis(1_000_000 * HOUR), HOUR).0, 0);
    }
}
