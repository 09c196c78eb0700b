//! Running an action where nothing of it stays, once its decision is on the ledger.

use std::sync::Arc;

use action::{Action, Capture, Decision, Json, Name, Severity, Timestamp};
use engine::Changed;
use ledger::{
    AgentPart, Commitment, Committed, Nanos, OutcomePart, Promise, Receipt, Record, RecordKind, Report,
};

use super::entry::named;
use super::{Guard, Passage, Passed};
use crate::book::Scope;
use crate::ports::{Isolated, NotIsolated};
use crate::refuse::Refusal;

/// An action that is on the ledger and waits to be run in isolation.
pub(super) struct Isolation {
    pub id: Name,
    pub action: Action,
    /// The form that runs, where a rule changed it.
    pub changed: Option<Box<Changed>>,
    pub decision: Decision,
    pub receipt: Receipt,
    pub scope: Arc<Scope>,
    /// Whose content it carries, and on whose behalf it is, as pseudonyms.
    pub subject: Name,
    pub principal: Option<Name>,
    pub now: Timestamp,
}

impl Guard {
    /// Runs it. What cannot be isolated waits for a person; it never runs for real.
    pub(super) async fn isolate(&self, isolation: Isolation) -> Result<Passed, Refusal> {
        let form = isolation.changed.as_ref().map_or(&isolation.action, |changed| &changed.action);
        let run = self.sandbox.run(form.clone()).await;
        let (passage, unisolated) = match run {
            Ok(isolated) => {
                let record = self.run_of(&isolation, &isolated);
                // Without a record of the run its result is not handed out.
                let noted = self.note(record, Promise::Synced).await;
                self.meter.isolated(isolated.adapter, if noted.is_ok() { "ran" } else { "unrecorded" });
                noted?;
                (Passage::Isolated(Box::new(isolated.result)), None)
            }
            Err(refused) => {
                self.meter.isolated(refused.adapter, refused.why);
                (self.held_instead(&isolation, refused).await?, Some(refused.why))
            }
        };
        let Isolation { id, decision, receipt, scope, .. } = isolation;
        Ok(Passed { id, decision, passage, receipt: Some(receipt), scope, unisolated })
    }

    async fn held_instead(&self, it: &Isolation, refused: NotIsolated) -> Result<Passage, Refusal> {
        let agent = &it.action.agent.name;
        tracing::info!(decision = %it.id, adapter = refused.adapter, why = refused.why,
            "not isolated; a person decides instead");
        let held = self.hold(&it.id, &it.action, &it.decision, &it.scope, it.principal.clone(), it.now);
        let mut finding = self.finding(&it.id, agent, "sandbox.refused", Severity::Low);
        finding.notes.insert(named("adapter"), named(refused.adapter));
        finding.notes.insert(named("why"), named(refused.why));
        // That it could not be written was logged where it happened; the hold is what counts.
        let _ = self.note(finding, Promise::Synced).await;
        Ok(Passage::Held(held.await?))
    }

    /// The record of a run: where, how many writes, and commitments to what was captured.
    fn run_of(&self, it: &Isolation, run: &Isolated) -> Record {
        let mut record = Record::new(RecordKind::Outcome, Nanos::at(self.clock.now().timestamp()));
        let agent = &it.action.agent;
        record.agent = Some(AgentPart { name: agent.name.clone(), version: agent.version.clone() });
        record.principal = it.principal.clone();
        record.session = it.action.session.as_ref().map(|session| session.id.clone());
        record.trace = it.action.session.as_ref().and_then(|session| session.trace);
        record.outcome = Some(OutcomePart { of: it.id.clone(), report: Report::Isolated });
        record.notes.insert(named("adapter"), named(run.adapter));
        record.notes.insert(named("writes"), named(&run.writes.to_string()));
        record.commitments = [
            (Committed::Sandbox, self.kept(it, Committed::Sandbox, &run.captured, &run.outline)),
            (Committed::Result, self.kept(it, Committed::Result, &run.result, &shape(&run.result))),
        ]
        .into();
        record
    }

    /// Commits to one piece in the form in which its scope keeps content. What came out of a database
    /// was never looked through for sensitive values, so a scope that keeps content redacted keeps its
    /// outline.
    fn kept(&self, it: &Isolation, role: Committed, whole: &Json, outline: &Json) -> Commitment {
        let form = match it.scope.capture {
            Capture::Full | Capture::Metadata => whole,
            Capture::Redacted => outline,
        };
        let bytes = serde_json::to_vec(form).unwrap_or_default();
        self.commit(&it.id, &it.subject, &it.scope, role, bytes)
    }
}

/// A value with its content left out: keys, and of what kind each value is.
fn shape(json: &Json) -> Json {
    match json {
        Json::Null => Json::Null,
        Json::Bool(_) => Json::Text("flag".to_owned()),
        Json::Number(_) => Json::Text("number".to_owned()),
        Json::Text(_) => Json::Text("text".to_owned()),
        Json::List(items) => Json::List(items.iter().map(shape).collect()),
        Json::Object(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), shape(value))).collect())
        }
    }
}
