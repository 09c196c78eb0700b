//! Everything that the request path works from, as it stood at one moment.

use super::{
    Snapshot, State, agents, all, approvals, credentials, delegations, denies, freezes, operators, rules,
    settings,
};
use crate::DatabaseError;
use crate::row::count;

impl State {
    /// Reads all of it in one transaction. What has expired may still be in it: who uses it has a clock.
    pub fn snapshot(&self) -> Result<Snapshot, DatabaseError> {
        let held = "SELECT * FROM credentials WHERE holder = ?1 AND revoked IS NULL ORDER BY prefix";
        let in_use =
            "SELECT * FROM rule_versions WHERE state IN ('shadow', 'active') ORDER BY rule_set, number";
        self.database.read("read a snapshot", |transaction| {
            Ok(Snapshot {
                version: transaction
                    .query_row("SELECT published FROM tenant", [], |row| count(row, "published"))?,
                agents: all(transaction, "SELECT * FROM agents ORDER BY name", [], agents::read)?,
                keys: all(transaction, held, ["agent"], credentials::read)?,
                operators: operators::all_of(transaction)?,
                tokens: all(transaction, held, ["operator"], credentials::read)?,
                rule_sets: all(transaction, "SELECT * FROM rule_sets ORDER BY name", [], rules::read_set)?,
                rules: all(transaction, in_use, [], rules::read_version)?,
                settings: settings::all_of(transaction)?,
                denies: all(transaction, "SELECT * FROM denies ORDER BY kind, key", [], denies::read)?,
                freezes: freezes::all_of(transaction)?,
                approvals: approvals::all_of(transaction)?,
                delegations: delegations::all_of(transaction)?,
            })
        })
    }
}
