//! Sending one event: signed, tried again with growing pauses, given up when it is too old.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use action::Timestamp;
use anyhow::Result;
use control::outward::{Attempt, WebhookStanding};
use gateway::ports::Dice;
use http::header::{HeaderName, HeaderValue};
use ledger::Clock;
use tokio::sync::Semaphore;

use super::event::{Event, Filter};
use super::message::Message;
use super::sign::signatures;
use crate::serve::config::Webhook;
use crate::serve::outward::counters::{ByWebhook, Counters};
use crate::serve::outward::http::Sender;
use crate::serve::outward::{Secret, Shared};

/// Requests to one receiver at once.
const MAX_AT_ONCE: usize = 4;
/// The first pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// One receiver.
pub struct Hook {
    pub name: String,
    pub filter: Filter,
    sender: Sender,
    secrets: Arc<[Secret]>,
    give_up_after: Duration,
    places: Semaphore,
    standing: Mutex<Standing>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    counters: Counters,
    log: String,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Delivered,
    /// `tell`: a finding says so. Not when the event was such a finding itself.
    GivenUp {
        tell: bool,
    },
}

/// How a webhook is doing, for operators.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    delivered: u64,
    failed: u64,
    given_up: u64,
    /// Failures since the last success.
    in_a_row: u64,
    last_delivery: Option<Timestamp>,
    last_failure: Option<Timestamp>,
    last_fault: Option<String>,
    behind: u64,
    waiting: usize,
}

impl Standing {
    pub fn lag(&mut self, behind: u64, waiting: usize) {
        (self.behind, self.waiting) = (behind, waiting);
    }
}

impl Hook {
    pub fn new(webhook: &Webhook, shared: &Shared) -> Result<Self> {
        let hook = Hook {
            name: webhook.name.clone(),
            filter: webhook.filter.clone(),
            sender: Sender::new(webhook.to.clone(), webhook.ca.as_deref())?,
            secrets: webhook.secrets.clone().into(),
            give_up_after: webhook.give_up_after,
            places: Semaphore::new(MAX_AT_ONCE),
            standing: Mutex::default(),
            clock: Arc::clone(&shared.clock),
            dice: Arc::clone(&shared.dice),
            counters: shared.counters.clone(),
            log: shared.log.clone(),
        };
        // A secret that cannot be used is told at the start, not when the first event fails.
        signatures(&hook.secrets, "msg_0", 0, b"")?;
        Ok(hook)
    }

    /// Sends until the receiver has it, or it is too old.
    pub(super) async fn deliver(&self, message: &Message) -> End {
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = {
                // Given back before the pause, so that others have their turn.
                let _place = self.places.acquire().await;
                match self.once(message).await {
                    Ok(_) => return End::Delivered,
                    Err((_, fault)) => fault,
                }
            };
            let age = self.clock.now().timestamp().since(message.time);
            let left = self.give_up_after.saturating_sub(Duration::from_millis(age.unsigned_abs()));
            if left.is_zero() {
                tracing::warn!(
                    webhook = self.name,
                    id = message.id,
                    event = message.event,
                    fault,
                    "an event is given up"
                );
                self.count("given_up");
                self.standing().given_up += 1;
                return End::GivenUp { tell: !message.about_webhooks };
            }
            tokio::time::sleep(self.jittered(pause).min(left)).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// One event of no importance, once: for operators who try a receiver out. It waits for no other.
    pub async fn test(&self) -> Attempt {
        let mut random = [0; 16];
        self.dice.fill(&mut random);
        let message = Message::test(&self.log, self.clock.now().timestamp(), random);
        let (delivered, status, fault) = match self.once(&message).await {
            Ok(status) => (true, Some(status), None),
            Err((status, fault)) => (false, status, Some(fault)),
        };
        Attempt { id: message.id, delivered, status, fault }
    }

    /// One request. A fault is a code and, where an answer came, its status.
    async fn once(&self, message: &Message) -> Result<u16, (Option<u16>, String)> {
        let sent = self.request(message).await;
        let now = self.clock.now().timestamp();
        let mut standing = self.standing();
        match &sent {
            Ok(_) => {
                standing.delivered += 1;
                standing.in_a_row = 0;
                standing.last_delivery = Some(now);
            }
            Err((_, fault)) => {
                tracing::debug!(webhook = self.name, id = message.id, fault, "an event was not delivered");
                standing.failed += 1;
                standing.in_a_row += 1;
                standing.last_failure = Some(now);
                standing.last_fault = Some(fault.clone());
            }
        }
        drop(standing);
        self.count(if sent.is_ok() { "delivered" } else { "failed" });
        sent
    }

    async fn request(&self, message: &Message) -> Result<u16, (Option<u16>, String)> {
        let seconds = self.clock.now().timestamp().millis().div_euclid(1_000);
        let (secrets, id, body) = (Arc::clone(&self.secrets), message.id.clone(), message.body.clone());
        let signed = tokio::task::spawn_blocking(move || signatures(&secrets, &id, seconds, &body)).await;
        let signed = signed.map_err(anyhow::Error::from).flatten().map_err(|error| {
            tracing::error!(webhook = self.name, error = format!("{error:#}"), "a webhook cannot sign");
            (None, "secret".to_owned())
        })?;
        let header = |name: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|_| (None, "header".to_owned()))?;
            Ok((HeaderName::from_static(name), value))
        };
        let headers = [
            header("webhook-id", &message.id)?,
            header("webhook-timestamp", &seconds.to_string())?,
            header("webhook-signature", &signed)?,
        ];
        let sent = self.sender.post("", "application/json", &headers, message.body.clone()).await;
        match sent {
            Ok(answer) if answer.status.is_success() => Ok(answer.status.as_u16()),
            // A redirect too: whoever answers with one may send our events anywhere.
            Ok(answer) => {
                let status = answer.status.as_u16();
                Err((Some(status), format!("status_{status}")))
            }
            Err(error) => Err((None, error.code().to_owned())),
        }
    }

    /// Between half of the pause and all of it, so that receivers which come back are not met by
    /// everything at once.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut random = [0; 4];
        self.dice.fill(&mut random);
        let half = pause / 2;
        let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_millis(u64::from(u32::from_be_bytes(random)) % millis)
    }

    fn count(&self, result: &'static str) {
        let label = ByWebhook { webhook: self.name.clone(), result };
        self.counters.deliveries.get_or_create(&label).inc();
    }

    pub fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What operators see.
    pub fn shown(&self) -> WebhookStanding {
        let standing = self.standing().clone();
        WebhookStanding {
            name: self.name.clone(),
            to: self.sender.destination().to_string(),
            events: self.filter.events.iter().map(|event: &Event| event.as_str()).collect(),
            delivered: standing.delivered,
            failed: standing.failed,
            given_up: standing.given_up,
            failures_in_a_row: standing.in_a_row,
            last_delivery: standing.last_delivery,
            last_failure: standing.last_failure,
            last_fault: standing.last_fault,
            records_behind: standing.behind,
            events_waiting: standing.waiting,
        }
    }
}
