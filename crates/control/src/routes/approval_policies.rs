//! Approval policies: who lets held actions of a scope go, how many of them, and by when.

use std::collections::BTreeSet;

use action::{Amount, Name, Severity};
use serde::Deserialize;
use store::{ApprovalPolicy, MoreApprovals};

use super::scope;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Operators by name; none named means whoever holds the role approver.
    #[serde(default)]
    approvers: BTreeSet<Name>,
    /// Approvals that are needed.
    quorum: u8,
    /// Actions that need more.
    #[serde(default)]
    more: Vec<More>,
    /// No answer by then means expired, and expired means refused.
    deadline_seconds: u32,
}

/// Actions that need more approvals: those to which everything here that is given applies.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct More {
    /// It moves more than this. What cannot be shown to be at most this is more.
    #[serde(default)]
    amount_over: Option<Amount>,
    /// Its score, or a detection on it, is at least this severe.
    #[serde(default)]
    severity_from: Option<Severity>,
    quorum: u8,
}

pub fn list(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.state.approval_policies()?)
}

pub fn put(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let ((scope, environment), new): (_, NewPolicy) = (scope::of(call)?, call.take()?);
    let more = new.more.into_iter().map(|more| MoreApprovals {
        amount_over: more.amount_over,
        severity_from: more.severity_from,
        quorum: more.quorum,
    });
    let policy = ApprovalPolicy {
        scope,
        environment,
        approvers: new.approvers,
        quorum: new.quorum,
        more: more.collect(),
        deadline_seconds: new.deadline_seconds,
        updated: office.now(),
        version: 0,
    };
    let written = office.state.put_approval_policy(&policy, call.seen)?;
    Ok(Reply::of(&written.value)?.at(written.value.version))
}

pub fn drop(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (scope, environment) = scope::of(call)?;
    Reply::of(&office.state.drop_approval_policy(&scope, environment)?.value)
}
