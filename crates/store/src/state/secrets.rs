//! What secrets the server has. Never the secrets.

use action::Timestamp;
use rusqlite::Row;

use super::bounds::{self, check_note};
use super::{Change, Done, SecretNote, State, all, one};
use crate::DatabaseError;
use crate::row::{Hash, hash, time, time_if, word};

impl State {
    /// Notes a secret, or that it was replaced.
    pub fn note_secret(&self, note: &SecretNote) -> Done<SecretNote> {
        self.change("secret.note", |transaction| {
            check_note(&note.place)?;
            let have = one(transaction, "SELECT * FROM secrets WHERE name = ?1", [note.name.as_str()], read)?;
            match have {
                Some(have) if have == *note => return Ok(Change::none(have, &note.name)),
                Some(_) => {}
                None => bounds::SECRETS.check(transaction)?,
            }
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO secrets (name, purpose, fingerprint, place, created, rotated)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute((
                    note.name.as_str(),
                    note.purpose.as_str(),
                    Hash(note.fingerprint),
                    &note.place,
                    note.created.millis(),
                    note.rotated.map(Timestamp::millis),
                ))?;
            Ok(Change::made(note.clone(), &note.name))
        })
    }

    /// All of them; there are at most 1,000.
    pub fn secrets(&self) -> Result<Vec<SecretNote>, DatabaseError> {
        self.database.read("list secrets", |transaction| {
            all(transaction, "SELECT * FROM secrets ORDER BY name", [], read)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<SecretNote> {
    Ok(SecretNote {
        name: word(row, "name")?,
        purpose: word(row, "purpose")?,
        fingerprint: hash(row, "fingerprint")?,
        place: row.get("place")?,
        created: time(row, "created")?,
        rotated: time_if(row, "rotated")?,
    })
}
