//! Every row in a canonical text: what two indexes of one ledger agree on, to the byte.

use std::fmt::Write as _;

use rusqlite::types::ValueRef;

use super::Index;
use super::schema::TABLES;
use crate::DatabaseError;

impl Index {
    /// Gives each row of each table as one line, in a fixed order.
    pub fn dump(&self, line: &mut dyn FnMut(&str)) -> Result<(), DatabaseError> {
        self.with("dump", |database| {
            database.read_all("dump", |transaction| {
                for (table, order) in TABLES {
                    let sql = format!("SELECT * FROM {table} ORDER BY {order}");
                    let mut statement = transaction.prepare(&sql)?;
                    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
                    let mut rows = statement.query([])?;
                    while let Some(row) = rows.next()? {
                        let mut text = (*table).to_owned();
                        for (place, column) in columns.iter().enumerate() {
                            // Writing to a string cannot fail.
                            let _ = write!(text, " {column}=");
                            append(&mut text, row.get_ref(place)?);
                        }
                        line(&text);
                    }
                }
                Ok(())
            })
        })
    }
}

fn append(text: &mut String, value: ValueRef<'_>) {
    // Writing to a string cannot fail.
    let _ = match value {
        ValueRef::Null => write!(text, "-"),
        ValueRef::Integer(number) => write!(text, "{number}"),
        ValueRef::Real(number) => write!(text, "{number:?}"),
        ValueRef::Text(bytes) => write!(text, "{:?}", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")),
    };
}
