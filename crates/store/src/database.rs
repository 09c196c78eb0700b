//! One SQLite file: one connection that writes, some that read, and how each is set up.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::migrate::{self, Schema};
use crate::{DatabaseError, OpenError, Trouble, Which, WriteError};

/// What differs between the three.
pub(crate) struct Plan {
    pub which: Which,
    pub schema: &'static Schema,
    /// Whether a commit waits for the disk. Only what can be rebuilt may do without.
    pub durable: bool,
    /// Whether freed space is overwritten with zeros.
    pub secure_delete: bool,
}

pub(crate) struct Database {
    which: Which,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    returned: Condvar,
}

/// Readers at one time; a further one waits for [`WAIT`].
const READERS: usize = 8;
/// How long to wait for a lock or for a free reader.
const WAIT: Duration = Duration::from_secs(2);
/// How long one question may take. Long enough for any page by key; a scan is stopped.
const QUESTION: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS_PER_LOOK: i32 = 10_000;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 128;

impl Database {
    /// Opens or creates the file and brings its schema up to date. True when it was created.
    pub fn open(folder: &Path, plan: &Plan) -> Result<(Self, bool), OpenError> {
        let opening = |trouble, source| DatabaseError { which: plan.which, doing: "open", trouble, source };
        let path = folder.join(plan.which.file_name());
        create_private(&path).map_err(|error| opening(io_trouble(&error), None))?;
        let sql = |error: rusqlite::Error| opening(trouble(&error), Some(error));
        let mut writer = connect(&path, plan).map_err(sql)?;
        let created = migrate::migrate(&mut writer, &path, plan.which, plan.schema)?;
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            let reader = connect(&path, plan).map_err(sql)?;
            reader.pragma_update(None, "query_only", true).map_err(sql)?;
            readers.push(reader);
        }
        let database = Database {
            which: plan.which,
            writer: Mutex::new(writer),
            readers: Mutex::new(readers),
            returned: Condvar::new(),
        };
        Ok((database, created))
    }

    /// Runs `work` in one transaction. Either all of it is kept, or nothing.
    pub fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, WriteError> {
        let mut writer = self.writer();
        let sql = |error| self.error(doing, error);
        // Immediate, so that what was read inside is still so when it is written.
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let value = work(&transaction).map_err(|fault| match fault {
            Fault::Sql(error) => WriteError::Database(sql(error)),
            Fault::Said(error) => error,
        })?;
        transaction.commit().map_err(sql)?;
        Ok(value)
    }

    /// The same for work that has nothing to say but what the database says.
    pub fn write_plain<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let mut writer = self.writer();
        let sql = |error| self.error(doing, error);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let value = work(&transaction).map_err(sql)?;
        transaction.commit().map_err(sql)?;
        Ok(value)
    }

    /// Runs `work` on one consistent state of the database, for a bounded time.
    pub fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        self.read_for(doing, Some(QUESTION), work)
    }

    /// The same without a bound of time, for what goes through everything on purpose.
    pub fn read_all<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        self.read_for(doing, None, work)
    }

    fn read_for<T>(
        &self,
        doing: &'static str,
        most: Option<Duration>,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let Some(mut reader) = self.reader() else {
            return Err(DatabaseError { which: self.which, doing, trouble: Trouble::Busy, source: None });
        };
        let sql = |error| self.error(doing, error);
        let connection = reader.connection.as_mut().ok_or_else(|| DatabaseError {
            which: self.which,
            doing,
            trouble: Trouble::Defect,
            source: None,
        })?;
        let end = most.map(|most| Instant::now() + most);
        let look = move || end.is_some_and(|end| Instant::now() > end);
        connection.progress_handler(STEPS_PER_LOOK, Some(look)).map_err(sql)?;
        let transaction = connection.transaction().map_err(sql)?;
        work(&transaction).map_err(sql)
    }

    /// Cuts the write-ahead log to nothing. False when somebody still reads from it.
    pub fn cut_log(&self) -> Result<bool, DatabaseError> {
        let busy: i64 = self
            .writer()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|error| self.error("cut the write-ahead log", error))?;
        Ok(busy == 0)
    }

    pub fn error(&self, doing: &'static str, error: rusqlite::Error) -> DatabaseError {
        DatabaseError { which: self.which, doing, trouble: trouble(&error), source: Some(error) }
    }

    // A thread that panicked inside a transaction left nothing behind: dropping it rolled it back.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> Option<Reader<'_>> {
        let free = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .returned
            .wait_timeout_while(free, WAIT, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let connection = free.pop()?;
        Some(Reader { database: self, connection: Some(connection) })
    }
}

/// A reading connection on loan.
struct Reader<'a> {
    database: &'a Database,
    /// Present until it is given back.
    connection: Option<Connection>,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.database.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            self.database.returned.notify_one();
        }
    }
}

/// Why work inside a transaction stopped: the database, or the work itself.
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Said(WriteError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        Fault::Said(error)
    }
}

fn connect(path: &Path, plan: &Plan) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A file that came from elsewhere must not run code of its own or reach into its own pages.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Plans depend on no value that is bound: else statements are prepared anew when one changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", if plan.durable { "full" } else { "normal" })?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", plan.secure_delete)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // After a checkpoint a log that had grown is cut back to this.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    Ok(connection)
}

/// SQLite would create it for everybody to read; its log and index take their mode from it.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// The files of a database: itself, its write-ahead log, and the index of that.
pub(crate) fn files(folder: &Path, which: Which) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| folder.join(format!("{}{end}", which.file_name())))
}

pub(crate) fn io_trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::Full,
        _ => Trouble::Disk,
    }
}

pub(crate) fn trouble(error: &rusqlite::Error) -> Trouble {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Trouble::Busy,
            ErrorCode::DiskFull => Trouble::Full,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Trouble::ReadOnly,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Trouble::Corrupt,
            ErrorCode::OperationInterrupted => Trouble::Slow,
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::FileLockingProtocolFailed => Trouble::Disk,
            _ => Trouble::Defect,
        },
        // A row that this program did not write, or that the disk changed.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Trouble::Corrupt,
        _ => Trouble::Defect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema =
        Schema { application_id: 7, steps: &["CREATE TABLE texts (text TEXT NOT NULL) STRICT"] };
    const PLAN: Plan = Plan { which: Which::State, schema: &SCHEMA, durable: true, secure_delete: false };

    fn insert(database: &Database, text: &str) -> Result<(), DatabaseError> {
        database.write_plain("insert", |transaction| {
            transaction.execute("INSERT INTO texts VALUES (?1)", [text]).map(|_| ())
        })
    }

    fn texts(database: &Database) -> i64 {
        let count = |transaction: &Transaction<'_>| {
            transaction.query_row("SELECT count(*) FROM texts", [], |row| row.get(0))
        };
        database.read("count", count).unwrap()
    }

    #[test]
    fn a_full_disk_keeps_what_was_acknowledged_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (database, created) = Database::open(folder.path(), &PLAN).unwrap();
        assert!(created);
        let pages: i64 = database.writer().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        database.writer().pragma_update(None, "max_page_count", pages + 8).unwrap();
        let text = "x".repeat(3_000);
        let mut kept = 0;
        let error = loop {
            match insert(&database, &text) {
                Ok(()) => kept += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code(), "store.full");
        assert!(error.to_string().contains("free some space"), "{error}");
        assert!(kept > 0);
        assert_eq!(texts(&database), kept);
        // Space again: writing goes on without a restart.
        database.writer().pragma_update(None, "max_page_count", 1_000_000).unwrap();
        insert(&database, &text).unwrap();
        drop(database);
        assert_eq!(texts(&Database::open(folder.path(), &PLAN).unwrap().0), kept + 1);
    }

    #[test]
    fn what_cannot_be_written_says_so_and_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (database, _) = Database::open(folder.path(), &PLAN).unwrap();
        insert(&database, "x").unwrap();
        database.writer().pragma_update(None, "query_only", true).unwrap();
        let error = insert(&database, "y").unwrap_err();
        assert_eq!(error.code(), "store.read_only");
        assert_eq!(texts(&database), 1);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(io_trouble(&denied), Trouble::ReadOnly);
    }

    #[test]
    fn a_question_without_end_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let (database, _) = Database::open(folder.path(), &PLAN).unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let error = database
            .read_for("count for ever", Some(Duration::from_millis(20)), |transaction| {
                transaction.query_row(endless, [], |row| row.get::<_, i64>(0))
            })
            .unwrap_err();
        assert_eq!(error.code(), "store.slow");
        assert_eq!(texts(&database), 0, "the reader is given back and works");
    }

    #[test]
    fn work_that_fails_in_the_middle_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (database, _) = Database::open(folder.path(), &PLAN).unwrap();
        let said = || WriteError::Refused { code: "no", why: "no" };
        let result: Result<(), WriteError> = database.write("try", |transaction| {
            transaction.execute("INSERT INTO texts VALUES ('half')", [])?;
            Err(said().into())
        });
        assert_eq!(result.unwrap_err().code(), "no");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.write_plain("panic", |transaction| {
                transaction.execute("INSERT INTO texts VALUES ('half')", [])?;
                Ok(i64::try_from(u64::MAX).unwrap())
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(texts(&database), 0);
        insert(&database, "whole").unwrap();
        assert_eq!(texts(&database), 1);
    }

    #[test]
    fn a_further_step_is_applied_once_and_rows_stay() {
        const LONGER: Schema = Schema {
            application_id: 7,
            steps: &[
                "CREATE TABLE texts (text TEXT NOT NULL) STRICT",
                "ALTER TABLE texts ADD COLUMN more TEXT",
            ],
        };
        const PLAN_2: Plan = Plan { schema: &LONGER, ..PLAN };
        let folder = tempfile::tempdir().unwrap();
        insert(&Database::open(folder.path(), &PLAN).unwrap().0, "old").unwrap();
        for _ in 0..2 {
            let (database, created) = Database::open(folder.path(), &PLAN_2).unwrap();
            assert!(!created);
            assert_eq!(texts(&database), 1);
        }
        let error = Database::open(folder.path(), &PLAN).map(|_| ()).unwrap_err();
        assert!(matches!(error, OpenError::Newer { have: 2, know: 1, .. }), "{error}");
    }
}
