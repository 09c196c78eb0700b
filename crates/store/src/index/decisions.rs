//! Lists of decisions, and one decision with everything that came of it.

use action::{ApprovalState, Name, Severity, Vector};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, Transaction};
use serde::Serialize;

use super::events::{self, read_record};
use super::filter::{Conditions, text};
use super::fold::{bit, nanos_of};
use super::{
    Act, DecisionFilter, DecisionHistory, DecisionRow, DetectionRow, HoldRow, Index, OutcomeRow, Risk,
};
use crate::row::{Hash, count, hash, hash_if, number, packed, word, word_if};
use crate::{DatabaseError, Limit, Page, Total};

/// Where counting stops.
const COUNT: i64 = 10_000;

impl Index {
    /// The newest first.
    pub fn decisions(
        &self,
        filter: &DecisionFilter,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<DecisionRow, u64>, DatabaseError> {
        self.with("list decisions", |database| {
            database.read("list decisions", |transaction| {
                let mut conditions = conditions(transaction, filter)?;
                conditions.add_if("d.sequence < ?", before.map(number));
                let sql = format!(
                    "SELECT d.*, h.state AS hold FROM {} LEFT JOIN holds h ON h.of = d.id{}
                     ORDER BY d.sequence DESC LIMIT ?",
                    tables(filter),
                    conditions.clause()
                );
                let rows = transaction
                    .prepare_cached(&sql)?
                    .query_map(conditions.values_and(limit.one_more()), read)?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                Ok(Page::of(rows, limit, |row| row.sequence))
            })
        })
    }

    /// How many there are, counted up to ten thousand.
    pub fn count_decisions(&self, filter: &DecisionFilter) -> Result<Total, DatabaseError> {
        self.with("count decisions", |database| {
            database.read("count decisions", |transaction| {
                let conditions = conditions(transaction, filter)?;
                let sql = format!(
                    "SELECT count(*) FROM
                     (SELECT 1 FROM {} LEFT JOIN holds h ON h.of = d.id{} LIMIT ?)",
                    tables(filter),
                    conditions.clause()
                );
                let rows: i64 = transaction
                    .prepare_cached(&sql)?
                    .query_row(conditions.values_and(COUNT + 1), |row| row.get(0))?;
                Ok(match u64::try_from(rows) {
                    Ok(rows) if rows <= COUNT.unsigned_abs() => Total::Exactly(rows),
                    Ok(_) | Err(_) => Total::AtLeast(COUNT.unsigned_abs()),
                })
            })
        })
    }

    /// One decision with everything recorded about it since.
    pub fn decision(&self, id: &Name) -> Result<Option<DecisionHistory>, DatabaseError> {
        self.with("read a decision", |database| {
            database.read("read a decision", |transaction| history(transaction, id))
        })
    }
}

/// A filter by vector starts from the hits, which are in the order of the list.
fn tables(filter: &DecisionFilter) -> &'static str {
    if filter.vector.is_some() {
        "hits x CROSS JOIN decisions d ON d.sequence = x.sequence"
    } else {
        "decisions d"
    }
}

fn conditions(transaction: &Transaction<'_>, filter: &DecisionFilter) -> rusqlite::Result<Conditions> {
    let mut to = Conditions::default();
    to.add_if("x.vector = ?", filter.vector.map(text));
    to.add_if("d.agent = ?", filter.agent.as_ref().map(text));
    to.add_if("d.principal = ?", filter.principal.as_ref().map(text));
    to.add_if("d.session = ?", filter.session.as_ref().map(text));
    to.add_if("d.trace = ?", filter.trace.map(text));
    to.add_if("d.verdict = ?", filter.verdict.map(text));
    to.add_if("d.effective = ?", filter.effective.map(text));
    to.add_if("d.rule = ?", filter.rule.as_ref().map(text));
    to.add_if("d.kind = ?", filter.kind.map(text));
    to.add_if("d.operation = ?", filter.operation.map(text));
    to.add_if("d.environment = ?", filter.environment.map(text));
    to.add_if("h.state = ?", filter.hold.map(text));
    to.add_if("d.outcome = ?", filter.outcome.map(wire));
    to.add_if("d.score >= ?", filter.score_from.map(i64::from));
    to.add_if("d.score <= ?", filter.score_to.map(i64::from));
    to.add_if("d.time >= ?", filter.from.map(nanos_of));
    to.add_if("d.time < ?", filter.before.map(nanos_of));
    to.add_if(
        "instr(lower(d.tool), ?) > 0",
        filter.tool.as_ref().map(|tool| tool.as_str().to_ascii_lowercase()),
    );
    let from = filter.from.map(nanos_of);
    let before = filter.before.map(nanos_of);
    within(transaction, &mut to, ["d.sequence >= ?", "d.sequence <= ?"], from, before)?;
    Ok(to)
}

/// Turns a range of time into a range of sequences, so that an old range is not reached by reading
/// everything newer. Only while times never went back: otherwise the range of sequences could be too
/// narrow, and the times alone decide.
pub(super) fn within(
    transaction: &Transaction<'_>,
    to: &mut Conditions,
    [first, last]: [&'static str; 2],
    from: Option<i64>,
    before: Option<i64>,
) -> rusqlite::Result<()> {
    let monotone: bool = transaction.query_row("SELECT monotone FROM cursor", [], |row| row.get(0))?;
    if !monotone {
        return Ok(());
    }
    let edge = |sql: &str, time: i64| {
        transaction.prepare_cached(sql)?.query_row([time], |row| row.get::<_, i64>(0)).optional()
    };
    if let Some(from) = from {
        let sql = "SELECT sequence FROM records WHERE time >= ?1 ORDER BY time, sequence LIMIT 1";
        to.add(first, edge(sql, from)?.unwrap_or(i64::MAX).into());
    }
    if let Some(before) = before {
        let sql = "SELECT sequence FROM records WHERE time < ?1 ORDER BY time DESC, sequence DESC LIMIT 1";
        to.add(last, edge(sql, before)?.unwrap_or(-1).into());
    }
    Ok(())
}

fn history(transaction: &Transaction<'_>, id: &Name) -> rusqlite::Result<Option<DecisionHistory>> {
    let most = i64::from(Limit::MOST.rows());
    let Some(decision) = transaction
        .prepare_cached(
            "SELECT d.*, h.state AS hold FROM decisions d LEFT JOIN holds h ON h.of = d.id
             WHERE d.id = ?1 ORDER BY d.sequence LIMIT 1",
        )?
        .query_row([id.as_str()], read)
        .optional()?
    else {
        return Ok(None);
    };
    let sequence = number(decision.sequence);
    let (leaf, notes) = transaction
        .prepare_cached("SELECT leaf, notes FROM records WHERE sequence = ?1")?
        .query_row([sequence], |row| Ok((hash(row, "leaf")?, packed(row, "notes")?)))?;
    Ok(Some(DecisionHistory {
        leaf,
        notes,
        detections: rows(
            transaction,
            "SELECT * FROM detections WHERE sequence = ?1 ORDER BY ordinal LIMIT ?2",
            (sequence, most),
            read_detection,
        )?,
        hold: rows(transaction, "SELECT * FROM holds WHERE of = ?1", [id.as_str()], read_hold)?.pop(),
        approvals: rows(
            transaction,
            "SELECT * FROM approvals WHERE of = ?1 ORDER BY sequence LIMIT ?2",
            (id.as_str(), most),
            events::read_approval,
        )?,
        outcomes: rows(
            transaction,
            "SELECT o.*, r.notes FROM outcomes o JOIN records r ON r.sequence = o.sequence
             WHERE o.of = ?1 ORDER BY o.sequence LIMIT ?2",
            (id.as_str(), most),
            read_outcome,
        )?,
        findings: rows(
            transaction,
            "SELECT * FROM findings WHERE of = ?1 ORDER BY key LIMIT ?2",
            (id.as_str(), most),
            events::read_finding,
        )?,
        caused: rows(
            transaction,
            "SELECT * FROM records WHERE cause = ?1 ORDER BY sequence LIMIT ?2",
            (Hash(leaf), most),
            read_record,
        )?,
        decision,
    }))
}

pub(super) fn rows<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    params: impl rusqlite::Params,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    transaction.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// The wire name of a member of the ledger's lists.
pub(super) fn wire(member: impl Serialize) -> Value {
    match serde_json::to_value(member) {
        Ok(serde_json::Value::String(word)) => Value::Text(word),
        Ok(_) | Err(_) => Value::Null,
    }
}

/// A severity as it stands in a column.
pub(super) fn severity(row: &Row<'_>) -> rusqlite::Result<Severity> {
    let rank = count(row, "severity")?;
    let found = usize::try_from(rank).ok().and_then(|rank| Severity::ALL.get(rank));
    found.copied().ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number(rank)))
}

fn read(row: &Row<'_>) -> rusqlite::Result<DecisionRow> {
    let vectors: i64 = row.get("vectors")?;
    let risk = match row.get::<_, Option<u8>>("score")? {
        None => None,
        Some(value) => Some(Risk {
            value,
            base: row.get("base")?,
            uplift: row.get("uplift")?,
            parts: row.get("parts")?,
            weights: hash(row, "weights")?,
        }),
    };
    let act = match word_if(row, "tool")? {
        None => None,
        Some(tool) => Some(Act {
            kind: word(row, "kind")?,
            operation: word(row, "operation")?,
            environment: word(row, "environment")?,
            tool,
            resource: word(row, "resource")?,
        }),
    };
    Ok(DecisionRow {
        sequence: count(row, "sequence")?,
        id: word(row, "id")?,
        time: ledger::Nanos(row.get("time")?),
        verdict: word(row, "verdict")?,
        effective: word(row, "effective")?,
        mode: word(row, "mode")?,
        rule: word(row, "rule")?,
        rules: hash(row, "rules")?,
        baseline: hash_if(row, "baseline")?,
        risk,
        vectors: Vector::ALL.iter().copied().filter(|vector| vectors & bit(*vector) != 0).collect(),
        act,
        agent: word_if(row, "agent")?,
        agent_version: word_if(row, "agent_version")?,
        session: word_if(row, "session")?,
        trace: word_if(row, "trace")?,
        principal: word_if(row, "principal")?,
        latency: packed(row, "latency")?,
        hold: word_if::<ApprovalState>(row, "hold")?,
        outcome: word_if(row, "outcome")?,
    })
}

fn read_detection(row: &Row<'_>) -> rusqlite::Result<DetectionRow> {
    Ok(DetectionRow {
        vector: word(row, "vector")?,
        rule: word(row, "rule")?,
        severity: severity(row)?,
        confidence: action::Confidence::new(row.get("confidence")?),
        class: word_if(row, "class")?,
    })
}

pub(super) fn read_hold(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    Ok(HoldRow {
        of: word(row, "of")?,
        sequence: count(row, "sequence")?,
        state: word(row, "state")?,
        needed: row.get("needed")?,
        votes: count(row, "votes")?,
        until: row.get::<_, Option<i64>>("until")?.map(ledger::Nanos),
        released: row.get("released")?,
        requested: ledger::Nanos(row.get("requested")?),
        moved: ledger::Nanos(row.get("moved")?),
    })
}

fn read_outcome(row: &Row<'_>) -> rusqlite::Result<OutcomeRow> {
    Ok(OutcomeRow {
        sequence: count(row, "sequence")?,
        time: ledger::Nanos(row.get("time")?),
        of: word(row, "of")?,
        report: word(row, "report")?,
        notes: packed(row, "notes")?,
    })
}
