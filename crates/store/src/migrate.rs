//! Schemas grow by numbered steps. A step, once released, never changes; its digest is kept beside it.

use std::path::Path;

use action::Digest;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::database::trouble;
use crate::{DatabaseError, OpenError, Which};

/// All steps of one database, the first first.
pub(crate) struct Schema {
    /// Stands in the header of the file and says whose it is.
    pub application_id: i32,
    pub steps: &'static [&'static str],
}

/// Brings the schema up to date. True when the file was empty.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    which: Which,
    schema: &Schema,
) -> Result<bool, OpenError> {
    let sql = |error: rusqlite::Error| DatabaseError {
        which,
        doing: "bring the schema up to date",
        trouble: trouble(&error),
        source: Some(error),
    };
    // Looked at first without a lock, so that a file that is up to date can be opened while it is written.
    let looked = look(&connection.transaction().map_err(sql)?, schema).map_err(sql)?;
    if looked == (Found::Steps { applied: schema.steps.len(), altered: None }) {
        return Ok(false);
    }
    // All steps at once: a crash in between leaves the schema as it was.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let (applied, created) = match look(&transaction, schema).map_err(sql)? {
        Found::Nothing => (0, true),
        Found::Steps { applied, altered: None } => (applied, false),
        Found::Steps { altered: Some(number), .. } => {
            return Err(OpenError::Altered { path: path.into(), number });
        }
        Found::Newer { have } => {
            let know = u32::try_from(schema.steps.len()).unwrap_or(u32::MAX);
            return Err(OpenError::Newer { path: path.into(), have, know });
        }
        Found::Foreign => return Err(OpenError::Foreign { path: path.into(), which }),
    };
    apply(&transaction, schema, applied).map_err(sql)?;
    transaction.commit().map_err(sql)?;
    Ok(created)
}

/// Drops every table and makes the empty schema again.
pub(crate) fn remake(transaction: &Transaction<'_>, schema: &Schema) -> rusqlite::Result<()> {
    let tables: Vec<String> = transaction
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for table in tables {
        transaction.execute_batch(&format!("DROP TABLE \"{table}\""))?;
    }
    apply(transaction, schema, 0)
}

#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    Steps { applied: usize, altered: Option<u32> },
    Newer { have: u32 },
    Foreign,
}

fn look(transaction: &Transaction<'_>, schema: &Schema) -> rusqlite::Result<Found> {
    let id: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id == 0 && tables == 0 {
        return Ok(Found::Nothing);
    }
    if id != schema.application_id {
        return Ok(Found::Foreign);
    }
    let have: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let applied = usize::try_from(have).unwrap_or(usize::MAX);
    if applied > schema.steps.len() {
        return Ok(Found::Newer { have });
    }
    for (number, step) in (1u32..).zip(schema.steps.iter().take(applied)) {
        let kept: Option<String> = {
            let mut statement = transaction.prepare("SELECT digest FROM schema_steps WHERE number = ?1")?;
            let mut rows = statement.query([number])?;
            match rows.next()? {
                Some(row) => row.get(0)?,
                None => None,
            }
        };
        if kept != Some(digest_of(step).to_string()) {
            return Ok(Found::Steps { applied, altered: Some(number) });
        }
    }
    Ok(Found::Steps { applied, altered: None })
}

fn apply(transaction: &Transaction<'_>, schema: &Schema, applied: usize) -> rusqlite::Result<()> {
    transaction.pragma_update(None, "application_id", schema.application_id)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT",
    )?;
    for (number, step) in (1u32..).zip(schema.steps).skip(applied) {
        transaction.execute_batch(step)?;
        transaction.execute(
            "INSERT INTO schema_steps (number, digest) VALUES (?1, ?2)",
            (number, digest_of(step).to_string()),
        )?;
        transaction.pragma_update(None, "user_version", number)?;
    }
    Ok(())
}

fn digest_of(step: &str) -> Digest {
    action::digest("checkrein.schema", &[step.as_bytes()])
}
