//! Agents and their keys.

use std::collections::BTreeSet;

use action::{Environment, Name, SensitiveClass, Timestamp};
use serde::{Deserialize, Serialize};
use store::{AgentProfile, AgentStatus, Credential, TokenKind};

use super::identities::{self, Identity};
use super::page;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

/// What an operator says about an agent.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(default)]
    application: Option<Name>,
    /// Where it may act; none means nowhere.
    environments: BTreeSet<Environment>,
    #[serde(default)]
    roles: BTreeSet<Name>,
    /// Versions that may act; none named means any.
    #[serde(default)]
    versions: BTreeSet<Name>,
    /// The part of the organisation that it works for.
    #[serde(default)]
    business_unit: Option<Name>,
    /// Holds credentials beyond what its role needs.
    #[serde(default)]
    elevated: bool,
    /// What the identity system grants it; an absent list is unknown, an empty one allows nothing.
    #[serde(default)]
    granted: Access,
    /// What its behaviour certificate declares.
    #[serde(default)]
    certified: Access,
    /// What else than its keys stands for it; no two agents share one.
    #[serde(default)]
    identities: Vec<Identity>,
    /// Every request must be signed; a key or token alone is not enough.
    #[serde(default)]
    signed: bool,
}

/// Lists of what may be used; `*` at the end of an entry stands for any ending.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Access {
    tools: Option<BTreeSet<Name>>,
    resources: Option<BTreeSet<Name>>,
    destinations: Option<BTreeSet<Name>>,
    classes: Option<BTreeSet<SensitiveClass>>,
}

impl From<Access> for store::Access {
    fn from(access: Access) -> Self {
        let Access { tools, resources, destinations, classes } = access;
        store::Access { tools, resources, destinations, classes }
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state", deny_unknown_fields)]
pub enum Status {
    Active,
    Suspended {
        reason: String,
    },
    Frozen {
        #[serde(default)]
        until: Option<Timestamp>,
        reason: String,
    },
    Inactive,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    label: Name,
    #[serde(default)]
    expires: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Serialize)]
pub(super) struct Made<'m> {
    /// Shown this once and kept nowhere.
    pub key: &'m str,
    #[serde(flatten)]
    pub credential: &'m Credential,
}

pub fn list(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let after = call.asked_name("after")?;
    page(office.state.agents(after.as_ref(), call.limit()?)?, Name::to_string)
}

pub fn one(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let agent = office.state.agent(&call.name("name")?)?.ok_or_else(|| Fault::missing("agent"))?;
    Ok(Reply::of(&agent)?.at(agent.version))
}

pub fn put(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, new): (Name, Profile) = (call.name("name")?, call.take()?);
    let profile = AgentProfile {
        application: new.application,
        environments: new.environments,
        roles: new.roles,
        versions: new.versions,
        business_unit: new.business_unit,
        elevated: new.elevated,
        granted: new.granted.into(),
        certified: new.certified.into(),
        identities: identities::checked(new.identities)?,
        signed: new.signed,
        ..AgentProfile::default()
    };
    let known = office.state.agent(&name)?.is_some();
    let written = if known {
        office.state.change_agent(&name, &profile, call.seen, office.now())?
    } else {
        office.state.add_agent(&name, &profile, office.now())?
    };
    let reply = Reply::of(&written.value)?.at(written.value.version);
    Ok(if known { reply } else { reply.created() })
}

pub fn status(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let status = match call.take()? {
        Status::Active => AgentStatus::Active,
        Status::Suspended { reason } => AgentStatus::Suspended { reason },
        Status::Frozen { until, reason } => AgentStatus::Frozen { until, reason },
        Status::Inactive => AgentStatus::Inactive,
    };
    let written = office.state.set_agent_status(&call.name("name")?, &status, call.seen, office.now())?;
    Ok(Reply::of(&written.value)?.at(written.value.version))
}

pub fn keys(office: &Office, call: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.state.keys_of(&call.name("name")?)?)
}

pub fn make_key(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (agent, new): (Name, NewKey) = (call.name("name")?, call.take()?);
    let (text, credential) = mint(office, TokenKind::Agent, agent, new.label, new.expires)?;
    let written = office.state.add_key(&credential)?;
    Ok(Reply::of(&Made { key: &text, credential: &written.value })?.created())
}

pub fn revoke_key(office: &Office, call: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.state.revoke_key(&call.name("prefix")?, office.now())?.value)
}

/// A new key or token, and what is kept of it.
pub(super) fn mint(
    office: &Office,
    kind: TokenKind,
    owner: Name,
    label: Name,
    expires: Option<Timestamp>,
) -> Result<(zeroize::Zeroizing<String>, Credential), Fault> {
    let now = office.now();
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Fault::bad("expired", "`expires` is in the past"));
    }
    let minted = store::mint(kind).map_err(|error| Fault::ours("make a key", &error))?;
    let credential = Credential {
        prefix: minted.prefix,
        owner,
        hash: minted.hash,
        label,
        created: now,
        expires,
        revoked: None,
        last_used: None,
    };
    Ok((minted.text, credential))
}
