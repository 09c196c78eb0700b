//! Shards: the log in pieces of time, each with a tree of its own, so that a piece can be dropped
//! when its time is over and the others still verify.
//!
//! Sequence and chain run on through all shards. A shard's tree begins at its first record. Its last
//! record (`shard_seal`) names the root over those before it, and the first record of the next
//! (`shard_open`) the final root. A shard is called `000001-2026-11`: the number orders
//! shards whatever the clock did.

use std::path::{Path, PathBuf};

use crate::{Nanos, ShardPeriod};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardName {
    pub number: u32,
    /// `2026-11` or `2026-11-25`.
    pub period: String,
}

impl ShardName {
    pub fn parse(name: &str) -> Option<Self> {
        let (number, period) = name.split_once('-')?;
        let shard = ShardName { number: number.parse().ok()?, period: period.to_owned() };
        let digits = period.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        (digits && !period.is_empty() && shard.to_string() == name).then_some(shard)
    }

    /// The shard to write in after this one, if the time has come. Never when the clock went back:
    /// the periods of a log only rise.
    pub fn following(&self, period: &str) -> Option<Self> {
        (period > self.period.as_str()).then(|| self.next(period))
    }

    /// The next shard, whatever the time is.
    pub fn next(&self, period: &str) -> Self {
        ShardName { number: self.number.saturating_add(1), period: period.to_owned() }
    }

    pub fn first(period: &str) -> Self {
        ShardName { number: 1, period: period.to_owned() }
    }

    pub fn dir(&self, home: &Path) -> PathBuf {
        shards_dir(home).join(self.to_string())
    }

    /// First line of its checkpoints: one name for one tree.
    pub fn origin(&self, log: &str) -> String {
        format!("{log}/{self}")
    }
}

impl std::fmt::Display for ShardName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:06}-{}", self.number, self.period)
    }
}

pub fn shards_dir(home: &Path) -> PathBuf {
    home.join("shards")
}

/// The period that a time falls in, in UTC.
pub fn period(time: Nanos, length: ShardPeriod) -> String {
    let (year, month, day) = civil(time.0.div_euclid(86_400_000_000_000));
    match length {
        ShardPeriod::Day => format!("{year:04}-{month:02}-{day:02}"),
        ShardPeriod::Month => format!("{year:04}-{month:02}"),
    }
}

/// Year, month and day of a count of days since 1970-01-01.
///
/// Years are counted from March, so that the odd day comes last; 146,097 days are 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    #[test]
    fn periods_are_those_of_the_calendar() {
        // Days since 1970 by `date -u -d ... +%s`, divided by 86,400.
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_782, "2026-11-25"),
            (20_788, "2026-12-01"),
            (47_541, "2100-03-01"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(period(Nanos(days * DAY), ShardPeriod::Day), text);
            assert_eq!(period(Nanos(days * DAY + DAY - 1), ShardPeriod::Day), text);
            assert_eq!(period(Nanos(days * DAY), ShardPeriod::Month), text[..7]);
        }
    }

    #[test]
    fn a_clock_that_goes_back_opens_no_shard() {
        let shard = ShardName::first("2026-11");
        assert_eq!(shard.following("2026-11"), None);
        assert_eq!(shard.following("2026-10"), None);
        assert_eq!(shard.following("2026-12").unwrap().to_string(), "000002-2026-12");
    }

    #[test]
    fn names_have_one_form() {
        assert_eq!(ShardName::parse("000002-2026-12").unwrap().number, 2);
        for other in ["2-2026-12", "000002", "000002-", "000002-../x", "+00002-2026", "000002-2026-11x"] {
            assert_eq!(ShardName::parse(other), None, "{other}");
        }
    }
}
