//! What a receiver is told: names, ids, verdicts, counts. Never content, and nobody's name.

use action::{
    ActionKind, Digest, Environment, Mode, Name, Operation, Severity, Timestamp, TraceId, Vector, Verdict,
};
use bytes::Bytes;
use ledger::{ApprovalStep, GapReason, Record};
use serde::Serialize;

use super::event::Event;

/// One event, ready to be sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// The same however often it is sent.
    pub id: String,
    pub event: &'static str,
    pub sequence: u64,
    pub time: Timestamp,
    pub body: Bytes,
    /// Whether it tells of a webhook's own trouble. Such trouble is not told about in turn.
    pub about_webhooks: bool,
}

#[derive(Serialize)]
struct Body<'r> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Data<'r>,
}

/// What is absent is left out.
#[derive(Default, Serialize)]
#[serde(default)]
struct Data<'r> {
    log: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Environment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ActionKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Operation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// The rule that decided, or that found.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detections: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vectors: Vec<Vector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<ApprovalStep>,
    /// Approvals that are needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<&'r Name>,
    /// Why an act failed that was announced before.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pieces: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<GapReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<&'r Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<&'r Name>,
}

impl Message {
    pub fn of(event: Event, record: &Record, leaf: &Digest) -> Self {
        let time = record.time.timestamp();
        let finding = record.finding.as_ref().map(|part| part.rule.as_str());
        Message {
            id: id(leaf),
            event: event.as_str(),
            sequence: record.sequence,
            time,
            body: body(event.as_str(), time, data(event, record)),
            about_webhooks: finding.is_some_and(|rule| rule.starts_with("webhook.")),
        }
    }

    /// For trying out whether a receiver takes what we send.
    pub fn test(log: &str, time: Timestamp, random: [u8; 16]) -> Self {
        let event = "webhook.test";
        let data = Data { log, ..Data::default() };
        Message {
            id: format!("msg_{:032x}", u128::from_be_bytes(random)),
            event,
            sequence: 0,
            time,
            body: body(event, time, data),
            about_webhooks: true,
        }
    }
}

/// From the record's leaf hash: another for each record of each log, and the same after a restart.
fn id(leaf: &Digest) -> String {
    let text = leaf.to_string();
    format!("msg_{}", text.get(..32).unwrap_or(&text))
}

fn body(r#type: &'static str, timestamp: Timestamp, data: Data<'_>) -> Bytes {
    // Names and numbers can always be written.
    serde_json::to_vec(&Body { r#type, timestamp, data }).unwrap_or_default().into()
}

fn data(event: Event, record: &Record) -> Data<'_> {
    let note = |key: &str| record.notes.get(key);
    let mut data = Data {
        log: &record.log,
        sequence: Some(record.sequence),
        decision: record.about(),
        agent: record.agent.as_ref().map(|part| &part.name),
        session: record.session.as_ref(),
        trace: record.trace,
        risk: record.risk.as_ref().map(|part| part.value),
        pieces: record.erasure.as_ref().map(|part| part.pieces),
        gap: record.gap.as_ref().map(|part| part.reason),
        failed: note("failed"),
        ..Data::default()
    };
    if let Some(part) = &record.action {
        data.environment = Some(part.environment);
        data.kind = Some(part.kind);
        data.operation = Some(part.operation);
        data.tool = Some(&part.tool);
    }
    if let Some(part) = &record.decision {
        (data.verdict, data.effective, data.mode) =
            (Some(part.verdict), Some(part.effective), Some(part.mode));
        data.rule = Some(&part.rule);
        data.detections = Some(record.detections.len());
        data.vectors = record.detections.iter().map(|hit| hit.vector).collect();
        data.vectors.sort_unstable();
        data.vectors.dedup();
    }
    if let Some(part) = &record.approval {
        data.step = Some(part.step);
        data.needed = part.needed;
        data.until = part.until.map(ledger::Nanos::timestamp);
    }
    if let Some(part) = &record.finding {
        data.decision = part.of.as_ref();
        data.rule = Some(&part.rule);
        data.severity = Some(part.severity);
        (data.webhook, data.witness) = (note("webhook"), note("witness"));
    }
    if let Some(part) = &record.operator {
        data.act = Some(&part.act);
        // Of acts on access and on refusals, what they were done to may be a person.
        let harmless = matches!(event, Event::RulesChanged | Event::AgentFrozen | Event::AgentStatus);
        data.on = part.on.as_ref().filter(|_| harmless);
        data.agent = data.agent.or_else(|| note("agent"));
        data.decision = data.decision.or_else(|| note("decision"));
    }
    data
}

#[cfg(test)]
mod tests {
    use ledger::{Nanos, OperatorPart, RecordKind};
    use serde_json::Value;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn told(event: Event, record: &Record) -> Value {
        serde_json::from_slice(&Message::of(event, record, &Digest::from_bytes([7; 32])).body).unwrap()
    }

    #[test]
    fn people_are_not_told_of() {
        let mut record = Record::new(RecordKind::Operator, Nanos(1_790_000_000_123_000_000));
        let (act, on) = (name("operator.put"), Some(name("maria")));
        record.operator = Some(OperatorPart { act, by: name("p_1"), on });
        let told_of = told(Event::SettingsChanged, &record);
        assert!(!told_of.to_string().contains("maria") && !told_of.to_string().contains("p_1"), "{told_of}");
        record.operator.as_mut().unwrap().act = name("agent.status");
        assert_eq!(told(Event::AgentStatus, &record)["data"]["on"], "maria", "an agent's name is told");
    }

    #[test]
    fn the_form_is_that_of_standard_webhooks() {
        let mut record = Record::new(RecordKind::Boot, Nanos(1_790_000_000_123_000_000));
        record.log = "example.org/a".into();
        record.notes.insert(name("program"), name("1"));
        let message = Message::of(Event::Started, &record, &Digest::from_bytes([7; 32]));
        assert_eq!(message.id, format!("msg_{}", "07".repeat(16)));
        assert_eq!(
            told(Event::Started, &record),
            serde_json::json!({
                "type": "server.started", "timestamp": "2026-09-21T14:13:20.123Z",
                "data": { "log": "example.org/a", "sequence": 0 },
            })
        );
    }
}
