//! Traces: a span for each decision, to a collector that takes OTLP over HTTP with JSON.
//!
//! The request path puts a span into a queue and goes on. When the collector is slower than the
//! agents, spans are shed and counted: the ledger is the record, a trace is a convenience.

mod span;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use gateway::meter::Passing;
use http::{HeaderName, HeaderValue};
use tokio::sync::{mpsc, watch};

use super::Secret;
use super::counters::{BySpans, Counters};
use super::http::Sender;
use crate::serve::config::Telemetry;
use span::{Span, rejected, request};

/// Spans that wait; about 2 KiB each.
const MAX_QUEUED: usize = 4_096;
/// Spans in one request.
const MAX_BATCH: usize = 512;
/// How long the first of a batch waits for more.
const BATCH_WITHIN: Duration = Duration::from_secs(1);
/// Attempts for one batch, with pauses that double from one second.
const ATTEMPTS: u32 = 5;
/// For what is in the queue when the server stops.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// The request path's end.
#[derive(Clone)]
pub struct Spans {
    queue: mpsc::Sender<Span>,
    counters: Counters,
}

/// The other end.
pub struct Exporter {
    queue: mpsc::Receiver<Span>,
    sender: Sender,
    headers: Arc<[(HeaderName, Secret)]>,
    counters: Counters,
    log: String,
}

impl Spans {
    /// Never waits.
    pub fn put(&self, passing: &Passing<'_>) {
        // Room first: what is shed need not be written.
        match self.queue.try_reserve() {
            Ok(room) => room.send(Span::of(passing)),
            Err(_) => count(&self.counters, "shed", 1),
        }
    }
}

fn count(counters: &Counters, result: &'static str, spans: u64) {
    counters.spans.get_or_create(&BySpans { result }).inc_by(spans);
}

pub fn open(settings: &Telemetry, counters: &Counters, log: &str) -> Result<(Spans, Exporter)> {
    let sender = Sender::new(settings.to.clone(), settings.ca.as_deref()).context("telemetry")?;
    let (put, queue) = mpsc::channel(MAX_QUEUED);
    // A secret that is not there is told at the start.
    values(&settings.headers)?;
    let (headers, log) = (settings.headers.clone().into(), log.to_owned());
    let exporter = Exporter { queue, sender, headers, counters: counters.clone(), log };
    Ok((Spans { queue: put, counters: counters.clone() }, exporter))
}

impl Exporter {
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            tokio::select! {
                got = self.queue.recv_many(&mut batch, MAX_BATCH) => if got == 0 { return },
                _ = stop.changed() => break,
            }
            let full = tokio::time::sleep(BATCH_WITHIN);
            tokio::pin!(full);
            while batch.len() < MAX_BATCH {
                let room = MAX_BATCH - batch.len();
                tokio::select! {
                    got = self.queue.recv_many(&mut batch, room) => if got == 0 { break },
                    () = &mut full => break,
                    _ = stop.changed() => break,
                }
            }
            if *stop.borrow() {
                break;
            }
            tokio::select! {
                () = self.send(&batch) => batch.clear(),
                _ = stop.changed() => break,
            }
        }
        let last = async {
            loop {
                while batch.len() < MAX_BATCH
                    && let Ok(span) = self.queue.try_recv()
                {
                    batch.push(span);
                }
                if batch.is_empty() {
                    return;
                }
                self.send(&batch).await;
                batch.clear();
            }
        };
        if tokio::time::timeout(LAST_WITHIN, last).await.is_err() {
            let waiting = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
            count(&self.counters, "lost", len(&batch).saturating_add(waiting));
        }
    }

    /// Sends a batch, again where the collector says that it may, or counts it as lost.
    async fn send(&self, batch: &[Span]) {
        let body = bytes::Bytes::from(request(&self.log, batch));
        let all = len(batch);
        let mut pause = Duration::from_secs(1);
        for attempt in 1..=ATTEMPTS {
            let headers = Arc::clone(&self.headers);
            let headers = tokio::task::spawn_blocking(move || values(&headers)).await;
            let sent = match headers.map_err(anyhow::Error::from).flatten() {
                Ok(headers) => {
                    self.sender.post("/v1/traces", "application/json", &headers, body.clone()).await
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the collector's headers cannot be had");
                    break;
                }
            };
            let (again, fault) = match sent {
                Ok(answer) if answer.status.is_success() => {
                    let lost = rejected(&answer.body).min(all);
                    count(&self.counters, "sent", all - lost);
                    count(&self.counters, "lost", lost);
                    return;
                }
                Ok(answer) => {
                    let status = answer.status.as_u16();
                    (matches!(status, 429 | 502..=504), format!("status_{status}"))
                }
                Err(error) => (true, error.code().to_owned()),
            };
            tracing::warn!(fault, attempt, "the collector did not take a batch of spans");
            if !again || attempt == ATTEMPTS {
                break;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        count(&self.counters, "lost", all);
    }
}

/// The headers with their secrets, read anew: a token that was replaced counts at once.
fn values(headers: &[(HeaderName, Secret)]) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let one = |(name, secret): &(HeaderName, Secret)| {
        let text = secret.read().with_context(|| format!("the header `{name}`"))?;
        let mut value = HeaderValue::from_str(&text).with_context(|| format!("the header `{name}`"))?;
        value.set_sensitive(true);
        Ok((name.clone(), value))
    };
    headers.iter().map(one).collect()
}

fn len(batch: &[Span]) -> u64 {
    u64::try_from(batch.len()).unwrap_or(u64::MAX)
}
