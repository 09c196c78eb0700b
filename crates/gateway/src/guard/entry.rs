//! The record of a decision: what the ledger is told, and what it is not.

use std::collections::BTreeMap;
use std::time::Duration;

use action::{Action, Decision, Name, Verdict};
use engine::Changed;
use hold::BindingKey;
use ledger::{
    ActionPart, AgentPart, Commitment, Committed, DecisionPart, DetectionPart, Nanos, Record, RecordKind,
    RiskPart,
};

/// Detections that a record tells of; the count of all of them is in its notes.
const MAX_DETECTIONS: usize = 64;

/// One decided action.
pub struct Decided<'d> {
    pub id: &'d Name,
    pub action: &'d Action,
    pub decision: &'d Decision,
    /// What is carried out, after what this plane cannot do has moved up.
    pub carried: Verdict,
    pub judged: Duration,
    pub binding: &'d BindingKey,
}

impl Decided<'_> {
    /// The record. `commit` is told the content and gives back what may stand for it.
    pub fn record(
        &self,
        now: Nanos,
        principal: Option<Name>,
        changed: Option<&Changed>,
        commit: impl Fn(Committed, &Action) -> Commitment,
    ) -> Record {
        let (action, decision) = (self.action, self.decision);
        let mut record = Record::new(RecordKind::Decision, now);
        record.action = Some(ActionPart {
            environment: action.environment,
            kind: action.kind,
            operation: action.operation,
            resource: action.resource.kind.clone(),
            tool: action.tool.clone(),
        });
        record.agent =
            Some(AgentPart { name: action.agent.name.clone(), version: action.agent.version.clone() });
        record.principal = principal;
        record.session = action.session.as_ref().map(|session| session.id.clone());
        record.trace = action.session.as_ref().and_then(|session| session.trace);
        record.decision = Some(DecisionPart {
            baseline: decision.baseline_hash,
            effective: self.carried.max(decision.effective),
            id: self.id.clone(),
            latency: BTreeMap::from([(named("judge"), micros(self.judged))]),
            mode: decision.mode,
            payload: Some(self.binding.payload(&decision.payload_hash)),
            rule: named(&decision.ruling.decided_by),
            rules: decision.rules_hash,
            verdict: decision.verdict,
        });
        record.detections = decision
            .detections
            .iter()
            .take(MAX_DETECTIONS)
            .map(|hit| DetectionPart {
                class: hit.class,
                confidence: hit.confidence,
                rule: named(&hit.rule),
                severity: hit.severity,
                vector: hit.vector,
            })
            .collect();
        if decision.detections.len() > MAX_DETECTIONS {
            record.notes.insert(named("detections"), named(&decision.detections.len().to_string()));
        }
        for fault in decision.ruling.faults.iter().take(8) {
            record.notes.insert(named(&format!("fault.{}", fault.rule)), named(&fault.code));
        }
        record.risk = Some(RiskPart {
            base: decision.score.base,
            parts: decision.score.parts,
            uplift: decision.score.uplift,
            value: decision.score.value,
            weights: decision.score.weights_hash,
        });
        record.commitments.insert(Committed::Action, commit(Committed::Action, action));
        if let Some(changed) = changed {
            record.commitments.insert(Committed::Changed, commit(Committed::Changed, &changed.action));
        }
        record
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A name from text of ours: rule ids, codes, numbers. What does not fit is cut, what cannot be
/// shown is left out.
pub(crate) fn named(text: &str) -> Name {
    Name::new(text).unwrap_or_else(|_| {
        let mut kept: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        kept.truncate(kept.trim_end().len());
        Name::new(kept.trim_start()).unwrap_or_else(|_| nameless())
    })
}

/// The name of what has none. Its text is fixed and fits.
#[expect(clippy::expect_used, reason = "a fixed text that is a name")]
pub(crate) fn nameless() -> Name {
    Name::new("none").expect("`none` is a name")
}
