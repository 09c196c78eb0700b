//! Values of SQLite as JSON, and back.

use action::{Decimal, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Row, Statement};

use crate::statement::Parameters;
use crate::{Refused, object, text};

/// Gives every parameter of a statement its value, and has none left over.
pub fn bind(statement: &mut Statement<'_>, parameters: &Parameters<'_>) -> Result<(), Refused> {
    let count = match parameters {
        Parameters::InOrder(items) => {
            for (place, item) in items.iter().enumerate() {
                give(statement, place.saturating_add(1), item)?;
            }
            items.len()
        }
        Parameters::Named(entries) => {
            for (name, item) in *entries {
                let place = [":", "@", "$"].iter().find_map(|mark| {
                    let found = statement.parameter_index(&format!("{mark}{name}"));
                    found.ok().flatten()
                });
                let place = place.ok_or_else(|| misfit("a parameter is not in the statement"))?;
                give(statement, place, item)?;
            }
            entries.len()
        }
    };
    if count == statement.parameter_count() {
        Ok(())
    } else {
        Err(misfit("the statement has another number of parameters"))
    }
}

fn give(statement: &mut Statement<'_>, place: usize, item: &Json) -> Result<(), Refused> {
    let value = match item {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Integer(i64::from(*flag)),
        Json::Number(number) => number_of(*number)?,
        Json::Text(text) => Value::Text(text.clone()),
        Json::List(_) | Json::Object(_) => return Err(misfit("a parameter is a list or an object")),
    };
    let bound = statement.raw_bind_parameter(place, value);
    bound.map_err(|_| misfit("the statement has another number of parameters"))
}

fn number_of(number: Decimal) -> Result<Value, Refused> {
    let written = number.to_string();
    if number.is_integer()
        && let Ok(whole) = written.parse()
    {
        return Ok(Value::Integer(whole));
    }
    written.parse().map(Value::Real).map_err(|_| misfit("a number does not fit"))
}

/// A row as a list, within the bytes that are left.
pub fn row(row: &Row<'_>, columns: usize, left: &mut usize) -> Result<Json, Refused> {
    let mut values = Vec::with_capacity(columns);
    for column in 0..columns {
        let value =
            row.get_ref(column).map_err(|error| Refused::unavailable("a row of the result", error))?;
        values.push(json(value, left)?);
    }
    Ok(Json::List(values))
}

fn json(value: ValueRef<'_>, left: &mut usize) -> Result<Json, Refused> {
    let mut take = |bytes: usize| -> Result<(), Refused> {
        *left = left.checked_sub(bytes).ok_or(Refused::TooMuch("its rows hold too many bytes"))?;
        Ok(())
    };
    match value {
        ValueRef::Null => Ok(Json::Null),
        ValueRef::Integer(whole) => {
            take(8)?;
            Ok(Json::Number(Decimal::from_int(whole)))
        }
        ValueRef::Real(real) => {
            take(8)?;
            // Infinite ones, and those with more digits than a number here has, are written out.
            Ok(Decimal::parse(&real.to_string()).map_or_else(|| text(real), Json::Number))
        }
        ValueRef::Text(bytes) => {
            take(bytes.len())?;
            Ok(Json::Text(String::from_utf8_lossy(bytes).into_owned()))
        }
        ValueRef::Blob(bytes) => {
            take(bytes.len())?;
            Ok(object([("base64", Json::Text(STANDARD.encode(bytes)))]))
        }
    }
}

fn misfit(what: &str) -> Refused {
    Refused::NotUnderstood(what.to_owned())
}
