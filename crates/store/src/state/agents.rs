//! Agents: registered by operators, never by themselves.

use action::{Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::bounds::{self, check_note};
use super::{
    Agent, AgentProfile, AgentStatus, Change, Done, State, all, check_seen, identities, missing, one, taken,
};
use crate::row::{Packed, count, number, packed, time, word};
use crate::{DatabaseError, Limit, Page, WriteError};

const WHAT: &str = "agent";

impl State {
    pub fn add_agent(&self, name: &Name, profile: &AgentProfile, now: Timestamp) -> Done<Agent> {
        self.change("agent.create", |transaction| {
            if let Some(agent) = by_name(transaction, name)? {
                return if agent.profile == *profile && agent.version == 1 {
                    Ok(Change::none(agent, name))
                } else {
                    Err(taken(WHAT, name).into())
                };
            }
            bounds::AGENTS.check(transaction)?;
            identities::check(transaction, name, profile)?;
            let agent = Agent {
                name: name.clone(),
                profile: profile.clone(),
                status: AgentStatus::Active,
                created: now,
                updated: now,
                version: 1,
            };
            save(transaction, &agent)?;
            Ok(Change::made(agent, name))
        })
    }

    /// `seen` is the version that the caller had read; none skips the comparison.
    pub fn change_agent(
        &self,
        name: &Name,
        profile: &AgentProfile,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<Agent> {
        self.change("agent.update", |transaction| {
            let agent = by_name(transaction, name)?.ok_or_else(|| missing(WHAT, name))?;
            // First, so that a write that is sent twice is no conflict with itself.
            if agent.profile == *profile {
                return Ok(Change::none(agent, name));
            }
            check_seen(WHAT, name, seen, agent.version)?;
            identities::check(transaction, name, profile)?;
            let agent = Agent { profile: profile.clone(), updated: now, version: agent.version + 1, ..agent };
            save(transaction, &agent)?;
            Ok(Change::made(agent, name))
        })
    }

    pub fn set_agent_status(
        &self,
        name: &Name,
        status: &AgentStatus,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<Agent> {
        self.change(act_of(status), |transaction| {
            let agent = by_name(transaction, name)?.ok_or_else(|| missing(WHAT, name))?;
            if agent.status == *status {
                return Ok(Change::none(agent, name));
            }
            check_seen(WHAT, name, seen, agent.version)?;
            check_move(&agent.status, status)?;
            let agent = Agent { status: status.clone(), updated: now, version: agent.version + 1, ..agent };
            save(transaction, &agent)?;
            Ok(Change::made(agent, name))
        })
    }

    pub fn agent(&self, name: &Name) -> Result<Option<Agent>, DatabaseError> {
        self.database.read("read an agent", |transaction| by_name(transaction, name))
    }

    /// By name.
    pub fn agents(&self, after: Option<&Name>, limit: Limit) -> Result<Page<Agent, Name>, DatabaseError> {
        self.database.read("list agents", |transaction| {
            let sql = "SELECT * FROM agents WHERE name > ?1 ORDER BY name LIMIT ?2";
            let after = after.map_or("", Name::as_str);
            let rows = all(transaction, sql, (after, limit.one_more()), read)?;
            Ok(Page::of(rows, limit, |agent| agent.name.clone()))
        })
    }
}

const fn act_of(status: &AgentStatus) -> &'static str {
    match status {
        AgentStatus::Active => "agent.activate",
        AgentStatus::Suspended { .. } => "agent.suspend",
        AgentStatus::Frozen { .. } => "agent.freeze",
        AgentStatus::Inactive => "agent.retire",
    }
}

fn check_move(from: &AgentStatus, to: &AgentStatus) -> Result<(), WriteError> {
    let refused = |code, why| Err(WriteError::Refused { code, why });
    match (from, to) {
        (AgentStatus::Inactive, _) => {
            refused("agents.inactive", "a retired agent does not come back; register a new one")
        }
        // The freeze would end by itself and take the suspension with it.
        (AgentStatus::Suspended { .. }, AgentStatus::Frozen { .. }) => {
            refused("agents.suspended", "the agent is suspended, which holds it longer than a freeze")
        }
        (_, AgentStatus::Suspended { reason } | AgentStatus::Frozen { reason, .. }) => check_note(reason),
        (_, AgentStatus::Active | AgentStatus::Inactive) => Ok(()),
    }
}

fn save(transaction: &Transaction<'_>, agent: &Agent) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO agents (name, profile, status, created, updated, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            agent.name.as_str(),
            Packed(&agent.profile),
            Packed(&agent.status),
            agent.created.millis(),
            agent.updated.millis(),
            number(agent.version),
        ))
        .map(|_| ())
}

pub(super) fn by_name(transaction: &Transaction<'_>, name: &Name) -> rusqlite::Result<Option<Agent>> {
    one(transaction, "SELECT * FROM agents WHERE name = ?1", [name.as_str()], read)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        name: word(row, "name")?,
        profile: packed(row, "profile")?,
        status: packed(row, "status")?,
        created: time(row, "created")?,
        updated: time(row, "updated")?,
        version: count(row, "version")?,
    })
}
