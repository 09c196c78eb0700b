//! How much of each thing may be kept, so that a snapshot fits in memory and a text on a screen.

use rusqlite::Transaction;

use crate::WriteError;
use crate::database::Fault;

/// A table and its bound.
pub(super) struct Bound {
    pub what: &'static str,
    pub count: &'static str,
    pub most: u64,
}

pub(super) const AGENTS: Bound = Bound { what: "agents", count: "SELECT count(*) FROM agents", most: 10_000 };
pub(super) const CREDENTIALS: Bound = Bound {
    what: "keys in use",
    count: "SELECT count(*) FROM credentials WHERE revoked IS NULL",
    most: 50_000,
};
pub(super) const OPERATORS: Bound =
    Bound { what: "operators", count: "SELECT count(*) FROM operators", most: 1_000 };
pub(super) const RULE_SETS: Bound =
    Bound { what: "rule sets", count: "SELECT count(*) FROM rule_sets", most: 1_000 };
pub(super) const SETTINGS: Bound =
    Bound { what: "scopes with settings", count: "SELECT count(*) FROM settings", most: 30_000 };
pub(super) const DENIES: Bound =
    Bound { what: "deny entries", count: "SELECT count(*) FROM denies", most: 100_000 };
pub(super) const FREEZES: Bound =
    Bound { what: "freezes", count: "SELECT count(*) FROM freezes", most: 10_000 };
pub(super) const APPROVAL_POLICIES: Bound =
    Bound { what: "approval policies", count: "SELECT count(*) FROM approval_policies", most: 10_000 };
pub(super) const DELEGATIONS: Bound =
    Bound { what: "delegations", count: "SELECT count(*) FROM delegations", most: 1_000 };
pub(super) const SECRETS: Bound =
    Bound { what: "secrets", count: "SELECT count(*) FROM secrets", most: 1_000 };

/// Versions of one rule set.
pub(super) const RULE_VERSIONS: u32 = 10_000;
/// Idempotency keys and nonces at one time. They go when they expire.
pub(super) const CLAIMS: u64 = 1_000_000;
pub(super) const NONCES: u64 = 1_000_000;
/// Bytes of one text of rules.
pub(super) const RULES_BYTES: usize = 1 << 20;
/// Bytes of a reason or note.
pub(super) const NOTE_BYTES: usize = 4 << 10;
/// Bytes of the facts of one agent or session.
pub(super) const FACTS_BYTES: usize = 1 << 20;

impl Bound {
    /// Refuses one more row when the table is full.
    pub fn check(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        let rows: i64 = transaction.prepare_cached(self.count)?.query_row([], |row| row.get(0))?;
        if u64::try_from(rows).unwrap_or(0) >= self.most {
            return Err(WriteError::Limit { what: self.what, most: self.most }.into());
        }
        Ok(())
    }
}

pub(super) fn check_note(text: &str) -> Result<(), WriteError> {
    check_bytes(text.len(), NOTE_BYTES, "a reason or note has at most 4096 bytes")
}

pub(super) fn check_bytes(have: usize, most: usize, why: &'static str) -> Result<(), WriteError> {
    if have > most { Err(WriteError::Refused { code: "store.too_long", why }) } else { Ok(()) }
}
