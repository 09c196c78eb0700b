//! What has had its time.

use action::Timestamp;

use super::State;
use crate::DatabaseError;

/// What a sweep removed. At most [`AT_ONCE`] of each; a full count means that there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    pub claims: u64,
    pub nonces: u64,
    pub denies: u64,
    pub freezes: u64,
    pub delegations: u64,
    pub sessions: u64,
}

/// Rows of one kind that one sweep removes, so that nobody waits long for the writer.
const AT_ONCE: i64 = 10_000;

impl State {
    /// Removes expired claims, nonces, deny entries, freezes and delegations, and facts of sessions that
    /// were idle since `idle`. Publishes when an entry, freeze or delegation went.
    pub fn sweep(&self, now: Timestamp, idle: Timestamp) -> Result<Swept, DatabaseError> {
        let (swept, published) = self.database.write_plain("sweep", |transaction| {
            let delete = |sql: &str, end: Timestamp| {
                let rows = transaction.prepare_cached(sql)?.execute((end.millis(), AT_ONCE))?;
                Ok::<_, rusqlite::Error>(rows as u64)
            };
            // What is remembered of nonces that go: no signature that could have one of them is good later.
            transaction
                .prepare_cached(
                    "INSERT INTO forgotten (what, until)
                     SELECT 'nonces', max(expires) FROM
                       (SELECT expires FROM nonces WHERE expires <= ?1 ORDER BY expires LIMIT ?2)
                     HAVING max(expires) IS NOT NULL
                     ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                )?
                .execute((now.millis(), AT_ONCE))?;
            let swept = Swept {
                claims: delete(
                    "DELETE FROM claims WHERE (agent, key) IN
                     (SELECT agent, key FROM claims WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
                    now,
                )?,
                nonces: delete(
                    "DELETE FROM nonces WHERE (agent, nonce) IN
                     (SELECT agent, nonce FROM nonces WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
                    now,
                )?,
                denies: delete(
                    "DELETE FROM denies WHERE (kind, key) IN
                     (SELECT kind, key FROM denies WHERE expires <= ?1 LIMIT ?2)",
                    now,
                )?,
                freezes: delete(
                    "DELETE FROM freezes WHERE (scope, scope_name, environment) IN
                     (SELECT scope, scope_name, environment FROM freezes WHERE until <= ?1 LIMIT ?2)",
                    now,
                )?,
                delegations: delete(
                    "DELETE FROM delegations WHERE (delegator, delegate) IN
                     (SELECT delegator, delegate FROM delegations WHERE until <= ?1 LIMIT ?2)",
                    now,
                )?,
                sessions: delete(
                    "DELETE FROM facts WHERE rowid IN
                     (SELECT rowid FROM facts WHERE session <> '' AND updated < ?1 ORDER BY updated LIMIT ?2)",
                    idle,
                )?,
            };
            let sql = if swept.denies + swept.freezes + swept.delegations > 0 {
                "UPDATE tenant SET published = published + 1 RETURNING published"
            } else {
                "SELECT published FROM tenant"
            };
            let published = transaction.query_row(sql, [], |row| crate::row::count(row, "published"))?;
            Ok((swept, published))
        })?;
        self.counts.swept(swept.claims, swept.nonces);
        self.published.reach(published);
        Ok(swept)
    }
}
