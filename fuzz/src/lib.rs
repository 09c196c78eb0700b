//! What the fuzz targets share: the rules that ship, a plain action, and what holds for every
//! place that a finding names.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use action::{Action, Decision, Evidence, Json, Place, Score, Sensitivity, Timestamp};
use engine::Rules;
use engine::detect::{EXPLOIT_RULES, Hit, INJECTION_RULES};
use engine::facts::Facts;
use engine::policy::{Judged, Policies, Source, analyse, judge};

macro_rules! pack {
    ($name:literal) => {
        Source { file: $name, text: include_str!(concat!("../../policies/", $name)) }
    };
}

/// Detection rules, the defaults, the strictest preset and the examples; read once.
pub static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let sources = [
        Source { file: "injection.yaml", text: INJECTION_RULES },
        Source { file: "exploits.yaml", text: EXPLOIT_RULES },
        pack!("default.yaml"),
        pack!("preset-strict.yaml"),
        pack!("refunds.yaml"),
        pack!("read-write.yaml"),
        pack!("exfiltration.yaml"),
        pack!("llm-calls.yaml"),
    ];
    Rules::load(&sources).unwrap_or_else(|faults| panic!("the rules that ship have faults: {:?}", faults.0))
});

/// An action that many conditions speak of.
pub static PLAIN: LazyLock<Action> = LazyLock::new(|| {
    let text = br#"{
        "kind": "payment", "operation": "pay", "tool": "refund", "count": 3,
        "resource": { "type": "order", "name": "A-17", "destinations": ["https://partner.example/in"] },
        "amount": { "value": 250, "currency": "USD" },
        "agent": { "name": "helper", "version": "1" }, "principal": { "id": "mira", "team": "care" },
        "environment": "production", "time": "2026-03-02T12:00:00Z",
        "payload": { "order": "A-17", "note": "late delivery" },
        "context": [{ "channel": "tool_output", "text": "order A-17 came late" }] }"#;
    Json::parse_as(text).expect("the plain action reads")
});

/// Judges the plain action, twice, and looks for what analysis can say.
pub fn judge_plain(policies: &Policies) {
    let facts = Facts::default();
    let score = Score { value: 45, base: 40, uplift: 5, parts: [40; 7], weights_hash: policies.hash() };
    let case = Judged {
        action: &PLAIN,
        facts: &facts,
        now: PLAIN.time,
        detections: &[],
        score: &score,
        classes: &[],
        sensitivity: Sensitivity::Medium,
        external: true,
        tainted: true,
        deviation: Some(30),
        records: Some(7),
    };
    assert!(judge(&case, policies) == judge(&case, policies), "two judgements of one case differ");
    for now in [PLAIN.time, Timestamp::from_millis(i64::MAX)] {
        assert!(analyse(policies, now).iter().all(|remark| !remark.message.is_empty()));
    }
}

/// A span is in order, inside its text, and cuts no character.
pub fn assert_span(text: &str, span: &Range<usize>) {
    assert!(text.get(span.clone()).is_some(), "{span:?} is no part of a text of {} bytes", text.len());
}

pub fn assert_hits(text: &str, hits: &[Hit]) {
    for hit in hits {
        assert!(!hit.rule.is_empty());
        assert_span(text, &hit.span);
    }
}

/// Every piece of evidence stands inside the text that it names.
pub fn assert_evidence(action: &Action, decision: &Decision) {
    for found in decision.detections.iter().chain(&decision.read) {
        let Some(evidence) = &found.evidence else { continue };
        let Some(texts) = texts(action, &evidence.place) else {
            panic!("`{}` names {:?}, which is not there", found.rule, evidence.place)
        };
        let inside = |text: &Cow<'_, str>| text.get(evidence.start..evidence.end).is_some();
        assert!(texts.iter().any(inside), "`{}` points outside its text: {}", found.rule, shown(evidence));
    }
}

fn shown(evidence: &Evidence) -> String {
    format!("{:?} {}..{} {:?}", evidence.place, evidence.start, evidence.end, evidence.via)
}

/// The texts that a place may mean; none when there is no such place.
fn texts<'a>(action: &'a Action, place: &Place) -> Option<Vec<Cow<'a, str>>> {
    match place {
        Place::Payload { pointer } => match at(&action.payload, pointer)? {
            Json::Text(text) => Some(vec![text.into()]),
            Json::Number(number) => Some(vec![number.to_string().into()]),
            // A bound that was reached is told of the whole value.
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => Some(vec!["".into()]),
        },
        Place::Key { pointer } => {
            at(&action.payload, pointer)?;
            Some(vec![unescaped(pointer.rsplit('/').next()?).into()])
        }
        Place::Context { index, channel } => {
            let content = action.context.get(*index).filter(|content| content.channel == *channel)?;
            Some(vec![content.text.as_str().into()])
        }
        Place::Field { name } => match name.as_ref() {
            "resource.name" => Some(vec![action.resource.name.as_ref()?.as_str().into()]),
            "resource.destinations" => {
                Some(action.resource.destinations.iter().map(|to| to.as_str().into()).collect())
            }
            _ => None,
        },
    }
}

fn at<'a>(value: &'a Json, pointer: &str) -> Option<&'a Json> {
    pointer.split('/').skip(1).try_fold(value, |value, step| match value {
        Json::List(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(&unescaped(step)),
    })
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
