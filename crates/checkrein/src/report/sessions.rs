//! Sessions, call by call through the whole engine: how many would wait for a person because of
//! what untrusted text brought in.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use action::{
    Action, ActionKind, AgentRef, Channel, Confidence, Content, Environment, Json, Name, Operation, Resource,
    Timestamp, Vector,
};
use anyhow::{Result, anyhow};
use engine::Rules;
use engine::detect::scene::words;
use engine::facts::Facts;

use super::corpus;
use super::wilson::{Share, percent};

pub fn print(out: &mut impl Write, dir: &Path, rules: &Rules) -> Result<()> {
    let Some(rows) = corpus::read(dir, "agent_sessions")? else {
        writeln!(out, "unavailable: no corpus `agent_sessions`")?;
        return Ok(());
    };
    let mut labels: BTreeMap<String, [Share; 2]> = BTreeMap::new();
    for row in &rows {
        let Some(session) = &row.action else { continue };
        let session = Json::parse(serde_json::to_string(session)?.as_bytes())?;
        let stopped = stopped(&session, rules)?;
        let [either, taint] = labels.entry(row.label.clone()).or_default();
        either.add(!stopped.is_empty());
        taint.add(stopped.iter().any(|rule| rule.starts_with("taint.")));
    }
    writeln!(out, "{:<20} {:<36} {:<36}", "sessions", "stopped by text or taint", "by taint alone")?;
    for (label, [either, taint]) in &labels {
        writeln!(out, "{label:<20} {:<36} {:<36}", percent(*either), percent(*taint))?;
    }
    Ok(())
}

/// The rules of prompt injection that hold a call of the session back, under the default policy:
/// high confidence, on a call that has an effect. The session is monitored, so it is seen to its end.
fn stopped(session: &Json, rules: &Rules) -> Result<Vec<String>> {
    let mut facts = Facts::default();
    facts.agent.registered = true;
    facts.session.salt = 0x5eed;
    let mut context: Vec<Content> = Vec::new();
    let mut found: Vec<String> = Vec::new();
    let mut now = Timestamp::parse("2026-03-03T12:00:00Z").unwrap_or_default();
    let Some(Json::List(events)) = session.get("events") else { return Ok(found) };
    for event in events {
        let text = |key: &str| event.get(key).and_then(Json::as_text).unwrap_or_default().to_owned();
        let channel = match text("t").as_str() {
            "user" => Channel::User,
            "memory" => Channel::Memory,
            "result" => Channel::ToolOutput,
            "call" => {
                now = now.plus_millis(1000);
                let args = event.get("args").cloned().unwrap_or_default();
                let action = action(&text("tool"), args, std::mem::take(&mut context), now)?;
                let decision = engine::decide(&action, &facts, rules, now);
                let holds = decision.detections.iter().filter(|hit| {
                    hit.vector == Vector::PromptInjection
                        && hit.confidence >= Confidence::HIGH
                        && action.operation.has_effect()
                });
                found.extend(holds.map(|hit| hit.rule.to_string()));
                facts = engine::learn(&facts, &action, &decision, now, rules.limits.of(&action.agent.name));
                continue;
            }
            other => return Err(anyhow!("unknown event `{other}`")),
        };
        context.push(Content { channel, source: None, text: text("text") });
    }
    Ok(found)
}

fn action(tool: &str, payload: Json, context: Vec<Content>, time: Timestamp) -> Result<Action> {
    let (kind, operation) = meaning(tool);
    Ok(Action {
        kind,
        operation,
        tool: Name::new(tool)?,
        resource: Resource { kind: Name::new("tool")?, name: None, destinations: Vec::new() },
        amount: None,
        count: None,
        agent: AgentRef { name: Name::new("agent")?, version: None },
        principal: None,
        session: None,
        environment: Environment::Production,
        time,
        payload,
        context,
        idempotency_key: None,
    })
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
