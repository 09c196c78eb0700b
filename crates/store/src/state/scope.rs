//! How a scope stands in three key columns.

use action::{Environment, Name};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};

use super::Scope;
use crate::row::word;

/// The key of a row that belongs to a scope.
pub(super) struct ScopeKey<'a>(pub &'static str, pub &'a str, pub &'static str);

pub(super) fn key(scope: &Scope, environment: Option<Environment>) -> ScopeKey<'_> {
    let (kind, name) = match scope {
        Scope::Organisation => ("organisation", ""),
        Scope::Application(name) => ("application", name.as_str()),
        Scope::Agent(name) => ("agent", name.as_str()),
    };
    ScopeKey(kind, name, environment.map_or("", Environment::as_str))
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(Scope, Option<Environment>)> {
    let kind: String = row.get("scope")?;
    let scope = match kind.as_str() {
        "organisation" => Scope::Organisation,
        "application" => Scope::Application(word(row, "scope_name")?),
        "agent" => Scope::Agent(word(row, "scope_name")?),
        _ => return Err(unknown("scope", &kind)),
    };
    let environment: String = row.get("environment")?;
    match (environment.as_str(), Environment::parse(&environment)) {
        ("", _) => Ok((scope, None)),
        (_, Some(environment)) => Ok((scope, Some(environment))),
        (_, None) => Err(unknown("environment", &environment)),
    }
}

/// How near a row of a scope is to an agent in an environment, the nearest first; none when it does not
/// meet it.
pub(super) fn rank(
    scope: &Scope,
    place: Option<Environment>,
    application: Option<&Name>,
    agent: &Name,
    environment: Environment,
) -> Option<u8> {
    let near = match scope {
        Scope::Agent(name) if name == agent => 0,
        Scope::Application(name) if Some(name) == application => 2,
        Scope::Organisation => 4,
        Scope::Agent(_) | Scope::Application(_) => return None,
    };
    match place {
        Some(place) if place == environment => Some(near),
        Some(_) => None,
        None => Some(near + 1),
    }
}

/// The scope in the `on` of an operator's record. A name that leaves no room for its kind stands alone.
pub(super) fn on(scope: &Scope, environment: Option<Environment>) -> Result<Name, action::NameError> {
    let ScopeKey(kind, name, environment) = key(scope, environment);
    let mut text = kind.to_owned();
    for (sign, part) in [(':', name), ('@', environment)] {
        if !part.is_empty() {
            text.push(sign);
            text.push_str(part);
        }
    }
    Name::new(&text).or_else(|_| Name::new(name))
}

fn unknown(what: &str, have: &str) -> rusqlite::Error {
    let error = FromSqlError::Other(format!("no {what} `{have}`").into());
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}
