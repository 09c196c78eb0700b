//! What is looked after beside the requests: files of certificates and keys that changed.

use std::sync::Arc;
use std::time::Duration;

use ledger::Clock;
use tokio::sync::watch;

use super::{tls, trust};

/// How often files are looked at.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// Everything that is looked after.
pub struct Upkeep {
    pub listeners: Vec<tls::Reload>,
    pub issuers: trust::Reload,
    pub clock: Arc<dyn Clock>,
}

/// Looks again and again, until told to stop.
pub async fn run(mut upkeep: Upkeep, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOKED_EVERY) => {}
            _ = stop.changed() => return,
        }
        // Files may make it wait.
        let looked = tokio::task::spawn_blocking(move || {
            upkeep.look();
            upkeep
        });
        match looked.await {
            Ok(back) => upkeep = back,
            Err(error) => {
                tracing::error!(%error, "changed files are no longer noticed; restart the server");
                return;
            }
        }
    }
}

impl Upkeep {
    fn look(&mut self) {
        let now = self.clock.now().timestamp();
        self.listeners.iter_mut().for_each(|listener| listener.look(now));
        self.issuers.look();
    }
}
