//! The ledger itself, what it shows, and the erasure of a person.

use action::{Name, Severity};
use ledger::{ErasurePart, Promise, Record, RecordKind};
use serde::{Deserialize, Serialize};
use store::EventFilter;

use super::page;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

/// Records in one answer.
const MAX_RECORDS: usize = 1_000;

fn filter(call: &Call) -> Result<EventFilter, Fault> {
    Ok(EventFilter {
        of: call.asked_name("of")?,
        agent: call.asked_name("agent")?,
        severity_from: call.asked("severity", Severity::parse)?,
        ..EventFilter::default()
    })
}

pub fn findings(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let before = call.asked("before", |text| text.parse().ok())?;
    page(office.index.findings(&filter(call)?, before, call.limit()?)?, u64::to_string)
}

pub fn acts(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let before = call.asked("before", |text| text.parse().ok())?;
    page(office.index.operator_acts(&filter(call)?, before, call.limit()?)?, u64::to_string)
}

#[derive(Serialize)]
struct Standing {
    durable: u64,
    signed: u64,
    health: String,
    /// Records that the index has still to follow.
    behind: u64,
}

pub fn ledger(office: &Office, _: &Call) -> Result<Reply, Fault> {
    let head = office.ledger.head();
    Reply::of(&Standing {
        durable: head.durable,
        signed: head.signed,
        health: office.ledger.health().word().to_owned(),
        behind: head.durable.saturating_sub(office.index.next()?),
    })
}

/// The newest; with `cosigned=true` the newest that a witness cosigned. The newest carries its
/// cosignatures where it has some.
pub fn checkpoint(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let only = call.asked("cosigned", |text| text.parse::<bool>().ok())?.unwrap_or(false);
    let cosigned = office.outward.cosigned();
    let newest = office.ledger.checkpoint();
    let same = |cosigned: &String| newest.as_ref().is_some_and(|newest| cosigned.starts_with(newest.text()));
    let note = match cosigned {
        Some(cosigned) if only || same(&cosigned) => Some(cosigned),
        _ if only => None,
        _ => newest.map(|newest| newest.to_string()),
    };
    Ok(Reply::text(note.ok_or_else(|| Fault::missing("checkpoint yet"))?))
}

pub fn records(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let from = call.asked("from", |text| text.parse().ok())?.unwrap_or(0);
    let size = office.ledger.head().durable;
    if from >= size {
        return Ok(Reply::text(Vec::new()));
    }
    let records =
        office.ledger.read(from, MAX_RECORDS).map_err(|error| Fault::ours("read the ledger", &error))?;
    let mut lines = Vec::new();
    for stored in records {
        lines.extend_from_slice(&stored.bytes);
        lines.push(b'\n');
    }
    Ok(Reply::text(lines))
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewErasure {
    /// The identity by which agents act for the person.
    person: Name,
    /// The legal ground, for example `gdpr.17`.
    basis: Name,
}

/// Content, salts and key go first, then the record says so. In the other order a crash would leave
/// a record of an erasure that did not happen.
pub fn erase(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let new: NewErasure = call.take()?;
    let person = store::Subject::Person(new.person.as_str().to_owned().into());
    let subject =
        office.content.find(&person).map_err(Fault::content)?.ok_or_else(|| Fault::missing("person"))?;
    let erased =
        office.content.erase(&subject).map_err(Fault::content)?.ok_or_else(|| Fault::missing("person"))?;
    let mut record = Record::new(RecordKind::Erasure, office.clock.now());
    record.erasure = Some(ErasurePart {
        basis: new.basis,
        by: call.pseudonym.clone(),
        pieces: erased.pieces,
        principal: erased.principal,
    });
    let receipt = office
        .ledger
        .append_wait(record, Promise::Synced)
        .map_err(|error| Fault::ours("record the erasure, which has happened", &error))?;
    #[derive(Serialize)]
    struct Done {
        pieces: u64,
        sequence: Option<u64>,
    }
    Reply::of(&Done { pieces: erased.pieces, sequence: receipt.sequence() })
}
