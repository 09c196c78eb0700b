//! By which way an action comes to the door, and what follows from it there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Action, ConstrainKind, Decision, Name, SensitiveClass};
use engine::redact::{Mode, Options, Redactor};

use super::Guard;
use super::facts::session_of;

/// A redactor that a conversation keeps: one original has one replacement in all of it.
pub type Veil = Arc<Mutex<Redactor>>;

/// By which way an action comes.
#[derive(Clone)]
pub struct Plane {
    /// An action that is to be isolated can run here where nothing of it stays, and its result be
    /// handed out as the answer. Elsewhere it waits for a person.
    pub isolates: bool,
    /// A person can be waited for. Elsewhere what would wait is refused.
    pub waits: bool,
    /// It is something that the agent does, so it counts and teaches. What is only looked at, a
    /// model's answer, does neither.
    pub counts: bool,
    /// What it brings was read by the agent, so that it is remembered where it does not count.
    pub hears: bool,
    /// What replaces sensitive values so that they can be put back. Without one they are masked.
    pub veil: Option<Veil>,
    /// The decision whose action led to this one.
    pub of: Option<Came>,
    /// The session that it belongs to by its messages, and how sure that is. Only for the record: where it is
    /// sure enough, the action has that session itself.
    pub stitch: Option<(&'static str, Name)>,
}

/// What an action came of.
#[derive(Clone)]
pub enum Came {
    /// It is what carrying out that action gave: the record is the report of it, too.
    Result(Name),
    /// It was asked for in what that action gave.
    Asked(Name),
    /// It is that action once more, for comparison.
    Mirrors(Name),
}

impl Plane {
    /// Whoever asks before it acts, and acts itself.
    pub const ASK: Plane =
        Plane { isolates: true, waits: true, counts: true, hears: false, veil: None, of: None, stitch: None };
    /// Something that an agent does by way of us: we carry it out.
    pub const CALL: Plane = Plane {
        isolates: false,
        waits: true,
        counts: true,
        hears: false,
        veil: None,
        of: None,
        stitch: None,
    };
    /// A call that is made once more. Nobody is asked about it, and it is no doing of the agent's.
    pub const MIRROR: Plane = Plane { waits: false, counts: false, ..Plane::CALL };
    /// What came back, on its way to the agent.
    pub const ANSWER: Plane = Plane {
        isolates: false,
        waits: false,
        counts: false,
        hears: false,
        veil: None,
        of: None,
        stitch: None,
    };

    /// The result of a call, which the agent then goes by.
    pub const RESULT: Plane = Plane { hears: true, ..Plane::ANSWER };

    #[must_use]
    pub fn veiled(mut self, veil: &Veil) -> Plane {
        self.veil = Some(Arc::clone(veil));
        self
    }

    /// The decision of which this is what came back.
    pub fn result_of(&self) -> Option<&Name> {
        match &self.of {
            Some(Came::Result(of) | Came::Asked(of)) if !self.counts => Some(of),
            Some(_) | None => None,
        }
    }

    /// Whether it is an action once more. Such a one touches nothing that the agent's own would meet.
    pub const fn mirrors(&self) -> bool {
        matches!(self.of, Some(Came::Mirrors(_)))
    }

    #[must_use]
    pub fn of(mut self, came: Came) -> Plane {
        self.of = Some(came);
        self
    }
}

/// The sensitive classes that an action carries, without those that are replaced where it is changed.
pub fn carried(decision: &Decision, changed: bool) -> Vec<SensitiveClass> {
    let replaced = |class: SensitiveClass| {
        changed
            && decision.constraints.iter().any(|it| {
                it.kind == ConstrainKind::Redact
                    && it.field.is_none()
                    && it.target.as_deref().is_none_or(|target| target == "all" || target == class.as_str())
            })
    };
    let mut classes: Vec<SensitiveClass> =
        decision.detections.iter().filter_map(|hit| hit.class).filter(|class| !replaced(*class)).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// The redactor of a veil. What another thread left of it after a fault is still one that replaces.
pub fn lifted(veil: &Veil) -> MutexGuard<'_, Redactor> {
    veil.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guard {
    /// Begins a conversation's redactor: values of the same shape, which can be put back.
    pub fn veil(&self, agent: &str, session: &str) -> Veil {
        let key = self.redaction.narrowed(agent).narrowed(session);
        let redactor = Redactor::new(Mode::Synthetic, key, Options::default());
        Arc::new(Mutex::new(redactor.hashing(self.redaction.clone())))
    }

    /// What replaces sensitive values of one session for good.
    pub(super) fn mask(&self, action: &Action) -> Redactor {
        let key = self.redaction.narrowed(session_of(action).as_str());
        Redactor::new(Mode::Mask, key, Options::default()).hashing(self.redaction.clone())
    }
}
