//! Folds records into tables. Each row follows from the records alone, so that folding them again, in
//! batches of any size, gives the same rows.

use std::collections::BTreeMap;

use action::{Severity, Timestamp, Vector};
use ledger::{ApprovalPart, ApprovalStep, DecisionPart, Record, RecordKind};
use rusqlite::{OptionalExtension as _, Transaction};

use super::conclude::{self, Stand};
use super::{CountBy, Entry};
use crate::row::{Hash, Packed, Word, number};

/// Findings of one record have keys next to each other: the recorded one, then the concluded ones.
pub(super) const KEYS_PER_RECORD: i64 = 4;
const RECORDED: i64 = 0;
const REPEATED: i64 = 1;
const CONTRADICTS: i64 = 2;
const DISAGREES: i64 = 3;

const HOUR_MILLIS: i64 = 3_600_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// One batch.
pub(super) struct Fold<'a> {
    transaction: &'a Transaction<'a>,
    /// Written at the end, one row for many records.
    hours: BTreeMap<(&'static str, i64, String), i64>,
}

impl<'a> Fold<'a> {
    pub fn new(transaction: &'a Transaction<'a>) -> Self {
        Fold { transaction, hours: BTreeMap::new() }
    }

    pub fn record(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        let record = &entry.record;
        self.keep(entry)?;
        if let Some(decision) = &record.decision {
            self.decision(record, decision)?;
        }
        if let Some(approval) = &record.approval {
            self.approval(record, approval)?;
        }
        if let Some(outcome) = &record.outcome {
            self.outcome(record, outcome)?;
        }
        if let Some(finding) = &record.finding {
            let of = match &finding.of {
                Some(of) => Some(of.to_string()),
                None => self.cause_of(record)?,
            };
            self.finding(record, RECORDED, finding.rule.as_str(), finding.severity, of.as_deref())?;
        }
        if let Some(erasure) = &record.erasure {
            self.insert(
                "INSERT INTO erasures (sequence, time, principal, basis, by, pieces)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    number(record.sequence),
                    record.time.0,
                    erasure.principal.as_str(),
                    erasure.basis.as_str(),
                    erasure.by.as_str(),
                    number(erasure.pieces),
                ),
            )?;
        }
        if let Some(gap) = &record.gap {
            self.insert(
                "INSERT INTO gaps (sequence, time, reason, bytes, was, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    number(record.sequence),
                    record.time.0,
                    Word(gap.reason),
                    number(gap.bytes),
                    gap.was.map(Hash),
                    Packed(&record.notes),
                ),
            )?;
        }
        self.act(record)
    }

    /// Adds what was counted. Consumes the fold: a batch is counted once.
    pub fn finish(self) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO hours (kind, hour, key, count) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, hour, key) DO UPDATE SET count = count + excluded.count",
        )?;
        self.hours.iter().try_for_each(|((kind, hour, key), count)| {
            statement.execute((kind, hour, key, count)).map(|_| ())
        })
    }

    fn keep(&self, entry: &Entry) -> rusqlite::Result<()> {
        let record = &entry.record;
        let about = record
            .decision
            .as_ref()
            .map(|part| &part.id)
            .or(record.approval.as_ref().map(|part| &part.of))
            .or(record.outcome.as_ref().map(|part| &part.of))
            .or(record.finding.as_ref().and_then(|part| part.of.as_ref()));
        self.insert(
            "INSERT INTO records
             (sequence, kind, time, agent, session, trace, principal, leaf, leaf_key, cause, about, notes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            (
                number(record.sequence),
                Word(record.kind),
                record.time.0,
                record.agent.as_ref().map(|agent| agent.name.as_str()),
                record.session.as_ref().map(action::Name::as_str),
                record.trace.map(Word),
                record.principal.as_ref().map(action::Name::as_str),
                Hash(entry.leaf),
                leaf_key(&entry.leaf),
                record.cause.map(Hash),
                about.map(action::Name::as_str),
                Packed(&record.notes),
            ),
        )
    }

    fn decision(&mut self, record: &Record, decision: &DecisionPart) -> rusqlite::Result<()> {
        let sequence = number(record.sequence);
        let repeated: bool = self
            .transaction
            .prepare_cached("SELECT 1 FROM decisions WHERE id = ?1")?
            .exists([decision.id.as_str()])?;
        if repeated {
            let of = Some(decision.id.as_str());
            self.finding(record, REPEATED, conclude::REPEATED, Severity::High, of)?;
        }
        let mut vectors = 0i64;
        for (ordinal, part) in (0i64..).zip(&record.detections) {
            self.insert(
                "INSERT INTO detections (sequence, ordinal, vector, rule, severity, confidence, class)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    sequence,
                    ordinal,
                    part.vector.as_str(),
                    part.rule.as_str(),
                    severity_rank(part.severity),
                    part.confidence.percent(),
                    part.class.map(action::SensitiveClass::as_str),
                ),
            )?;
            vectors |= bit(part.vector);
        }
        for vector in Vector::ALL.iter().filter(|vector| vectors & bit(**vector) != 0) {
            self.insert("INSERT INTO hits (vector, sequence) VALUES (?1, ?2)", (vector.as_str(), sequence))?;
        }
        self.decision_row(record, decision, vectors)?;
        self.count(record, decision, vectors);
        Ok(())
    }

    fn decision_row(&self, record: &Record, decision: &DecisionPart, vectors: i64) -> rusqlite::Result<()> {
        let (risk, act, agent) = (record.risk.as_ref(), record.action.as_ref(), record.agent.as_ref());
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO decisions
             (sequence, id, time, verdict, effective, mode, rule, rules, baseline, score, base, uplift, parts,
              weights, vectors, kind, operation, environment, tool, resource, agent, agent_version, session,
              trace, principal, latency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                     ?21, ?22, ?23, ?24, ?25, ?26)",
        )?;
        insert.execute(rusqlite::params![
            number(record.sequence),
            decision.id.as_str(),
            record.time.0,
            decision.verdict.as_str(),
            decision.effective.as_str(),
            decision.mode.as_str(),
            decision.rule.as_str(),
            Hash(decision.rules),
            decision.baseline.map(Hash),
            risk.map(|risk| risk.value),
            risk.map(|risk| risk.base),
            risk.map(|risk| risk.uplift),
            risk.map(|risk| risk.parts.to_vec()),
            risk.map(|risk| Hash(risk.weights)),
            vectors,
            act.map(|act| act.kind.as_str()),
            act.map(|act| act.operation.as_str()),
            act.map(|act| act.environment.as_str()),
            act.map(|act| act.tool.as_str()),
            act.map(|act| act.resource.as_str()),
            agent.map(|agent| agent.name.as_str()),
            agent.and_then(|agent| agent.version.as_ref()).map(action::Name::as_str),
            record.session.as_ref().map(action::Name::as_str),
            record.trace.map(Word),
            record.principal.as_ref().map(action::Name::as_str),
            Packed(&decision.latency),
        ])?;
        Ok(())
    }

    fn count(&mut self, record: &Record, decision: &DecisionPart, vectors: i64) {
        let hour = hour_of(record.time.0);
        let mut add = |by: CountBy, key: &str| {
            *self.hours.entry((by.word(), hour, key.to_owned())).or_insert(0) += 1;
        };
        add(CountBy::Verdict, decision.verdict.as_str());
        add(CountBy::Effective, decision.effective.as_str());
        if let Some(agent) = &record.agent {
            add(CountBy::Agent, agent.name.as_str());
        }
        for vector in Vector::ALL.iter().filter(|vector| vectors & bit(**vector) != 0) {
            add(CountBy::Vector, vector.as_str());
        }
    }

    fn approval(&self, record: &Record, approval: &ApprovalPart) -> rusqlite::Result<()> {
        let of = approval.of.as_str();
        self.insert(
            "INSERT INTO approvals (sequence, time, of, step, by, channel, needed, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                number(record.sequence),
                record.time.0,
                of,
                Word(approval.step),
                approval.by.as_ref().map(action::Name::as_str),
                approval.channel.as_ref().map(action::Name::as_str),
                approval.needed,
                approval.until.map(|until| until.0),
            ),
        )?;
        // Only a request makes a hold. A later step alone would bring a hold back that retention removed.
        let sql = match approval.step {
            ApprovalStep::Requested => {
                return self.insert(
                    "INSERT INTO holds (of, sequence, state, needed, votes, until, released, requested, moved)
                     VALUES (?1, ?2, 'pending', ?3, 0, ?4, 0, ?5, ?5) ON CONFLICT (of) DO NOTHING",
                    (
                        of,
                        number(record.sequence),
                        approval.needed.unwrap_or(1),
                        approval.until.map(|until| until.0),
                        record.time.0,
                    ),
                );
            }
            ApprovalStep::Voted => {
                "UPDATE holds SET votes = votes + 1, moved = ?2 WHERE of = ?1 AND state = 'pending'"
            }
            ApprovalStep::Approved => {
                "UPDATE holds SET state = 'approved', votes = votes + 1, moved = ?2
                 WHERE of = ?1 AND state = 'pending'"
            }
            ApprovalStep::Denied => {
                "UPDATE holds SET state = 'denied', moved = ?2 WHERE of = ?1 AND state = 'pending'"
            }
            ApprovalStep::Expired => {
                "UPDATE holds SET state = 'expired', moved = ?2 WHERE of = ?1 AND state = 'pending'"
            }
            ApprovalStep::Cancelled => {
                "UPDATE holds SET state = 'cancelled', moved = ?2 WHERE of = ?1 AND state = 'pending'"
            }
            ApprovalStep::Released => {
                "UPDATE holds SET released = 1, moved = ?2 WHERE of = ?1 AND state = 'approved'"
            }
        };
        self.insert(sql, (of, record.time.0))
    }

    fn outcome(&self, record: &Record, outcome: &ledger::OutcomePart) -> rusqlite::Result<()> {
        let of = outcome.of.as_str();
        self.insert(
            "INSERT INTO outcomes (sequence, time, of, report) VALUES (?1, ?2, ?3, ?4)",
            (number(record.sequence), record.time.0, of, Word(outcome.report)),
        )?;
        let Some(stand) = Stand::of(self.transaction, of)? else { return Ok(()) };
        if let Some(severity) = stand.contradicted_by(outcome.report) {
            self.finding(record, CONTRADICTS, conclude::CONTRADICTS, severity, Some(of))?;
        }
        if let Some(severity) = stand.disagrees_with(outcome.report) {
            self.finding(record, DISAGREES, conclude::DISAGREES, severity, Some(of))?;
        }
        self.insert(
            "UPDATE decisions SET outcome = ?2 WHERE id = ?1 AND (?2 <> 'missing' OR outcome IS NULL)",
            (of, Word(outcome.report)),
        )
    }

    fn finding(
        &self,
        record: &Record,
        slot: i64,
        rule: &str,
        severity: Severity,
        of: Option<&str>,
    ) -> rusqlite::Result<()> {
        self.insert(
            "INSERT INTO findings (key, time, rule, severity, derived, of, agent, session)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                number(record.sequence).saturating_mul(KEYS_PER_RECORD).saturating_add(slot),
                record.time.0,
                rule,
                severity_rank(severity),
                slot != RECORDED,
                of,
                record.agent.as_ref().map(|agent| agent.name.as_str()),
                record.session.as_ref().map(action::Name::as_str),
            ),
        )
    }

    /// The decision that the cause of a record is about.
    fn cause_of(&self, record: &Record) -> rusqlite::Result<Option<String>> {
        let Some(cause) = &record.cause else { return Ok(None) };
        self.transaction
            .prepare_cached(
                "SELECT about FROM records
                 WHERE leaf_key = ?1 AND leaf = ?2 AND about IS NOT NULL ORDER BY sequence LIMIT 1",
            )?
            .query_row((leaf_key(cause), Hash(*cause)), |row| row.get(0))
            .optional()
    }

    /// What an operator did, and what became of the rules.
    fn act(&self, record: &Record) -> rusqlite::Result<()> {
        let operator = record.operator.as_ref();
        let (act, by) = (operator.map(|part| part.act.as_str()), operator.map(|part| part.by.as_str()));
        let target = operator.and_then(|part| part.on.as_ref()).map(action::Name::as_str);
        let row = (number(record.sequence), record.time.0, act, by, target, Packed(&record.notes));
        if record.kind == RecordKind::Policy {
            self.insert(
                "INSERT INTO policies (sequence, time, act, by, target, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                row,
            )
        } else if operator.is_some() {
            self.insert(
                "INSERT INTO operator_acts (sequence, time, act, by, target, notes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                row,
            )
        } else {
            Ok(())
        }
    }

    fn insert(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.transaction.prepare_cached(sql)?.execute(params).map(|_| ())
    }
}

pub(super) fn leaf_key(leaf: &action::Digest) -> i64 {
    leaf.as_bytes().first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

pub(super) fn bit(vector: Vector) -> i64 {
    1 << vector.index()
}

/// A severity as its place in the list, so that "at least" is a comparison.
pub(super) fn severity_rank(severity: Severity) -> i64 {
    i64::try_from(severity.index()).unwrap_or(i64::MAX)
}

pub(super) fn hour_of(nanos: i64) -> i64 {
    let millis = nanos.div_euclid(NANOS_PER_MILLI);
    millis.div_euclid(HOUR_MILLIS) * HOUR_MILLIS
}

pub(super) fn nanos_of(time: Timestamp) -> i64 {
    time.millis().saturating_mul(NANOS_PER_MILLI)
}
