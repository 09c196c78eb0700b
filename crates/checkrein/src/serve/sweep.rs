//! What has had its time goes: freezes with a record of their end, the rest without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use action::{Environment, Name, Timestamp};
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use gateway::limits::SESSION_IDLE;
use ledger::{Clock, Ledger, OperatorPart, Promise, Record, RecordKind};
use store::{Freeze, Scope, Snapshot, State};

/// Between two looks for freezes that ended.
const LOOK: Duration = Duration::from_millis(500);
/// Between two sweeps of everything else.
const SWEEP: Duration = Duration::from_secs(60);

/// Works until it is told to stop, on a thread of its own.
pub fn run(
    state: &State,
    kept: &ArcSwap<Snapshot>,
    ledger: &Ledger,
    clock: &Arc<dyn Clock>,
    stop: &AtomicBool,
) {
    let mut last: Option<Instant> = None;
    while !stop.load(Ordering::Acquire) {
        std::thread::sleep(LOOK);
        let now = clock.now().timestamp();
        let over = |freeze: &Freeze| freeze.until.is_some_and(|until| until <= now);
        if kept.load().freezes.iter().any(over)
            && let Err(error) = end_freezes(state, ledger, clock, now)
        {
            tracing::error!(error = format!("{error:#}"), "freezes that ended could not be removed");
        }
        if last.is_none_or(|last| last.elapsed() >= SWEEP) {
            last = Some(Instant::now());
            sweep(state, now);
        }
    }
}

/// Without a record the end stands all the same: a freeze is over at its time, whoever looks.
fn end_freezes(state: &State, ledger: &Ledger, clock: &Arc<dyn Clock>, now: Timestamp) -> Result<()> {
    for freeze in state.end_freezes(now)? {
        let mut record = Record::new(RecordKind::Operator, clock.now());
        record.operator = Some(OperatorPart {
            act: Name::new("freeze.expire").context("the name of the act")?,
            by: Name::new("checkrein").context("our own name")?,
            on: scope(&freeze.scope),
        });
        let place = freeze.environment.map_or("all", Environment::as_str);
        if let (Ok(key), Ok(place)) = (Name::new("environment"), Name::new(place)) {
            record.notes.insert(key, place);
        }
        ledger.append_wait(record, Promise::Synced).context("the record of its end")?;
    }
    Ok(())
}

fn scope(scope: &Scope) -> Option<Name> {
    let text = match scope {
        Scope::Organisation => "organisation".to_owned(),
        Scope::Application(name) => format!("application:{name}"),
        Scope::Agent(name) => format!("agent:{name}"),
    };
    Name::new(&text).ok()
}

fn sweep(state: &State, now: Timestamp) {
    let idle = i64::try_from(SESSION_IDLE.as_millis()).unwrap_or(i64::MAX);
    match state.sweep(now, now.plus_millis(idle.saturating_neg())) {
        Ok(swept) => tracing::debug!(?swept, "swept"),
        Err(error) => tracing::error!(%error, "what has had its time could not be removed"),
    }
}
