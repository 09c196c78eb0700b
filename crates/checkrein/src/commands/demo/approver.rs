//! The person of the demo: looks at what waits, approves most of it and denies some.

use std::sync::Arc;
use std::time::Duration;

use action::Timestamp;
use anyhow::{Context, Result};
use http::Method;
use serde_json::json;

use super::Scene;
use crate::client::Client;

/// Long enough for a person to see that something waits.
const THINKS: Duration = Duration::from_millis(1_500);

/// An operator of its own, who may do nothing but approve.
pub async fn enter(scene: &Scene, expires: Timestamp) -> Result<Client> {
    let roles = json!({ "roles": ["approver"] });
    scene.operators.must(Method::PUT, "/api/v1/operators/demo-approver", Some(&roles)).await?;
    let wish = json!({ "label": "demo", "expires": expires });
    let path = "/api/v1/operators/demo-approver/tokens";
    let made = scene.operators.must(Method::POST, path, Some(&wish)).await?;
    Ok(scene.operators.by(made["key"].as_str().context("the server made no token")?))
}

/// Decides what waits, for as long as the demo runs. Every third one is denied.
pub async fn decide(scene: Arc<Scene>, approver: Client) {
    let mut decided = 0_usize;
    loop {
        tokio::time::sleep(THINKS).await;
        let Ok(waiting) = approver.must(Method::GET, "/api/v1/approvals", None).await else { continue };
        for hold in waiting.as_array().into_iter().flatten() {
            let Some(id) = hold["id"].as_str().filter(|_| hold["approval"] == "pending") else { continue };
            decided = decided.wrapping_add(1);
            let act = if decided.is_multiple_of(3) { "deny" } else { "approve" };
            let said = approver
                .must(
                    Method::POST,
                    &format!("/api/v1/approvals/{id}/{act}"),
                    Some(&json!({ "channel": "demo" })),
                )
                .await;
            if said.is_ok() {
                scene.board.person(act, hold["agent"].as_str().unwrap_or_default());
            }
        }
    }
}
