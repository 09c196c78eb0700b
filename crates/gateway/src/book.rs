//! The book: everything that operators decided, as one immutable snapshot.
//!
//! A request takes one book and finishes on it. Publishing swaps the pointer; how old the newest
//! book may be is up to the composition, which swaps after each change.

use std::collections::HashMap;
use std::sync::Arc;

use action::{
    Capture, Decision, Digest, Environment, ExplainLevel, FailMode, Mode, Name, Operation, Timestamp,
};
use engine::Rules;
use engine::facts::{AccessFacts, Allowed, DenyEntry, DenyKey};

use crate::approval::More;
use crate::freeze::Freezes;
use crate::identity::Proof;
use crate::ports::KeyForm;
use crate::rollout::Tally;

/// One snapshot.
pub struct Book {
    pub version: u64,
    pub rules: RuleSets,
    pub agents: HashMap<Name, Arc<Registration>>,
    /// By their public part.
    pub keys: HashMap<Name, Key>,
    /// What else stands for an agent, by its name.
    pub identities: HashMap<Proof, Name>,
    pub key_form: Arc<dyn KeyForm>,
    pub settings: Settings,
    pub denies: HashMap<(Denied, Box<str>), Deny>,
    pub freezes: Freezes,
}

/// The active rules and, while a new set is rolled out, that set beside them.
#[derive(Clone)]
pub struct RuleSets {
    pub active: Arc<Rules>,
    pub candidate: Option<Candidate>,
}

#[derive(Clone)]
pub struct Candidate {
    pub rules: Arc<Rules>,
    /// Sessions of a hundred that it decides.
    pub percent: u8,
    /// How its sessions fare beside the others.
    pub tally: Arc<Tally>,
}

impl RuleSets {
    /// The same, counting on where the book before stopped: a change of something else must not make
    /// a roll-out forget how it fared.
    #[must_use]
    pub fn counting_on(mut self, before: &RuleSets) -> Self {
        if let (Some(candidate), Some(known)) = (&mut self.candidate, &before.candidate)
            && candidate.rules.hash() == known.rules.hash()
            && self.active.hash() == before.active.hash()
        {
            candidate.tally = Arc::clone(&known.tally);
        }
        self
    }

    /// Counts a decision of a session, while a candidate is measured.
    pub fn count(&self, agent: &Name, session: &str, decision: &Decision) {
        if let Some(candidate) = &self.candidate {
            candidate.tally.count(bucket(agent, session) < candidate.percent, decision);
        }
    }

    /// The rules for one session. The same session meets the same set while a roll-out stands.
    pub fn of(&self, agent: &Name, session: &str) -> &Arc<Rules> {
        match &self.candidate {
            Some(candidate) if bucket(agent, session) < candidate.percent => &candidate.rules,
            Some(_) | None => &self.active,
        }
    }
}

/// Where a session falls between 0 and 99.
fn bucket(agent: &Name, session: &str) -> u8 {
    let hash = action::digest("checkrein.rollout.v1", &[agent.as_str().as_bytes(), session.as_bytes()]);
    let [a, b, ..] = hash.as_bytes();
    u8::try_from(u16::from_be_bytes([*a, *b]) % 100).unwrap_or(99)
}

/// An agent as an operator registered it. Nothing here is the agent's own claim.
#[derive(Debug, Clone)]
pub struct Registration {
    pub name: Name,
    pub roles: Vec<Name>,
    pub application: Option<Name>,
    pub business_unit: Option<Name>,
    /// Where it runs. A question that names another environment is refused.
    pub environments: Vec<Environment>,
    /// Versions that may act; empty for any.
    pub versions: Vec<Name>,
    pub elevated: bool,
    /// Every request must be signed; a key or token alone is not enough.
    pub signed: bool,
    pub standing: Standing,
    pub granted: Allowed,
    pub certified: Allowed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Active,
    /// By containment; may end by itself.
    Frozen {
        until: Option<Timestamp>,
    },
    /// By an operator.
    Suspended,
    Inactive,
}

impl Registration {
    /// Whether it is frozen now. A freeze that has expired is over without anybody's doing.
    pub fn is_frozen(&self, now: Timestamp) -> bool {
        match &self.standing {
            Standing::Frozen { until } => until.is_none_or(|until| now < until),
            Standing::Active | Standing::Suspended | Standing::Inactive => false,
        }
    }
}

/// An agent's key.
#[derive(Debug, Clone)]
pub struct Key {
    pub agent: Name,
    /// Of the secret part.
    pub hash: Digest,
    pub expires: Option<Timestamp>,
    pub revoked: bool,
}

/// A stored refusal.
#[derive(Debug, Clone)]
pub struct Deny {
    pub expires: Option<Timestamp>,
}

/// What a stored refusal is keyed by, as a map key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denied {
    User,
    Trace,
    Session,
    Agent,
    Key,
}

impl Denied {
    const fn key(self) -> DenyKey {
        match self {
            Denied::User => DenyKey::User,
            Denied::Trace => DenyKey::Trace,
            Denied::Session => DenyKey::Session,
            Denied::Agent => DenyKey::Agent,
            Denied::Key => DenyKey::Key,
        }
    }
}

impl Book {
    /// The refusals that meet an action with these keys.
    pub fn denied<'k>(
        &self,
        keys: impl IntoIterator<Item = (Denied, &'k str)>,
        now: Timestamp,
    ) -> Vec<DenyEntry> {
        let found = keys.into_iter().filter_map(|(kind, key)| {
            let deny = self.denies.get(&(kind, key.into()))?;
            let stands = deny.expires.is_none_or(|expires| now < expires);
            stands.then_some(DenyEntry { key: kind.key(), expires: deny.expires })
        });
        found.collect()
    }

    /// Whether an agent stands still here, by its own standing or by a freeze of a scope it is in.
    pub fn is_frozen(&self, agent: &Registration, environment: Environment, now: Timestamp) -> bool {
        agent.is_frozen(now) || self.freezes.meet(agent, environment, now)
    }

    pub fn access(&self, agent: &Registration, denied: Vec<DenyEntry>) -> AccessFacts {
        AccessFacts { granted: agent.granted.clone(), certified: agent.certified.clone(), denied }
    }
}

/// Settings of one scope and environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub mode: Mode,
    /// For reads; and for everything with an effect.
    pub fail_reads: FailMode,
    pub fail_effects: FailMode,
    pub capture: Capture,
    pub explain: Option<ExplainLevel>,
    pub own_domains: Vec<Name>,
    /// Whatever has an effect runs in isolation, also what is allowed: to see what an agent does.
    pub isolate_effects: bool,
    pub approval: ApprovalRule,
    pub budget: Budget,
}

impl Default for Scope {
    fn default() -> Self {
        Scope {
            mode: Mode::Monitor,
            fail_reads: FailMode::Closed,
            fail_effects: FailMode::Closed,
            capture: Capture::Redacted,
            explain: None,
            own_domains: Vec::new(),
            isolate_effects: false,
            approval: ApprovalRule::default(),
            budget: Budget::default(),
        }
    }
}

impl Scope {
    pub const fn fail_mode(&self, operation: Operation) -> FailMode {
        match (operation.has_effect(), self.isolate_effects) {
            // What only ever runs in isolation does not run for real because something failed.
            (true, true) => FailMode::Closed,
            (true, false) => self.fail_effects,
            (false, _) => self.fail_reads,
        }
    }
}

/// Who decides held actions of a scope, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    pub needed: u8,
    /// Actions that need more.
    pub more: Vec<More>,
    /// Names or access roles; empty for every approver.
    pub from: Vec<Name>,
    pub deadline_millis: u64,
    pub release_within_millis: u64,
}

impl Default for ApprovalRule {
    fn default() -> Self {
        ApprovalRule {
            needed: 1,
            more: Vec::new(),
            from: Vec::new(),
            deadline_millis: 3_600_000,
            release_within_millis: 3_600_000,
        }
    }
}

/// Requests that an agent may make; absent for no bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    pub per_day: Option<u64>,
    pub per_month: Option<u64>,
    /// Per cent of a limit at which an alert is raised.
    pub alert_at: Vec<u8>,
}

/// The settings of every scope, from the widest to the narrowest.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub organisation: HashMap<Environment, Arc<Scope>>,
    pub applications: HashMap<(Name, Environment), Arc<Scope>>,
    pub agents: HashMap<(Name, Environment), Arc<Scope>>,
}

impl Settings {
    /// The narrowest settings that were made for an agent here. Each is whole: what a narrower one
    /// inherits is filled in when it is published, so that one look answers.
    pub fn of(&self, agent: &Registration, environment: Environment) -> Arc<Scope> {
        let application = || {
            let name = agent.application.clone()?;
            self.applications.get(&(name, environment))
        };
        self.agents
            .get(&(agent.name.clone(), environment))
            .or_else(application)
            .or_else(|| self.organisation.get(&environment))
            .cloned()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_session_stays_in_its_bucket_and_buckets_are_even() {
        let agent = name("a");
        let mut counts = [0u32; 100];
        for session in 0..20_000 {
            let bucket = bucket(&agent, &session.to_string());
            assert_eq!(bucket, super::bucket(&agent, &session.to_string()));
            counts[usize::from(bucket)] += 1;
        }
        assert!(counts.iter().all(|count| (120..280).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_freeze_ends_by_itself_and_a_suspension_does_not() {
        let mut agent = Registration {
            name: name("a"),
            roles: Vec::new(),
            application: None,
            business_unit: None,
            environments: vec![Environment::Production],
            versions: Vec::new(),
            elevated: false,
            signed: false,
            standing: Standing::Frozen { until: Some(Timestamp::from_millis(10)) },
            granted: Allowed::default(),
            certified: Allowed::default(),
        };
        assert!(agent.is_frozen(Timestamp::from_millis(9)));
        assert!(!agent.is_frozen(Timestamp::from_millis(10)));
        agent.standing = Standing::Frozen { until: None };
        assert!(agent.is_frozen(Timestamp::from_millis(i64::MAX)));
    }
}
