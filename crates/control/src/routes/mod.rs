//! The handlers, by what they are about. Each is thin: inputs, one call, output.

pub mod agents;
pub mod approval_policies;
pub mod approvals;
mod comments;
pub mod decisions;
pub mod delegations;
pub mod dry_run;
pub mod evidence;
pub mod freezes;
mod identities;
pub mod money;
pub mod operators;
pub mod outward;
pub mod pins;
pub mod rules;
mod scope;
pub mod shadows;
pub mod stops;

use serde::Serialize;

use crate::call::Reply;
use crate::fault::Fault;

/// A page of rows, and what to ask for the next with.
#[derive(Serialize)]
struct Rows<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn page<T: Serialize, K>(page: store::Page<T, K>, key: impl Fn(&K) -> String) -> Result<Reply, Fault> {
    let next = page.next.as_ref().map(key);
    Reply::of(&Rows { items: page.items, next })
}
