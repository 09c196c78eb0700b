//! What callers report of the effect, and what it means that they do not.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use action::{Json, Name, Severity, Timestamp, Verdict};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use ledger::{AgentPart, ApprovalStep, Nanos, OutcomePart, Promise, Record, RecordKind, Report};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::guard::CAME_OF;
use crate::identity::Caller;
use crate::limits::{MAX_AWAITED, OUTCOME_WITHIN};
use crate::refuse::Refusal;

/// The body of a report.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeReport {
    pub outcome: Reported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reported {
    Executed,
    Failed,
    NotExecuted,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Accepted {
    /// Whether the report agrees with the decision. If not, a finding was raised.
    pub agrees: bool,
}

/// Decisions whose outcome is awaited. After a restart it is rebuilt from the ledger.
#[derive(Default)]
pub struct Awaited(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    by_id: HashMap<Name, One>,
    /// By deadline, then by id.
    by_time: BTreeMap<(Timestamp, Name), ()>,
}

struct One {
    agent: Name,
    carried: Verdict,
    deadline: Timestamp,
}

/// A report that is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    pub id: Name,
    pub agent: Name,
}

impl Awaited {
    pub fn expect(&self, id: &Name, agent: &Name, carried: Verdict, now: Timestamp) {
        let within = i64::try_from(OUTCOME_WITHIN.as_millis()).unwrap_or(i64::MAX);
        let deadline = now.plus_millis(within);
        let mut waiting = self.lock();
        waiting.by_time.insert((deadline, id.clone()), ());
        waiting.by_id.insert(id.clone(), One { agent: agent.clone(), carried, deadline });
    }

    /// Ends the wait for one; gives back what was carried out.
    fn arrived(&self, id: &Name) -> Option<(Name, Verdict)> {
        let mut waiting = self.lock();
        let one = waiting.by_id.remove(id)?;
        waiting.by_time.remove(&(one.deadline, id.clone()));
        Some((one.agent, one.carried))
    }

    /// Takes those whose time is up, and the oldest beyond the bound. Nobody has to report that
    /// nothing happened after a block.
    pub fn overdue(&self, now: Timestamp) -> Vec<Overdue> {
        let mut waiting = self.lock();
        let mut overdue = Vec::new();
        while let Some(((deadline, id), ())) = waiting.by_time.first_key_value() {
            if *deadline > now && waiting.by_id.len() <= MAX_AWAITED {
                break;
            }
            let key = (*deadline, id.clone());
            waiting.by_time.remove(&key);
            let one = waiting.by_id.remove(&key.1).filter(|one| one.carried != Verdict::Block);
            overdue.extend(one.map(|one| Overdue { id: key.1, agent: one.agent }));
        }
        overdue
    }

    /// Rebuilds it from the ledger, record by record in their order.
    pub fn replay(&self, record: &Record) {
        let at = record.time.timestamp();
        let agent = record.agent.as_ref().map(|agent| &agent.name);
        let effect = record.action.as_ref().is_some_and(|action| action.operation.has_effect());
        let by_a_model = record.notes.keys().any(|note| note.as_str() == CAME_OF);
        let decided =
            record.decision.as_ref().filter(|it| effect && !by_a_model && it.effective < Verdict::Sandbox);
        if let (Some(decision), Some(agent)) = (decided, agent) {
            self.expect(&decision.id, agent, decision.effective, at);
        }
        let released = record.approval.as_ref().filter(|it| it.step == ApprovalStep::Released);
        if let (Some(approval), Some(agent)) = (released, agent) {
            self.expect(&approval.of, agent, Verdict::Allow, at);
        }
        if let Some(outcome) = &record.outcome {
            self.arrived(&outcome.of);
        }
    }

    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    pub async fn outcome(&self, caller: &Caller, id: &Name, body: &Bytes) -> Result<Response, Refusal> {
        let report: OutcomeReport = Json::parse_as(body).map_err(Refusal::Malformed)?;
        let carried = match self.awaited.arrived(id) {
            Some((agent, carried)) if agent == caller.agent.name => carried,
            Some((agent, carried)) => {
                self.awaited.expect(id, &agent, carried, self.guard.clock.now().timestamp());
                return Err(Refusal::NotYours);
            }
            None => {
                let seen = self.seen(id).await?.ok_or(Refusal::UnknownDecision)?;
                if seen.agent != caller.agent.name {
                    return Err(Refusal::NotYours);
                }
                seen.carried
            }
        };
        let agrees = agrees(carried, report.outcome);
        let mut records =
            vec![outcome(&caller.agent.name, id, report.outcome.into(), self.guard.clock.now())];
        if !agrees {
            tracing::warn!(decision = %id, reported = ?report.outcome, "the report contradicts the decision");
            records.push(self.guard.finding(
                id,
                &caller.agent.name,
                "outcome.contradicts",
                Severity::Critical,
            ));
        }
        for record in records {
            self.guard.note(record, Promise::Synced).await?;
        }
        Ok((StatusCode::ACCEPTED, axum::Json(Accepted { agrees })).into_response())
    }

    /// Records that no report came. For the composition's clock.
    pub async fn report_missing(&self, now: Timestamp) -> usize {
        let overdue = self.awaited.overdue(now);
        for late in &overdue {
            let at = self.guard.clock.now();
            let missing = outcome(&late.agent, &late.id, Report::Missing, at);
            let finding = self.guard.finding(&late.id, &late.agent, "outcome.missing", Severity::Medium);
            for record in [missing, finding] {
                if self.guard.note(record, Promise::Synced).await.is_err() {
                    tracing::error!(decision = %late.id, "a missing outcome could not be recorded");
                }
            }
        }
        overdue.len()
    }
}

/// Whether what is said to have happened is what was decided.
const fn agrees(carried: Verdict, reported: Reported) -> bool {
    match (carried, reported) {
        (Verdict::Allow | Verdict::Alert | Verdict::Constrain, _) | (_, Reported::NotExecuted) => true,
        // A caller may not run what was isolated, is held or was refused.
        (Verdict::Sandbox | Verdict::Approve | Verdict::Block, Reported::Executed | Reported::Failed) => {
            false
        }
    }
}

impl From<Reported> for Report {
    fn from(reported: Reported) -> Self {
        match reported {
            Reported::Executed => Report::Executed,
            Reported::Failed => Report::Failed,
            Reported::NotExecuted => Report::NotExecuted,
        }
    }
}

fn outcome(agent: &Name, of: &Name, report: Report, now: Nanos) -> Record {
    let mut record = Record::new(RecordKind::Outcome, now);
    record.agent = Some(AgentPart { name: agent.clone(), version: None });
    record.outcome = Some(OutcomePart { of: of.clone(), report });
    record
}
