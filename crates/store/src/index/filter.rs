//! Filters as SQL: a list of conditions with their values, never text of a caller.

use rusqlite::types::Value;

/// Conditions that all have to hold.
#[derive(Default)]
pub(super) struct Conditions {
    sql: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    /// A condition with one `?`.
    pub fn add(&mut self, sql: &'static str, value: Value) {
        self.sql.push(sql);
        self.values.push(value);
    }

    pub fn add_if(&mut self, sql: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(sql, value.into());
        }
    }

    /// ` WHERE …`, or nothing.
    pub fn clause(&self) -> String {
        if self.sql.is_empty() { String::new() } else { format!(" WHERE {}", self.sql.join(" AND ")) }
    }

    /// The values, then one more for what follows the conditions.
    pub fn values_and(self, last: i64) -> impl rusqlite::Params {
        let mut values = self.values;
        values.push(last.into());
        rusqlite::params_from_iter(values)
    }
}

pub(super) fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}
