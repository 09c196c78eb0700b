//! Cases: decisions as data. What is tried, what is known, and what must be answered.
//!
//! ```yaml
//! - note: a refund of 1,001 USD without the role is blocked
//!   action: { kind: payment, operation: pay, tool: refund, amount: { value: 1001, currency: USD } }
//!   facts: { agent: { roles: [Support-Agent] } }
//!   given: { score: 20 }
//!   want: { verdict: block, decided_by: refund.over-limit }
//! ```
//!
//! What an action leaves out is filled in from [`PLAIN_ACTION`]. `given` states what detection and
//! scoring found, for a case about policy alone; without it the whole engine finds out.

use action::{
    Action, Confidence, ConstrainKind, Containment, Decision, Detection, Digest, Dimension, Json, Score,
    SensitiveClass, Sensitivity, Severity, Timestamp, Vector, Verdict,
};

use super::case::{Judged, Judgement};
use super::condition::plain_json;
use super::load::{Policies, RuleCase};
use crate::facts::Facts;
use crate::yaml::{Faults, Fields, Node};

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    pub file: String,
    pub line: usize,
    /// The rule it is written beside.
    pub rule: Option<String>,
    pub note: String,
    pub action: Action,
    pub facts: Facts,
    /// The time at which it is judged; the action's own time unless the case says otherwise.
    pub now: Timestamp,
    pub given: Option<Given>,
    pub want: Want,
}

/// What detection and scoring are said to have found.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub score: Score,
    pub detections: Vec<Detection>,
    pub classes: Vec<SensitiveClass>,
    pub sensitivity: Option<Sensitivity>,
    pub external: bool,
    pub tainted: bool,
    pub deviation: Option<u8>,
}

/// What must be answered. What is not said is not checked.
#[derive(Debug, Clone, Default)]
pub struct Want {
    pub verdict: Option<Verdict>,
    pub at_least: Option<Verdict>,
    pub at_most: Option<Verdict>,
    pub effective: Option<Verdict>,
    pub decided_by: Option<String>,
    pub exception: Option<String>,
    pub matched: Vec<String>,
    pub vectors: Vec<Vector>,
    pub no_vectors: Vec<Vector>,
    pub score_at_least: Option<i64>,
    pub constraints: Option<Vec<ConstrainKind>>,
    pub containment: Option<Vec<Containment>>,
    pub alerts: Vec<String>,
    pub alert_severity: Option<Severity>,
    pub would: Option<String>,
    pub faults: Option<i64>,
}

/// What was answered, in the words that a case can ask for.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    pub verdict: Verdict,
    pub effective: Verdict,
    pub ruling: &'a action::Ruling,
    pub score: u8,
    pub detections: &'a [Detection],
    pub constraints: &'a [action::Constraint],
    pub containment: &'a [Containment],
    pub alerts: &'a [action::Alert],
    pub counterfactuals: &'a [action::Counterfactual],
}

/// The action that a case varies: a read by an unremarkable agent, on a Monday at noon.
pub const PLAIN_ACTION: &str = r#"{
    "kind": "mcp_tool", "operation": "read", "tool": "lookup",
    "resource": { "type": "record" }, "agent": { "name": "case-agent" },
    "environment": "production", "time": "2026-03-02T12:00:00Z"
}"#;

/// Every case written beside the rules in force.
pub fn of(policies: &Policies, faults: &mut Faults) -> Vec<Case> {
    let read_one = |case: &RuleCase| read_case(case, faults);
    policies.cases().iter().filter_map(read_one).collect()
}

fn read_case(beside: &RuleCase, faults: &mut Faults) -> Option<Case> {
    case(&beside.file, beside.rule.as_deref(), &beside.node, faults)
}

/// Reads a list of cases.
pub fn read(file: &str, rule: Option<&str>, nodes: &[Node], faults: &mut Faults) -> Vec<Case> {
    nodes.iter().filter_map(|node| case(file, rule, node, faults)).collect()
}

fn case(file: &str, rule: Option<&str>, node: &Node, faults: &mut Faults) -> Option<Case> {
    let mut fields = Fields::of(file, node, faults)?;
    let note = fields.need_text("note", faults).unwrap_or("").to_owned();
    let action = fields.get("action").map_or_else(
        || Json::parse_as::<Action>(PLAIN_ACTION.as_bytes()).ok(),
        |node| typed(file, node, &filled(&plain_json(node)), "action", faults),
    );
    let facts = fields
        .get("facts")
        .map_or_else(|| Some(Facts::default()), |node| typed(file, node, &plain_json(node), "facts", faults));
    let now = match fields.get("now") {
        Some(node) => {
            let point = node.as_text().and_then(Timestamp::parse);
            if point.is_none() {
                faults.add(file, node, "bad_date", "`now` must be a time".into(), None);
            }
            point
        }
        None => action.as_ref().map(|action| action.time),
    };
    let given = fields.get("given").and_then(|node| given(file, node, faults));
    let want = fields.need("want", faults).and_then(|node| want(file, node, faults));
    fields.finish(faults);
    Some(Case {
        file: file.into(),
        line: node.line,
        rule: rule.map(Into::into),
        note,
        action: action?,
        facts: facts?,
        now: now?,
        given,
        want: want?,
    })
}

/// Puts what the case says over the plain action; a text stands for an agent's name or a
/// resource's type.
fn filled(said: &Json) -> Json {
    let Ok(Json::Object(mut fields)) = Json::parse(PLAIN_ACTION.as_bytes()) else { return said.clone() };
    let Json::Object(said) = said else { return said.clone() };
    for (key, value) in said {
        let value = match (key.as_str(), value) {
            ("agent", Json::Text(name)) => Json::Object(vec![("name".into(), Json::Text(name.clone()))]),
            ("resource", Json::Text(kind)) => Json::Object(vec![("type".into(), Json::Text(kind.clone()))]),
            _ => value.clone(),
        };
        fields.retain(|(known, _)| known != key);
        fields.push((key.clone(), value));
    }
    Json::Object(fields)
}

fn typed<T: serde::de::DeserializeOwned>(
    file: &str,
    node: &Node,
    json: &Json,
    what: &str,
    faults: &mut Faults,
) -> Option<T> {
    let read = serde_json::to_vec(json).ok().map(|bytes| Json::parse_as::<T>(&bytes));
    match read {
        Some(Ok(value)) => Some(value),
        Some(Err(error)) => {
            let message = match error {
                action::JsonError::Malformed { what: why, .. } => {
                    format!("this {what} cannot be read: {why}")
                }
                other => format!("this {what} cannot be read: {other}"),
            };
            faults.add(file, node, "bad_case", message, None);
            None
        }
        None => None,
    }
}

fn given(file: &str, node: &Node, faults: &mut Faults) -> Option<Given> {
    let mut fields = Fields::of(file, node, faults)?;
    let percent = |value: Option<i64>| value.and_then(|v| u8::try_from(v).ok()).filter(|v| *v <= 100);
    let value = percent(fields.whole("score", faults)).unwrap_or(0);
    let mut parts = [0; 7];
    if let Some(mut named) = fields.fields("parts", faults) {
        for (slot, dimension) in parts.iter_mut().zip(Dimension::ALL) {
            *slot = percent(named.whole(dimension.as_str(), faults)).unwrap_or(0);
        }
        named.finish(faults);
    }
    let hits = fields.list("detections", faults).unwrap_or(&[]);
    let given = Given {
        score: Score { value, base: value, uplift: 0, parts, weights_hash: Digest::default() },
        detections: hits.iter().filter_map(|node| detection(file, node, faults)).collect(),
        classes: fields
            .choices("classes", SensitiveClass::ALL, SensitiveClass::as_str, faults)
            .unwrap_or_default(),
        sensitivity: fields.choice("sensitivity", Sensitivity::ALL, Sensitivity::as_str, faults),
        external: fields.flag("external", faults).unwrap_or(false),
        tainted: fields.flag("tainted", faults).unwrap_or(false),
        deviation: percent(fields.whole("deviation", faults)),
    };
    fields.finish(faults);
    Some(given)
}

fn detection(file: &str, node: &Node, faults: &mut Faults) -> Option<Detection> {
    let mut fields = Fields::of(file, node, faults)?;
    fields.need("vector", faults);
    let vector = fields.choice("vector", Vector::ALL, Vector::as_str, faults);
    let confidence = fields.whole("confidence", faults).unwrap_or(80);
    let detection = Detection {
        vector: vector?,
        rule: fields.text("rule", faults).unwrap_or("case").to_owned().into(),
        severity: fields
            .choice("severity", Severity::ALL, Severity::as_str, faults)
            .unwrap_or(Severity::High),
        confidence: Confidence::new(u8::try_from(confidence).unwrap_or(100)),
        class: fields.choice("class", SensitiveClass::ALL, SensitiveClass::as_str, faults),
        evidence: None,
    };
    fields.finish(faults);
    Some(detection)
}

fn want(file: &str, node: &Node, faults: &mut Faults) -> Option<Want> {
    let mut fields = Fields::of(file, node, faults)?;
    let mut verdict = |key, faults: &mut Faults| fields.choice(key, Verdict::ALL, Verdict::as_str, faults);
    let (exact, at_least) = (verdict("verdict", faults), verdict("at_least", faults));
    let (at_most, effective) = (verdict("at_most", faults), verdict("effective", faults));
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let list = |texts: Option<Vec<&str>>| {
        texts.unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let want = Want {
        verdict: exact,
        at_least,
        at_most,
        effective,
        decided_by: owned(fields.text("decided_by", faults)),
        exception: owned(fields.text("exception", faults)),
        matched: list(fields.texts("matched", faults)),
        vectors: fields.choices("vectors", Vector::ALL, Vector::as_str, faults).unwrap_or_default(),
        no_vectors: fields.choices("no_vectors", Vector::ALL, Vector::as_str, faults).unwrap_or_default(),
        score_at_least: fields.whole("score_at_least", faults),
        constraints: fields.choices("constraints", ConstrainKind::ALL, ConstrainKind::as_str, faults),
        containment: fields.choices("containment", Containment::ALL, Containment::as_str, faults),
        alerts: list(fields.texts("alerts", faults)),
        alert_severity: fields.choice("alert_severity", Severity::ALL, Severity::as_str, faults),
        would: owned(fields.text("would", faults)),
        faults: fields.whole("faults", faults),
    };
    if exact.is_none() && at_least.is_none() && at_most.is_none() {
        fields.fault(faults, "missing_key", "`want` must name a verdict".into(), None);
    }
    fields.finish(faults);
    Some(want)
}

impl Case {
    /// The case for policy alone, with what it is given.
    pub fn judged<'a>(&'a self, given: &'a Given) -> Judged<'a> {
        Judged {
            action: &self.action,
            facts: &self.facts,
            now: self.now,
            detections: &given.detections,
            score: &given.score,
            classes: &given.classes,
            sensitivity: given.sensitivity.unwrap_or(Sensitivity::None),
            records: None,
            external: given.external,
            tainted: given.tainted,
            deviation: given.deviation,
        }
    }

    /// Where it stands and what it is about.
    pub fn title(&self) -> String {
        format!("{}:{}: {}", self.file, self.line, self.note)
    }
}

impl<'a> Outcome<'a> {
    pub fn of_decision(decision: &'a Decision) -> Self {
        Outcome {
            verdict: decision.verdict,
            effective: decision.effective,
            ruling: &decision.ruling,
            score: decision.score.value,
            detections: &decision.detections,
            constraints: &decision.constraints,
            containment: &decision.containment,
            alerts: &decision.alerts,
            counterfactuals: &decision.counterfactuals,
        }
    }

    pub fn of_judgement(judgement: &'a Judgement, given: &'a Given) -> Self {
        Outcome {
            verdict: judgement.ruling.verdict,
            effective: judgement.effective,
            ruling: &judgement.ruling,
            score: given.score.value,
            detections: &given.detections,
            constraints: &judgement.constraints,
            containment: &judgement.containment,
            alerts: &judgement.alerts,
            counterfactuals: &judgement.counterfactuals,
        }
    }
}

impl Want {
    /// What is not as wanted; empty when all is well.
    pub fn check(&self, got: &Outcome<'_>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut differ = |what: &str, wanted: String, got: String| {
            wrong.push(format!("{what}: wanted {wanted}, got {got}"));
        };
        let by = || format!("{} (by {})", got.verdict, got.ruling.decided_by);
        if let Some(wanted) = self.verdict.filter(|wanted| *wanted != got.verdict) {
            differ("verdict", wanted.to_string(), by());
        }
        if let Some(least) = self.at_least.filter(|least| got.verdict < *least) {
            differ("verdict", format!("at least {least}"), by());
        }
        if let Some(most) = self.at_most.filter(|most| got.verdict > *most) {
            differ("verdict", format!("at most {most}"), by());
        }
        if let Some(wanted) = self.effective.filter(|wanted| *wanted != got.effective) {
            differ("effective", wanted.to_string(), got.effective.to_string());
        }
        if let Some(wanted) = self.decided_by.as_ref().filter(|wanted| **wanted != got.ruling.decided_by) {
            differ("decided_by", wanted.clone(), got.ruling.decided_by.to_string());
        }
        if let Some(wanted) = self.exception.as_ref().filter(|w| got.ruling.exception.as_ref() != Some(*w)) {
            differ("exception", wanted.clone(), got.ruling.exception.clone().unwrap_or("none".into()));
        }
        for rule in self.matched.iter().filter(|rule| !got.ruling.matched.iter().any(|m| m.rule == **rule)) {
            differ("matched", rule.clone(), "no match of it".into());
        }
        let hit = |vector: &Vector| got.detections.iter().any(|found| found.vector == *vector);
        for vector in self.vectors.iter().filter(|vector| !hit(vector)) {
            differ("vectors", vector.to_string(), "no hit of it".into());
        }
        for vector in self.no_vectors.iter().filter(|vector| hit(vector)) {
            differ("vectors", format!("no {vector}"), "a hit".into());
        }
        if let Some(least) = self.score_at_least.filter(|least| i64::from(got.score) < *least) {
            differ("score", format!("at least {least}"), got.score.to_string());
        }
        let kinds: Vec<ConstrainKind> = got.constraints.iter().map(|constraint| constraint.kind).collect();
        if let Some(wanted) = self.constraints.as_ref().filter(|wanted| **wanted != kinds) {
            differ("constraints", format!("{wanted:?}"), format!("{kinds:?}"));
        }
        if let Some(wanted) = self.containment.as_ref().filter(|wanted| *wanted != got.containment) {
            differ("containment", format!("{wanted:?}"), format!("{:?}", got.containment));
        }
        for team in self.alerts.iter().filter(|team| !got.alerts.iter().any(|alert| alert.team == **team)) {
            differ("alerts", team.clone(), format!("{} others", got.alerts.len()));
        }
        if let Some(wanted) = self.alert_severity {
            let most = got.alerts.iter().map(|alert| alert.severity).max();
            if most != Some(wanted) {
                differ("alert_severity", wanted.to_string(), format!("{most:?}"));
            }
        }
        let would: Vec<String> =
            got.counterfactuals.iter().map(|c| format!("{} with {}", c.verdict, c.condition)).collect();
        if let Some(wanted) = self.would.as_ref().filter(|wanted| !would.contains(wanted)) {
            differ("would", wanted.clone(), format!("{would:?}"));
        }
        let faults = i64::try_from(got.ruling.faults.len()).unwrap_or(i64::MAX);
        if let Some(wanted) = self.faults.filter(|wanted| *wanted != faults) {
            differ("faults", wanted.to_string(), faults.to_string());
        }
        wrong
    }
}
