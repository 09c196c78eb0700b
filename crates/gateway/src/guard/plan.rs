//! What is done about a decision, and how its record must be kept.

use action::{Action, Decision, Environment, Severity, Verdict};
use engine::Changed;
use engine::redact::{Mode, Options, Redactor};
use ledger::Promise;

use super::Guard;
use super::facts::session_of;

/// What is done about one decision.
pub(super) enum Plan {
    Run,
    Change(Box<Changed>),
    Hold,
    Refuse,
}

impl Plan {
    /// The verdict that is carried out.
    pub(super) const fn verdict(&self) -> Verdict {
        match self {
            Plan::Run => Verdict::Allow,
            Plan::Change(_) => Verdict::Constrain,
            Plan::Hold => Verdict::Approve,
            Plan::Refuse => Verdict::Block,
        }
    }

    pub(super) fn changed(&self) -> Option<&Changed> {
        match self {
            Plan::Change(changed) => Some(changed),
            Plan::Run | Plan::Hold | Plan::Refuse => None,
        }
    }
}

impl Guard {
    /// What is done about a decision. A verdict that cannot be carried out here moves up.
    pub(super) fn plan(&self, decision: &Decision, action: &Action) -> Plan {
        match decision.effective {
            Verdict::Allow | Verdict::Alert => Plan::Run,
            Verdict::Constrain => match self.change(decision, action) {
                Ok(changed) => Plan::Change(Box::new(changed)),
                Err(unfit) => {
                    tracing::info!(%unfit, "a change does not fit; a person decides instead");
                    Plan::Hold
                }
            },
            // Nothing here can isolate an action, and what cannot be isolated waits for a person.
            Verdict::Sandbox | Verdict::Approve => Plan::Hold,
            Verdict::Block => Plan::Refuse,
        }
    }

    pub(super) fn change(&self, decision: &Decision, action: &Action) -> Result<Changed, engine::Unfit> {
        engine::change(action, decision, &mut self.mask(action))
    }

    /// What replaces sensitive values of one session.
    pub(super) fn mask(&self, action: &Action) -> Redactor {
        let key = self.redaction.narrowed(session_of(action).as_str());
        Redactor::new(Mode::Mask, key, Options::default())
    }
}

/// Whether the record must be on the disk before the answer leaves: whenever the action changes
/// something, is risky, or does not simply run.
pub(super) fn promise(action: &Action, decision: &Decision, carried: Verdict) -> Promise {
    let risky = decision.score.level() >= Severity::High
        || decision.verdict >= Verdict::Sandbox
        || decision.detections.iter().any(|hit| hit.severity >= Severity::High);
    if action.operation.has_effect() || risky || carried != Verdict::Allow || is_live(action) {
        Promise::Synced
    } else {
        Promise::Windowed
    }
}

/// Grants and payments have an effect whatever operation they claim.
fn is_live(action: &Action) -> bool {
    use action::ActionKind::{Payment, PrivilegeChange};
    matches!(action.kind, Payment | PrivilegeChange) && action.environment == Environment::Production
}
