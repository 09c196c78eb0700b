//! What is done about a decision, and how its record must be kept.

use action::{Action, Decision, Environment, Severity, Verdict};
use engine::Changed;
use ledger::Promise;

use super::Guard;
use super::plane::{Plane, Veil, lifted};
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

impl Plane {
    fn held(&self) -> Plan {
        if self.waits { Plan::Hold } else { Plan::Refuse }
    }
}

impl Guard {
    /// What is done about a decision. A verdict that cannot be carried out here moves up.
    pub(super) fn plan(&self, decision: &Decision, action: &Action, scope: &Scope, plane: &Plane) -> Plan {
        let effective = match scope.isolate_effects && action.operation.has_effect() {
            true => decision.effective.max(Verdict::Sandbox),
            false => decision.effective,
        };
        match effective {
            Verdict::Allow | Verdict::Alert => Plan::Run,
            Verdict::Constrain => match self.change(decision, action, plane.veil.as_ref()) {
                Ok(changed) => Plan::Change(Box::new(changed)),
                Err(unfit) => {
                    tracing::info!(%unfit, "a change does not fit; a person decides instead");
                    plane.held()
                }
            },
            // What cannot be isolated waits for a person.
            Verdict::Sandbox if plane.isolates => {
                self.isolation(decision, action).unwrap_or_else(|| plane.held())
            }
            Verdict::Sandbox | Verdict::Approve => plane.held(),
            Verdict::Block => Plan::Refuse,
        }
    }

    /// The plan to isolate an action. `None` where no adapter knows its target, or where a change that a
    /// rule asks for does not fit or leaves nothing to run.
    fn isolation(&self, decision: &Decision, action: &Action) -> Option<Plan> {
        if decision.constraints.is_empty() {
            return self.sandbox.fits(action).then_some(Plan::Isolate(None));
        }
        let changed = self.change(decision, action, None).ok().filter(|changed| changed.message.is_none())?;
        self.sandbox.fits(&changed.action).then(|| Plan::Isolate(Some(Box::new(changed))))
    }

    pub(super) fn change(
        &self,
        decision: &Decision,
        action: &Action,
        veil: Option<&Veil>,
    ) -> Result<Changed, engine::Unfit> {
        match veil {
            Some(veil) => engine::change(action, decision, &mut lifted(veil)),
            None => engine::change(action, decision, &mut self.mask(action)),
        }
    }
}

/// Whether the record must be on the disk before the answer leaves: whenever the action changes
/// something, is risky, or does not simply run.
pub(super) fn promise(action: &Action, decision: &Decision, carried: Verdict) -> Promise {
    let risky = decision.score.level() >= Severity::High
        || decision.verdict >= Verdict::Sandbox
        || decision.detections.iter().any(|hit| hit.severity >= Severity::High);
    if changes_something(action) || risky || carried != Verdict::Allow || is_live(action) {
        Promise::Synced
    } else {
        Promise::Windowed
    }
}

/// What is told to a model changes nothing yet: what the model then asks for is judged on its own.
fn changes_something(action: &Action) -> bool {
    action.operation.has_effect() && action.kind != action::ActionKind::LlmCall
}

/// Grants and payments have an effect whatever operation they claim.
fn is_live(action: &Action) -> bool {
    use action::ActionKind::{Payment, PrivilegeChange};
    matches!(action.kind, Payment | PrivilegeChange) && action.environment == Environment::Production
}
