//! What the server sends out by itself, as operators see it. The composition fills the port.

use action::Timestamp;
use serde::Serialize;

/// Webhooks and witnesses. Called on a thread that may wait.
pub trait Outward: Send + Sync {
    fn webhooks(&self) -> Vec<WebhookStanding>;
    /// Sends one event without importance; none when there is no such webhook.
    fn test(&self, webhook: &str) -> Option<Attempt>;
    fn witnesses(&self) -> Vec<WitnessStanding>;
    /// The newest checkpoint that a witness cosigned, with all cosignatures.
    fn cosigned(&self) -> Option<String>;
}

/// How a webhook is doing, since the server started.
#[derive(Debug, Serialize)]
pub struct WebhookStanding {
    pub name: String,
    /// Scheme and host; the rest of an address may be a secret.
    pub to: String,
    pub events: Vec<&'static str>,
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub failed: u64,
    pub given_up: u64,
    pub failures_in_a_row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Timestamp>,
    /// A stable word, or `status_` and the answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// Records that it has not looked at.
    pub records_behind: u64,
    /// Events that it has not got rid of.
    pub events_waiting: usize,
}

/// How one attempt went.
#[derive(Debug, Serialize)]
pub struct Attempt {
    pub id: String,
    pub delivered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// How a witness is doing.
#[derive(Debug, Serialize)]
pub struct WitnessStanding {
    pub name: String,
    /// Scheme and host.
    pub at: String,
    /// `cosigning`, `waiting`, `silent` or `refusing`.
    pub state: &'static str,
    /// Records under the newest checkpoint that it cosigned.
    pub cosigned: u64,
    /// Records under the newest checkpoint that it did not.
    pub behind: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_cosigned: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
}
