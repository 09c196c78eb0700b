//! What is looked up of whoever asks: whether it may ask at all, and what the engine is told.

use action::{Action, Name, Timestamp};
use engine::facts::Facts;

use super::nameless;
use crate::book::{Book, Denied, Registration, Scope, Standing};
use crate::identity::Caller;
use crate::memory::{OUTSIDE, Recalled};
use crate::refuse::Refusal;

/// Whether an agent may ask at all, before anything of the action is judged.
pub(super) fn admit(agent: &Registration, action: &Action) -> Result<(), Refusal> {
    match agent.standing {
        // A frozen agent's actions are decided, and blocked, so that each attempt has a record.
        Standing::Active | Standing::Frozen { .. } => {}
        Standing::Suspended | Standing::Inactive => return Err(Refusal::AgentNotActive),
    }
    if !agent.environments.contains(&action.environment) {
        return Err(Refusal::OtherEnvironment);
    }
    let version = action.agent.version.as_ref();
    if !agent.versions.is_empty() && !version.is_some_and(|version| agent.versions.contains(version)) {
        return Err(Refusal::OtherVersion);
    }
    Ok(())
}

/// What the engine is told beside what was remembered. All of it was looked up.
pub(super) fn fill(
    recalled: &mut Recalled,
    book: &Book,
    caller: &Caller,
    scope: &Scope,
    action: &Action,
    principal: Option<&Name>,
    now: Timestamp,
) {
    let facts: &mut Facts = &mut recalled.facts;
    let agent = &caller.agent;
    facts.scope.application = agent.application.clone();
    facts.scope.business_unit = agent.business_unit.clone();
    facts.scope.own_domains = scope.own_domains.clone();
    facts.scope.mode = scope.mode;
    facts.scope.explain = scope.explain;
    facts.agent.roles = agent.roles.clone();
    facts.agent.registered = true;
    facts.agent.elevated = agent.elevated;
    facts.session.depth = caller.depth.into();
    facts.agent.frozen = book.is_frozen(agent, action.environment, now);
    let trace = action.session.as_ref().and_then(|session| session.trace).map(|trace| trace.to_string());
    let keys = [
        principal.map(|principal| (Denied::User, principal.as_str())),
        trace.as_deref().map(|trace| (Denied::Trace, trace)),
        action.session.as_ref().map(|session| (Denied::Session, session.id.as_str())),
        Some((Denied::Agent, agent.name.as_str())),
        caller.key.as_ref().map(|key| (Denied::Key, key.as_str())),
    ];
    facts.access = book.access(agent, book.denied(keys.into_iter().flatten(), now));
}

/// The session of an action; without one, the agent's own.
pub(super) fn session_of(action: &Action) -> Name {
    action.session.as_ref().map_or_else(nameless_session, |session| session.id.clone())
}

fn nameless_session() -> Name {
    Name::new(OUTSIDE).unwrap_or_else(|_| nameless())
}
