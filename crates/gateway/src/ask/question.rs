//! What a caller sends.

use action::{
    Action, ActionKind, AgentRef, Amount, Content, Environment, Json, Name, Operation, Principal, Resource,
    Session, Timestamp,
};
use serde::Deserialize;

use crate::identity::Caller;
use crate::refuse::Refusal;

/// One question: an action, as far as its caller has to state it. Who asks comes from the
/// credentials.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub kind: ActionKind,
    pub operation: Operation,
    pub tool: Name,
    pub resource: Resource,
    #[serde(default)]
    pub amount: Option<Amount>,
    #[serde(default)]
    pub count: Option<u64>,
    /// May be left out; another agent than that of the credentials is refused.
    #[serde(default)]
    pub agent: Option<AgentRef>,
    #[serde(default)]
    pub principal: Option<Principal>,
    #[serde(default)]
    pub session: Option<Session>,
    /// May be left out where the agent is registered for one only.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// When the caller decided to act; now, when absent.
    #[serde(default)]
    pub time: Option<Timestamp>,
    #[serde(default)]
    pub payload: Json,
    #[serde(default)]
    pub context: Vec<Content>,
    #[serde(default)]
    pub idempotency_key: Option<Name>,
}

/// The body of one question: the action, alone or under `action`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub action: Question,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    pub questions: Vec<Question>,
}

impl Ask {
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        Json::parse_as(bytes).map_err(Refusal::Malformed)
    }

    pub const fn of(action: Question) -> Self {
        Ask { action }
    }

    /// The action, completed by what is known of the caller.
    pub fn action(self, caller: &Caller, now: Timestamp) -> Result<Action, Refusal> {
        let question = self.action;
        let version = match question.agent {
            Some(agent) if agent.name != caller.agent.name => return Err(Refusal::OtherAgent),
            Some(agent) => agent.version,
            None => None,
        };
        let environment = match (question.environment, caller.agent.environments.as_slice()) {
            (Some(stated), _) => stated,
            (None, [only]) => *only,
            (None, _) => return Err(Refusal::OtherEnvironment),
        };
        Ok(Action {
            kind: question.kind,
            operation: question.operation,
            tool: question.tool,
            resource: question.resource,
            amount: question.amount,
            count: question.count,
            agent: AgentRef { name: caller.agent.name.clone(), version },
            principal: question.principal,
            session: question.session,
            environment,
            time: question.time.unwrap_or(now),
            payload: question.payload,
            context: question.context,
            idempotency_key: question.idempotency_key,
        })
    }
}

impl Batch {
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        Json::parse_as(bytes).map_err(Refusal::Malformed)
    }
}
