//! Delegations: an approver lets another one decide in their place for a stated time.

use action::{Name, Timestamp};
use serde::Deserialize;
use store::Delegation;

use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// When it ends by itself, within 90 days.
    until: Timestamp,
    reason: String,
}

pub fn list(office: &Office, _: &Call) -> Result<Reply, Fault> {
    let now = office.now();
    let mut delegations = office.state.delegations()?;
    delegations.retain(|one| now < one.until);
    Reply::of(&delegations)
}

/// One's own queue only: nobody gives away what another may decide.
pub fn create(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (delegate, new): (Name, NewDelegation) = (call.name("delegate")?, call.take()?);
    let delegation = Delegation {
        delegator: call.operator.clone(),
        delegate,
        reason: new.reason,
        created: office.now(),
        until: new.until,
    };
    Ok(Reply::of(&office.state.delegate(&delegation)?.value)?.created())
}

pub fn end(office: &Office, call: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.state.end_delegation(&call.operator, &call.name("delegate")?)?.value)
}
