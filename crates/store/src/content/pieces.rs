//! Pieces of content: one decrypted, or what there is of a subject.

use std::sync::atomic::Ordering;

use action::{Capture, Name};
use ledger::{Commitment, Committed};
use rusqlite::{OptionalExtension as _, Row};
use zeroize::Zeroizing;

use super::seal::{self, Unsealed};
use super::{Content, ContentError, Opened, Piece, PieceRow, Salt, commit};
use crate::row::{Word, count, time, word};
use crate::{Limit, Page};

const SALT_BYTES: usize = 32;

impl Content {
    /// One piece, decrypted, and held against the commitment that the ledger has for it.
    pub fn get(
        &self,
        of: &Name,
        role: Committed,
        commitment: &Commitment,
    ) -> Result<Option<Opened>, ContentError> {
        let found: Option<(PieceRow, Vec<u8>)> =
            self.shared.database.read("read content", |transaction| {
                transaction
                    .prepare_cached("SELECT * FROM pieces WHERE of = ?1 AND role = ?2")?
                    .query_row((of.as_str(), Word(role)), |row| Ok((read(row)?, row.get("sealed")?)))
                    .optional()
            })?;
        let Some((row, sealed)) = found else { return Ok(None) };
        // Erased between the two questions: as if it had been before both.
        let Some((data_key, _)) = self.shared.data_key(&row.subject)? else { return Ok(None) };
        let altered = || ContentError::Altered { of: of.clone() };
        let names = names(&row.of, row.role, row.level, &row.subject);
        let plain = seal::open(&data_key, &names.parts(), &sealed).map_err(|Unsealed| altered())?;
        let (salt, content) = plain.split_first_chunk::<SALT_BYTES>().ok_or_else(altered)?;
        let salt = Salt::from_bytes(*salt);
        let proven = commit(&salt, content) == *commitment;
        // Redacted content may be kept under a commitment to the original, which it cannot give.
        if !proven && row.level == Capture::Full {
            return Err(altered());
        }
        Ok(Some(Opened { row, salt, content: Zeroizing::new(content.to_vec()), proven }))
    }

    /// What is kept about a subject, by decision and role.
    pub fn pieces(
        &self,
        subject: &Name,
        after: Option<&(Name, Committed)>,
        limit: Limit,
    ) -> Result<Page<PieceRow, (Name, Committed)>, ContentError> {
        Ok(self.shared.database.read("list content", |transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT of, role, level, subject, time, bytes FROM pieces
                 WHERE subject = ?1 AND (of, role) > (?2, ?3) ORDER BY of, role LIMIT ?4",
            )?;
            let subject = subject.as_str();
            let rows = match after {
                Some((of, role)) => {
                    statement.query_map((subject, of.as_str(), Word(*role), limit.one_more()), read)?
                }
                None => statement.query_map((subject, "", "", limit.one_more()), read)?,
            };
            let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Page::of(rows, limit, |piece| (piece.of.clone(), piece.role)))
        })?)
    }

    /// Pieces that were not kept since the start, whether shed or lost.
    pub fn not_kept(&self) -> u64 {
        self.shared.shed.load(Ordering::Acquire) + self.shared.lost.load(Ordering::Acquire)
    }
}

/// What a sealed piece is bound to.
pub(super) struct Names<'a> {
    of: &'a str,
    role: String,
    level: &'static str,
    subject: &'a str,
}

impl Names<'_> {
    pub fn parts(&self) -> [&[u8]; 5] {
        [b"piece", self.of.as_bytes(), self.role.as_bytes(), self.level.as_bytes(), self.subject.as_bytes()]
    }
}

pub(super) fn names<'a>(of: &'a Name, role: Committed, level: Capture, subject: &'a Name) -> Names<'a> {
    Names { of: of.as_str(), role: format!("{role:?}"), level: level.as_str(), subject: subject.as_str() }
}

/// Salt and content under one seal: what opens one opens the other, and they go together.
pub(super) fn sealed(data_key: &seal::Key, subject: &Name, piece: &Piece) -> Result<Vec<u8>, Unsealed> {
    let mut plain = Zeroizing::new(Vec::with_capacity(SALT_BYTES + piece.content.len()));
    plain.extend_from_slice(piece.salt.as_bytes());
    plain.extend_from_slice(&piece.content);
    seal::seal(data_key, &names(&piece.of, piece.role, piece.level, subject).parts(), &plain)
}

fn read(row: &Row<'_>) -> rusqlite::Result<PieceRow> {
    Ok(PieceRow {
        of: word(row, "of")?,
        role: word(row, "role")?,
        level: word(row, "level")?,
        subject: word(row, "subject")?,
        time: time(row, "time")?,
        bytes: count(row, "bytes")?,
    })
}
