//! Operators, their roles and their tokens.

use std::collections::BTreeSet;

use action::{AccessRole, Name, Timestamp};
use serde::{Deserialize, Serialize};
use store::TokenKind;

use super::agents::{Made, mint};
use super::page;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;
use crate::table::ROUTES;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    roles: BTreeSet<AccessRole>,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    label: Name,
    #[serde(default)]
    expires: Option<Timestamp>,
}

/// Who calls, and what that one may.
#[derive(Serialize)]
struct Me<'m> {
    name: &'m Name,
    roles: &'m [AccessRole],
    /// Acts that the roles allow.
    may: Vec<&'static str>,
}

pub fn me(_: &Office, call: &Call) -> Result<Reply, Fault> {
    let allowed = ROUTES.iter().filter(|route| route.who.iter().any(|role| call.roles.contains(role)));
    let may: BTreeSet<&str> = allowed.filter_map(|route| route.act).collect();
    Reply::of(&Me { name: &call.operator, roles: &call.roles, may: may.into_iter().collect() })
}

pub fn list(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let after = call.asked_name("after")?;
    page(office.state.operators(after.as_ref(), call.limit()?)?, Name::to_string)
}

pub fn put(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, new): (Name, Profile) = (call.name("name")?, call.take()?);
    let known = office.state.operator(&name)?.is_some();
    let written = if known {
        office.state.change_operator(&name, &new.roles, new.disabled, call.seen, office.now())?
    } else {
        office.state.add_operator(&name, &new.roles, office.now())?
    };
    let reply = Reply::of(&written.value)?.at(written.value.version);
    Ok(if known { reply } else { reply.created() })
}

pub fn make_token(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (owner, new): (Name, NewToken) = (call.name("name")?, call.take()?);
    let (text, credential) = mint(office, TokenKind::Operator, owner, new.label, new.expires)?;
    let written = office.state.add_token(&credential)?;
    Ok(Reply::of(&Made { key: &text, credential: &written.value })?.created())
}

pub fn revoke_token(office: &Office, call: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.state.revoke_token(&call.name("prefix")?, office.now())?.value)
}
