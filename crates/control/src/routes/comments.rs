//! What approvers say beside a decision. The ledger holds a salted hash; the words lie in the content
//! store under the approver's own key, and go when that person is erased.

use action::{Capture, Name};
use http::StatusCode;
use ledger::{ApprovalStep, Commitment, Committed, Nanos, Record};
use serde::Serialize;
use store::{ApprovalRow, Piece, Put};

use crate::Office;
use crate::fault::Fault;

/// Bytes of one comment; longer ones are refused.
const MAX_COMMENT: usize = 4 << 10;

/// One decision of a person about a held action.
#[derive(Serialize)]
pub(super) struct Said {
    sequence: u64,
    time: Nanos,
    step: ApprovalStep,
    /// By pseudonym; absent for a cancellation, whose author stands in the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Name>,
    /// Whose queue it was, where it was not the approver's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_place_of: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Something was said, and the words are not there any more: erased, or not written in a crash.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    comment_gone: bool,
}

/// Gives the words to the content store, and gives back what may stand on the ledger for them. They
/// are kept at every capture level: nobody records a comment without meaning to.
pub(super) fn keep(office: &Office, by: &Name, of: &Name, text: &str) -> Result<Commitment, Fault> {
    if text.len() > MAX_COMMENT {
        return Err(Fault::bad("comment_too_long", "a comment has at most 4096 bytes"));
    }
    let salt = office.content.salt().map_err(Fault::content)?;
    let commitment = store::commit(&salt, text.as_bytes());
    let piece = Piece {
        of: place(of, &commitment)?,
        role: Committed::Comment,
        level: Capture::Full,
        salt,
        content: text.as_bytes().to_vec().into(),
        time: office.now(),
    };
    match office.content.put(by, piece) {
        Put::Queued => Ok(commitment),
        Put::Shed | Put::NotKept => Err(Fault::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "comment_not_kept",
            "the comment cannot be kept now, so nothing was decided; try again, or decide without a comment",
        )),
    }
}

/// Many people may speak about one decision, so the name of a comment holds the start of its hash.
fn place(of: &Name, commitment: &Commitment) -> Result<Name, Fault> {
    let hash = commitment.hash.to_string();
    let text = format!("{of}/{}", hash.get(..16).unwrap_or(&hash));
    Name::new(&text).map_err(|error| Fault::ours("name the comment", &error))
}

/// What people decided about a held action, with their words.
pub(super) fn said(office: &Office, moves: &[ApprovalRow]) -> Result<Vec<Said>, Fault> {
    let of_people = moves.iter().filter(|row| row.by.is_some() || row.step == ApprovalStep::Cancelled);
    of_people.map(|row| one(office, row)).collect()
}

fn one(office: &Office, row: &ApprovalRow) -> Result<Said, Fault> {
    let stored =
        office.ledger.read(row.sequence, 1).map_err(|error| Fault::ours("read the ledger", &error))?;
    let record = stored.first().map(|stored| &stored.record);
    let words = record.map_or(Ok(None), |record| words(office, &row.of, record))?;
    Ok(Said {
        sequence: row.sequence,
        time: row.time,
        step: row.step,
        by: row.by.clone(),
        in_place_of: record.and_then(|record| record.notes.get("in_place_of").cloned()),
        channel: row.channel.clone(),
        comment_gone: matches!(words, Some(None)),
        comment: words.flatten(),
    })
}

/// The words of a record: none said, or said and gone, or the words.
fn words(office: &Office, of: &Name, record: &Record) -> Result<Option<Option<String>>, Fault> {
    let Some(commitment) = record.commitments.get(&Committed::Comment) else { return Ok(None) };
    let piece = office.content.get(&place(of, commitment)?, Committed::Comment, commitment);
    match piece {
        Ok(piece) => Ok(Some(piece.map(|piece| String::from_utf8_lossy(&piece.content).into_owned()))),
        // One altered comment must not hide the decision that it is about.
        Err(error) => {
            tracing::error!(decision = %of, %error, "a comment cannot be read");
            Ok(Some(None))
        }
    }
}
