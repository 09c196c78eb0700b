//! What credentials are judged by: keys of issuers from files, and a durable memory of nonces.

use std::sync::Arc;

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use gateway::identity::jwt::{Issuers, KeySet};
use gateway::identity::{NonceStore, Nonces, Spent, Trust};
use gateway::ports::Unavailable;
use ledger::Clock;
use store::State;

use super::config::{Config, Issuer};
use super::files::{Watched, fingerprint};

/// Built on start, with keys that were read well once.
pub fn trust(config: &Config, state: &Arc<State>, clock: &Arc<dyn Clock>) -> Result<Trust> {
    let issuers = Issuers::new(config.issuers.iter().map(issuer).collect::<Result<_>>()?);
    let memory = Memory { state: Arc::clone(state), clock: Arc::clone(clock) };
    Ok(Trust {
        issuers: Arc::new(ArcSwap::from_pointee(issuers)),
        nonces: Nonces::start(Arc::new(memory)).context("cannot start a thread")?,
    })
}

/// An issuer with its keys as they stand in its file.
pub fn issuer(settings: &Issuer) -> Result<gateway::identity::jwt::Issuer> {
    let path = &settings.keys;
    let bytes =
        std::fs::read(path).with_context(|| format!("cannot read the keys in `{}`", path.display()))?;
    let keys = KeySet::read(&bytes).with_context(|| format!("`{}` cannot be used", path.display()))?;
    Ok(gateway::identity::jwt::Issuer {
        name: settings.name.clone(),
        audiences: settings.audiences.clone(),
        algorithms: settings.algorithms.clone(),
        subject_claim: settings.subject_claim.clone(),
        skew_millis: settings.skew_millis,
        keys,
    })
}

/// The key files of all issuers, looked at again and again.
pub struct Reload {
    issuers: Vec<Issuer>,
    read: Vec<gateway::identity::jwt::Issuer>,
    current: Arc<ArcSwap<Issuers>>,
    watched: Vec<Watched>,
}

impl Reload {
    pub fn new(config: &Config, trust: &Trust) -> Self {
        let watched = config.issuers.iter().map(|_| Watched::default()).collect();
        Reload {
            issuers: config.issuers.clone(),
            read: trust.issuers.load().all().to_vec(),
            current: Arc::clone(&trust.issuers),
            watched,
        }
    }

    /// Puts changed keys in force. Of a faulty file the keys before stay, and the fault is told.
    pub fn look(&mut self) {
        let mut any = false;
        for ((settings, read), watched) in self.issuers.iter().zip(&mut self.read).zip(&mut self.watched) {
            if !watched.changed(fingerprint(std::iter::once(settings.keys.as_path()))) {
                continue;
            }
            match issuer(settings) {
                Ok(fresh) => {
                    tracing::info!(issuer = %settings.name, "keys of an issuer are in force");
                    (*read, any) = (fresh, true);
                }
                Err(error) => tracing::error!("{error:#}; the keys in force stay"),
            }
        }
        if any {
            self.current.store(Arc::new(Issuers::new(self.read.clone())));
        }
    }
}

/// Nonces in the store's state database.
struct Memory {
    state: Arc<State>,
    clock: Arc<dyn Clock>,
}

impl NonceStore for Memory {
    fn spend(&self, nonces: &[Spent]) -> Result<Vec<bool>, Unavailable> {
        let now = self.clock.now().timestamp();
        let rows: Vec<_> =
            nonces.iter().map(|spent| (spent.agent.clone(), spent.nonce, spent.until)).collect();
        self.state.spend(&rows, now).map_err(|error| {
            tracing::error!(%error, "nonces cannot be remembered, so signed requests are refused");
            Unavailable { what: "the memory of nonces" }
        })
    }
}
