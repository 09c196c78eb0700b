//! What the engine knows of agents and sessions, as bytes that mean nothing here.

use action::Name;
use rusqlite::Row;

use super::bounds::{FACTS_BYTES, check_bytes};
use super::{FactsRow, State, one};
use crate::row::{count, number, time, word};
use crate::{DatabaseError, WriteError};

impl State {
    /// Saves all of them or none. A row that is older than the one that is there is passed over: two
    /// savers may come in either order.
    pub fn save_facts(&self, rows: &[FactsRow]) -> Result<(), WriteError> {
        self.database.write("save facts", |transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO facts (agent, session, bytes, version, updated) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (agent, session) DO UPDATE
                 SET bytes = excluded.bytes, version = excluded.version, updated = excluded.updated
                 WHERE excluded.version > version",
            )?;
            for row in rows {
                check_bytes(
                    row.bytes.len(),
                    FACTS_BYTES,
                    "the facts of an agent or session have at most 1 MiB",
                )?;
                statement.execute((
                    row.agent.as_str(),
                    row.session.as_ref().map_or("", Name::as_str),
                    &row.bytes,
                    number(row.version),
                    row.updated.millis(),
                ))?;
            }
            Ok(())
        })
    }

    pub fn agent_facts(&self, agent: &Name) -> Result<Option<FactsRow>, DatabaseError> {
        self.facts(agent, "")
    }

    pub fn session_facts(&self, agent: &Name, session: &Name) -> Result<Option<FactsRow>, DatabaseError> {
        self.facts(agent, session.as_str())
    }

    fn facts(&self, agent: &Name, session: &str) -> Result<Option<FactsRow>, DatabaseError> {
        self.database.read("read facts", |transaction| {
            let sql = "SELECT * FROM facts WHERE agent = ?1 AND session = ?2";
            one(transaction, sql, (agent.as_str(), session), read)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<FactsRow> {
    let session: String = row.get("session")?;
    Ok(FactsRow {
        agent: word(row, "agent")?,
        session: if session.is_empty() { None } else { Some(word(row, "session")?) },
        bytes: row.get("bytes")?,
        version: count(row, "version")?,
        updated: time(row, "updated")?,
    })
}
