//! Decisions by hour, for charts. Counted while folding, so that a chart reads a few rows.

use action::Timestamp;

use super::{CountBy, HourCount, Index};
use crate::DatabaseError;
use crate::row::{count, time, word};

/// Rows of one answer: a month of hours with as many keys as there are vectors, and agents beyond that
/// from the latest hour back.
const MOST: i64 = 10_000;

impl CountBy {
    pub const ALL: [CountBy; 4] = [CountBy::Verdict, CountBy::Effective, CountBy::Vector, CountBy::Agent];

    pub const fn word(self) -> &'static str {
        match self {
            CountBy::Verdict => "verdict",
            CountBy::Effective => "effective",
            CountBy::Vector => "vector",
            CountBy::Agent => "agent",
        }
    }
}

impl Index {
    /// Decisions of the hours that begin in `from..before`, the earliest first; hours without any are
    /// absent. Beyond ten thousand rows the earliest are left out.
    pub fn hours(
        &self,
        by: CountBy,
        from: Timestamp,
        before: Timestamp,
    ) -> Result<Vec<HourCount>, DatabaseError> {
        self.with("count by hour", |database| {
            database.read("count by hour", |transaction| {
                let mut rows = transaction
                    .prepare_cached(
                        "SELECT * FROM hours WHERE kind = ?1 AND hour >= ?2 AND hour < ?3
                         ORDER BY hour DESC, key DESC LIMIT ?4",
                    )?
                    .query_map((by.word(), from.millis(), before.millis(), MOST), |row| {
                        Ok(HourCount {
                            hour: time(row, "hour")?,
                            key: word(row, "key")?,
                            count: count(row, "count")?,
                        })
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                rows.reverse();
                Ok(rows)
            })
        })
    }
}
