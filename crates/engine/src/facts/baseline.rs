//! What is normal for one agent, learned from its own decisions. Fixed size: no history is kept,
//! only counts, so one baseline takes 1,808 bytes however long the agent runs.

use action::{Digest, Name, Operation, Timestamp, digest};
use serde::{Deserialize, Serialize};

use super::hash;
use super::sketch::{Spread, Top};

/// What is normal for one agent. Frozen by [`Baseline::snapshot`], whose hash goes into the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(into = "Wire", from = "Wire")]
pub struct Baseline(Learned);

/// The learned tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Learned {
    /// Salt of the hashes below, chosen by the caller when the baseline is begun.
    pub salt: u64,
    /// Hash of the agent's version; zero when it has none.
    pub version: u64,
    pub since: Timestamp,
    pub last: Timestamp,
    /// Decisions learned from, and days with at least one.
    pub observed: u32,
    pub days: u16,
    /// Decisions per hour of the day and per day of the week (Monday first), in UTC.
    pub hours: [u32; 24],
    pub weekdays: [u32; 7],
    pub operations: [u32; 6],
    pub tools: Top<32>,
    pub resources: Top<16>,
    pub destinations: Top<32>,
    /// Which keys the payloads have.
    pub shapes: Top<16>,
    pub records: Spread,
    pub bytes: Spread,
    /// Money in hundredths.
    pub amount: Spread,
    /// Calls per minute.
    pub rate: Spread,
    /// Decisions of the window that failed or were refused.
    pub failures: u32,
}

/// A baseline on the wire: as learned, or as a person declares it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Learned(Box<Learned>),
    Typical(Typical),
}

impl From<Baseline> for Wire {
    fn from(baseline: Baseline) -> Self {
        Wire::Learned(Box::new(baseline.0))
    }
}

impl From<Wire> for Baseline {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Learned(learned) => Baseline(*learned),
            Wire::Typical(typical) => typical.baseline(),
        }
    }
}

/// A baseline as a person writes it: what the agent usually does. What is left out is unknown and
/// never a deviation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Typical {
    pub days: u16,
    pub decisions: u32,
    /// First and last usual hour in UTC, both inclusive.
    pub hours: Option<(u8, u8)>,
    pub operations: Vec<Operation>,
    pub tools: Vec<Name>,
    pub resources: Vec<Name>,
    pub destinations: Vec<Name>,
    pub records: Option<u64>,
    pub bytes: Option<u64>,
    /// In whole units of money.
    pub amount: Option<u64>,
    pub calls_per_minute: Option<u64>,
    pub version: Option<Name>,
}

impl Default for Typical {
    fn default() -> Self {
        Typical {
            days: 60,
            decisions: 1000,
            hours: None,
            operations: Vec::new(),
            tools: Vec::new(),
            resources: Vec::new(),
            destinations: Vec::new(),
            records: None,
            bytes: None,
            amount: None,
            calls_per_minute: None,
            version: None,
        }
    }
}

impl Typical {
    pub fn baseline(&self) -> Baseline {
        let mut learned = Learned { observed: self.decisions, days: self.days, ..Learned::default() };
        let every = |names: &[Name], add: &mut dyn FnMut(u64, u32)| {
            let times = self.decisions / u32::try_from(names.len().max(1)).unwrap_or(u32::MAX);
            names.iter().for_each(|name| add(hash::name(0, name.as_str()), times.max(1)));
        };
        every(&self.tools, &mut |key, times| learned.tools.add(key, times));
        every(&self.resources, &mut |key, times| learned.resources.add(key, times));
        every(&self.destinations, &mut |key, times| learned.destinations.add(key, times));
        for operation in &self.operations {
            if let Some(count) = learned.operations.get_mut(operation.index()) {
                *count = self.decisions;
            }
        }
        if let Some((first, last)) = self.hours {
            let usual = |hour: usize| match first <= last {
                true => (usize::from(first)..=usize::from(last)).contains(&hour),
                false => hour >= usize::from(first) || hour <= usize::from(last),
            };
            let mut hours = learned.hours.iter_mut().enumerate();
            hours
                .by_ref()
                .filter(|(hour, _)| usual(*hour))
                .for_each(|(_, count)| *count = self.decisions / 24 + 1);
        }
        let spread = |value: Option<u64>| value.map_or(Spread::default(), |v| Spread::of(v, self.decisions));
        learned.records = spread(self.records);
        learned.bytes = spread(self.bytes);
        learned.amount = spread(self.amount.map(|units| units.saturating_mul(100)));
        learned.rate = spread(self.calls_per_minute);
        learned.version =
            self.version.as_ref().map_or(0, |version| hash::keyed(0, version.as_str().as_bytes()));
        Baseline(learned)
    }
}

impl Learned {
    /// All fields one after the other, for the hash that each decision takes. Tables are of fixed size and
    /// numbers of fixed width, so no two states have the same bytes.
    fn write_to(&self, bytes: &mut Vec<u8>) {
        // Every field by name: the compiler tells when one is added.
        #[rustfmt::skip]
        let Learned {
            salt, version, since, last, observed, days, hours, weekdays, operations, tools, resources,
            destinations, shapes, records, bytes: volume, amount, rate, failures,
        } = self;
        for wide in [*salt, *version] {
            bytes.extend(wide.to_le_bytes());
        }
        for time in [since, last] {
            bytes.extend(time.millis().to_le_bytes());
        }
        bytes.extend(days.to_le_bytes());
        let counts = [hours.as_slice(), weekdays, operations, &[*observed, *failures]];
        for count in counts.into_iter().flatten() {
            bytes.extend(count.to_le_bytes());
        }
        tools.write_to(bytes);
        resources.write_to(bytes);
        destinations.write_to(bytes);
        shapes.write_to(bytes);
        for spread in [records, volume, amount, rate] {
            spread.write_to(bytes);
        }
    }
}

/// What one action looks like to a baseline.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    pub at: Timestamp,
    pub operation: Option<Operation>,
    pub tool: String,
    pub resource: String,
    /// Hosts, mail domains or accounts.
    pub destinations: Vec<String>,
    pub records: u64,
    pub bytes: u64,
    pub amount: Option<u64>,
    pub rate: u64,
    pub shape: u64,
    pub version: Option<String>,
}

impl Baseline {
    /// The size of one baseline in memory.
    pub const BYTES: usize = std::mem::size_of::<Baseline>();

    /// A baseline that has seen nothing yet.
    pub fn begin(salt: u64) -> Self {
        Baseline(Learned { salt, ..Learned::default() })
    }

    pub fn learned(&self) -> &Learned {
        &self.0
    }

    /// The hash of exactly this state.
    pub fn snapshot(&self) -> Digest {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        self.0.write_to(&mut bytes);
        digest("checkrein.baseline.v2", &[&bytes])
    }

    pub fn key(&self, name: &str) -> u64 {
        hash::name(self.0.salt, name)
    }

    pub fn version_key(&self, version: Option<&str>) -> u64 {
        version.map_or(0, |version| hash::keyed(self.0.salt, version.as_bytes()))
    }

    /// How far to trust it, 0 to 100: the smaller of decisions and days against what counts as
    /// enough. Zero below the cold-start minimum, where it is not used at all.
    pub fn confidence(&self, start: &ColdStart) -> u8 {
        let share = |have: u64, full: u64| (have.saturating_mul(100) / full.max(1)).min(100);
        let (decisions, days) = (u64::from(self.0.observed), u64::from(self.0.days));
        if decisions < start.min_decisions || days < start.min_days {
            return 0;
        }
        let least = share(decisions, start.full_decisions).min(share(days, start.full_days));
        u8::try_from(least).unwrap_or(100)
    }

    /// Learns one action. Only the caller knows whether it should: see [`super::learn`].
    pub fn observe(&mut self, seen: &Observation) {
        let version = self.version_key(seen.version.as_deref());
        let (tool, resource) = (self.key(&seen.tool), self.key(&seen.resource));
        let destinations: Vec<u64> = seen.destinations.iter().map(|name| self.key(name)).collect();
        let it = &mut self.0;
        if it.observed >= 1 << 24 {
            it.age();
        }
        // A clock set back adds no day; a jump ahead adds one, however far it goes.
        let day = |at: Timestamp| at.millis().div_euclid(super::counters::DAY);
        if it.observed == 0 || day(seen.at) > day(it.last) {
            it.days = it.days.saturating_add(1);
        }
        if it.observed == 0 {
            it.since = seen.at;
        }
        it.last = seen.at.max(it.last);
        it.observed = it.observed.saturating_add(1);
        it.version = version;
        let bump = |slot: Option<&mut u32>| {
            if let Some(count) = slot {
                *count = count.saturating_add(1);
            }
        };
        let (hour, weekday) = hour_and_weekday(seen.at);
        bump(it.hours.get_mut(hour));
        bump(it.weekdays.get_mut(weekday));
        bump(seen.operation.and_then(|operation| it.operations.get_mut(operation.index())));
        it.tools.add(tool, 1);
        it.resources.add(resource, 1);
        destinations.iter().for_each(|key| it.destinations.add(*key, 1));
        it.shapes.add(seen.shape, 1);
        it.records.add(seen.records);
        it.bytes.add(seen.bytes);
        if let Some(amount) = seen.amount {
            it.amount.add(amount);
        }
        it.rate.add(seen.rate);
    }

    /// Counts a decision that failed or was refused. Its content is not learned.
    pub fn observe_failure(&mut self) {
        self.0.failures = self.0.failures.saturating_add(1);
    }
}

impl Learned {
    /// Halves the counts, so that old habits fade and nothing overflows.
    fn age(&mut self) {
        let counts = self.hours.iter_mut().chain(&mut self.weekdays).chain(&mut self.operations);
        counts.for_each(|count| *count /= 2);
        self.observed /= 2;
        self.failures /= 2;
    }
}

/// When a baseline begins to count, and when it counts fully.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdStart {
    pub min_decisions: u64,
    pub min_days: u64,
    pub full_decisions: u64,
    pub full_days: u64,
}

/// Hour of the day and day of the week (Monday is 0), in UTC.
pub fn hour_and_weekday(at: Timestamp) -> (usize, usize) {
    let hours = at.millis().div_euclid(super::counters::HOUR);
    // Day 0 of the calendar, 1970-01-01, was a Thursday.
    let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
    (usize::try_from(hours.rem_euclid(24)).unwrap_or(0), usize::try_from(weekday).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(millis: i64) -> Observation {
        Observation {
            at: Timestamp::from_millis(millis),
            operation: Some(Operation::Read),
            tool: "lookup".into(),
            resource: "order".into(),
            records: 1,
            ..Observation::default()
        }
    }

    const START: ColdStart = ColdStart { min_decisions: 50, min_days: 3, full_decisions: 500, full_days: 14 };

    #[test]
    fn hours_and_weekdays_are_those_of_the_calendar() {
        let at = Timestamp::parse("2026-03-02T14:05:00Z").unwrap();
        assert_eq!(hour_and_weekday(at), (14, 0), "a Monday");
        assert_eq!(hour_and_weekday(Timestamp::from_millis(-1)), (23, 2), "before 1970 too");
    }

    #[test]
    fn confidence_needs_decisions_and_days() {
        let mut baseline = Baseline::begin(9);
        for n in 0..1000 {
            baseline.observe(&seen(n * 1000));
        }
        assert_eq!(baseline.confidence(&START), 0, "one busy day is no history");
        for day in 1..14 {
            baseline.observe(&seen(day * super::super::counters::DAY));
        }
        assert_eq!(baseline.confidence(&START), 100);
    }

    #[test]
    fn a_jumping_clock_adds_at_most_one_day() {
        let mut baseline = Baseline::begin(0);
        for millis in [0, i64::MAX, 0, i64::MAX, -1, i64::MIN] {
            baseline.observe(&seen(millis));
        }
        assert_eq!(baseline.learned().days, 2);
    }

    #[test]
    fn a_snapshot_names_exactly_one_state_and_survives_the_wire() {
        let mut baseline = Baseline::begin(1);
        baseline.observe(&seen(0));
        let text = serde_json::to_string(&baseline).unwrap();
        let read: Baseline = serde_json::from_str(&text).unwrap();
        assert_eq!(read.snapshot(), baseline.snapshot());
        baseline.observe(&seen(1));
        assert_ne!(read.snapshot(), baseline.snapshot());
    }

    #[test]
    fn the_size_is_fixed_and_stated() {
        assert_eq!(Baseline::BYTES, 1808);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whatever_is_observed_the_state_stays_small_and_comparable(
            names in proptest::collection::vec("[a-zA-Z_]{1,20}", 1..200),
            volumes in proptest::collection::vec(any::<u64>(), 200),
            times in proptest::collection::vec(any::<i64>(), 200),
        ) {
            let mut baseline = Baseline::begin(1);
            for ((name, volume), millis) in names.iter().zip(&volumes).zip(&times) {
                baseline.observe(&Observation {
                    tool: name.clone(),
                    resource: name.clone(),
                    destinations: vec![name.clone()],
                    records: *volume,
                    bytes: *volume,
                    amount: Some(*volume),
                    rate: *volume,
                    shape: *volume,
                    ..seen(*millis)
                });
            }
            let text = serde_json::to_string(&baseline).unwrap();
            prop_assert!(text.len() < 8_192, "{}", text.len());
            let start = ColdStart { min_decisions: 1, min_days: 1, full_decisions: 1, full_days: 1 };
            let found = crate::facts::deviation::compare(&baseline, &seen(0), &start).unwrap();
            prop_assert!(found.grade <= 95);
            prop_assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
        }
    }

    #[test]
    fn a_declared_baseline_reads_tersely() {
        let text = r#"{"typical": {"hours": [9, 17], "tools": ["refund"], "amount": 80}}"#;
        let baseline: Baseline = serde_json::from_str(text).unwrap();
        assert!(baseline.learned().tools.count(baseline.key("Refund")) > 0);
        assert_eq!(baseline.learned().hours.iter().filter(|count| **count > 0).count(), 9);
        assert!(serde_json::from_str::<Baseline>(r#"{"typical": {"hour": 9}}"#).is_err());
    }
}
