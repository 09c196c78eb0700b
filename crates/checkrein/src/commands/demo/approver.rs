//! The person of the demo: looks at what waits, and denies what a detector warned of.

use std::sync::Arc;
use std::time::Duration;

use action::Timestamp;
use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::client::{Client, text};

/// Long enough for a person to see that something waits.
const THINKS: Duration = Duration::from_millis(1_500);

/// An operator of its own, who may do nothing but approve.
pub async fn enter(scene: &Scene, expires: Timestamp) -> Result<Client> {
    let roles = json!({ "roles": ["approver"] });
    scene.operators.must(Method::PUT, "/api/v1/operators/demo-approver", Some(&roles)).await?;
    let wish = json!({ "label": "demo", "expires": expires });
    let path = "/api/v1/operators/demo-approver/tokens";
    let made = scene.operators.must(Method::POST, path, Some(&wish)).await?;
    Ok(scene.operators.by(text(&made, "/key").context("the server made no token")?))
}

/// Decides what waits, for as long as the demo runs.
pub async fn decide(scene: Arc<Scene>, approver: Client) {
    loop {
        tokio::time::sleep(THINKS).await;
        let Ok(waiting) = approver.must(Method::GET, "/api/v1/approvals", None).await else { continue };
        for hold in waiting.as_array().into_iter().flatten() {
            let Some(id) = text(hold, "/id").filter(|_| text(hold, "/approval") == Some("pending")) else {
                continue;
            };
            let Ok(decision) = approver.must(Method::GET, &format!("/api/v1/decisions/{id}"), None).await
            else {
                continue;
            };
            let warned = decision.get("detections").and_then(Value::as_array).is_some_and(|found| {
                found.iter().any(|one| matches!(text(one, "/severity"), Some("high" | "critical")))
            });
            let act = if warned { "deny" } else { "approve" };
            let said = approver
                .must(
                    Method::POST,
                    &format!("/api/v1/approvals/{id}/{act}"),
                    Some(&json!({ "channel": "demo" })),
                )
                .await;
            if said.is_ok() {
                scene.board.person(act, text(hold, "/agent").unwrap_or_default());
            }
        }
    }
}
