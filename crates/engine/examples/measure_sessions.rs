//! Measures provenance over recorded sessions: how many would wait for a person. And the vectors
//! that look at state over single calls: how many they report.
//!
//! Reads JSON lines from stdin, each `{"id", "label", "action"}`. The action is a session
//! `{"events": [...]}`, with events `{"t": "user" | "memory" | "result", "text"}` and
//! `{"t": "call", "tool", "args"}`, or one call `{"tool", "args"}`. Prints per label k of n with a
//! 95 % Wilson interval, and which rules did it.
//!
//! `zcat sessions.jsonl.gz | cargo run --release -p engine --example measure_sessions [-- -v LABEL]`

// A report for people; nothing here decides.
#![allow(clippy::float_arithmetic, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::BufRead;

use action::{
    Action, ActionKind, AgentRef, Channel, Confidence, Content, Decision, Digest, Environment, Json, Mode,
    Name, Operation, Resource, Ruling, Score, Timestamp, Verdict,
};
use engine::detect::scene::words;
use engine::detect::state::Limits;
use engine::detect::{Scene, VECTORS, taint};
use engine::facts::{Facts, learn};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let shown = arguments.find(|a| a == "-v").and_then(|_| arguments.next());
    let mut labels: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut rules: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("reading a session");
        let row = Json::parse(line.as_bytes()).expect("a session is JSON");
        let text = |key: &str| row.get(key).and_then(Json::as_text).unwrap_or("").to_owned();
        let found = judge(&row);
        let entry = labels.entry(text("label")).or_default();
        entry.1 += 1;
        entry.0 += usize::from(!found.is_empty());
        for rule in &found {
            *rules.entry((text("label"), rule.clone())).or_default() += 1;
        }
        if shown.as_deref() == Some(&text("label")) {
            println!("{} {}", if found.is_empty() { "-" } else { "+" }, text("id"));
        }
    }
    println!("{:20} {:>9}  95 % interval", "label", "stopped");
    for (label, (k, n)) in &labels {
        let (low, high) = wilson(*k, *n);
        println!("{label:20} {:>9}  [{low:.3}, {high:.3}]", format!("{k}/{n}"));
        for ((of, rule), count) in &rules {
            if of == label {
                println!("    {rule:20} {count}");
            }
        }
    }
}

/// The rules that would make a session wait for a person, each once.
fn judge(row: &Json) -> Vec<String> {
    let limits = Limits::default();
    let mut facts = Facts::default();
    facts.agent.registered = true;
    facts.session.salt = 0x5eed;
    let mut context: Vec<Content> = Vec::new();
    let mut found: Vec<String> = Vec::new();
    let mut now = Timestamp::parse("2026-03-03T12:00:00Z").unwrap();
    if let Some(tool) = row.at("action.tool").and_then(Json::as_text) {
        let args = row.at("action.args").cloned().unwrap_or_default();
        let action = action(tool, args, context, now);
        let mut hits = Vec::new();
        let scene = Scene::new(&action, &facts, now, &[], &limits);
        VECTORS.iter().filter_map(|row| row.scene).for_each(|look| look(&scene, &limits, &mut hits));
        return hits.iter().map(|hit| hit.rule.to_string()).collect();
    }
    let Some(Json::List(events)) = row.at("action.events") else { return found };
    for event in events {
        let text = |key: &str| event.get(key).and_then(Json::as_text).unwrap_or("").to_owned();
        let channel = match text("t").as_str() {
            "user" => Channel::User,
            "memory" => Channel::Memory,
            "result" => Channel::ToolOutput,
            "call" => {
                now = now.plus_millis(1000);
                let read = std::mem::take(&mut context);
                let action = action(&text("tool"), event.get("args").cloned().unwrap_or_default(), read, now);
                let scene = Scene::new(&action, &facts, now, &[], &limits);
                let mut hits = Vec::new();
                taint::find(&scene, &mut hits);
                for rule in hits
                    .iter()
                    .filter(|hit| hit.confidence >= Confidence::MEDIUM)
                    .map(|hit| hit.rule.to_string())
                {
                    if !found.contains(&rule) {
                        found.push(rule);
                    }
                }
                facts = learn(&facts, &action, &decision(hits, &action, now), now, &limits);
                continue;
            }
            other => panic!("unknown event `{other}`"),
        };
        context.push(Content { channel, source: None, text: text("text") });
    }
    found
}

fn action(tool: &str, payload: Json, context: Vec<Content>, time: Timestamp) -> Action {
    let (kind, operation) = meaning(tool);
    Action {
        kind,
        operation,
        tool: Name::new(tool).unwrap(),
        resource: Resource { kind: Name::new("tool").unwrap(), name: None, destinations: Vec::new() },
        amount: None,
        count: None,
        agent: AgentRef { name: Name::new("agent").unwrap(), version: None },
        principal: None,
        session: None,
        environment: Environment::Production,
        time,
        payload,
        context,
        idempotency_key: None,
    }
}

/// What a catalogue of tools would say. A tool nobody knows is taken to change something.
fn meaning(tool: &str) -> (ActionKind, Operation) {
    const TABLE: [(&[&str], ActionKind, Operation); 4] = [
        (
            &[
                "get",
                "read",
                "list",
                "search",
                "find",
                "think",
                "calculate",
                "check",
                "view",
                "fetch",
                "lookup",
            ],
            ActionKind::Database,
            Operation::Read,
        ),
        (&["cancel", "delete", "remove"], ActionKind::RecordChange, Operation::Delete),
        (
            &["transfer", "pay", "refund", "trade", "exchange", "buy", "sell", "trading"],
            ActionKind::Payment,
            Operation::Pay,
        ),
        (&["send", "mail", "email", "post", "message"], ActionKind::Communication, Operation::Send),
    ];
    let words: Vec<String> = words(tool).collect();
    let row = TABLE.iter().find(|(verbs, ..)| words.iter().any(|word| verbs.contains(&word.as_str())));
    row.map_or((ActionKind::McpTool, Operation::Write), |(_, kind, operation)| (*kind, *operation))
}

/// Monitoring: everything runs, so that a session is seen to its end.
fn decision(detections: Vec<action::Detection>, action: &Action, at: Timestamp) -> Decision {
    Decision {
        verdict: Verdict::Allow,
        effective: Verdict::Allow,
        mode: Mode::Monitor,
        score: Score::default(),
        detections,
        read: Vec::new(),
        ruling: Ruling {
            verdict: Verdict::Allow,
            decided_by: "band.low".into(),
            reason: String::new(),
            matched: Vec::new(),
            exception: None,
            faults: Vec::new(),
        },
        constraints: Vec::new(),
        containment: Vec::new(),
        alerts: Vec::new(),
        counterfactuals: Vec::new(),
        skipped: Vec::new(),
        payload_hash: action.payload_hash(),
        rules_hash: Digest::default(),
        baseline_hash: None,
        at,
    }
}

fn wilson(k: usize, n: usize) -> (f64, f64) {
    let (k, n, z) = (k as f64, (n.max(1)) as f64, 1.96f64);
    let (p, z2) = (k / n, z * z);
    let middle = p + z2 / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}
