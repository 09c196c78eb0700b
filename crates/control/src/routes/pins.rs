//! Definitions of tools: what counts, and what waits for somebody to read it.

use action::Digest;
use serde::Deserialize;

use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

/// Which definition is accepted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Of the definition that was read, so that no other one is accepted.
    digest: Digest,
}

pub fn list(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.pins.all())
}

pub fn accept(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (server, tool, accept): (_, _, Accept) = (call.name("server")?, call.name("tool")?, call.take()?);
    let pinned = office.pins.accept(&server, &tool, &accept.digest);
    Reply::of(&pinned.ok_or_else(|| Fault::missing("offered definition"))?)
}

pub fn forget(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let pinned = office.pins.forget(&call.name("server")?, &call.name("tool")?);
    Reply::of(&pinned.ok_or_else(|| Fault::missing("tool"))?)
}
