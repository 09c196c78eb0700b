//! What is done about a decision, and how its record must be kept.

use action::{Action, Decision, Environment, Severity, Verdict};
use engine::Changed;
use engine::redact::{Mode, Options, Redactor};
use ledger::Promise;

use super::Guard;
use super::facts::session_of;
use crate::book::Scope;

/// What is done about one decision.
pub(super) enum Plan {
    Run,
    Change(Box<Changed>),
    /// Runs where nothing of it stays, in this form where a rule changes it.
    Isolate(Option<Box<Changed>>),
    Hold,
    Refuse,
}

impl Plan {
    /// The verdict that is carried out.
    pub(super) const fn verdict(&self) -> Verdict {
        match self {
            Plan::Run => Verdict::Allow,
            Plan::Change(_) => Verdict::Constrain,
            Plan::Isolate(_) => Verdict::Sandbox,
            Plan::Hold => Verdict::Approve,
            Plan::Refuse => Verdict::Block,
        }
    }

    pub(super) fn changed(&self) -> Option<&Changed> {
        match self {
            Plan::Change(changed) => Some(changed),
            Plan::Isolate(changed) => changed.as_deref(),
            Plan::Run | Plan::Hold | Plan::Refuse => None,
        }
    }
}

impl Guard {
    /// What is done about a decision. A verdict that cannot be carried out here moves up.
    pub(super) fn plan(&self, decision: &Decision, action: &Action, scope: &Scope) -> Plan {
        let effective = match scope.isolate_effects && action.operation.has_effect() {
            true => decision.effective.max(Verdict::Sandbox),
            false => decision.effective,
        };
        match effective {
            Verdict::Allow | Verdict::Alert => Plan::Run,
            Verdict::Constrain => match self.change(decision, action) {
                Ok(changed) => Plan::Change(Box::new(changed)),
                Err(unfit) => {
                    tracing::info!(%unfit, "a change does not fit; a person decides instead");
                    Plan::Hold
                }
            },
            // What cannot be isolated waits for a person.
            Verdict::Sandbox => self.isolation(decision, action).unwrap_or(Plan::Hold),
            Verdict::Approve => Plan::Hold,
            Verdict::Block => Plan::Refuse,
        }
    }

    /// The plan to isolate an action. `None` where no adapter knows its target, or where a change that a
    /// rule asks for does not fit or leaves nothing to run.
    fn isolation(&self, decision: &Decision, action: &Action) -> Option<Plan> {
        if decision.constraints.is_empty() {
            return self.sandbox.fits(action).then_some(Plan::Isolate(None));
        }
        let changed = self.change(decision, action).ok().filter(|changed| changed.message.is_none())?;
        self.sandbox.fits(&changed.action).then(|| Plan::Isolate(Some(Box::new(changed))))
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
