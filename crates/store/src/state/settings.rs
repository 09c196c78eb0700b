//! Settings by scope and environment, and what holds for one agent.

use action::{Environment, Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::scope::{self, ScopeKey};
use super::{Change, Done, Scope, ScopeSettings, Settings, Snapshot, State, all, bounds, check_seen, one};
use crate::row::{Packed, count, number, packed, time};
use crate::{DatabaseError, WriteError};

impl State {
    /// Replaces the settings of a scope. `seen` is 0 for a scope that has none yet; none skips the
    /// comparison.
    pub fn put_settings(
        &self,
        scope: &Scope,
        environment: Option<Environment>,
        settings: &Settings,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<ScopeSettings> {
        self.change("settings.update", |transaction| {
            let on = scope::on(scope, environment).map_err(|_| unnamed())?;
            let have = by_scope(transaction, scope, environment)?;
            let version = match have {
                Some(have) if have.settings == *settings => return Ok(Change::none(have, &on)),
                Some(have) => have.version,
                None => {
                    bounds::SETTINGS.check(transaction)?;
                    0
                }
            };
            check_seen("settings of", &on, seen, version)?;
            let row = ScopeSettings {
                scope: scope.clone(),
                environment,
                settings: *settings,
                updated: now,
                version: version + 1,
            };
            let ScopeKey(kind, name, place) = scope::key(scope, environment);
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO settings (scope, scope_name, environment, settings, updated, version)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute((kind, name, place, Packed(settings), now.millis(), number(row.version)))?;
            Ok(Change::made(row, &on))
        })
    }

    /// All of them; there are at most 30,000.
    pub fn settings(&self) -> Result<Vec<ScopeSettings>, DatabaseError> {
        self.database.read("list settings", all_of)
    }
}

impl Snapshot {
    /// What holds for an agent: each setting from the narrowest scope that states it, and there from the
    /// environment before every environment.
    pub fn settings_for(
        &self,
        application: Option<&Name>,
        agent: &Name,
        environment: Environment,
    ) -> Settings {
        let rank =
            |row: &ScopeSettings| scope::rank(&row.scope, row.environment, application, agent, environment);
        let mut found: Vec<(u8, &Settings)> =
            self.settings.iter().filter_map(|row| Some((rank(row)?, &row.settings))).collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.iter().fold(Settings::default(), |narrow, (_, wide)| narrow.or(wide))
    }
}

impl Settings {
    /// These, and from `wider` what these leave open.
    #[must_use]
    pub fn or(self, wider: &Settings) -> Settings {
        Settings {
            mode: self.mode.or(wider.mode),
            fail_reads: self.fail_reads.or(wider.fail_reads),
            fail_effects: self.fail_effects.or(wider.fail_effects),
            capture: self.capture.or(wider.capture),
            explain: self.explain.or(wider.explain),
            isolate_effects: self.isolate_effects.or(wider.isolate_effects),
            decision_millis: self.decision_millis.or(wider.decision_millis),
            approval_seconds: self.approval_seconds.or(wider.approval_seconds),
            outcome_seconds: self.outcome_seconds.or(wider.outcome_seconds),
            requests_per_minute: self.requests_per_minute.or(wider.requests_per_minute),
            requests_per_day: self.requests_per_day.or(wider.requests_per_day),
            requests_per_month: self.requests_per_month.or(wider.requests_per_month),
        }
    }
}

pub(super) fn unnamed() -> WriteError {
    WriteError::Refused { code: "store.scope", why: "the name of the scope cannot be written in a record" }
}

fn by_scope(
    transaction: &Transaction<'_>,
    scope: &Scope,
    environment: Option<Environment>,
) -> rusqlite::Result<Option<ScopeSettings>> {
    let ScopeKey(kind, name, place) = scope::key(scope, environment);
    let sql = "SELECT * FROM settings WHERE scope = ?1 AND scope_name = ?2 AND environment = ?3";
    one(transaction, sql, (kind, name, place), read)
}

pub(super) fn all_of(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<ScopeSettings>> {
    all(transaction, "SELECT * FROM settings ORDER BY scope, scope_name, environment", [], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ScopeSettings> {
    let (scope, environment) = scope::read(row)?;
    Ok(ScopeSettings {
        scope,
        environment,
        settings: packed(row, "settings")?,
        updated: time(row, "updated")?,
        version: count(row, "version")?,
    })
}
