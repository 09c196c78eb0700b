//! Who spent what: sums by user, team, agent, model and provider, month by month.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use action::{Name, Timestamp};
use serde::{Deserialize, Serialize};

use super::usage::Usage;
use super::{Cost, Micros};
use crate::memory::calendar;
use crate::ports::Unavailable;

/// Rows of one month. At the bound the sums of new ones go on without their user and model; at twice the
/// bound they go into one row, so that no call is missing from the sum of all.
pub const MAX_SPENDERS: usize = 10_000;
/// The present month and those before it that are kept.
const MAX_MONTHS: i64 = 3;
const OTHERS: &str = "(others)";

/// Whose call it was, and where it went.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spender {
    /// By the pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    pub agent: Name,
    pub model: Name,
    /// The upstream.
    pub provider: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Totals {
    pub calls: u64,
    pub input: u64,
    pub output: u64,
    pub cached: u64,
    pub reasoning: u64,
    pub micros: Micros,
    /// Calls whose tokens or price are estimated.
    pub estimated: u64,
    /// Calls without a price, which are in no sum of money.
    pub unpriced: u64,
}

/// One row of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Year and month as one number.
    month: i64,
    pub spender: Spender,
    pub totals: Totals,
}

impl Row {
    /// As `2026-03`.
    pub fn month(&self) -> String {
        // Months count from 1, so December belongs to the year before its number's quotient.
        let before = self.month.saturating_sub(1);
        format!("{:04}-{:02}", before.div_euclid(12), before.rem_euclid(12) + 1)
    }
}

/// The sums. Kept in memory and saved as a whole.
#[derive(Debug, Default)]
pub struct Spend(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    months: BTreeMap<i64, BTreeMap<Spender, Totals>>,
    changed: bool,
}

impl Spend {
    /// Counts one call. `estimated` says that the tokens are not those that the provider counted.
    pub fn count(&self, spender: Spender, usage: &Usage, cost: Cost, estimated: bool, now: Timestamp) {
        let mut inner = self.lock();
        inner.changed = true;
        // A clock that goes back counts into the newest month.
        let newest = inner.months.keys().next_back().copied();
        let month = calendar(now).1.max(newest.unwrap_or(i64::MIN));
        inner.months.retain(|kept, _| kept.saturating_add(MAX_MONTHS) > month);
        let rows = inner.months.entry(month).or_default();
        let place = place(rows, spender);
        let totals = rows.entry(place).or_default();
        let add = |sum: &mut u64, number: u64| *sum = sum.saturating_add(number);
        add(&mut totals.calls, 1);
        add(&mut totals.input, usage.input);
        add(&mut totals.output, usage.output);
        add(&mut totals.cached, usage.cached);
        add(&mut totals.reasoning, usage.reasoning);
        add(&mut totals.micros, cost.micros);
        add(&mut totals.estimated, u64::from(estimated || cost.guessed));
        add(&mut totals.unpriced, u64::from(cost.unpriced));
    }

    /// All rows, the newest month first.
    pub fn rows(&self) -> Vec<Row> {
        let inner = self.lock();
        let months = inner.months.iter().rev();
        let rows = months.flat_map(|(month, rows)| {
            rows.iter().map(|(spender, totals)| Row {
                month: *month,
                spender: spender.clone(),
                totals: *totals,
            })
        });
        rows.collect()
    }

    /// What is to be kept, when something has changed since the last time.
    pub fn changed(&self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.lock().changed) {
            return None;
        }
        serde_json::to_vec(&self.rows()).ok()
    }

    /// Notes that what [`Spend::changed`] gave was not kept.
    pub fn not_kept(&self) {
        self.lock().changed = true;
    }

    /// Takes up what an earlier process kept.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), Unavailable> {
        let rows: Vec<Row> = serde_json::from_slice(bytes).map_err(|error| {
            tracing::error!(%error, "the sums of what was spent cannot be read");
            Unavailable { what: "what was spent" }
        })?;
        let mut inner = self.lock();
        for row in rows {
            inner.months.entry(row.month).or_default().insert(row.spender, row.totals);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row that a call is counted in.
fn place(rows: &BTreeMap<Spender, Totals>, spender: Spender) -> Spender {
    if rows.len() < MAX_SPENDERS || rows.contains_key(&spender) {
        return spender;
    }
    let Ok(others) = Name::new(OTHERS) else { return spender };
    let wide = Spender { user: None, model: others.clone(), ..spender };
    if rows.len() < 2 * MAX_SPENDERS || rows.contains_key(&wide) {
        return wide;
    }
    Spender { user: None, team: None, agent: others.clone(), model: others.clone(), provider: others }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn spender(user: &str, agent: &str) -> Spender {
        Spender {
            user: Some(name(user)),
            team: Some(name("team")),
            agent: name(agent),
            model: name("gpt-4o"),
            provider: name("main"),
        }
    }

    const USAGE: Usage = Usage { input: 10, output: 5, cached: 2, reasoning: 1 };

    fn count(spend: &Spend, spender: Spender, now: &str) {
        let cost = Cost { micros: 7, guessed: false, unpriced: false };
        spend.count(spender, &USAGE, cost, false, Timestamp::parse(now).unwrap());
    }

    #[test]
    fn calls_are_summed_by_whose_they_are_and_by_month() {
        let spend = Spend::default();
        count(&spend, spender("u", "a"), "2026-03-02T10:00:00Z");
        count(&spend, spender("u", "a"), "2026-03-31T10:00:00Z");
        count(&spend, spender("v", "a"), "2026-04-01T10:00:00Z");
        count(&spend, spender("v", "a"), "2026-03-01T10:00:00Z");
        spend.count(
            spender("v", "a"),
            &USAGE,
            Cost { micros: 0, guessed: true, unpriced: true },
            false,
            Timestamp::parse("2026-04-02T10:00:00Z").unwrap(),
        );
        let rows = spend.rows();
        assert_eq!(rows.iter().map(Row::month).collect::<Vec<_>>(), ["2026-04", "2026-03"]);
        assert_eq!(rows[0].totals.calls, 3, "a clock that goes back counts into the newest month");
        assert_eq!((rows[0].totals.estimated, rows[0].totals.unpriced), (1, 1));
        let march = Totals {
            calls: 2,
            input: 20,
            output: 10,
            cached: 4,
            reasoning: 2,
            micros: 14,
            ..Totals::default()
        };
        assert_eq!(rows[1].totals, march);
        let again = Spend::default();
        again.restore(&spend.changed().unwrap()).unwrap();
        assert_eq!((again.rows(), spend.changed(), again.changed()), (rows, None, None));
        assert!(again.restore(b"[{}]").is_err());
        for month in 5..9 {
            count(&spend, spender("u", "a"), &format!("2026-0{month}-01T00:00:00Z"));
        }
        let months: Vec<String> = spend.rows().iter().map(Row::month).collect();
        assert_eq!(months, ["2026-08", "2026-07", "2026-06"]);
        count(&spend, spender("u", "a"), "2026-12-31T23:59:59Z");
        assert_eq!(spend.rows()[0].month(), "2026-12");
    }

    #[test]
    fn at_the_bound_sums_get_coarser_and_nothing_is_missing() {
        let spend = Spend::default();
        let now = "2026-03-02T10:00:00Z";
        let calls = 2 * MAX_SPENDERS + 500;
        for n in 0..calls {
            // More users than rows at first, then more agents.
            let agent = if n < MAX_SPENDERS + 5 { "a".to_owned() } else { format!("a{n}") };
            count(&spend, spender(&format!("u{n}"), &agent), now);
        }
        let rows = spend.rows();
        assert!(rows.len() <= 2 * MAX_SPENDERS + 1, "{}", rows.len());
        assert_eq!(rows.iter().map(|row| row.totals.calls).sum::<u64>(), calls as u64);
        let without_user: u64 =
            rows.iter().filter(|row| row.spender.user.is_none()).map(|row| row.totals.calls).sum();
        assert_eq!(without_user, calls as u64 - MAX_SPENDERS as u64);
        count(&spend, spender("u1", "a"), now);
        let again = spend.rows().into_iter().find(|row| row.spender == spender("u1", "a")).unwrap();
        assert_eq!(again.totals.calls, 2, "rows that are there go on");
    }
}
