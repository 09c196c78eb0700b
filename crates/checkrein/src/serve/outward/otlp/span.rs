//! A decision as a span, in the JSON form of OTLP.
//!
//! Names come from the semantic conventions in [`SCHEMA`], which is pinned: those for generative AI
//! still change between releases. Nothing of what was said, sent or read is in a span, and nobody's
//! name.

use action::{ActionKind, Vector, Verdict, digest};
use gateway::meter::Passing;
use serde_json::{Value, json};

/// The conventions that names are taken from: version 1.41.0.
pub const SCHEMA: &str = "https://opentelemetry.io/schemas/1.41.0";

/// The kind of span that answers a request of another program.
const SERVER: u8 = 2;
/// The parent is of another program (bits 8 and 9), and the trace is kept (bit 0).
const REMOTE: u32 = 0x300;
const SAMPLED: u32 = 0x1;

/// One decision.
#[derive(Debug, Clone)]
pub struct Span(Value);

impl Span {
    pub fn of(passing: &Passing<'_>) -> Self {
        let Passing { id, action, decision, .. } = passing;
        let session = action.session.as_ref();
        // From the decision's id, so that nothing is drawn and a record leads to its span.
        let own = digest("checkrein.span.v1", &[id.as_str().as_bytes()]);
        let hex = own.to_string();
        let trace = passing.parent.map(|parent| parent.trace).or(session.and_then(|session| session.trace));
        let trace = trace.map_or_else(|| cut(&hex, 16..48), |trace| trace.to_string());
        let mut span = json!({
            "traceId": trace,
            "spanId": cut(&hex, 0..16),
            "flags": SAMPLED,
            "name": "checkrein.decide",
            "kind": SERVER,
            "startTimeUnixNano": passing.began.0.to_string(),
            "endTimeUnixNano": passing.ended.0.to_string(),
            "status": {},
        });
        if let (Some(parent), Value::Object(fields)) = (passing.parent, &mut span) {
            let bytes = parent.span.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let sampled = if parent.sampled { SAMPLED } else { 0 };
            fields.insert("parentSpanId".to_owned(), bytes.into());
            fields.insert("flags".to_owned(), (REMOTE | sampled).into());
        }
        let mut vectors: Vec<Vector> = decision.detections.iter().map(|hit| hit.vector).collect();
        vectors.sort_unstable();
        vectors.dedup();
        let carried = passing.carried.max(decision.effective);
        let mut attributes = vec![
            text("gen_ai.agent.name", action.agent.name.as_str()),
            text("checkrein.decision.id", id.as_str()),
            text("checkrein.action.kind", action.kind.as_str()),
            text("checkrein.action.operation", action.operation.as_str()),
            text("checkrein.environment", action.environment.as_str()),
            text("checkrein.mode", decision.mode.as_str()),
            text("checkrein.verdict", decision.verdict.as_str()),
            text("checkrein.effective", carried.as_str()),
            text("checkrein.rule", &decision.ruling.decided_by),
            number("checkrein.risk", u64::from(decision.score.value)),
            number("checkrein.detections", u64::try_from(decision.detections.len()).unwrap_or(u64::MAX)),
            flag(
                "checkrein.released",
                matches!(carried, Verdict::Allow | Verdict::Alert | Verdict::Constrain),
            ),
        ];
        // A call of a model is no tool of the agent.
        if action.kind != ActionKind::LlmCall {
            attributes.push(text("gen_ai.tool.name", action.tool.as_str()));
        }
        attributes.extend(action.agent.version.as_ref().map(|it| text("gen_ai.agent.version", it.as_str())));
        attributes.extend(session.map(|session| text("gen_ai.conversation.id", session.id.as_str())));
        attributes.extend(passing.sequence.map(|sequence| number("checkrein.ledger.sequence", sequence)));
        if !vectors.is_empty() {
            let values: Vec<Value> =
                vectors.iter().map(|vector| json!({ "stringValue": vector.as_str() })).collect();
            let value = json!({ "arrayValue": { "values": values } });
            attributes.push(json!({ "key": "checkrein.vectors", "value": value }));
        }
        if let Value::Object(fields) = &mut span {
            fields.insert("attributes".to_owned(), attributes.into());
        }
        Span(span)
    }
}

/// One request: spans under who sends them.
pub fn request(log: &str, spans: &[Span]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let spans: Vec<&Value> = spans.iter().map(|Span(span)| span).collect();
    let resource = [
        text("service.name", "checkrein"),
        text("service.version", version),
        text("service.instance.id", log),
    ];
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "schemaUrl": SCHEMA,
            "scopeSpans": [{
                "scope": { "name": "checkrein", "version": version },
                "schemaUrl": SCHEMA,
                "spans": spans,
            }],
        }],
    })
    .to_string()
    .into_bytes()
}

/// Of an answer with success: spans that the collector did not take.
pub fn rejected(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    // 64-bit numbers are texts in this form, and some collectors write them as numbers.
    match answer.pointer("/partialSuccess/rejectedSpans") {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        _ => 0,
    }
}

fn cut(hex: &str, range: std::ops::Range<usize>) -> String {
    hex.get(range).unwrap_or_default().to_owned()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn flag(key: &str, value: bool) -> Value {
    json!({ "key": key, "value": { "boolValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_rejects_is_counted_in_both_forms() {
        for (answer, count) in [
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
            ("{}", 0),
            ("", 0),
            (r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#, 0),
        ] {
            assert_eq!(rejected(answer.as_bytes()), count, "{answer}");
        }
    }
}
