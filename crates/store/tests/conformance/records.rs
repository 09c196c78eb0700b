//! Ledgers made of chosen or random records, standing in for the real one.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use action::{
    ActionKind, Confidence, Digest, Environment, Mode, Operation, SensitiveClass, Severity, TraceId, Vector,
    Verdict,
};
use ledger::{
    ActionPart, AgentPart, ApprovalPart, ApprovalStep, DecisionPart, DetectionPart, ErasurePart, FindingPart,
    GapPart, GapReason, Nanos, OperatorPart, OutcomePart, Record, RecordKind, Report, RiskPart,
};
use store::{Entry, Index, Source};

use crate::place::name;

pub const MILLI: i64 = 1_000_000;

/// A ledger in memory.
#[derive(Default)]
pub struct Log {
    entries: Mutex<Vec<Entry>>,
    grown: Condvar,
}

impl Log {
    pub fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let log = Log::default();
        records.into_iter().for_each(|record| log.push(record));
        log
    }

    pub fn push(&self, mut record: Record) {
        let mut entries = self.entries.lock().unwrap();
        record.sequence = entries.len() as u64;
        record.previous = entries.last().map(|entry| entry.leaf).unwrap_or_default();
        let bytes = serde_json::to_vec(&record).unwrap();
        entries.push(Entry { leaf: action::digest("leaf", &[&bytes]), record });
        self.grown.notify_all();
    }

    pub fn change(&self, change: impl FnOnce(&mut Vec<Entry>)) {
        change(&mut self.entries.lock().unwrap());
    }

    pub fn leaf(&self, sequence: usize) -> Digest {
        self.entries.lock().unwrap()[sequence].leaf
    }

    pub fn len(&self) -> u64 {
        self.entries.lock().unwrap().len() as u64
    }
}

impl Source for Log {
    fn read(&self, from: u64, most: usize) -> Result<Vec<Entry>, Box<dyn std::error::Error + Send + Sync>> {
        let entries = self.entries.lock().unwrap();
        Ok(entries.iter().skip_while(|entry| entry.record.sequence < from).take(most).cloned().collect())
    }

    fn wait_beyond(&self, size: u64, timeout: Duration) -> u64 {
        let size_of = |entries: &Vec<Entry>| entries.last().map_or(0, |entry| entry.record.sequence + 1);
        let entries = self.entries.lock().unwrap();
        let (entries, _) =
            self.grown.wait_timeout_while(entries, timeout, |entries| size_of(entries) <= size).unwrap();
        size_of(&entries)
    }
}

/// Folds everything that there is.
pub fn fill(index: &Index, log: &Log, batch: usize) {
    while index.next().unwrap() < log.len() {
        index.step(log, batch).unwrap();
    }
}

pub fn dump(index: &Index) -> String {
    let mut all = String::new();
    index
        .dump(&mut |line| {
            all.push_str(line);
            all.push('\n');
        })
        .unwrap();
    all
}

pub fn blank(kind: RecordKind, millis: i64) -> Record {
    Record { log: "test".into(), version: 1, ..Record::new(kind, Nanos(millis * MILLI)) }
}

pub fn decision(id: &str, verdict: Verdict, millis: i64) -> Record {
    Record {
        action: Some(ActionPart {
            environment: Environment::Production,
            kind: ActionKind::Payment,
            operation: Operation::Pay,
            resource: name("account"),
            tool: name("refund"),
        }),
        agent: Some(AgentPart { name: name("bot"), version: Some(name("1.2")) }),
        decision: Some(DecisionPart {
            baseline: None,
            effective: verdict,
            id: name(id),
            latency: BTreeMap::from([(name("policy"), 12)]),
            mode: Mode::Enforce,
            payload: None,
            rule: name("band.high"),
            rules: Digest::from_bytes([5; 32]),
            verdict,
        }),
        risk: Some(RiskPart {
            base: 40,
            parts: [1, 2, 3, 4, 5, 6, 7],
            uplift: 2,
            value: 42,
            weights: Digest::from_bytes([6; 32]),
        }),
        ..blank(RecordKind::Decision, millis)
    }
}

pub fn detection(vector: Vector) -> DetectionPart {
    DetectionPart {
        class: Some(SensitiveClass::Card),
        confidence: Confidence::HIGH,
        rule: name("pii.card"),
        severity: Severity::High,
        vector,
    }
}

pub fn outcome(of: &str, report: Report, millis: i64) -> Record {
    Record { outcome: Some(OutcomePart { of: name(of), report }), ..blank(RecordKind::Outcome, millis) }
}

pub fn approval(of: &str, step: ApprovalStep, millis: i64) -> Record {
    let needed = (step == ApprovalStep::Requested).then_some(2);
    let approval = ApprovalPart {
        by: Some(name("ada")),
        channel: None,
        claim: None,
        from: Vec::new(),
        needed,
        of: name(of),
        payload: None,
        release_within: None,
        step,
        until: Some(Nanos(9)),
    };
    Record { approval: Some(approval), ..blank(RecordKind::Approval, millis) }
}

pub fn finding(rule: &str, severity: Severity, cause: Option<Digest>, millis: i64) -> Record {
    Record {
        finding: Some(FindingPart { of: None, rule: name(rule), severity }),
        cause,
        ..blank(RecordKind::Finding, millis)
    }
}

pub fn operator(act: &str, by: &str, millis: i64) -> Record {
    let operator = OperatorPart { act: name(act), by: name(by), on: Some(name("bot")) };
    Record { operator: Some(operator), ..blank(RecordKind::Operator, millis) }
}

pub fn policy(millis: i64) -> Record {
    Record {
        notes: BTreeMap::from([(name("digest"), name("abc"))]),
        ..Record { kind: RecordKind::Policy, ..operator("rules.activate", "ada", millis) }
    }
}

pub fn erasure(millis: i64) -> Record {
    let erasure =
        ErasurePart { basis: name("gdpr.17"), by: name("ada"), pieces: 3, principal: name("psn:1") };
    Record { erasure: Some(erasure), ..blank(RecordKind::Erasure, millis) }
}

pub fn gap(millis: i64) -> Record {
    let gap = GapPart { bytes: 7, reason: GapReason::TornTail, was: Some(Digest::from_bytes([1; 32])) };
    Record { gap: Some(gap), ..blank(RecordKind::Gap, millis) }
}

/// A record made of random bytes, of any kind, about one of few decisions, agents and sessions. The time is
/// given: whether clocks go back is for the test to say.
pub fn random(bytes: [u8; 8], millis: i64, ids: &str) -> Record {
    let [kind, id, verdict, effective, detail, agent, session, hits] = bytes;
    let id = format!("{ids}-{}", id % 6);
    let verdict_of = |byte: u8| Verdict::ALL[usize::from(byte) % Verdict::ALL.len()];
    let mut record = match kind % 9 {
        0..3 => decision(&id, verdict_of(verdict), millis),
        3 => outcome(&id, REPORTS[usize::from(detail) % REPORTS.len()], millis),
        4 => approval(&id, STEPS[usize::from(detail) % STEPS.len()], millis),
        5 => {
            let cause = (detail % 2 == 0).then(|| action::digest("cause", &[&[detail]]));
            finding("rule", Severity::ALL[usize::from(detail) % 4], cause, millis)
        }
        6 if detail % 2 == 0 => policy(millis),
        6 => operator("agent.create", "ada", millis),
        7 => erasure(millis),
        _ => gap(millis),
    };
    if let Some(part) = &mut record.decision {
        part.effective = verdict_of(effective);
        part.rule = name(&format!("rule-{}", detail % 3));
        record.detections = Vector::ALL
            .iter()
            .take(usize::from(hits % 4))
            .chain(&Vector::ALL[..1])
            .copied()
            .map(detection)
            .collect();
        record.trace = TraceId::from_hex(&format!("{:032x}", u32::from(session % 3) + 1));
        record.principal = (detail % 2 == 0).then(|| name("psn:2"));
    }
    if agent % 4 != 0 && record.decision.is_some() {
        record.agent = Some(AgentPart { name: name(&format!("agent \"{}\" é", agent % 4)), version: None });
    }
    record.session = (session % 3 != 0).then(|| name(&format!("s-{}", session % 3)));
    record
}

pub const REPORTS: [Report; 5] =
    [Report::Executed, Report::Failed, Report::NotExecuted, Report::Isolated, Report::Missing];

pub const STEPS: [ApprovalStep; 7] = [
    ApprovalStep::Requested,
    ApprovalStep::Voted,
    ApprovalStep::Approved,
    ApprovalStep::Denied,
    ApprovalStep::Expired,
    ApprovalStep::Cancelled,
    ApprovalStep::Released,
];
