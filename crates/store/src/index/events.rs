//! Lists of everything but decisions. One table says what each kind of event can be asked by.

use action::ApprovalState;
use ledger::Nanos;
use rusqlite::Row;

use super::decisions::{read_hold, rows, severity, within};
use super::filter::{Conditions, text};
use super::fold::{KEYS_PER_RECORD, nanos_of, severity_rank};
use super::{
    ApprovalRow, ErasureRow, EventFilter, FindingRow, GapRow, HoldRow, Index, OperatorRow, PolicyRow,
    RecordRow,
};
use crate::row::{count, hash, hash_if, number, packed, word, word_if};
use crate::{DatabaseError, Limit, Page};

/// One kind of event: its table, its key, and the condition for each part of a filter that it can be asked
/// by. A part without one matches nothing.
struct Kind<T> {
    table: &'static str,
    key: &'static str,
    before: &'static str,
    /// How keys follow from sequences.
    range: [&'static str; 2],
    of: Option<&'static str>,
    agent: Option<&'static str>,
    session: Option<&'static str>,
    by: Option<&'static str>,
    name: Option<&'static str>,
    severity: Option<&'static str>,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    key_of: fn(&Row<'_>) -> rusqlite::Result<u64>,
}

impl<T> Kind<T> {
    /// What has one row for each record, and can be asked by time alone.
    const fn plain(table: &'static str, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> Self {
        Kind {
            table,
            key: "sequence",
            before: "sequence < ?",
            range: ["sequence >= ?", "sequence <= ?"],
            of: None,
            agent: None,
            session: None,
            by: None,
            name: None,
            severity: None,
            read,
            key_of: |row| count(row, "sequence"),
        }
    }
}

const OF: Option<&str> = Some("of = ?");
const BY: Option<&str> = Some("by = ?");
const AGENT: Option<&str> = Some("agent = ?");
const SESSION: Option<&str> = Some("session = ?");

const RECORDS: Kind<RecordRow> = Kind {
    of: Some("about = ?"),
    agent: AGENT,
    session: SESSION,
    name: Some("kind = ?"),
    ..Kind::plain("records", read_record)
};
const APPROVALS: Kind<ApprovalRow> =
    Kind { of: OF, by: BY, name: Some("step = ?"), ..Kind::plain("approvals", read_approval) };
const FINDINGS: Kind<FindingRow> = Kind {
    key: "key",
    before: "key < ?",
    range: ["key / 4 >= ?", "key / 4 <= ?"],
    of: OF,
    agent: AGENT,
    session: SESSION,
    name: Some("rule = ?"),
    severity: Some("severity >= ?"),
    key_of: |row| count(row, "key"),
    ..Kind::plain("findings", read_finding)
};
const OPERATOR_ACTS: Kind<OperatorRow> = Kind {
    of: Some("target = ?"),
    by: BY,
    name: Some("act = ?"),
    ..Kind::plain("operator_acts", read_operator)
};
const ERASURES: Kind<ErasureRow> = Kind {
    of: Some("principal = ?"),
    by: BY,
    name: Some("basis = ?"),
    ..Kind::plain("erasures", read_erasure)
};
const GAPS: Kind<GapRow> = Kind { name: Some("reason = ?"), ..Kind::plain("gaps", read_gap) };
const POLICIES: Kind<PolicyRow> =
    Kind { of: Some("target = ?"), by: BY, name: Some("act = ?"), ..Kind::plain("policies", read_policy) };

type Events<T> = Result<Page<T, u64>, DatabaseError>;

/// All lists are newest first; the key of a page goes into `before` for the next.
impl Index {
    /// Records of any kind. Asked by the decision they are about, agent, session, and kind as `name`.
    pub fn records(&self, filter: &EventFilter, before: Option<u64>, limit: Limit) -> Events<RecordRow> {
        self.events(&RECORDS, filter, before, limit)
    }

    /// Moves of held actions. Asked by decision, operator, and step as `name`.
    pub fn approvals(&self, filter: &EventFilter, before: Option<u64>, limit: Limit) -> Events<ApprovalRow> {
        self.events(&APPROVALS, filter, before, limit)
    }

    /// Recorded and derived. Asked by decision, agent, session, severity, and rule as `name`.
    pub fn findings(&self, filter: &EventFilter, before: Option<u64>, limit: Limit) -> Events<FindingRow> {
        self.events(&FINDINGS, filter, before, limit)
    }

    /// Asked by operator, target as `of`, and act as `name`.
    pub fn operator_acts(
        &self,
        filter: &EventFilter,
        before: Option<u64>,
        limit: Limit,
    ) -> Events<OperatorRow> {
        self.events(&OPERATOR_ACTS, filter, before, limit)
    }

    /// Asked by operator, pseudonym as `of`, and legal ground as `name`.
    pub fn erasures(&self, filter: &EventFilter, before: Option<u64>, limit: Limit) -> Events<ErasureRow> {
        self.events(&ERASURES, filter, before, limit)
    }

    /// Asked by reason as `name`.
    pub fn gaps(&self, filter: &EventFilter, before: Option<u64>, limit: Limit) -> Events<GapRow> {
        self.events(&GAPS, filter, before, limit)
    }

    /// Changes of rules. Asked by operator, target as `of`, and act as `name`.
    pub fn policies(&self, filter: &EventFilter, before: Option<u64>, limit: Limit) -> Events<PolicyRow> {
        self.events(&POLICIES, filter, before, limit)
    }

    /// Held actions as they stand, in one state or in any.
    pub fn holds(
        &self,
        state: Option<ApprovalState>,
        before: Option<u64>,
        limit: Limit,
    ) -> Result<Page<HoldRow, u64>, DatabaseError> {
        self.with("list held actions", |database| {
            database.read("list held actions", |transaction| {
                let mut conditions = Conditions::default();
                conditions.add_if("state = ?", state.map(text));
                conditions.add_if("sequence < ?", before.map(number));
                let sql =
                    format!("SELECT * FROM holds{} ORDER BY sequence DESC LIMIT ?", conditions.clause());
                let held = rows(transaction, &sql, conditions.values_and(limit.one_more()), read_hold)?;
                Ok(Page::of(held, limit, |hold| hold.sequence))
            })
        })
    }

    fn events<T>(
        &self,
        kind: &Kind<T>,
        filter: &EventFilter,
        before: Option<u64>,
        limit: Limit,
    ) -> Events<T> {
        let mut conditions = Conditions::default();
        for (part, value) in [
            (kind.of, filter.of.as_ref().map(text)),
            (kind.agent, filter.agent.as_ref().map(text)),
            (kind.session, filter.session.as_ref().map(text)),
            (kind.by, filter.by.as_ref().map(text)),
            (kind.name, filter.name.as_ref().map(text)),
            (kind.severity, filter.severity_from.map(|least| severity_rank(least).into())),
        ] {
            match (part, value) {
                (_, None) => {}
                (Some(sql), Some(value)) => conditions.add(sql, value),
                (None, Some(_)) => return Ok(Page { items: Vec::new(), next: None }),
            }
        }
        let (from, until) = (filter.from.map(nanos_of), filter.before.map(nanos_of));
        conditions.add_if("time >= ?", from);
        conditions.add_if("time < ?", until);
        conditions.add_if(kind.before, before.map(number));
        self.with("list events", |database| {
            database.read("list events", |transaction| {
                within(transaction, &mut conditions, kind.range, from, until)?;
                let sql = format!(
                    "SELECT * FROM {}{} ORDER BY {} DESC LIMIT ?",
                    kind.table,
                    conditions.clause(),
                    kind.key
                );
                let found = transaction
                    .prepare_cached(&sql)?
                    .query_map(conditions.values_and(limit.one_more()), |row| {
                        Ok(((kind.key_of)(row)?, (kind.read)(row)?))
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                let page = Page::of(found, limit, |(key, _)| *key);
                Ok(Page { items: page.items.into_iter().map(|(_, event)| event).collect(), next: page.next })
            })
        })
    }
}

fn time(row: &Row<'_>) -> rusqlite::Result<Nanos> {
    row.get("time").map(Nanos)
}

pub(super) fn read_record(row: &Row<'_>) -> rusqlite::Result<RecordRow> {
    Ok(RecordRow {
        sequence: count(row, "sequence")?,
        kind: word(row, "kind")?,
        time: time(row)?,
        agent: word_if(row, "agent")?,
        session: word_if(row, "session")?,
        trace: word_if(row, "trace")?,
        principal: word_if(row, "principal")?,
        leaf: hash(row, "leaf")?,
        cause: hash_if(row, "cause")?,
        notes: packed(row, "notes")?,
    })
}

pub(super) fn read_approval(row: &Row<'_>) -> rusqlite::Result<ApprovalRow> {
    Ok(ApprovalRow {
        sequence: count(row, "sequence")?,
        time: time(row)?,
        of: word(row, "of")?,
        step: word(row, "step")?,
        by: word_if(row, "by")?,
        channel: word_if(row, "channel")?,
        needed: row.get("needed")?,
        until: row.get::<_, Option<i64>>("until")?.map(Nanos),
    })
}

pub(super) fn read_finding(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    Ok(FindingRow {
        sequence: count(row, "key")? / KEYS_PER_RECORD.unsigned_abs(),
        time: time(row)?,
        rule: word(row, "rule")?,
        severity: severity(row)?,
        derived: row.get("derived")?,
        of: word_if(row, "of")?,
        agent: word_if(row, "agent")?,
        session: word_if(row, "session")?,
    })
}

fn read_operator(row: &Row<'_>) -> rusqlite::Result<OperatorRow> {
    Ok(OperatorRow {
        sequence: count(row, "sequence")?,
        time: time(row)?,
        act: word(row, "act")?,
        by: word(row, "by")?,
        on: word_if(row, "target")?,
        notes: packed(row, "notes")?,
    })
}

fn read_erasure(row: &Row<'_>) -> rusqlite::Result<ErasureRow> {
    Ok(ErasureRow {
        sequence: count(row, "sequence")?,
        time: time(row)?,
        principal: word(row, "principal")?,
        basis: word(row, "basis")?,
        by: word(row, "by")?,
        pieces: count(row, "pieces")?,
    })
}

fn read_gap(row: &Row<'_>) -> rusqlite::Result<GapRow> {
    Ok(GapRow {
        sequence: count(row, "sequence")?,
        time: time(row)?,
        reason: word(row, "reason")?,
        bytes: count(row, "bytes")?,
        was: hash_if(row, "was")?,
        notes: packed(row, "notes")?,
    })
}

fn read_policy(row: &Row<'_>) -> rusqlite::Result<PolicyRow> {
    Ok(PolicyRow {
        sequence: count(row, "sequence")?,
        time: time(row)?,
        by: word_if(row, "by")?,
        act: word_if(row, "act")?,
        on: word_if(row, "target")?,
        notes: packed(row, "notes")?,
    })
}
