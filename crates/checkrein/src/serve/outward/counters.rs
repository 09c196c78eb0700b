//! Metrics of what the server sends by itself. Labels are names from the settings, so they are bounded.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByWebhook {
    pub webhook: String,
    /// `delivered`, `failed` (will be tried again), `given_up`.
    pub result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByName {
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByWitness {
    pub witness: String,
    /// `cosigned`, `refused`, `unreachable`.
    pub result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BySpans {
    /// `sent`, `shed` (the queue was full), `lost` (the collector did not take them).
    pub result: &'static str,
}

/// Cheap to clone; the clones count together.
#[derive(Clone, Default)]
pub struct Counters {
    pub deliveries: Family<ByWebhook, Counter>,
    pub webhook_behind: Family<ByName, Gauge>,
    pub witness_asked: Family<ByWitness, Counter>,
    pub witness_behind: Family<ByName, Gauge>,
    pub spans: Family<BySpans, Counter<u64, AtomicU64>>,
}

impl Counters {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("webhook_deliveries", "Attempts to deliver an event", self.deliveries.clone());
        registry.register(
            "webhook_behind",
            "Records that a webhook has still to look at, and events that wait",
            self.webhook_behind.clone(),
        );
        registry.register("witness_requests", "Requests to witnesses", self.witness_asked.clone());
        registry.register(
            "witness_behind",
            "Signed records that a witness has not cosigned",
            self.witness_behind.clone(),
        );
        registry.register(
            "telemetry_spans",
            "Spans of decisions, by what became of them",
            self.spans.clone(),
        );
    }
}
