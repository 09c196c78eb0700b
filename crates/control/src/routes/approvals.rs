//! Held actions, for those who decide them.

use std::sync::mpsc;

use action::{AccessRole, ApprovalState, Name};
use hold::{Beside, Event, Hold};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::comments::{self, Said};
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
    /// Why; kept under the approver's key, and shown with the action.
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    hold: Hold,
    approval: ApprovalState,
    /// Whether the caller may decide it.
    mine: bool,
}

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    row: Row,
    /// Who said what. Behind the votes by moments: it is read from the index.
    said: Vec<Said>,
}

/// In whose right an operator decides.
enum Right {
    Own,
    /// Of an approver who handed the queue on, by pseudonym.
    Of(Name),
}

impl Right {
    /// The caller's own right before that of others. None when the action waits for other people.
    fn of(office: &Office, call: &Call, hold: &Hold) -> Result<Option<Right>, Fault> {
        if hold.may_decide(&call.operator, &call.roles) {
            return Ok(Some(Right::Own));
        }
        let kept = office.kept.load();
        for delegator in kept.delegators_of(&call.operator, office.now()) {
            let Some(operator) = kept.operators.iter().find(|one| one.name == *delegator) else { continue };
            let roles: Vec<AccessRole> = operator.roles.iter().copied().collect();
            if !operator.disabled && hold.may_decide(&operator.name, &roles) {
                return office.pseudonym(delegator).map(Right::Of).map(Some);
            }
        }
        Ok(None)
    }

    fn in_place_of(self) -> Option<Name> {
        match self {
            Right::Own => None,
            Right::Of(person) => Some(person),
        }
    }
}

impl Row {
    fn of(office: &Office, call: &Call, hold: Hold) -> Result<Self, Fault> {
        let asked = |person: &Name| hold.principal.as_ref() == Some(person);
        let mine = match Right::of(office, call, &hold)? {
            Some(Right::Own) => !asked(&call.pseudonym),
            Some(Right::Of(person)) => !asked(&call.pseudonym) && !asked(&person),
            None => false,
        };
        // Of the route's roles, not of the hold's: who may look at a queue may not thereby decide it.
        let mine = mine && call.roles.contains(&AccessRole::Approver);
        Ok(Row { approval: hold.approval(), mine, hold })
    }
}

pub fn list(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let waiting = office.holds.waiting().into_iter();
    Reply::of(&waiting.map(|hold| Row::of(office, call, hold)).collect::<Result<Vec<Row>, Fault>>()?)
}

pub fn one(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let hold = held(office, call)?;
    let said = match office.index.decision(&hold.id)? {
        Some(history) => comments::said(office, &history.approvals)?,
        None => Vec::new(),
    };
    Reply::of(&Whole { row: Row::of(office, call, hold)?, said })
}

pub fn approve(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let in_place_of = right(office, call)?.in_place_of();
    act(office, call, Event::Approve { by: call.pseudonym.clone(), in_place_of })
}

pub fn deny(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let in_place_of = right(office, call)?.in_place_of();
    act(office, call, Event::Deny { by: call.pseudonym.clone(), in_place_of })
}

pub fn cancel(office: &Office, call: &Call) -> Result<Reply, Fault> {
    if call.roles.contains(&AccessRole::Operator) {
        held(office, call)?;
    } else {
        right(office, call)?;
    }
    act(office, call, Event::Cancel)
}

fn held(office: &Office, call: &Call) -> Result<Hold, Fault> {
    office.holds.get(&call.name("id")?).ok_or_else(|| Fault::missing("held action"))
}

fn right(office: &Office, call: &Call) -> Result<Right, Fault> {
    Right::of(office, call, &held(office, call)?)?.ok_or_else(|| {
        Fault::new(StatusCode::FORBIDDEN, "not_your_queue", "this action waits for other approvers")
    })
}

fn act(office: &Office, call: &Call, event: Event) -> Result<Reply, Fault> {
    let (id, say): (Name, Say) = (call.name("id")?, call.take()?);
    let channel = say.channel.or_else(|| Name::new("api").ok());
    let comment = match say.comment.as_deref() {
        None | Some("") => None,
        Some(text) => Some(comments::keep(office, &call.pseudonym, &id, text)?),
    };
    let (tell, told) = mpsc::channel();
    let beside = Beside { channel, comment };
    office.holds.act_saying(&id, event, beside, office.now(), move |moved| {
        // Whoever asked is gone when nobody listens; the move stands either way.
        let _ = tell.send(moved);
    });
    let moved = told.recv().map_err(|error| Fault::ours("record the decision", &error))??;
    Reply::of(&Row::of(office, call, moved.hold)?)
}
