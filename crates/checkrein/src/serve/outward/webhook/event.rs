//! What webhooks tell of: a closed list, and which record is which.

use action::{Name, Severity, Verdict};
use ledger::{ApprovalStep, OperatorPart, Record, RecordKind};

macro_rules! events {
    ($($(#[$meta:meta])* $event:ident = $word:literal,)+) => {
        /// One kind of event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event { $($(#[$meta])* $event,)+ }

        impl Event {
            pub const ALL: &'static [Event] = &[$(Event::$event,)+];

            /// The `type` of a delivery.
            pub const fn as_str(self) -> &'static str {
                match self { $(Event::$event => $word,)+ }
            }
        }
    };
}

events! {
    /// An action was refused.
    DecisionBlocked = "decision.blocked",
    /// An action ran, and somebody should know.
    DecisionAlert = "decision.alert",
    /// An action ran in another form than it was asked for.
    DecisionConstrained = "decision.constrained",
    /// An action waits for a person.
    ApprovalRequested = "approval.requested",
    /// It was approved, denied or cancelled, or nobody decided in time.
    ApprovalDecided = "approval.decided",
    /// It was handed to its caller to run.
    ApprovalReleased = "approval.released",
    /// Something is worth attention; a team was alerted.
    Finding = "finding",
    /// An agent or a scope was stopped: by a rule, or by an operator.
    AgentFrozen = "agent.frozen",
    /// An operator set an agent's status: frozen, suspended, active or inactive.
    AgentStatus = "agent.status",
    /// Rules changed.
    RulesChanged = "rules.changed",
    /// What operators set beside the rules changed: settings, refusals, access.
    SettingsChanged = "settings.changed",
    /// What was kept of a person was destroyed.
    Erasure = "erasure",
    /// Records are missing from the ledger, or a key of it changed.
    Ledger = "ledger",
    /// The server started.
    Started = "server.started",
}

impl Event {
    /// The event that a record is; none for records that concern nobody outside.
    pub fn of(record: &Record) -> Option<Event> {
        match record.kind {
            RecordKind::Decision => match record.decision.as_ref()?.effective {
                Verdict::Block => Some(Event::DecisionBlocked),
                Verdict::Alert => Some(Event::DecisionAlert),
                Verdict::Constrain => Some(Event::DecisionConstrained),
                // What waits is told of by its request.
                Verdict::Allow | Verdict::Sandbox | Verdict::Approve => None,
            },
            RecordKind::Approval => match record.approval.as_ref()?.step {
                ApprovalStep::Requested => Some(Event::ApprovalRequested),
                ApprovalStep::Approved
                | ApprovalStep::Denied
                | ApprovalStep::Expired
                | ApprovalStep::Cancelled => Some(Event::ApprovalDecided),
                ApprovalStep::Released => Some(Event::ApprovalReleased),
                ApprovalStep::Voted => None,
            },
            RecordKind::Finding => Some(Event::Finding),
            RecordKind::Operator => of_act(record.operator.as_ref()?),
            RecordKind::Policy => Some(Event::RulesChanged),
            RecordKind::Erasure => Some(Event::Erasure),
            RecordKind::Key | RecordKind::Gap => Some(Event::Ledger),
            RecordKind::Boot => Some(Event::Started),
            RecordKind::Clock | RecordKind::Outcome | RecordKind::ShardOpen | RecordKind::ShardSeal => None,
        }
    }
}

/// Acts are named `what.how`; which of them change what others rely on. Reading changes nothing.
fn of_act(part: &OperatorPart) -> Option<Event> {
    let (what, how) = part.act.as_str().split_once('.')?;
    match (what, how) {
        // The report of what an order did is for the ledger; that it did not hold is a finding.
        ("containment", "effect") => None,
        ("containment", _) | ("freeze", "create") => Some(Event::AgentFrozen),
        ("agent", "status") | ("freeze", _) => Some(Event::AgentStatus),
        ("rules", _) => Some(Event::RulesChanged),
        ("settings" | "approval_policy" | "delegation" | "deny", _) => Some(Event::SettingsChanged),
        ("operator" | "token" | "key" | "agent", _) => Some(Event::SettingsChanged),
        _ => None,
    }
}

/// Which events of the chosen kinds are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub events: Vec<Event>,
    /// Alerts of rules for these teams only; all when empty.
    pub teams: Vec<Name>,
    /// Findings from this severity on.
    pub severity: Option<Severity>,
}

impl Filter {
    pub fn takes(&self, record: &Record) -> Option<Event> {
        let event = Event::of(record).filter(|event| self.events.contains(event))?;
        if let Some(finding) = &record.finding {
            if self.severity.is_some_and(|least| finding.severity < least) {
                return None;
            }
            let team = finding.rule.as_str().strip_prefix("alert.");
            let other = |team: &str| self.teams.iter().all(|wanted| wanted.as_str() != team);
            if !self.teams.is_empty() && team.is_some_and(other) {
                return None;
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use ledger::{FindingPart, Nanos};

    use super::*;

    fn act(word: &str) -> Option<Event> {
        let mut record = Record::new(RecordKind::Operator, Nanos(1));
        let name = |text| Name::new(text).unwrap();
        record.operator = Some(OperatorPart { act: name(word), by: name("p"), on: None });
        Event::of(&record)
    }

    #[test]
    fn acts_that_only_read_are_told_to_nobody() {
        for word in ["content.read", "acts.read", "ledger.read", "webhook.test", "approval.approve", "odd"] {
            assert_eq!(act(word), None, "{word}");
        }
        assert_eq!(act("containment.freeze_agent"), Some(Event::AgentFrozen));
        assert_eq!(act("containment.effect"), None);
        assert_eq!(act("freeze.create"), Some(Event::AgentFrozen));
        assert_eq!(
            (act("agent.status"), act("freeze.lift")),
            (Some(Event::AgentStatus), Some(Event::AgentStatus))
        );
        assert_eq!(act("rules.move"), Some(Event::RulesChanged));
        assert_eq!(act("deny.create"), Some(Event::SettingsChanged));
    }

    #[test]
    fn findings_are_told_by_severity_and_alerts_by_team() {
        let name = |text| Name::new(text).unwrap();
        let finding = |rule, severity| {
            let mut record = Record::new(RecordKind::Finding, Nanos(1));
            record.finding = Some(FindingPart { of: None, rule: name(rule), severity });
            record
        };
        let filter = Filter {
            events: vec![Event::Finding],
            teams: vec![name("security")],
            severity: Some(Severity::Medium),
        };
        assert_eq!(filter.takes(&finding("alert.security", Severity::High)), Some(Event::Finding));
        assert_eq!(filter.takes(&finding("alert.privacy", Severity::High)), None);
        assert_eq!(filter.takes(&finding("outcome.contradicts", Severity::High)), Some(Event::Finding));
        assert_eq!(filter.takes(&finding("outcome.contradicts", Severity::Low)), None);
        let none = Filter { events: vec![Event::Erasure], ..Filter::default() };
        assert_eq!(none.takes(&finding("outcome.contradicts", Severity::Critical)), None);
    }
}
