//! Webhooks: what happened, told to other systems.
//!
//! ```text
//! ledger ──records──► filter ──event──► pending ──► sign, send ──► delivered
//!            │                             │  ▲          │
//!            └── next ─────► place ◄───────┘  └─ wait ◄──┘ failed          too old ──► given up: a finding
//! ```
//!
//! A webhook follows the ledger with a place of its own, so that nothing is lost over a crash; what
//! was sent and not written down is sent again under the same id. Each has its own task: a receiver
//! that is slow or gone holds up nobody else, and nothing of this is on the request path.

mod attempt;
mod event;
mod message;
mod place;
mod sign;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use action::{Name, Severity};
use anyhow::{Context as _, Result};
use ledger::{FindingPart, Promise, Record, RecordKind, Stored};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Shared;
use super::counters::ByName;
use crate::serve::config::Webhook;

use attempt::End;
pub use attempt::Hook;
pub use event::{Event, Filter};
use message::Message;
use place::{Place, PlaceFile};

/// Deliveries of one webhook that are not over. While they wait, its place in the ledger waits too.
const MAX_PENDING: usize = 64;
/// Records that are looked at in one step.
const STEP: usize = 256;
/// How often the place is written down at most, and looked for something to do at least.
const TICK: Duration = Duration::from_millis(250);
/// A receiver that is gone for long makes one finding in this time, with the count.
const TELL_EVERY: Duration = Duration::from_secs(600);

/// One webhook at work.
pub struct Runner {
    hook: Arc<Hook>,
    shared: Shared,
    file: PlaceFile,
    place: Place,
    /// Whether the place is another than in the file.
    moved: bool,
    flights: JoinSet<(u64, End)>,
    told: Option<Instant>,
}

impl Runner {
    /// A webhook that is new begins at the end of the ledger.
    pub fn open(webhook: &Webhook, shared: &Shared, folder: &Path) -> Result<Self> {
        let hook = Hook::new(webhook, shared).with_context(|| format!("webhook `{}`", webhook.name))?;
        let file = PlaceFile::in_folder(folder, &webhook.name);
        let size = shared.ledger.head().durable;
        let mut place = file.load()?.unwrap_or(Place { next: size, ..Place::default() });
        if place.next > size {
            tracing::warn!(
                webhook = webhook.name,
                "the ledger is shorter than what was sent; the rest follows from its end"
            );
            place.next = size;
            place.pending.retain(|sequence| *sequence < size);
        }
        file.save(&place)?;
        Ok(Runner {
            hook: Arc::new(hook),
            shared: shared.clone(),
            file,
            place,
            moved: false,
            flights: JoinSet::new(),
            told: None,
        })
    }

    pub fn hook(&self) -> Arc<Hook> {
        Arc::clone(&self.hook)
    }

    /// Delivers until told to stop. What is under way then is sent again after the next start.
    pub async fn run(mut self, mut grown: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        self.resume().await;
        loop {
            let more = self.take_records().await;
            self.tell().await;
            self.write_down().await;
            self.show();
            if more {
                continue;
            }
            tokio::select! {
                Some(ended) = self.flights.join_next(), if !self.flights.is_empty() => self.landed(ended),
                _ = grown.changed(), if self.has_room() => {}
                () = tokio::time::sleep(TICK) => {}
                _ = stop.changed() => break,
            }
        }
        self.flights.abort_all();
        self.write_down().await;
    }

    fn has_room(&self) -> bool {
        self.place.pending.len() < MAX_PENDING
    }

    /// Sends again what was not over when the last process ended.
    async fn resume(&mut self) {
        for sequence in self.place.pending.clone() {
            let found = self.read(sequence, 1).await.into_iter().next();
            match found.filter(|stored| stored.record.sequence == sequence).and_then(|it| self.message(&it)) {
                Some(message) => self.send(message),
                // Its retention has ended, or the settings do not ask for it any more.
                None => self.over(sequence),
            }
        }
    }

    /// Looks at the next records; whether there may be more at once.
    async fn take_records(&mut self) -> bool {
        if !self.has_room() || self.place.next >= self.shared.ledger.head().durable {
            return false;
        }
        let records = self.read(self.place.next, STEP).await;
        for stored in &records {
            if !self.has_room() {
                return false;
            }
            let sequence = stored.record.sequence;
            if let Some(message) = self.message(stored) {
                self.place.pending.push(sequence);
                self.send(message);
            }
            self.place.next = sequence.saturating_add(1);
            self.moved = true;
        }
        !records.is_empty()
    }

    async fn read(&self, from: u64, most: usize) -> Vec<Stored> {
        let ledger = self.shared.ledger.clone();
        let read = tokio::task::spawn_blocking(move || ledger.read(from, most)).await;
        match read {
            Ok(Ok(records)) => records,
            Ok(Err(error)) => {
                tracing::error!(webhook = self.hook.name, %error, "a webhook cannot read the ledger; it tries again");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    fn message(&self, stored: &Stored) -> Option<Message> {
        let record = &stored.record;
        let about = record.notes.get("webhook").map(Name::as_str);
        // A receiver is not told that it could not be told.
        let itself = record.finding.is_some() && about == Some(self.hook.name.as_str());
        let event = self.hook.filter.takes(record).filter(|_| !itself)?;
        Some(Message::of(event, record, &stored.leaf))
    }

    fn send(&mut self, message: Message) {
        let hook = Arc::clone(&self.hook);
        let sequence = message.sequence;
        self.flights.spawn(async move { (sequence, hook.deliver(&message).await) });
    }

    fn landed(&mut self, ended: Result<(u64, End), tokio::task::JoinError>) {
        match ended {
            Ok((sequence, end)) => {
                if end == (End::GivenUp { tell: true }) {
                    self.place.untold = self.place.untold.saturating_add(1);
                }
                self.over(sequence);
            }
            // The event stays pending, and is sent again after the next start.
            Err(error) => tracing::error!(webhook = self.hook.name, %error, "a delivery ended with a fault"),
        }
    }

    fn over(&mut self, sequence: u64) {
        self.place.pending.retain(|pending| *pending != sequence);
        self.moved = true;
    }

    /// Records what was given up: the first at once, then a count now and then.
    async fn tell(&mut self) {
        if self.place.untold == 0 || self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        let count = self.place.untold.to_string();
        let notes = [("webhook", self.hook.name.as_str()), ("given_up", count.as_str())];
        if self.shared.find("webhook.given_up", Severity::High, &notes).await {
            self.place.untold = 0;
            self.moved = true;
        }
        // Also when it could not be written: the ledger is not asked four times a second.
        self.told = Some(Instant::now());
    }

    async fn write_down(&mut self) {
        if !self.moved {
            return;
        }
        let (file, place) = (self.file.clone(), self.place.clone());
        match tokio::task::spawn_blocking(move || file.save(&place)).await {
            Ok(Ok(())) => self.moved = false,
            Ok(Err(error)) => tracing::error!(
                webhook = self.hook.name,
                error = format!("{error:#}"),
                "how far a webhook is cannot be written down; it may send some events twice"
            ),
            Err(_) => {}
        }
    }

    fn show(&self) {
        let behind = self.shared.ledger.head().durable.saturating_sub(self.place.next);
        let waiting = self.place.pending.len();
        self.hook.standing().lag(behind, waiting);
        let label = ByName { name: self.hook.name.clone() };
        let total = behind.saturating_add(u64::try_from(waiting).unwrap_or(u64::MAX));
        let gauge = self.shared.counters.webhook_behind.get_or_create(&label);
        gauge.set(i64::try_from(total).unwrap_or(i64::MAX));
    }
}

impl Shared {
    /// Records a finding of ours; whether it is on the ledger.
    pub async fn find(&self, rule: &str, severity: Severity, notes: &[(&str, &str)]) -> bool {
        let mut record = Record::new(RecordKind::Finding, self.clock.now());
        record.finding = Name::new(rule).ok().map(|rule| FindingPart { of: None, rule, severity });
        let named =
            notes.iter().filter_map(|(key, value)| Some((Name::new(key).ok()?, Name::new(value).ok()?)));
        record.notes = named.collect::<BTreeMap<_, _>>();
        let ledger = self.ledger.clone();
        let kept = tokio::task::spawn_blocking(move || ledger.append_wait(record, Promise::Synced)).await;
        let kept = matches!(kept, Ok(Ok(_)));
        if !kept {
            tracing::error!(rule, "a finding could not be recorded; it is tried again");
        }
        kept
    }
}
