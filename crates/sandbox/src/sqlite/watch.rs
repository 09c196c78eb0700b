//! Watches a statement while it runs: for how long, which rows, and what they held.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use action::Json;
use rusqlite::Connection;
use rusqlite::hooks::Action as Change;

use super::values;
use crate::{Bounds, object, whole};

/// Instructions of SQLite's machine between two looks at the clock: some microseconds.
const STEPS: i32 = 1_000;

/// Deletes, inserts and updates, by what they are called in captures.
const ACTS: [&str; 3] = ["inserted", "updated", "deleted"];

#[derive(Clone)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    full: Arc<AtomicBool>,
}

#[derive(Default)]
struct Seen {
    /// Inserted, updated, deleted.
    tables: BTreeMap<String, [u64; 3]>,
    /// Row ids by the table, in order of their change.
    rows: Vec<(String, usize, i64)>,
}

impl Watch {
    pub fn over(connection: &mut Connection, bounds: &Bounds, deadline: Instant) -> rusqlite::Result<Self> {
        let watch = Watch { seen: Arc::default(), full: Arc::default() };
        let (seen, full, most) = (Arc::clone(&watch.seen), Arc::clone(&watch.full), bounds.rows);
        connection.update_hook(Some(move |change: Change, _: &str, table: &str, row: i64| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let act = match change {
                Change::SQLITE_INSERT => 0,
                Change::SQLITE_UPDATE => 1,
                _ => 2,
            };
            if let Some(count) = seen.tables.entry(table.to_owned()).or_default().get_mut(act) {
                *count = count.saturating_add(1);
            }
            if seen.rows.len() < most {
                seen.rows.push((table.to_owned(), act, row));
            } else {
                full.store(true, Ordering::Relaxed);
            }
        }))?;
        let full = Arc::clone(&watch.full);
        let stop = move || full.load(Ordering::Relaxed) || Instant::now() >= deadline;
        connection.progress_handler(STEPS, Some(stop))?;
        Ok(watch)
    }

    /// More rows were changed than a run may change.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub fn writes(&self) -> u64 {
        self.with(|seen| seen.tables.values().flatten().fold(0u64, |sum, count| sum.saturating_add(*count)))
    }

    /// How many rows of which tables. Tables without row ids are not seen here.
    pub fn tables(&self) -> Json {
        self.with(|seen| {
            let counts = |counts: &[u64; 3]| {
                let named = ACTS.iter().zip(counts).filter(|(_, count)| **count > 0);
                Json::Object(named.map(|(act, count)| ((*act).to_owned(), whole(*count))).collect())
            };
            Json::Object(seen.tables.iter().map(|(table, of)| (table.clone(), counts(of))).collect())
        })
    }

    pub fn counts(&self) -> Json {
        object([("tables", self.tables())])
    }

    /// What the changed rows hold now and held before. Undoes the statement on the way, inside of the
    /// transaction, so that both readings stand under the same locks.
    pub fn images(&self, connection: &Connection, bounds: &Bounds) -> Json {
        let rows = self.with(|seen| std::mem::take(&mut seen.rows));
        let mut left = bounds.bytes;
        let after: Vec<Option<Json>> =
            rows.iter().map(|(table, _, row)| image(connection, table, *row, &mut left)).collect();
        if connection.execute_batch("ROLLBACK TO run").is_err() {
            return self.counts();
        }
        let changed: Vec<Json> = rows
            .iter()
            .zip(after)
            .map(|((table, act, row), after)| {
                let before = image(connection, table, *row, &mut left);
                let mut entry = vec![
                    ("table".to_owned(), Json::Text(table.clone())),
                    ("act".to_owned(), Json::Text(ACTS.get(*act).copied().unwrap_or_default().to_owned())),
                ];
                entry.extend(before.map(|row| ("before".to_owned(), row)));
                entry.extend(after.map(|row| ("after".to_owned(), row)));
                Json::Object(entry)
            })
            .collect();
        object([("tables", self.tables()), ("rows", Json::List(changed))])
    }

    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One row by its id. `None` where there is none, or what it holds is beyond the bound, or the table
/// has a column that hides its row ids.
fn image(connection: &Connection, table: &str, row: i64, left: &mut usize) -> Option<Json> {
    let quoted = table.replace('"', "\"\"");
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{quoted}\" WHERE rowid = ?1")).ok()?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query([row]).ok()?;
    let values = match values::row(found.next().ok()??, columns.len(), left).ok()? {
        Json::List(values) => values,
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => return None,
    };
    Some(Json::Object(columns.into_iter().zip(values).collect()))
}
