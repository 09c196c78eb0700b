//! A statement on a SQLite database, inside a transaction that is always rolled back.
//!
//! Four walls stand one behind the other. The authoriser of SQLite refuses whatever would end the
//! transaction or reach another file, while the statement is compiled. A commit hook turns a commit
//! into a rollback. No page leaves the memory of this connection before a commit, so a crash leaves
//! nothing either. And the connection is this run's own.

mod door;
mod values;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use action::{Action, Json, Name};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use self::door::Door;
use self::watch::Watch;
use crate::statement::{Statement, names};
use crate::{Bounds, Refused, Run, count, object, text, whole};

/// A statement may grow its database by this many times the bytes of a result.
const GROWTH: i64 = 16;

/// One SQLite database that statements name as their resource.
#[derive(Debug, Clone)]
pub struct Sqlite {
    resource: Name,
    file: PathBuf,
}

/// What the statement did, before it was undone.
struct Done {
    columns: Vec<String>,
    rows: Vec<Json>,
    changed: u64,
}

impl Sqlite {
    pub fn new(resource: Name, file: &Path) -> Self {
        Sqlite { resource, file: file.to_owned() }
    }

    pub(crate) fn fits(&self, action: &Action) -> bool {
        names(action, &self.resource)
    }

    pub(crate) fn run(&self, action: &Action, bounds: &Bounds) -> Result<Run, Refused> {
        let statement = Statement::of(action)?;
        let deadline = Instant::now() + bounds.time;
        let mut connection = self.open(bounds)?;
        let watch = Watch::over(&mut connection, bounds, deadline).map_err(unavailable)?;
        let door = Door::new();
        // A savepoint inside, so that rows can be read as they were before and under the same locks.
        connection.execute_batch("BEGIN; SAVEPOINT run").map_err(unavailable)?;
        connection.commit_hook(Some(|| true)).map_err(unavailable)?;
        connection.authorizer(Some(door.guard())).map_err(unavailable)?;
        let done = execute(&connection, &statement, &watch, bounds);
        connection
            .authorizer(None::<fn(rusqlite::hooks::AuthContext<'_>) -> rusqlite::hooks::Authorization>)
            .map_err(unavailable)?;
        let done = done.map_err(|error| told(error, &door, &watch));
        let captured = match &done {
            // A conflict with `ON CONFLICT ROLLBACK` has undone everything already.
            Ok(_) if !connection.is_autocommit() => watch.images(&connection, bounds),
            Ok(_) | Err(_) => watch.counts(),
        };
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").map_err(unavailable)?;
        }
        Ok(match done {
            Ok(done) => run(done, captured, &watch, &door),
            Err(Fault::Real(message)) => failed(&message),
            Err(Fault::Refused(refused)) => return Err(refused),
        })
    }

    fn open(&self, bounds: &Bounds) -> Result<Connection, Refused> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let set_up = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&self.file, flags)?;
            connection.busy_timeout(bounds.time.checked_div(2).unwrap_or(Duration::ZERO))?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            // Closing the last connection would otherwise copy the write-ahead log into the database.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            let length = i32::try_from(bounds.bytes).unwrap_or(i32::MAX);
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length)?;
            connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
            // The mode of the journal stays as it is: to ask for another one would change the file itself.
            connection.execute_batch("PRAGMA cache_spill = OFF; PRAGMA temp_store = MEMORY")?;
            // What is changed stays in memory, so how far the database may grow bounds that memory.
            let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            let size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let more = i64::from(length).saturating_mul(GROWTH) / size.max(1);
            let most = pages.saturating_add(more.max(GROWTH));
            connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?;
            Ok(connection)
        };
        set_up().map_err(unavailable)
    }
}

/// Why a statement did not go through.
enum Fault {
    /// As it would have failed for real.
    Real(String),
    Refused(Refused),
}

/// Why it stopped, from inside.
enum Stop {
    Sqlite(rusqlite::Error),
    Refused(Refused),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Stop::Sqlite(error)
    }
}

fn execute(
    connection: &Connection,
    statement: &Statement<'_>,
    watch: &Watch,
    bounds: &Bounds,
) -> Result<Done, Stop> {
    // Refuses a second statement behind the first.
    let mut prepared = connection.prepare(statement.sql)?;
    values::bind(&mut prepared, &statement.parameters).map_err(Stop::Refused)?;
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let before = connection.total_changes();
    let mut rows = Vec::new();
    let mut left = bounds.bytes;
    let mut found = prepared.raw_query();
    while let Some(row) = found.next()? {
        if rows.len() == bounds.rows {
            return Err(Stop::Refused(Refused::TooMuch("its result has too many rows")));
        }
        rows.push(values::row(row, columns.len(), &mut left).map_err(Stop::Refused)?);
    }
    drop(found);
    // `changes` counts what the statement itself changed, without its triggers, as a driver tells it;
    // it keeps its old value for a statement that changes nothing.
    if watch.is_full() {
        return Err(Stop::Refused(Refused::TooMuch("it changes too many rows")));
    }
    let changed = if connection.total_changes() == before { 0 } else { connection.changes() };
    Ok(Done { columns, rows, changed })
}

fn told(stop: Stop, door: &Door, watch: &Watch) -> Fault {
    let error = match stop {
        Stop::Refused(refused) => return Fault::Refused(refused),
        Stop::Sqlite(error) => error,
    };
    if let Some(asked) = door.refused() {
        return Fault::Refused(Refused::Leaves(format!("the statement asks for {asked}")));
    }
    if let rusqlite::Error::MultipleStatement = error {
        return Fault::Refused(Refused::Leaves("there is more than one statement".to_owned()));
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) if watch.is_full() => {
            Fault::Refused(Refused::TooMuch("it changes too many rows"))
        }
        Some(ErrorCode::OperationInterrupted) => Fault::Refused(Refused::TooLong),
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory | ErrorCode::DiskFull) => {
            Fault::Refused(Refused::TooMuch("its values are too large"))
        }
        // The one kind of failure that cannot come from the isolation.
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Fault::Real(error.to_string()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) => {
            Fault::Refused(unavailable(error))
        }
        Some(_) | None => {
            Fault::Refused(Refused::Unknowable("the database does not accept the statement".to_owned()))
        }
    }
}

fn run(done: Done, captured: Json, watch: &Watch, door: &Door) -> Run {
    let outline = object([("tables", watch.tables()), ("schema", door.schema())]);
    let columns = Json::List(done.columns.into_iter().map(Json::Text).collect());
    let affected = whole(done.changed);
    let result = match &columns {
        Json::List(names) if names.is_empty() => object([("affected", affected)]),
        _ => object([("columns", columns), ("rows", Json::List(done.rows)), ("affected", affected)]),
    };
    let writes = watch.writes().max(done.changed).saturating_add(door.changes());
    let captured = object([("schema", door.schema()), ("changes", captured)]);
    Run { result, captured, outline, writes }
}

/// A run that failed as it would have for real: nothing would have been written.
fn failed(message: &str) -> Run {
    let nothing = object([("failed", count(1))]);
    Run { result: object([("error", text(message))]), captured: nothing.clone(), outline: nothing, writes: 0 }
}

fn unavailable(error: rusqlite::Error) -> Refused {
    Refused::unavailable("the SQLite database", error)
}
