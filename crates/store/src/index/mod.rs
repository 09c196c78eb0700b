//! The index: the ledger in tables.
//!
//! It holds nothing that the ledger does not say. Start with `follow.rs`, how it is filled; `fold.rs` says
//! what each record becomes.

mod conclude;
mod decisions;
mod dump;
mod events;
mod filter;
mod fold;
mod follow;
mod hours;
mod ledger_source;
mod retain;
mod schema;
mod types;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use action::Digest;
use ledger::Record;

use crate::database::{self, Database, Plan};
use crate::{DatabaseError, OpenError, Trouble, Which};

pub use types::*;

/// A durable record and its leaf hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub record: Record,
    pub leaf: Digest,
}

/// Where records come from: the ledger, or a list in a test.
pub trait Source {
    /// At most `most` durable records in order, from sequence `from` on. When the oldest records were
    /// dropped at the end of their retention, the first may have a higher sequence.
    fn read(&self, from: u64, most: usize) -> Result<Vec<Entry>, Box<dyn std::error::Error + Send + Sync>>;
    /// Returns the durable size as soon as it is beyond `size`, or at the time-out.
    fn wait_beyond(&self, size: u64, timeout: Duration) -> u64;
}

/// The ledger in tables. One thread follows, many read.
pub struct Index {
    folder: PathBuf,
    /// Empty while a damaged file could not be replaced. Readers hold it shared for one question; replacing
    /// the file takes it alone, because SQLite removes a log by name when the last connection closes.
    database: RwLock<Option<Database>>,
    /// Held by whoever follows.
    follower: Mutex<()>,
    /// Whether the last record was held against the ledger since the file was opened.
    compared: AtomicBool,
}

const PLAN: Plan =
    Plan { which: Which::Index, schema: &schema::SCHEMA, durable: false, secure_delete: false };
/// A larger file is not read through at the start; damage in it is met when its page is.
const CHECK_BYTES: u64 = 64 * 1024 * 1024;

impl Index {
    /// Opens the index in this folder. One that is damaged is moved aside and filled again; only a newer
    /// schema and a folder that cannot be written are errors.
    pub fn open(folder: &Path) -> Result<(Index, IndexStart), OpenError> {
        let (database, start) = match open_sound(folder) {
            Ok((database, true)) => (database, IndexStart::Fresh),
            Ok((database, false)) => {
                let next = next_of(&database)?;
                (database, IndexStart::Continued { next })
            }
            Err(error) if is_damage(&error) => {
                set_aside(folder)?;
                (Database::open(folder, &PLAN)?.0, IndexStart::Rebuilt { why: error.to_string() })
            }
            Err(error) => return Err(error),
        };
        let index = Index {
            folder: folder.into(),
            database: RwLock::new(Some(database)),
            follower: Mutex::new(()),
            compared: AtomicBool::new(false),
        };
        Ok((index, start))
    }

    /// The record to be folded next.
    pub fn next(&self) -> Result<u64, DatabaseError> {
        self.with("read the cursor", next_of)
    }

    fn with<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Database) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match database.as_ref() {
            Some(database) => work(database),
            None => {
                Err(DatabaseError { which: Which::Index, doing, trouble: Trouble::Unavailable, source: None })
            }
        }
    }

    /// Closes the file, moves it aside, and starts an empty one.
    fn replace(&self) -> Result<(), OpenError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        set_aside(&self.folder)?;
        *database = Some(Database::open(&self.folder, &PLAN)?.0);
        Ok(())
    }
}

fn open_sound(folder: &Path) -> Result<(Database, bool), OpenError> {
    let (database, created) = Database::open(folder, &PLAN)?;
    let size = fs::metadata(folder.join(Which::Index.file_name())).map_or(0, |file| file.len());
    if !created && size <= CHECK_BYTES {
        let answer: String = database.read_all("check the file", |transaction| {
            transaction.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        })?;
        if answer != "ok" {
            let (which, doing, trouble) = (Which::Index, "check the file", Trouble::Corrupt);
            return Err(DatabaseError { which, doing, trouble, source: None }.into());
        }
    }
    Ok((database, created))
}

/// Whether filling a new file helps.
fn is_damage(error: &OpenError) -> bool {
    match error {
        OpenError::Altered { .. } | OpenError::Foreign { .. } => true,
        OpenError::Database(error) => error.trouble == Trouble::Corrupt,
        OpenError::Newer { .. } | OpenError::Tenant { .. } | OpenError::Key { .. } => false,
    }
}

/// Keeps one damaged file for whoever wants to know why. Its log goes: it belongs to that file alone.
fn set_aside(folder: &Path) -> Result<(), OpenError> {
    let [file, log, shared] = database::files(folder, Which::Index);
    let moved = fs::rename(&file, folder.join("index.db.broken"));
    for result in [moved, fs::remove_file(log), fs::remove_file(shared)] {
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let (which, doing) = (Which::Index, "move the damaged file aside");
                let trouble = database::io_trouble(&error);
                return Err(DatabaseError { which, doing, trouble, source: None }.into());
            }
        }
    }
    Ok(())
}

fn next_of(database: &Database) -> Result<u64, DatabaseError> {
    database.read("read the cursor", |transaction| {
        transaction.query_row("SELECT next FROM cursor", [], |row| crate::row::count(row, "next"))
    })
}
