//! Held actions, for those who decide them.

use std::sync::mpsc;

use action::{AccessRole, ApprovalState, Name};
use hold::{Event, Hold};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

/// What an approver says beside the decision.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// Where the decision was made; `api` when absent.
    #[serde(default)]
    channel: Option<Name>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    hold: Hold,
    approval: ApprovalState,
    /// Whether the caller may decide it.
    mine: bool,
}

impl Row {
    fn of(hold: Hold, call: &Call) -> Self {
        let own = hold.principal.as_ref() == Some(&call.pseudonym);
        let mine = !own && hold.may_decide(&call.operator, &call.roles);
        Row { approval: hold.approval(), mine, hold }
    }
}

pub fn list(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let rows: Vec<Row> = office.holds.waiting().into_iter().map(|hold| Row::of(hold, call)).collect();
    Reply::of(&rows)
}

pub fn one(office: &Office, call: &Call) -> Result<Reply, Fault> {
    Reply::of(&Row::of(held(office, call)?, call))
}

pub fn approve(office: &Office, call: &Call) -> Result<Reply, Fault> {
    may(office, call)?;
    act(office, call, Event::Approve { by: call.pseudonym.clone() })
}

pub fn deny(office: &Office, call: &Call) -> Result<Reply, Fault> {
    may(office, call)?;
    act(office, call, Event::Deny { by: call.pseudonym.clone() })
}

pub fn cancel(office: &Office, call: &Call) -> Result<Reply, Fault> {
    if call.roles.contains(&AccessRole::Operator) {
        held(office, call)?;
    } else {
        may(office, call)?;
    }
    act(office, call, Event::Cancel)
}

fn held(office: &Office, call: &Call) -> Result<Hold, Fault> {
    office.holds.get(&call.name("id")?).ok_or_else(|| Fault::missing("held action"))
}

fn may(office: &Office, call: &Call) -> Result<(), Fault> {
    if held(office, call)?.may_decide(&call.operator, &call.roles) {
        return Ok(());
    }
    Err(Fault::new(StatusCode::FORBIDDEN, "not_your_queue", "this action waits for other approvers"))
}

fn act(office: &Office, call: &Call, event: Event) -> Result<Reply, Fault> {
    let say: Say = call.take()?;
    let channel = say.channel.or_else(|| Name::new("api").ok());
    let (tell, told) = mpsc::channel();
    office.holds.act(&call.name("id")?, event, channel, office.now(), move |moved| {
        // Whoever asked is gone when nobody listens; the move stands either way.
        let _ = tell.send(moved);
    });
    let moved = told.recv().map_err(|error| Fault::ours("record the decision", &error))??;
    Reply::of(&Row::of(moved.hold, call))
}
