//! Operators: the people behind the operators' API.

use std::collections::BTreeSet;

use action::{AccessRole, Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::{Change, Done, Operator, State, all, bounds, check_seen, missing, one, taken};
use crate::row::{Packed, count, number, packed, time, word};
use crate::{DatabaseError, Limit, Page, WriteError};

const WHAT: &str = "operator";

impl State {
    pub fn add_operator(&self, name: &Name, roles: &BTreeSet<AccessRole>, now: Timestamp) -> Done<Operator> {
        self.change("operator.create", |transaction| {
            if let Some(operator) = by_name(transaction, name)? {
                return if operator.roles == *roles && operator.version == 1 {
                    Ok(Change::none(operator, name))
                } else {
                    Err(taken(WHAT, name).into())
                };
            }
            bounds::OPERATORS.check(transaction)?;
            let operator = Operator {
                name: name.clone(),
                roles: roles.clone(),
                disabled: false,
                created: now,
                updated: now,
                version: 1,
            };
            save(transaction, &operator)?;
            Ok(Change::made(operator, name))
        })
    }

    pub fn change_operator(
        &self,
        name: &Name,
        roles: &BTreeSet<AccessRole>,
        disabled: bool,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<Operator> {
        self.change("operator.update", |transaction| {
            let operator = by_name(transaction, name)?.ok_or_else(|| missing(WHAT, name))?;
            if operator.roles == *roles && operator.disabled == disabled {
                return Ok(Change::none(operator, name));
            }
            check_seen(WHAT, name, seen, operator.version)?;
            let was_admin = is_admin(&operator);
            let operator = Operator {
                roles: roles.clone(),
                disabled,
                updated: now,
                version: operator.version + 1,
                ..operator
            };
            save(transaction, &operator)?;
            // Checked on what would stand, inside the transaction: two who disable each other at once
            // cannot both succeed.
            if was_admin && !all_of(transaction)?.iter().any(is_admin) {
                return Err(WriteError::Refused {
                    code: "operators.last_admin",
                    why: "the last administrator stays; give the role to somebody else first",
                }
                .into());
            }
            Ok(Change::made(operator, name))
        })
    }

    pub fn operator(&self, name: &Name) -> Result<Option<Operator>, DatabaseError> {
        self.database.read("read an operator", |transaction| by_name(transaction, name))
    }

    /// By name.
    pub fn operators(
        &self,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<Operator, Name>, DatabaseError> {
        self.database.read("list operators", |transaction| {
            let sql = "SELECT * FROM operators WHERE name > ?1 ORDER BY name LIMIT ?2";
            let rows = all(transaction, sql, (after.map_or("", Name::as_str), limit.one_more()), read)?;
            Ok(Page::of(rows, limit, |operator| operator.name.clone()))
        })
    }
}

fn is_admin(operator: &Operator) -> bool {
    !operator.disabled && operator.roles.contains(&AccessRole::Admin)
}

fn save(transaction: &Transaction<'_>, operator: &Operator) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO operators (name, roles, disabled, created, updated, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            operator.name.as_str(),
            Packed(&operator.roles),
            operator.disabled,
            operator.created.millis(),
            operator.updated.millis(),
            number(operator.version),
        ))
        .map(|_| ())
}

pub(super) fn by_name(transaction: &Transaction<'_>, name: &Name) -> rusqlite::Result<Option<Operator>> {
    one(transaction, "SELECT * FROM operators WHERE name = ?1", [name.as_str()], read)
}

pub(super) fn all_of(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Operator>> {
    all(transaction, "SELECT * FROM operators ORDER BY name", [], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Operator> {
    Ok(Operator {
        name: word(row, "name")?,
        roles: packed(row, "roles")?,
        disabled: row.get("disabled")?,
        created: time(row, "created")?,
        updated: time(row, "updated")?,
        version: count(row, "version")?,
    })
}
