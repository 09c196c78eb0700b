//! Freezes: everything in a scope stands still.

use action::{Environment, Timestamp};
use rusqlite::{Row, Transaction};

use super::bounds::{self, check_note};
use super::scope::{self, ScopeKey};
use super::settings::unnamed;
use super::{Change, Done, Freeze, Scope, State, all, missing, one};
use crate::row::{time, time_if, word};
use crate::{DatabaseError, WriteError};

impl State {
    /// Freezes a scope, or replaces reason and end of the freeze that is there.
    pub fn freeze(&self, freeze: &Freeze) -> Done<Freeze> {
        self.change("freeze.create", |transaction| {
            check_note(&freeze.reason)?;
            let on = scope::on(&freeze.scope, freeze.environment).map_err(|_| unnamed())?;
            match by_scope(transaction, &freeze.scope, freeze.environment)? {
                Some(have)
                    if have.reason == freeze.reason
                        && have.operator == freeze.operator
                        && have.until == freeze.until =>
                {
                    return Ok(Change::none(have, &on));
                }
                Some(_) => {}
                None => bounds::FREEZES.check(transaction)?,
            }
            let ScopeKey(kind, name, place) = scope::key(&freeze.scope, freeze.environment);
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO freezes
                     (scope, scope_name, environment, reason, operator, created, until)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    kind,
                    name,
                    place,
                    &freeze.reason,
                    freeze.operator.as_str(),
                    freeze.created.millis(),
                    freeze.until.map(Timestamp::millis),
                ))?;
            Ok(Change::made(freeze.clone(), &on))
        })
    }

    pub fn thaw(&self, scope: &Scope, environment: Option<Environment>) -> Done<Freeze> {
        self.change("freeze.lift", |transaction| {
            let on = scope::on(scope, environment).map_err(|_| unnamed())?;
            let have = by_scope(transaction, scope, environment)?.ok_or_else(|| missing("freeze of", &on))?;
            let ScopeKey(kind, name, place) = scope::key(scope, environment);
            transaction
                .prepare_cached(
                    "DELETE FROM freezes WHERE scope = ?1 AND scope_name = ?2 AND environment = ?3",
                )?
                .execute((kind, name, place))?;
            Ok(Change::made(have, &on))
        })
    }

    /// Removes freezes that have had their time, and gives them back.
    pub fn end_freezes(&self, now: Timestamp) -> Result<Vec<Freeze>, WriteError> {
        let on = action::Name::new("expired").map_err(|_| unnamed())?;
        let ended = self.change("freeze.expire", |transaction| {
            let sql = "SELECT * FROM freezes WHERE until <= ?1 ORDER BY scope, scope_name, environment";
            let ended = all(transaction, sql, [now.millis()], read)?;
            if ended.is_empty() {
                return Ok(Change::none(ended, &on));
            }
            transaction.prepare_cached("DELETE FROM freezes WHERE until <= ?1")?.execute([now.millis()])?;
            Ok(Change::made(ended, &on))
        })?;
        Ok(ended.value)
    }

    /// All of them; there are at most 10,000.
    pub fn freezes(&self) -> Result<Vec<Freeze>, DatabaseError> {
        self.database.read("list freezes", all_of)
    }
}

fn by_scope(
    transaction: &Transaction<'_>,
    scope: &Scope,
    environment: Option<Environment>,
) -> rusqlite::Result<Option<Freeze>> {
    let ScopeKey(kind, name, place) = scope::key(scope, environment);
    let sql = "SELECT * FROM freezes WHERE scope = ?1 AND scope_name = ?2 AND environment = ?3";
    one(transaction, sql, (kind, name, place), read)
}

pub(super) fn all_of(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Freeze>> {
    all(transaction, "SELECT * FROM freezes ORDER BY scope, scope_name, environment", [], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Freeze> {
    let (scope, environment) = scope::read(row)?;
    Ok(Freeze {
        scope,
        environment,
        reason: row.get("reason")?,
        operator: word(row, "operator")?,
        created: time(row, "created")?,
        until: time_if(row, "until")?,
    })
}
