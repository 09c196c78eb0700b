//! Freezes: everything in a scope stands still until the freeze ends or is lifted.

use action::Timestamp;
use serde::Deserialize;
use store::Freeze;

use super::scope;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFreeze {
    reason: String,
    /// When it ends by itself; absent for until it is lifted.
    #[serde(default)]
    until: Option<Timestamp>,
}

/// Those that stand. One that has had its time is not among them, whether or not it was removed yet.
pub fn list(office: &Office, _: &Call) -> Result<Reply, Fault> {
    let now = office.now();
    let mut freezes = office.state.freezes()?;
    freezes.retain(|freeze| freeze.until.is_none_or(|until| now < until));
    Reply::of(&freezes)
}

pub fn create(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let ((scope, environment), new): (_, NewFreeze) = (scope::of(call)?, call.take()?);
    let now = office.now();
    if new.until.is_some_and(|until| until <= now) {
        return Err(Fault::bad("expired", "`until` is in the past"));
    }
    let freeze = Freeze {
        scope,
        environment,
        reason: new.reason,
        operator: call.operator.clone(),
        created: now,
        until: new.until,
    };
    Ok(Reply::of(&office.state.freeze(&freeze)?.value)?.created())
}

pub fn lift(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (scope, environment) = scope::of(call)?;
    Reply::of(&office.state.thaw(&scope, environment)?.value)
}
