//! What operators keep: agents, keys, rules, settings.
//!
//! Start with [`State::snapshot`], what the request path works from, then `agents.rs` for how a write
//! looks.

mod agents;
mod approvals;
mod bounds;
mod credentials;
mod delegations;
mod denies;
mod facts;
mod freezes;
mod identities;
mod operators;
mod requests;
mod rules;
mod schema;
mod scope;
mod secrets;
mod settings;
mod snapshot;
mod sweep;
mod types;
mod watch;

use std::path::Path;
use std::time::Duration;

use action::Name;
use rusqlite::{OptionalExtension as _, Transaction};

use crate::database::{Database, Fault, Plan};
use crate::{OpenError, Which, WriteError};

pub use identities::Identity;
pub use sweep::Swept;
pub use types::*;

use requests::Counts;
use watch::Watch;

/// What operators keep. Every write is durable before it returns.
pub struct State {
    database: Database,
    published: Watch,
    counts: Counts,
}

/// What a write gives back.
pub type Done<T> = Result<Written<T>, WriteError>;

const PLAN: Plan = Plan { which: Which::State, schema: &schema::SCHEMA, durable: true, secure_delete: false };

impl State {
    /// Opens what this tenant's operators keep in this folder; makes it when there is nothing.
    pub fn open(folder: &Path, tenant: &Name) -> Result<State, OpenError> {
        let (database, _) = Database::open(folder, &PLAN)?;
        let path = || folder.join(Which::State.file_name());
        let (owner, published, counts) = database.write_plain("open", |transaction| {
            transaction.execute(
                "INSERT INTO tenant (one, name, published) VALUES (1, ?1, 1) ON CONFLICT DO NOTHING",
                [tenant.as_str()],
            )?;
            let (owner, published) =
                transaction.query_row("SELECT name, published FROM tenant", [], |row| {
                    Ok((row.get::<_, String>("name")?, crate::row::count(row, "published")?))
                })?;
            Ok((owner, published, Counts::read(transaction)?))
        })?;
        if owner != tenant.as_str() {
            return Err(OpenError::Tenant { path: path(), have: owner, want: tenant.clone() });
        }
        Ok(State { database, published: Watch::new(published), counts })
    }

    /// Goes up with each commit that changes what a snapshot shows. Reads no database.
    pub fn version(&self) -> u64 {
        self.published.now()
    }

    /// Returns the version as soon as it is beyond `seen`, or at the time-out.
    pub fn wait_beyond(&self, seen: u64, timeout: Duration) -> u64 {
        self.published.wait_beyond(seen, timeout)
    }

    /// A write of an operator: publishes when it changed something.
    fn change<T>(
        &self,
        act: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<Change<T>, Fault>,
    ) -> Done<T> {
        let written = self.database.write(act, |transaction| {
            let Change { value, on, changed } = work(transaction)?;
            let sql = if changed {
                "UPDATE tenant SET published = published + 1 RETURNING published"
            } else {
                "SELECT published FROM tenant"
            };
            let published =
                transaction.prepare_cached(sql)?.query_row([], |row| crate::row::count(row, "published"))?;
            Ok(Written { value, act, on, published, changed })
        })?;
        self.published.reach(written.published);
        Ok(written)
    }
}

/// What the work of a write came to.
struct Change<T> {
    value: T,
    on: Name,
    changed: bool,
}

impl<T> Change<T> {
    fn made(value: T, on: &Name) -> Self {
        Change { value, on: on.clone(), changed: true }
    }

    /// Everything was already so.
    fn none(value: T, on: &Name) -> Self {
        Change { value, on: on.clone(), changed: false }
    }
}

fn missing(what: &'static str, name: &Name) -> WriteError {
    WriteError::Missing { what, name: name.to_string() }
}

fn taken(what: &'static str, name: &Name) -> WriteError {
    WriteError::Taken { what, name: name.to_string() }
}

/// Refuses a write of a caller who had seen another version than the one that stands.
fn check_seen(what: &'static str, name: &Name, seen: Option<u64>, current: u64) -> Result<(), WriteError> {
    match seen {
        Some(seen) if seen != current => Err(WriteError::Stale { what, name: name.to_string(), current }),
        Some(_) | None => Ok(()),
    }
}

/// One row by key, or none.
fn one<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    params: impl rusqlite::Params,
    read: fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    transaction.prepare_cached(sql)?.query_row(params, read).optional()
}

/// All rows of a statement that is bounded by itself or by the bound of its table.
fn all<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    params: impl rusqlite::Params,
    read: fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    transaction.prepare_cached(sql)?.query_map(params, read)?.collect()
}
