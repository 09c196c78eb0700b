//! The gateway's ports, filled by the store and the ledger.

use std::sync::Arc;

use action::{Containment, Name, Timestamp};
use gateway::limits::MAX_REPLIES;
use gateway::ports::{
    Contain, Contained, FactKey, FactStore, Order, Past, PastDecision, Piece, Unavailable, Vault, Whose,
};
use ledger::{Clock, Ledger};
use store::{AgentStatus, Content, DenyEntry, DenyKind, FactsRow, Index, Put, Salt, State, Subject};

/// Facts in the store's state database.
pub struct Facts {
    pub state: Arc<State>,
    pub clock: Arc<dyn Clock>,
}

impl FactStore for Facts {
    fn load(&self, key: &FactKey) -> Result<Option<Vec<u8>>, Unavailable> {
        let row = match key {
            FactKey::Agent(agent) => self.state.agent_facts(agent),
            FactKey::Session(agent, session) => self.state.session_facts(agent, session),
        };
        row.map(|row| row.map(|row| row.bytes))
            .map_err(|error| unavailable("what is known of the agent", &error))
    }

    fn save(&self, batch: &[(FactKey, Vec<u8>)]) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let version = u64::try_from(now.0).unwrap_or(0);
        let rows: Vec<FactsRow> = batch
            .iter()
            .map(|(key, bytes)| {
                let (agent, session) = match key {
                    FactKey::Agent(agent) => (agent.clone(), None),
                    FactKey::Session(agent, session) => (agent.clone(), Some(session.clone())),
                };
                FactsRow { agent, session, bytes: bytes.clone(), version, updated: now.timestamp() }
            })
            .collect();
        self.state.save_facts(&rows).map_err(|error| unavailable("saving what was learned", &error))
    }
}

/// Content in the store's content database.
pub struct Kept {
    pub content: Arc<Content>,
    pub clock: Arc<dyn Clock>,
}

fn subject(whose: &Whose) -> Subject {
    match whose {
        Whose::Person(identity) => Subject::Person(identity.to_string().into()),
        Whose::Session { agent, session } => {
            Subject::Session { agent: agent.clone(), session: session.clone() }
        }
        Whose::Agent(agent) => Subject::Agent(agent.clone()),
    }
}

impl Vault for Kept {
    fn pseudonym(&self, whose: &Whose) -> Result<Name, Unavailable> {
        let now: Timestamp = self.clock.now().timestamp();
        self.content.pseudonym(&subject(whose), now).map_err(|error| unavailable("the pseudonyms", &error))
    }

    fn known(&self, whose: &Whose) -> Option<Name> {
        self.content.known(&subject(whose), self.clock.now().timestamp())
    }

    fn keep(&self, piece: Piece) {
        let (of, subject) = (piece.of.clone(), piece.subject);
        let piece = store::Piece {
            of: piece.of,
            role: piece.role,
            level: piece.capture,
            salt: Salt::from_bytes(piece.salt),
            content: piece.bytes.into(),
            time: self.clock.now().timestamp(),
        };
        if self.content.put(&subject, piece) == Put::Shed {
            tracing::warn!(decision = %of, "content was not kept: too much at once, or the disk is nearly full");
        }
    }
}

/// Containment by what the store keeps: it holds over retries, reconnects and restarts, until an
/// operator lifts it.
pub struct Contains {
    pub state: Arc<State>,
    pub clock: Arc<dyn Clock>,
}

impl Contain for Contains {
    fn contain(&self, order: &Order) -> Result<Contained, Unavailable> {
        let now = self.clock.now().timestamp();
        let reason = format!("ordered by a rule, decision {}", order.decision);
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, containment = order.what.as_str(), "not contained");
            Unavailable { what: "containment" }
        };
        match (order.what, &order.session) {
            (Containment::TerminateSession, Some(session)) => {
                let entry = DenyEntry {
                    kind: DenyKind::Session,
                    key: session.clone(),
                    reason,
                    operator: Name::new("checkrein").map_err(|error| failed(&error))?,
                    created: now,
                    expires: None,
                    hits: 0,
                };
                self.state.deny(&entry).map(|_| Contained::Done).map_err(|error| failed(&error))
            }
            // Without a session of its own, all that the agent does is one session.
            (Containment::TerminateSession | Containment::FreezeAgent, _) => {
                let frozen = AgentStatus::Frozen { until: None, reason };
                let done = self.state.set_agent_status(&order.agent, &frozen, None, now);
                done.map(|_| Contained::Done).map_err(|error| failed(&error))
            }
            // Workloads are held by the kernel sensor, which is not part of this server.
            (Containment::QuarantineWorkload, _) => Ok(Contained::NotHere),
        }
    }
}

/// Earlier decisions: found in the index, which is behind the ledger by moments.
pub struct Earlier {
    pub index: Arc<Index>,
    pub ledger: Ledger,
    /// Records that were there at the start. Until the index has read them, "not found" means nothing.
    pub start: u64,
}

impl Earlier {
    /// Whether what is not in the index can only be among the answers that are still remembered. To
    /// say that a question was never decided when it was would have it decided twice.
    fn knows_enough(&self) -> Result<bool, Unavailable> {
        let next = self.index.next().map_err(|error| unavailable("earlier decisions", &error))?;
        let behind = self.ledger.head().durable.saturating_sub(next);
        Ok(next >= self.start && behind < MAX_REPLIES as u64)
    }
}

impl Past for Earlier {
    fn decision(&self, id: &Name) -> Result<Option<PastDecision>, Unavailable> {
        // Before the look-up: what the index reads in between must not count as looked for.
        let knows_enough = self.knows_enough()?;
        let found = self.index.decision(id).map_err(|error| unavailable("earlier decisions", &error))?;
        let Some(history) = found else {
            return if knows_enough { Ok(None) } else { Err(Unavailable { what: "earlier decisions" }) };
        };
        let row = history.decision;
        let Some(agent) = row.agent else { return Ok(None) };
        let stored = self.ledger.read(row.sequence, 1).map_err(|error| unavailable("the ledger", &error))?;
        let payload = stored.first().and_then(|stored| stored.record.decision.as_ref()?.payload);
        Ok(Some(PastDecision {
            agent,
            payload,
            verdict: row.verdict,
            effective: row.effective,
            released: history.hold.is_some_and(|hold| hold.released),
            sequence: row.sequence,
        }))
    }
}

fn unavailable(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Unavailable {
    tracing::error!(what, error, "not available");
    Unavailable { what }
}
