//! What a decision sets off beside its answer: alerts for people, and containment.

use std::sync::Arc;

use action::{Containment, Decision, Mode, Name, Severity, Timestamp};
use ledger::{AgentPart, FindingPart, OperatorPart, Promise, Record, RecordKind};

use super::Guard;
use super::effects::{Reach, SESSION};
use super::entry::named;
use crate::book::Registration;
use crate::ports::{Contained, Order};

impl Guard {
    /// A finding for each alert of a decision. Nobody is alerted of what is only tried out.
    pub(super) fn alerts(&self, id: &Name, agent: &Name, decision: &Decision) -> Vec<Record> {
        if decision.mode == Mode::Simulate {
            return Vec::new();
        }
        let finding =
            |alert: &action::Alert| self.finding(id, agent, &format!("alert.{}", alert.team), alert.severity);
        decision.alerts.iter().map(finding).collect()
    }

    /// Carries out what a decision orders against its agent or session. The order is on the ledger
    /// before it is carried out, with how far it reaches; what did not work is a finding, and what it did
    /// is reported afterwards.
    pub(super) async fn contain(
        self: &Arc<Self>,
        id: &Name,
        agent: &Registration,
        session: Option<Name>,
        decision: &Decision,
        now: Timestamp,
    ) {
        if decision.mode != Mode::Enforce {
            return;
        }
        for what in &decision.containment {
            if *what == Containment::FreezeAgent && agent.is_frozen(now) {
                continue;
            }
            let order = Order {
                what: *what,
                agent: agent.name.clone(),
                session: session.clone(),
                decision: id.clone(),
            };
            if self.note(self.ordered(&order), Promise::Synced).await.is_err() {
                continue;
            }
            let port = Arc::clone(&self.containment);
            let reach = order.reach();
            let done = tokio::task::spawn_blocking(move || port.contain(&order)).await;
            let fault = match done {
                Ok(Ok(Contained::Done)) => {
                    if self.effects.watch(reach, id, self.clock.elapsed()) {
                        continue;
                    }
                    "containment.unwatched"
                }
                Ok(Ok(Contained::NotHere)) => "containment.unavailable",
                Ok(Err(_)) | Err(_) => "containment.failed",
            };
            tracing::error!(decision = %id, containment = what.as_str(), fault, "containment is in doubt");
            let finding = self.finding(id, &agent.name, fault, Severity::Critical);
            // That it could not be written was logged where it happened.
            let _ = self.note(finding, Promise::Synced).await;
        }
    }

    fn ordered(&self, order: &Order) -> Record {
        let Reach { agent, session } = order.reach();
        let radius = match (order.what, &session) {
            (Containment::QuarantineWorkload, _) => "workload",
            (Containment::TerminateSession | Containment::FreezeAgent, Some(_)) => SESSION,
            (Containment::TerminateSession | Containment::FreezeAgent, None) => "agent",
        };
        // How far it reaches, before it does: sessions that are known of the agent.
        let sessions = session.as_ref().map_or_else(|| self.memory.sessions(&agent), |_| 1);
        let mut record = Record::new(RecordKind::Operator, self.clock.now());
        record.operator = Some(OperatorPart {
            act: named(&format!("containment.{}", order.what.as_str())),
            by: named("checkrein"),
            on: Some(session.unwrap_or(agent)),
        });
        record.notes.insert(named("decision"), order.decision.clone());
        record.notes.insert(named("agent"), order.agent.clone());
        record.notes.insert(named("radius"), named(radius));
        record.notes.insert(named("sessions"), named(&sessions.to_string()));
        record
    }

    /// A finding about one decision.
    pub(crate) fn finding(&self, of: &Name, agent: &Name, rule: &str, severity: Severity) -> Record {
        let mut record = Record::new(RecordKind::Finding, self.clock.now());
        record.agent = Some(AgentPart { name: agent.clone(), version: None });
        record.finding = Some(FindingPart { of: Some(of.clone()), rule: named(rule), severity });
        record
    }
}

impl Order {
    /// Whom it stops. Without a session of its own, all that the agent does is one session.
    fn reach(&self) -> Reach {
        let session = match self.what {
            Containment::TerminateSession => self.session.clone(),
            Containment::FreezeAgent | Containment::QuarantineWorkload => None,
        };
        Reach { agent: self.agent.clone(), session }
    }
}
