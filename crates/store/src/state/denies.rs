//! Deny entries: refusals that outlive the connection that they ended.

use action::{Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::bounds::{self, check_note};
use super::{Change, DenyEntry, DenyKind, Done, State, all, missing, one};
use crate::row::{Word, count, number, time, time_if, word};
use crate::{DatabaseError, Limit, Page};

impl State {
    /// Adds an entry, or replaces reason and end of the one that is there. Hits go on counting.
    pub fn deny(&self, entry: &DenyEntry) -> Done<DenyEntry> {
        self.change("deny.create", |transaction| {
            check_note(&entry.reason)?;
            let have = by_key(transaction, entry.kind, &entry.key)?;
            match have {
                Some(have)
                    if have.reason == entry.reason
                        && have.operator == entry.operator
                        && have.expires == entry.expires =>
                {
                    return Ok(Change::none(have, &entry.key));
                }
                Some(_) => {}
                None => bounds::DENIES.check(transaction)?,
            }
            let hits = have.map_or(0, |have| have.hits);
            let entry = DenyEntry { hits, ..entry.clone() };
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO denies (kind, key, reason, operator, created, expires, hits)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    Word(entry.kind),
                    entry.key.as_str(),
                    &entry.reason,
                    entry.operator.as_str(),
                    entry.created.millis(),
                    entry.expires.map(Timestamp::millis),
                    number(hits),
                ))?;
            let on = entry.key.clone();
            Ok(Change::made(entry, &on))
        })
    }

    pub fn lift_deny(&self, kind: DenyKind, key: &Name) -> Done<DenyEntry> {
        self.change("deny.lift", |transaction| {
            let have = by_key(transaction, kind, key)?.ok_or_else(|| missing("deny entry", key))?;
            transaction
                .prepare_cached("DELETE FROM denies WHERE kind = ?1 AND key = ?2")?
                .execute((Word(kind), key.as_str()))?;
            Ok(Change::made(have, key))
        })
    }

    /// By kind and key.
    pub fn denies(
        &self,
        after: Option<&(DenyKind, Name)>,
        limit: Limit,
    ) -> Result<Page<DenyEntry, (DenyKind, Name)>, DatabaseError> {
        self.database.read("list deny entries", |transaction| {
            let rows = match after {
                None => all(
                    transaction,
                    "SELECT * FROM denies ORDER BY kind, key LIMIT ?1",
                    [limit.one_more()],
                    read,
                ),
                Some((kind, key)) => all(
                    transaction,
                    "SELECT * FROM denies WHERE (kind, key) > (?1, ?2) ORDER BY kind, key LIMIT ?3",
                    (Word(*kind), key.as_str(), limit.one_more()),
                    read,
                ),
            }?;
            Ok(Page::of(rows, limit, |entry| (entry.kind, entry.key.clone())))
        })
    }

    /// Adds refusals that were counted elsewhere. Publishes nothing; entries that are gone are passed over.
    pub fn count_denied(&self, hits: &[(DenyKind, Name, u64)]) -> Result<(), DatabaseError> {
        self.database.write_plain("count refusals", |transaction| {
            let mut statement = transaction
                .prepare_cached("UPDATE denies SET hits = hits + ?3 WHERE kind = ?1 AND key = ?2")?;
            hits.iter().try_for_each(|(kind, key, more)| {
                statement.execute((Word(*kind), key.as_str(), number(*more))).map(|_| ())
            })
        })
    }
}

fn by_key(transaction: &Transaction<'_>, kind: DenyKind, key: &Name) -> rusqlite::Result<Option<DenyEntry>> {
    let sql = "SELECT * FROM denies WHERE kind = ?1 AND key = ?2";
    one(transaction, sql, (Word(kind), key.as_str()), read)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<DenyEntry> {
    Ok(DenyEntry {
        kind: word(row, "kind")?,
        key: word(row, "key")?,
        reason: row.get("reason")?,
        operator: word(row, "operator")?,
        created: time(row, "created")?,
        expires: time_if(row, "expires")?,
        hits: count(row, "hits")?,
    })
}
