//! Approval policies: who may let a held action go.

use action::{Environment, Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::scope::{self, ScopeKey};
use super::settings::unnamed;
use super::{ApprovalPolicy, Change, Done, Scope, Snapshot, State, all, bounds, check_seen, missing, one};
use crate::row::{Packed, count, number, packed, time};
use crate::{DatabaseError, WriteError};

/// Kinds of actions that need more, in one policy.
const MORE: usize = 16;

impl Snapshot {
    /// The policy for an agent: the whole of the narrowest one, and there the one of the environment before
    /// the one of every environment.
    pub fn approval_policy_for(
        &self,
        application: Option<&Name>,
        agent: &Name,
        environment: Environment,
    ) -> Option<&ApprovalPolicy> {
        let met = self.approvals.iter().filter_map(|policy| {
            let rank = scope::rank(&policy.scope, policy.environment, application, agent, environment)?;
            Some((rank, policy))
        });
        met.min_by_key(|(rank, _)| *rank).map(|(_, policy)| policy)
    }
}

impl State {
    /// Replaces the policy of a scope; its `updated` is the time of the write, its `version` is set here.
    pub fn put_approval_policy(&self, policy: &ApprovalPolicy, seen: Option<u64>) -> Done<ApprovalPolicy> {
        self.change("approval_policy.update", |transaction| {
            check(policy)?;
            let on = scope::on(&policy.scope, policy.environment).map_err(|_| unnamed())?;
            let version = match by_scope(transaction, &policy.scope, policy.environment)? {
                Some(have) if says_the_same(&have, policy) => return Ok(Change::none(have, &on)),
                Some(have) => have.version,
                None => {
                    bounds::APPROVAL_POLICIES.check(transaction)?;
                    0
                }
            };
            check_seen("approval policy of", &on, seen, version)?;
            let policy = ApprovalPolicy { version: version + 1, ..policy.clone() };
            let ScopeKey(kind, name, place) = scope::key(&policy.scope, policy.environment);
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO approval_policies
                     (scope, scope_name, environment, approvers, quorum, deadline, updated, version, more)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute((
                    kind,
                    name,
                    place,
                    Packed(&policy.approvers),
                    policy.quorum,
                    policy.deadline_seconds,
                    policy.updated.millis(),
                    number(policy.version),
                    Packed(&policy.more),
                ))?;
            Ok(Change::made(policy, &on))
        })
    }

    pub fn drop_approval_policy(
        &self,
        scope: &Scope,
        environment: Option<Environment>,
    ) -> Done<ApprovalPolicy> {
        self.change("approval_policy.delete", |transaction| {
            let on = scope::on(scope, environment).map_err(|_| unnamed())?;
            let have = by_scope(transaction, scope, environment)?
                .ok_or_else(|| missing("approval policy of", &on))?;
            let ScopeKey(kind, name, place) = scope::key(scope, environment);
            transaction
                .prepare_cached(
                    "DELETE FROM approval_policies
                     WHERE scope = ?1 AND scope_name = ?2 AND environment = ?3",
                )?
                .execute((kind, name, place))?;
            Ok(Change::made(have, &on))
        })
    }

    /// All of them; there are at most 10,000.
    pub fn approval_policies(&self) -> Result<Vec<ApprovalPolicy>, DatabaseError> {
        self.database.read("list approval policies", all_of)
    }
}

/// A policy that nobody can meet would hold actions for nothing.
fn check(policy: &ApprovalPolicy) -> Result<(), WriteError> {
    let refused = |why| Err(WriteError::Refused { code: "approvals.policy", why });
    if policy.quorum == 0 {
        return refused("at least one approval is needed");
    }
    if policy.deadline_seconds == 0 {
        return refused("a deadline is at least one second");
    }
    if policy.more.len() > MORE {
        return refused("a policy has at most 16 kinds of actions that need more");
    }
    if policy.more.iter().any(|more| more.amount_over.is_none() && more.severity_from.is_none()) {
        return refused("which actions need more is said by an amount, a severity or both");
    }
    let most = policy.more.iter().map(|more| more.quorum).fold(policy.quorum, u8::max);
    if !policy.approvers.is_empty() && policy.approvers.len() < usize::from(most) {
        return refused("there are fewer approvers than approvals that are needed");
    }
    Ok(())
}

fn says_the_same(have: &ApprovalPolicy, new: &ApprovalPolicy) -> bool {
    let content = |policy: &ApprovalPolicy| ApprovalPolicy {
        updated: Timestamp::default(),
        version: 0,
        ..policy.clone()
    };
    content(have) == content(new)
}

fn by_scope(
    transaction: &Transaction<'_>,
    scope: &Scope,
    environment: Option<Environment>,
) -> rusqlite::Result<Option<ApprovalPolicy>> {
    let ScopeKey(kind, name, place) = scope::key(scope, environment);
    let sql = "SELECT * FROM approval_policies WHERE scope = ?1 AND scope_name = ?2 AND environment = ?3";
    one(transaction, sql, (kind, name, place), read)
}

pub(super) fn all_of(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<ApprovalPolicy>> {
    all(transaction, "SELECT * FROM approval_policies ORDER BY scope, scope_name, environment", [], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ApprovalPolicy> {
    let (scope, environment) = scope::read(row)?;
    Ok(ApprovalPolicy {
        scope,
        environment,
        approvers: packed(row, "approvers")?,
        quorum: row.get("quorum")?,
        more: packed(row, "more")?,
        deadline_seconds: row.get("deadline")?,
        updated: time(row, "updated")?,
        version: count(row, "version")?,
    })
}
