//! What the server sends out by itself: events to webhooks, checkpoints to witnesses, and traces.
//!
//! Nothing here is on the request path. Each part follows the ledger at its own pace, and says what
//! it could not get rid of.

mod counters;
mod destination;
mod http;
mod otlp;
mod secret;
mod webhook;
mod witness;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use control::outward::{Attempt, WebhookStanding, WitnessStanding};
use gateway::ports::Dice;
use ledger::{Clock, Ledger};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::webhook::{Hook, Runner};
use self::witness::Notary;
use super::config::Config;

pub use counters::Counters;
pub use destination::Destination;
pub use otlp::Spans;
pub use secret::Secret;
pub use webhook::{Event, Filter};

/// What all parts work with.
#[derive(Clone)]
pub struct Shared {
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub dice: Arc<dyn Dice>,
    pub counters: Counters,
    pub log: String,
}

/// Everything that sends, for those who look at it.
pub struct Outward {
    hooks: Vec<Arc<Hook>>,
    notary: Option<Arc<Notary>>,
    runtime: Handle,
}

/// What is to be run beside the listeners.
pub struct Parts {
    runners: Vec<Runner>,
    notary: Option<Arc<Notary>>,
    exporter: Option<otlp::Exporter>,
    ledger: Ledger,
}

/// Both ends of the traces, where the settings ask for them. The request path's is needed first.
pub fn traces(config: &Config, counters: &Counters) -> Result<(Option<Spans>, Option<otlp::Exporter>)> {
    let Some(telemetry) = &config.telemetry else { return Ok((None, None)) };
    let (spans, exporter) = otlp::open(telemetry, counters, &config.log)?;
    Ok((Some(spans), Some(exporter)))
}

impl Outward {
    /// Builds all parts; each begins where it was. Called on the runtime that will run them.
    pub fn build(
        config: &Config,
        shared: &Shared,
        exporter: Option<otlp::Exporter>,
    ) -> Result<(Arc<Self>, Parts)> {
        let folder = config.data.join("webhooks");
        if !config.webhooks.is_empty() {
            super::private_folder(&folder)?;
        }
        let open = |webhook| Runner::open(webhook, shared, Path::new(&folder));
        let runners: Vec<Runner> = config.webhooks.iter().map(open).collect::<Result<_>>()?;
        let notary = match &config.witnesses {
            Some(witnesses) => Some(Arc::new(Notary::new(witnesses, shared)?)),
            None => None,
        };
        let outward = Outward {
            hooks: runners.iter().map(Runner::hook).collect(),
            notary: notary.clone(),
            runtime: Handle::current(),
        };
        Ok((Arc::new(outward), Parts { runners, notary, exporter, ledger: shared.ledger.clone() }))
    }

    /// One line for whoever asks whether the server is ready. That nobody cosigns is no reason to
    /// send nobody here.
    pub fn readiness(&self) -> String {
        self.notary.as_ref().map_or_else(String::new, |notary| {
            let (all, sign) = notary.count();
            format!("witnesses: {sign} of {all} cosign\n")
        })
    }
}

impl Parts {
    pub fn start(self, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let (grow, grown) = watch::channel(0);
        self.ledger.on_durable(Box::new(move |size| {
            grow.send_replace(size);
        }));
        let run = |runner: Runner| tokio::spawn(runner.run(grown.clone(), stop.clone()));
        let mut tasks: Vec<JoinHandle<()>> = self.runners.into_iter().map(run).collect();
        tasks.extend(self.exporter.map(|exporter| tokio::spawn(exporter.run(stop.clone()))));
        tasks.extend(self.notary.map(|notary| tokio::spawn(notary.run(stop.clone()))));
        tasks
    }
}

impl control::outward::Outward for Outward {
    fn webhooks(&self) -> Vec<WebhookStanding> {
        self.hooks.iter().map(|hook| hook.shown()).collect()
    }

    fn test(&self, webhook: &str) -> Option<Attempt> {
        let hook = self.hooks.iter().find(|hook| hook.name == webhook)?;
        Some(self.runtime.block_on(hook.test()))
    }

    fn witnesses(&self) -> Vec<WitnessStanding> {
        self.notary.as_ref().map(|notary| notary.shown()).unwrap_or_default()
    }

    fn cosigned(&self) -> Option<String> {
        self.notary.as_ref()?.cosigned()
    }
}
