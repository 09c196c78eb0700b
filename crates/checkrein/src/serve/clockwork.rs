//! What happens by itself: facts are saved, holds expire, missing outcomes are told, the index
//! follows, changed rules are put in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use gateway::Book;
use gateway::ask::Desk;
use gateway::limits::FACTS_SAVED_EVERY;
use ledger::Ledger;
use store::{Index, Snapshot, State};
use tokio::sync::watch;

use super::config::Config;
use super::money::Treasury;
use super::publish;
use super::untold::Untold;

/// Records that the index reads at once at the start, and how long the start waits for it.
const CATCH_UP_STEP: usize = 1_000;
const CATCH_UP_WITHIN: Duration = Duration::from_secs(5);

/// How far this thread stands back, from 0 to 19.
const STANDS_BACK: i32 = 10;

/// Lets whoever asks go first: a batch that is folded on the one core that an answer needs would make it
/// late by the whole batch. Where the kernel does not let us, it is late now and then.
pub fn stand_back() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), STANDS_BACK);
}

/// Saves what was learned, again and again.
pub async fn save_facts(desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(FACTS_SAVED_EVERY) => save(&desk).await,
            _ = stop.changed() => return,
        }
    }
}

/// Saves what was spent, again and again.
pub async fn save_spending(treasury: Arc<Treasury>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(FACTS_SAVED_EVERY) => treasury.save().await,
            _ = stop.changed() => return,
        }
    }
}

/// Saves what was learned since the last time.
pub async fn save(desk: &Desk) {
    let memory = desk.guard.memory.clone();
    let saved = tokio::task::spawn_blocking(move || memory.save()).await;
    if !matches!(saved, Ok(Ok(_))) {
        tracing::error!("what was learned could not be saved; it is tried again");
    }
}

/// Expires holds, tells of missing outcomes, of passes that had no record and of budgets that reached a
/// threshold.
pub async fn watch_time(
    desk: Arc<Desk>,
    untold: Arc<Untold>,
    treasury: Arc<Treasury>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stop.changed() => return,
        }
        let now = desk.guard.clock.now().timestamp();
        for id in desk.guard.holds.due(now) {
            desk.guard.holds.act(&id, hold::Event::Expire, None, now, |expired| match expired {
                Ok(outcome) => tracing::info!(decision = %outcome.hold.id, "a held action expired"),
                Err(refusal) => tracing::debug!(code = refusal.code(), "a hold did not expire"),
            });
        }
        desk.report_missing(now).await;
        desk.guard.report_effects(now).await;
        untold.tell(&desk.guard).await;
        treasury.tell(&desk.guard).await;
    }
}

/// Lets the index read what it missed, so that questions from before a crash are known at once. One
/// that is far behind goes on in the background; until it is there, questions under a key wait.
pub fn catch_up(index: &Index, ledger: &Ledger) {
    let begun = Instant::now();
    while begun.elapsed() < CATCH_UP_WITHIN {
        match index.step(ledger, CATCH_UP_STEP) {
            Ok(step) if step.folded == 0 && step.rebuilt.is_none() => return,
            Ok(step) => {
                if let Some(why) = step.rebuilt {
                    tracing::warn!(why, "the index is filled anew");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the index does not follow the ledger; it tries again");
                return;
            }
        }
    }
    tracing::warn!("the index is far behind the ledger and follows in the background");
}

/// Follows the ledger into the index, on a thread of its own.
pub fn follow(index: &Index, ledger: &Ledger, stop: &AtomicBool) {
    index.follow(ledger, stop, &|step| match step {
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the index does not follow the ledger; it tries again"),
    });
}

/// Puts changes in force: of what operators keep, and of rule files, those after `files` included. On a
/// thread of its own.
pub fn publish(
    config: &Config,
    mut files: Changed,
    state: &State,
    book: &ArcSwap<Book>,
    kept: &ArcSwap<Snapshot>,
    stop: &AtomicBool,
) {
    let mut seen = kept.load().version;
    // Whether the rules in force are those of the newest files and snapshot.
    let mut sound = true;
    while !stop.load(Ordering::Acquire) {
        let version = state.wait_beyond(seen, Duration::from_millis(500));
        let now = changed_at(config);
        if version == seen && now == files {
            continue;
        }
        let rules_stand = sound && now == files;
        (seen, files, sound) = (version, now, false);
        let fresh = match state.snapshot() {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(%error, "what operators keep cannot be read; what is in force stays");
                seen = 0;
                continue;
            }
        };
        let before = kept.load_full();
        if rules_stand && (&before.rules, &before.rule_sets) == (&fresh.rules, &fresh.rule_sets) {
            // Most changes are of agents, keys and settings; to read all rules takes a tenth of a second.
            book.store(Arc::new(publish::with_rules_of(config, &fresh, &book.load())));
            kept.store(Arc::new(fresh));
            sound = true;
            continue;
        }
        match publish::book(config, &fresh, Some(&book.load())) {
            Ok(next) => {
                sound = true;
                tracing::info!(version = next.version, "changes are in force");
                book.store(Arc::new(next));
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the new rules cannot be read; those in force stay"
                );
                book.store(Arc::new(publish::with_rules_of(config, &fresh, &book.load())));
            }
        }
        kept.store(Arc::new(fresh));
    }
}

/// When each rule file was last changed.
pub type Changed = Vec<Option<SystemTime>>;

pub fn changed_at(config: &Config) -> Changed {
    let files = crate::input::files(&config.rules, crate::packs::ENDINGS).unwrap_or_default();
    files.iter().map(|path| path.metadata().and_then(|it| it.modified()).ok()).collect()
}
