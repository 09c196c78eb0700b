//! Following the ledger: batch by batch, each in one transaction with the cursor.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use action::Digest;
use rusqlite::Transaction;

use super::fold::Fold;
use super::{Entry, Index, Source, Step, schema};
use crate::database::Database;
use crate::row::{Hash, hash_if, number};
use crate::{DatabaseError, FollowError, Trouble, migrate};

/// Records folded in one transaction.
const BATCH: usize = 1_000;
/// How long a batch that was not full lets others come: a transaction costs several times what a record does,
/// and at a modest rate it is most of what an answer costs. Nobody who asks waits for the index.
const GATHER: Duration = Duration::from_millis(50);
/// How long to wait for records before looking at `stop` again.
const IDLE: Duration = Duration::from_millis(250);
/// How often to look at `stop` while waiting after a failure, and how many looks that takes.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS_AFTER_FAILURE: u32 = 10;

/// Where following stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    next: u64,
    /// Of the last record.
    leaf: Option<Digest>,
    newest: i64,
    monotone: bool,
    horizon: i64,
}

impl Index {
    /// Follows until `stop`. What went wrong, and that the index was rebuilt and why, is told to `notice`;
    /// after a failure it waits a second and tries again.
    pub fn follow(
        &self,
        source: &dyn Source,
        stop: &AtomicBool,
        notice: &dyn Fn(&Result<Step, FollowError>),
    ) {
        while !stop.load(Ordering::Acquire) {
            let step = self.step(source, BATCH);
            match &step {
                Ok(Step { rebuilt: Some(_), .. }) => notice(&step),
                Ok(Step { folded: 0, next, .. }) => {
                    source.wait_beyond(*next, IDLE);
                }
                Ok(Step { folded, .. }) if *folded < BATCH => std::thread::sleep(GATHER),
                Ok(_) => {}
                Err(_) => {
                    notice(&step);
                    for _ in 0..LOOKS_AFTER_FAILURE {
                        if !stop.load(Ordering::Acquire) {
                            std::thread::sleep(LOOK);
                        }
                    }
                }
            }
        }
    }

    /// Folds at most `most` records in one transaction. An index that is damaged, or that is of another
    /// ledger, is emptied instead, and filled by the steps that follow.
    pub fn step(&self, source: &dyn Source, most: usize) -> Result<Step, FollowError> {
        let _follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = match self.next_batch(source, most) {
            Ok(Next::Batch(cursor, entries)) => {
                self.with("fold records", |database| fold(database, cursor, &entries)).map_err(Into::into)
            }
            Ok(Next::Foreign(why)) => return self.empty(why),
            Err(error) => Err(error),
        };
        match folded {
            Err(FollowError::Database(error)) if needs_new_file(&error) => {
                self.replace()?;
                self.compared.store(true, Ordering::Release);
                Ok(Step { folded: 0, next: 0, rebuilt: Some(error.to_string()) })
            }
            other => other,
        }
    }

    fn next_batch(&self, source: &dyn Source, most: usize) -> Result<Next, FollowError> {
        let cursor =
            self.with("read the cursor", |database| database.read("read the cursor", read_cursor))?;
        let read = |from, most| source.read(from, most).map_err(|source| FollowError::Read { from, source });
        let size = source.wait_beyond(cursor.next, Duration::ZERO);
        if size < cursor.next {
            return Ok(Next::Foreign(format!("the ledger has {size} records, the index {}", cursor.next)));
        }
        if !self.compared.load(Ordering::Acquire) {
            if let Some(last) = cursor.next.checked_sub(1)
                && let Some(entry) = read(last, 1)?.first()
                && entry.record.sequence == last
                && Some(entry.leaf) != cursor.leaf
            {
                return Ok(Next::Foreign(format!(
                    "record {last} of the ledger is another than the index holds"
                )));
            }
            self.compared.store(true, Ordering::Release);
        }
        let entries = if size == cursor.next { Vec::new() } else { read(cursor.next, most)? };
        check_chain(&cursor, &entries)?;
        Ok(Next::Batch(cursor, entries))
    }

    fn empty(&self, why: String) -> Result<Step, FollowError> {
        self.with("empty the index", |database| {
            database
                .write_plain("empty the index", |transaction| migrate::remake(transaction, &schema::SCHEMA))
        })?;
        self.compared.store(true, Ordering::Release);
        Ok(Step { folded: 0, next: 0, rebuilt: Some(why) })
    }
}

enum Next {
    Batch(Cursor, Vec<Entry>),
    /// The index is not of this ledger.
    Foreign(String),
}

fn needs_new_file(error: &DatabaseError) -> bool {
    // Unavailable: an earlier replacement failed half-way, for example on a full disk.
    matches!(error.trouble, Trouble::Corrupt | Trouble::Unavailable)
}

/// Each record follows the one before. Only the very first may stand later, when those before it were
/// dropped at the end of their retention.
fn check_chain(cursor: &Cursor, entries: &[Entry]) -> Result<(), FollowError> {
    let mut last = cursor.leaf;
    let mut next = cursor.next;
    for entry in entries {
        let record = &entry.record;
        let follows = match last {
            None => record.sequence >= next,
            Some(leaf) => record.sequence == next && record.previous == leaf,
        };
        if !follows {
            return Err(FollowError::Broken { after: next, got: record.sequence });
        }
        (last, next) = (Some(entry.leaf), record.sequence.saturating_add(1));
    }
    Ok(())
}

fn fold(database: &Database, seen: Cursor, entries: &[Entry]) -> Result<Step, DatabaseError> {
    if entries.is_empty() {
        return Ok(Step { folded: 0, next: seen.next, rebuilt: None });
    }
    database.write_plain("fold records", |transaction| {
        // Retention may have moved the horizon since the cursor was read.
        let mut cursor = read_cursor(transaction)?;
        let mut fold = Fold::new(transaction);
        for entry in entries {
            let record = &entry.record;
            if record.time.0 >= cursor.horizon {
                fold.record(entry)?;
            }
            cursor.monotone &= record.time.0 >= cursor.newest;
            cursor.newest = cursor.newest.max(record.time.0);
            cursor.leaf = Some(entry.leaf);
            cursor.next = record.sequence.saturating_add(1);
        }
        fold.finish()?;
        transaction
            .prepare_cached("UPDATE cursor SET next = ?1, leaf = ?2, newest = ?3, monotone = ?4")?
            .execute((number(cursor.next), cursor.leaf.map(Hash), cursor.newest, cursor.monotone))?;
        Ok(Step { folded: entries.len(), next: cursor.next, rebuilt: None })
    })
}

fn read_cursor(transaction: &Transaction<'_>) -> rusqlite::Result<Cursor> {
    transaction.prepare_cached("SELECT * FROM cursor")?.query_row([], |row| {
        Ok(Cursor {
            next: crate::row::count(row, "next")?,
            leaf: hash_if(row, "leaf")?,
            newest: row.get("newest")?,
            monotone: row.get("monotone")?,
            horizon: row.get("horizon")?,
        })
    })
}
