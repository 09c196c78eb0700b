//! One agent: asks, does as it is told, reports what it did.

use std::time::Instant;

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};

use super::Scene;
use super::board::What;
use super::estate::{Act, Agent};
use crate::client::{Client, text};

/// Acts until the demo ends.
pub async fn act(scene: &Scene, agent: Agent, key: &str, number: usize) -> Result<()> {
    let client = scene.agents.by(key);
    let start = usize::try_from(crate::clock::now().millis()).unwrap_or_default() % 1_000_000;
    let mut turn = number;
    while Instant::now() < scene.ends {
        if let Some(act) = agent.act(turn) {
            one(scene, &client, &agent, act, start.wrapping_add(turn)).await?;
        }
        turn = turn.wrapping_add(1);
        tokio::time::sleep(scene.pause).await;
    }
    Ok(())
}

async fn one(scene: &Scene, client: &Client, agent: &Agent, act: &Act, number: usize) -> Result<()> {
    let action = act.action(number);
    let asked = client.call(Method::POST, "/ask/v1/decisions", Some(&json!({ "action": action }))).await?;
    let what = What::of(&asked);
    scene.board.told(agent, act, what, &asked.body);
    let Some(id) = text(&asked.body, "/id") else { return Ok(()) };
    match what {
        What::Run | What::Changed => report(client, id, "executed").await,
        What::Wait => wait(scene, client, agent, act, id, &action, &asked.body).await,
        What::Refused | What::Isolated | What::Error => Ok(()),
    }
}

/// Waits for a person, and takes the action if it was approved.
async fn wait(
    scene: &Scene,
    client: &Client,
    agent: &Agent,
    act: &Act,
    id: &str,
    action: &Value,
    asked: &Value,
) -> Result<()> {
    let left = scene.ends.saturating_duration_since(Instant::now()).as_secs().clamp(1, 300);
    let standing = client.call(Method::GET, &format!("/ask/v1/decisions/{id}?wait={left}"), None).await?;
    if text(&standing.body, "/state") != Some("approved") {
        scene.board.told(agent, act, What::Refused, &standing.body);
        return Ok(());
    }
    let body =
        json!({ "token": text(asked, "/hold/token"), "action": action, "claim": format!("demo-{id}") });
    let resumed = client.call(Method::POST, &format!("/ask/v1/decisions/{id}/resume"), Some(&body)).await?;
    scene.board.told(agent, act, What::of(&resumed), &resumed.body);
    if matches!(What::of(&resumed), What::Run | What::Changed) {
        report(client, id, "executed").await?;
    }
    Ok(())
}

async fn report(client: &Client, id: &str, outcome: &str) -> Result<()> {
    let body = json!({ "outcome": outcome });
    client.must(Method::POST, &format!("/ask/v1/decisions/{id}/outcome"), Some(&body)).await?;
    Ok(())
}
