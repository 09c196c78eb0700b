//! An SQL statement and its parameters, as both databases read them from a payload.

use action::{Action, Json};

use crate::Refused;
use crate::payload::Payload;

pub struct Statement<'a> {
    pub sql: &'a str,
    pub parameters: Parameters<'a>,
}

pub enum Parameters<'a> {
    InOrder(&'a [Json]),
    Named(&'a [(String, Json)]),
}

impl<'a> Statement<'a> {
    pub fn of(action: &'a Action) -> Result<Self, Refused> {
        let mut payload = Payload::of(action)?;
        let sql = payload.need_text("statement")?;
        let parameters = match payload.get("parameters") {
            None => Parameters::InOrder(&[]),
            Some(Json::List(items)) => Parameters::InOrder(items),
            Some(Json::Object(entries)) => Parameters::Named(entries),
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) => {
                return Err(Refused::NotUnderstood(
                    "`parameters` is neither a list nor an object".to_owned(),
                ));
            }
        };
        payload.finish()?;
        Ok(Statement { sql, parameters })
    }
}

/// Whether an action names this target. The name of the resource is what the operator and the agent's
/// tools agreed on.
pub fn names(action: &Action, resource: &action::Name) -> bool {
    action.resource.name.as_ref() == Some(resource)
}
