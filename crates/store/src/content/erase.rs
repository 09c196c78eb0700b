//! Destroying content: of one subject, of a time, and the master key itself.

use std::sync::PoisonError;

use action::{Name, Timestamp};

use super::master::{self, Master};
use super::seal::{self, Unsealed};
use super::subjects::key_of;
use super::writer::Order;
use super::{Content, ContentError, Erased, LOOKUP_KEY, Shared};
use crate::Trouble;
use crate::row::word;

/// Rows that go in one transaction.
const AT_ONCE: i64 = 500;

impl Content {
    /// Destroys key, salts, ciphertext and identity of a subject, and cuts the write-ahead log. None when
    /// there is no such subject. What was put before is destroyed too; what comes later for this pseudonym
    /// is not kept.
    pub fn erase(&self, subject: &Name) -> Result<Option<Erased>, ContentError> {
        self.order(|answer| Order::Erase(subject.clone(), answer))?
    }

    /// Destroys content of before this time, and subjects that have none left and were not seen since.
    /// Returns how many pieces went.
    pub fn purge(&self, before: Timestamp) -> Result<u64, ContentError> {
        self.order(|answer| Order::Purge(before, answer))?
    }

    /// A new master key; every subject's key is wrapped again. Returns how many.
    pub fn rotate(&self) -> Result<u64, ContentError> {
        self.order(Order::Rotate)?
    }
}

pub(super) fn erase(shared: &Shared, subject: &Name) -> Result<Option<Erased>, ContentError> {
    let mut pieces = 0;
    loop {
        let part = shared.database.write_plain("erase content", |transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM pieces WHERE rowid IN (SELECT rowid FROM pieces WHERE subject = ?1 LIMIT ?2)",
                )?
                .execute((subject.as_str(), AT_ONCE))
        })? as u64;
        pieces += part;
        if part < AT_ONCE.unsigned_abs() {
            break;
        }
    }
    let gone = {
        // Nobody may look the pseudonym up again between the row and the memory of it.
        let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = shared.database.write_plain("erase a subject", |transaction| {
            transaction
                .prepare_cached("DELETE FROM subjects WHERE pseudonym = ?1")?
                .execute([subject.as_str()])
        })?;
        known.forget(subject);
        gone
    };
    if gone == 0 {
        return Ok(None);
    }
    // The rows are overwritten in the file, but the log still has the pages as they were.
    let log_cut = shared.database.cut_log()?;
    Ok(Some(Erased { principal: subject.clone(), pieces, log_cut }))
}

pub(super) fn purge(shared: &Shared, before: Timestamp) -> Result<u64, ContentError> {
    let mut pieces = 0;
    loop {
        let part = shared.database.write_plain("purge content", |transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM pieces WHERE rowid IN
                     (SELECT rowid FROM pieces WHERE time < ?1 ORDER BY time LIMIT ?2)",
                )?
                .execute((before.millis(), AT_ONCE))
        })? as u64;
        pieces += part;
        if part < AT_ONCE.unsigned_abs() {
            break;
        }
    }
    loop {
        let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<Name> = shared.database.write_plain("purge subjects", |transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM subjects WHERE pseudonym IN
                     (SELECT pseudonym FROM subjects WHERE seen < ?1
                      AND NOT EXISTS (SELECT 1 FROM pieces WHERE subject = pseudonym) LIMIT ?2)
                     RETURNING pseudonym",
                )?
                .query_map((before.millis(), AT_ONCE), |row| word(row, "pseudonym"))?
                .collect()
        })?;
        gone.iter().for_each(|subject| known.forget(subject));
        drop(known);
        if gone.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
            break;
        }
    }
    shared.database.cut_log()?;
    Ok(pieces)
}

pub(super) fn rotate(shared: &Shared) -> Result<u64, ContentError> {
    if shared.masters.read().unwrap_or_else(PoisonError::into_inner).len() > 1 {
        // An earlier rotation did not come to its end; a third key would push out one that is in use.
        finish_rotation(shared)?;
    }
    {
        let mut masters = shared.masters.write().unwrap_or_else(PoisonError::into_inner);
        let new = Master::random().map_err(|Unsealed| ContentError::Random)?;
        let both: Vec<Master> = std::iter::once(new).chain(masters.first().cloned()).collect();
        // On disk before in use: no row may name a key that a crash can take away.
        let lines: Vec<&Master> = both.iter().collect();
        master::store(&shared.key_path, &lines).map_err(ContentError::Key)?;
        *masters = both;
    }
    finish_rotation(shared)
}

/// Wraps every key that is not under the newest master key, then lets go of the older one. Each part is a
/// transaction of its own: a crash in between is gone on from at the next start.
pub(super) fn finish_rotation(shared: &Shared) -> Result<u64, ContentError> {
    let new = shared.newest_master().ok_or(ContentError::Random)?;
    let mut wrapped = 0;
    let mut after = String::new();
    loop {
        let rows: Vec<(Name, String, Vec<u8>)> = shared.database.read_all("read keys", |transaction| {
            transaction
                .prepare_cached(
                    "SELECT pseudonym, master, data_key FROM subjects
                         WHERE pseudonym > ?1 AND master <> ?2 ORDER BY pseudonym LIMIT ?3",
                )?
                .query_map((&after, &new.id, AT_ONCE), |row| {
                    Ok((word(row, "pseudonym")?, row.get(1)?, row.get(2)?))
                })?
                .collect()
        })?;
        let Some((last, ..)) = rows.last() else { break };
        after = last.to_string();
        let mut again = Vec::with_capacity(rows.len());
        for (subject, old, data_key) in &rows {
            again.push((subject, rewrap(shared, &new, old, &key_of(subject), data_key, subject)?));
        }
        shared.database.write_plain("wrap keys", |transaction| {
            let mut statement = transaction
                .prepare_cached("UPDATE subjects SET master = ?2, data_key = ?3 WHERE pseudonym = ?1")?;
            again.iter().try_for_each(|(subject, key)| {
                statement.execute((subject.as_str(), &new.id, key)).map(|_| ())
            })
        })?;
        wrapped += rows.len() as u64;
    }
    let (old, key): (String, Vec<u8>) = shared.database.read("read keys", |transaction| {
        transaction.query_row("SELECT master, lookup_key FROM keys", [], |row| Ok((row.get(0)?, row.get(1)?)))
    })?;
    if old != new.id {
        let lookup = Name::new("lookup key").map_err(|_| ContentError::Random)?;
        let key = rewrap(shared, &new, &old, LOOKUP_KEY, &key, &lookup)?;
        shared.database.write_plain("wrap keys", |transaction| {
            transaction.execute("UPDATE keys SET master = ?1, lookup_key = ?2", (&new.id, key))
        })?;
    }
    // What was wrapped under the old key must not be found in the log when the old key is. Until then both
    // keys stay, and the next rotation or start goes on from here.
    if !shared.database.cut_log()? {
        return Err(super::error_of("cut the write-ahead log", Trouble::Busy).into());
    }
    master::store(&shared.key_path, &[&new]).map_err(ContentError::Key)?;
    *shared.masters.write().unwrap_or_else(PoisonError::into_inner) = vec![new];
    Ok(wrapped)
}

fn rewrap(
    shared: &Shared,
    new: &Master,
    old: &str,
    about: &[&[u8]],
    wrapped: &[u8],
    of: &Name,
) -> Result<Vec<u8>, ContentError> {
    let altered = || ContentError::Altered { of: of.clone() };
    let old = shared.master(old).ok_or_else(altered)?;
    let key = seal::open_key(&old.key, about, wrapped).map_err(|Unsealed| altered())?;
    seal::seal(&new.key, about, key.as_ref()).map_err(|Unsealed| ContentError::Random)
}
