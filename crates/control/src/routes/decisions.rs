//! Decisions: found, explained, shown with what was captured, proven.

use action::{Name, Timestamp, TraceId, Vector, Verdict};
use ledger::{Committed, Report};
use serde::Serialize;
use store::DecisionFilter;

use super::comments::{self, Said};
use super::page;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

pub fn list(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let before = call.asked("before", |text| text.parse().ok())?;
    page(office.index.decisions(&filter(call)?, before, call.limit()?)?, u64::to_string)
}

fn filter(call: &Call) -> Result<DecisionFilter, Fault> {
    let score = |text: &str| text.parse::<u8>().ok().filter(|score| *score <= 100);
    Ok(DecisionFilter {
        agent: call.asked_name("agent")?,
        session: call.asked_name("session")?,
        trace: call.asked("trace", TraceId::from_hex)?,
        verdict: call.asked("verdict", Verdict::parse)?,
        effective: call.asked("effective", Verdict::parse)?,
        vector: call.asked("vector", Vector::parse)?,
        rule: call.asked_name("rule")?,
        tool: call.asked_name("tool")?,
        score_from: call.asked("score_from", score)?,
        score_to: call.asked("score_to", score)?,
        from: call.asked("from", Timestamp::parse)?,
        before: call.asked("until", Timestamp::parse)?,
        ..DecisionFilter::default()
    })
}

/// A decision with what people said about it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    history: store::DecisionHistory,
    said: Vec<Said>,
}

pub fn one(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let history = history(office, call)?;
    let said = comments::said(office, &history.approvals)?;
    Reply::of(&Whole { history, said })
}

fn history(office: &Office, call: &Call) -> Result<store::DecisionHistory, Fault> {
    office.index.decision(&call.name("id")?)?.ok_or_else(|| Fault::missing("decision"))
}

/// One captured piece.
#[derive(Serialize)]
struct Captured {
    role: Committed,
    /// Whether it gives the commitment that stands on the ledger.
    proven: bool,
    content: String,
}

pub fn content(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let id: Name = call.name("id")?;
    let history = history(office, call)?;
    // What a sandbox captured stands on the record of its run.
    let runs = history.outcomes.iter().filter(|it| it.report == Report::Isolated).map(|it| it.sequence);
    let mut commitments = Vec::new();
    for sequence in std::iter::once(history.decision.sequence).chain(runs) {
        let records =
            office.ledger.read(sequence, 1).map_err(|error| Fault::ours("read the ledger", &error))?;
        commitments.extend(records.into_iter().next().map(|stored| stored.record.commitments));
    }
    let mut captured = Vec::new();
    for (role, commitment) in commitments.iter().flatten() {
        if let Some(piece) = office.content.get(&id, *role, commitment).map_err(Fault::content)? {
            let content = String::from_utf8_lossy(&piece.content).into_owned();
            captured.push(Captured { role: *role, proven: piece.proven, content });
        }
    }
    Reply::of(&captured)
}

/// In the text form of transparency logs: checked with the log's public key and nothing else.
pub fn proof(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let sequence = history(office, call)?.decision.sequence;
    let proof = office.ledger.prove(sequence).map_err(|error| Fault::ours("prove the record", &error))?;
    Ok(Reply::text(proof.to_string()))
}
