//! Delegations: an approver lets another one decide in their place for a stated time.

use action::{AccessRole, Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::bounds::{self, check_note};
use super::{Change, Delegation, Done, Snapshot, State, all, missing, one, operators};
use crate::database::Fault;
use crate::row::{time, word};
use crate::{DatabaseError, WriteError};

/// Longest time that a delegation may stand.
const MOST_MILLIS: i64 = 90 * 86_400_000;

impl State {
    /// Makes a delegation, or replaces reason and end of the one that is there.
    pub fn delegate(&self, new: &Delegation) -> Done<Delegation> {
        self.change("delegation.create", |transaction| {
            check_note(&new.reason)?;
            check(transaction, new)?;
            let have = by_key(transaction, &new.delegator, &new.delegate)?;
            match have {
                Some(have) if have.reason == new.reason && have.until == new.until => {
                    return Ok(Change::none(have, &new.delegate));
                }
                Some(_) => {}
                None => bounds::DELEGATIONS.check(transaction)?,
            }
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO delegations (delegator, delegate, reason, created, until)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((
                    new.delegator.as_str(),
                    new.delegate.as_str(),
                    &new.reason,
                    new.created.millis(),
                    new.until.millis(),
                ))?;
            Ok(Change::made(new.clone(), &new.delegate))
        })
    }

    pub fn end_delegation(&self, delegator: &Name, delegate: &Name) -> Done<Delegation> {
        self.change("delegation.end", |transaction| {
            let have = by_key(transaction, delegator, delegate)?
                .ok_or_else(|| missing("delegation to", delegate))?;
            transaction
                .prepare_cached("DELETE FROM delegations WHERE delegator = ?1 AND delegate = ?2")?
                .execute([delegator.as_str(), delegate.as_str()])?;
            Ok(Change::made(have, delegate))
        })
    }

    /// All of them; there are at most 1,000.
    pub fn delegations(&self) -> Result<Vec<Delegation>, DatabaseError> {
        self.database.read("list delegations", all_of)
    }
}

impl Snapshot {
    /// Those who let this operator decide in their place now.
    pub fn delegators_of<'s>(&'s self, delegate: &'s Name, now: Timestamp) -> impl Iterator<Item = &'s Name> {
        self.delegations
            .iter()
            .filter(move |one| one.delegate == *delegate && now < one.until)
            .map(|one| &one.delegator)
    }
}

/// Only who may decide can hand it on, and only to somebody who may decide as well: a delegation
/// widens whose queue one decides, never who decides at all.
fn check(transaction: &Transaction<'_>, new: &Delegation) -> Result<(), Fault> {
    let refused = |why| Err(WriteError::Refused { code: "delegations.people", why }.into());
    if new.delegator == new.delegate {
        return refused("nobody needs a delegation to themselves");
    }
    for person in [&new.delegator, &new.delegate] {
        let operator = operators::by_name(transaction, person)?.ok_or_else(|| missing("operator", person))?;
        if operator.disabled || !operator.roles.contains(&AccessRole::Approver) {
            return refused("both operators must hold the role approver");
        }
    }
    let most = new.created.plus_millis(MOST_MILLIS);
    if new.until <= new.created || new.until > most {
        let why = "a delegation ends in the future, within 90 days";
        return Err(WriteError::Refused { code: "delegations.until", why }.into());
    }
    Ok(())
}

fn by_key(
    transaction: &Transaction<'_>,
    delegator: &Name,
    delegate: &Name,
) -> rusqlite::Result<Option<Delegation>> {
    let sql = "SELECT * FROM delegations WHERE delegator = ?1 AND delegate = ?2";
    one(transaction, sql, [delegator.as_str(), delegate.as_str()], read)
}

pub(super) fn all_of(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Delegation>> {
    all(transaction, "SELECT * FROM delegations ORDER BY delegator, delegate", [], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Delegation> {
    Ok(Delegation {
        delegator: word(row, "delegator")?,
        delegate: word(row, "delegate")?,
        reason: row.get("reason")?,
        created: time(row, "created")?,
        until: time(row, "until")?,
    })
}
