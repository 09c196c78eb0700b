//! Deleting what is too old. Following goes on as if it had never been there.

use action::Timestamp;
use rusqlite::Transaction;

use super::Index;
use super::fold::{KEYS_PER_RECORD, hour_of, nanos_of};
use super::schema::BY_SEQUENCE;
use crate::DatabaseError;

/// Records that go in one transaction, so that following and reading go on in between.
const AT_ONCE: i64 = 2_000;

impl Index {
    /// Deletes what is about times before the month of `from`, in UTC, and folds nothing of before that any
    /// more. Returns how many records went. The horizon moves forward only.
    pub fn retain(&self, from: Timestamp) -> Result<u64, DatabaseError> {
        let horizon = nanos_of(month_of(from));
        self.with("delete old rows", |database| {
            // First the horizon: what is deleted below it cannot come back, whatever happens in between.
            let horizon = database.write_plain("move the horizon", |transaction| {
                transaction.query_row(
                    "UPDATE cursor SET horizon = max(horizon, ?1) RETURNING horizon",
                    [horizon],
                    |row| row.get(0),
                )
            })?;
            let mut gone = 0;
            loop {
                let part =
                    database.write_plain("delete old rows", |transaction| delete(transaction, horizon))?;
                gone += part;
                if part < AT_ONCE.unsigned_abs() {
                    return Ok(gone);
                }
            }
        })
    }
}

fn delete(transaction: &Transaction<'_>, horizon: i64) -> rusqlite::Result<u64> {
    let old: Vec<i64> = transaction
        .prepare_cached("SELECT sequence FROM records WHERE time < ?1 ORDER BY time LIMIT ?2")?
        .query_map((horizon, AT_ONCE), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // What was concluded about a decision goes with the decision, whenever it was concluded.
    let mut concluded = transaction.prepare_cached(
        "DELETE FROM findings WHERE derived AND of = (SELECT id FROM decisions WHERE sequence = ?1)",
    )?;
    let mut findings = transaction.prepare_cached("DELETE FROM findings WHERE key BETWEEN ?1 AND ?2")?;
    for sequence in &old {
        concluded.execute([sequence])?;
        let key = sequence.saturating_mul(KEYS_PER_RECORD);
        findings.execute([key, key.saturating_add(KEYS_PER_RECORD - 1)])?;
    }
    for table in BY_SEQUENCE {
        let mut statement =
            transaction.prepare_cached(&format!("DELETE FROM {table} WHERE sequence = ?1"))?;
        old.iter().try_for_each(|sequence| statement.execute([sequence]).map(|_| ()))?;
    }
    transaction.prepare_cached("DELETE FROM hours WHERE hour < ?1")?.execute([hour_of(horizon)])?;
    Ok(old.len() as u64)
}

/// The first moment of the month, in UTC.
fn month_of(time: Timestamp) -> Timestamp {
    let text = time.to_string();
    let month = text.get(..7).map(|month| format!("{month}-01T00:00:00Z"));
    month.and_then(|first| Timestamp::parse(&first)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_of_its_first_day() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(month_of(at("2026-03-31T23:59:59.999Z")), at("2026-03-01T00:00:00Z"));
        assert_eq!(month_of(at("2026-03-01T00:00:00Z")), at("2026-03-01T00:00:00Z"));
        assert_eq!(month_of(at("2026-03-01T00:30:00+01:00")), at("2026-02-01T00:00:00Z"));
    }
}
