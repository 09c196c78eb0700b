//! Shadow deployments: some of the live calls are made once more at a second model, and both answers are
//! compared. Nobody is given the second one.
//!
//! ```text
//! live call ─► … ─► its answer was given ─► a place in the queue? ─► guard ─► permit ─► second model
//!                                            └ no: counted, nothing else               │
//!                    figures of both, never a word of either  ◄────────────────────────┘
//! ```
//!
//! A mirrored call is an action of its own at the one door, with a record that names the live one. It begins
//! after the live answer was given, and shares nothing with live calls that could hold one up or refuse it:
//! no budget, no throttle, no standing of an upstream.

mod mirror;
mod said;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use action::{Name, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use mirror::{Live, counted};
pub use said::{Listener, Said};

use crate::limits::{MAX_COMPARED, MAX_MIRRORED_AT_ONCE, MAX_MIRRORED_KIB, MAX_MIRRORS};
use crate::memory::calendar;
use crate::money::Micros;
use crate::route::Shadow;

/// What became of a mirrored call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Both answers are there.
    Compared,
    /// Too many waited.
    Dropped,
    /// A rule does not let it go, or only a person could.
    Refused,
    /// The second provider may not be sent this data.
    Forbidden,
    /// No answer, or none that can be read.
    Failed,
    /// The day's money of the shadow is spent.
    Spent,
}

impl Outcome {
    pub const ALL: [Outcome; 6] = [
        Outcome::Compared,
        Outcome::Dropped,
        Outcome::Refused,
        Outcome::Forbidden,
        Outcome::Failed,
        Outcome::Spent,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Compared => "compared",
            Outcome::Dropped => "dropped",
            Outcome::Refused => "refused",
            Outcome::Forbidden => "forbidden",
            Outcome::Failed => "failed",
            Outcome::Spent => "spent",
        }
    }
}

/// The figures of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    pub status: u16,
    /// To the first byte of the answer, and to its last.
    pub first_byte: Duration,
    pub whole: Duration,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub micros: Micros,
    pub characters: u64,
    pub calls: u64,
}

/// Two answers to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub at: Timestamp,
    pub live_decision: Name,
    pub shadow_decision: Name,
    pub live_model: String,
    pub shadow: Shadowed,
    pub live: Figures,
    pub mirrored: Figures,
    /// In per cent, where one of them has words.
    pub similarity: Option<u8>,
    /// Where one of them calls tools.
    pub calls_alike: Option<bool>,
}

/// What is told apart: the second provider, and the model where the settings name one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shadowed {
    pub provider: Name,
    pub model: Option<String>,
}

/// Sums of one shadow.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub outcomes: BTreeMap<Outcome, u64>,
    pub live: Sums,
    pub mirrored: Sums,
    /// Comparisons by likeness: below 20 %, 40, 60, 80, and from 80 on.
    pub likeness: [u64; 5],
    pub likeness_sum: u64,
    pub calls_alike: u64,
    pub calls_differ: u64,
    day: i64,
    spent: Micros,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    pub errors: u64,
    pub first_byte: Duration,
    pub whole: Duration,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub micros: Micros,
    pub characters: u64,
}

impl Sums {
    fn add(&mut self, one: &Figures) {
        self.errors = self.errors.saturating_add(u64::from(one.status >= 400));
        self.first_byte = self.first_byte.saturating_add(one.first_byte);
        self.whole = self.whole.saturating_add(one.whole);
        for (sum, more) in [
            (&mut self.input_tokens, one.input_tokens),
            (&mut self.output_tokens, one.output_tokens),
            (&mut self.micros, one.micros),
            (&mut self.characters, one.characters),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// All shadows of one process. What they found is kept in memory; the ledger has each comparison as well.
pub struct Shadows {
    places: Arc<Semaphore>,
    /// Of bodies that wait, in KiB.
    room: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
    hash: RandomState,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The newest last.
    compared: VecDeque<Compared>,
    /// As many as the settings have.
    standings: BTreeMap<Shadowed, Standing>,
}

/// A place among the calls that wait to be mirrored.
struct Waits {
    _place: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl Default for Shadows {
    fn default() -> Self {
        Shadows {
            places: Arc::new(Semaphore::new(MAX_MIRRORS)),
            room: Arc::new(Semaphore::new(MAX_MIRRORED_KIB)),
            at_once: Arc::new(Semaphore::new(MAX_MIRRORED_AT_ONCE)),
            hash: RandomState::new(),
            inner: Mutex::default(),
        }
    }
}

impl Shadows {
    /// With what words and calls are hashed: by this process only.
    pub fn hash(&self) -> &RandomState {
        &self.hash
    }

    /// The sums of every shadow that was used.
    pub fn standings(&self) -> Vec<(Shadowed, Standing)> {
        self.lock().standings.iter().map(|(shadow, standing)| (shadow.clone(), standing.clone())).collect()
    }

    /// The newest comparisons, newest first.
    pub fn compared(&self) -> Vec<Compared> {
        self.lock().compared.iter().rev().cloned().collect()
    }

    /// A place for a call with a body of so many bytes; none where too much waits.
    fn place(&self, bytes: usize) -> Option<Waits> {
        let kib = u32::try_from(bytes / 1024 + 1).ok()?;
        Some(Waits {
            _place: Arc::clone(&self.places).try_acquire_owned().ok()?,
            _room: Arc::clone(&self.room).try_acquire_many_owned(kib).ok()?,
        })
    }

    /// Whether a shadow may still spend this much today.
    fn may_spend(&self, shadow: &Shadow, micros: Micros, now: Timestamp) -> bool {
        let Some(limit) = shadow.per_day else { return true };
        let mut inner = self.lock();
        let standing = inner.standings.entry(shadow.named()).or_default();
        standing.turn(now);
        standing.spent.saturating_add(micros) <= limit
    }

    fn spent(&self, shadow: &Shadow, micros: Micros, now: Timestamp) {
        let mut inner = self.lock();
        let standing = inner.standings.entry(shadow.named()).or_default();
        standing.turn(now);
        standing.spent = standing.spent.saturating_add(micros);
    }

    /// Counts what became of a call; gives back how often that was so.
    fn count(&self, shadow: &Shadow, outcome: Outcome) -> u64 {
        let mut inner = self.lock();
        let standing = inner.standings.entry(shadow.named()).or_default();
        let count = standing.outcomes.entry(outcome).or_default();
        *count = count.saturating_add(1);
        *count
    }

    fn keep(&self, compared: Compared) {
        let mut inner = self.lock();
        let standing = inner.standings.entry(compared.shadow.clone()).or_default();
        standing.live.add(&compared.live);
        standing.mirrored.add(&compared.mirrored);
        if let Some(likeness) = compared.similarity {
            if let Some(count) = standing.likeness.get_mut(usize::from(likeness / 20).min(4)) {
                *count = count.saturating_add(1);
            }
            standing.likeness_sum = standing.likeness_sum.saturating_add(u64::from(likeness));
        }
        match compared.calls_alike {
            Some(true) => standing.calls_alike = standing.calls_alike.saturating_add(1),
            Some(false) => standing.calls_differ = standing.calls_differ.saturating_add(1),
            None => {}
        }
        if inner.compared.len() >= MAX_COMPARED {
            inner.compared.pop_front();
        }
        inner.compared.push_back(compared);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// A new day has a new purse. A clock that goes back opens none.
    fn turn(&mut self, now: Timestamp) {
        let today = calendar(now).0;
        if today > self.day {
            (self.day, self.spent) = (today, 0);
        }
    }
}

impl Shadow {
    fn named(&self) -> Shadowed {
        Shadowed { provider: self.to.clone(), model: self.model.clone() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod tests {
    use super::*;

    fn shadow(per_day: Option<Micros>) -> Shadow {
        Shadow { to: Name::new("trial").unwrap(), model: None, share: 100, per_day }
    }

    #[test]
    fn no_more_wait_than_there_are_places_and_no_larger_bodies_than_there_is_room() {
        let shadows = Shadows::default();
        let kept: Vec<_> = (0..MAX_MIRRORS).map(|_| shadows.place(1).unwrap()).collect();
        assert!(shadows.place(1).is_none());
        drop(kept);
        let large = MAX_MIRRORED_KIB / 2 * 1024;
        let one = shadows.place(large).unwrap();
        assert!(shadows.place(large).is_none());
        drop(one);
        assert!(shadows.place(large).is_some());
    }

    #[test]
    fn a_day_has_its_money_and_the_next_one_its_own() {
        let (shadows, shadow) = (Shadows::default(), shadow(Some(100)));
        let at = |text| Timestamp::parse(text).unwrap();
        let (monday, tuesday) = (at("2026-03-02T23:00:00Z"), at("2026-03-03T01:00:00Z"));
        assert!(shadows.may_spend(&shadow, 100, monday));
        shadows.spent(&shadow, 60, monday);
        assert!(shadows.may_spend(&shadow, 40, monday) && !shadows.may_spend(&shadow, 41, monday));
        assert!(shadows.may_spend(&shadow, 100, tuesday));
        shadows.spent(&shadow, 60, tuesday);
        assert!(!shadows.may_spend(&shadow, 41, monday), "a clock that goes back opens nothing");
        assert!(shadows.may_spend(&self::shadow(None), u64::MAX, monday));
    }

    #[test]
    fn the_newest_comparisons_stay_and_the_sums_have_all() {
        let shadows = Shadows::default();
        let named = shadow(None).named();
        for n in 0..u64::try_from(MAX_COMPARED).unwrap() + 5 {
            shadows.keep(Compared {
                at: Timestamp::from_millis(0),
                live_decision: Name::new(&format!("d{n}")).unwrap(),
                shadow_decision: Name::new("s").unwrap(),
                live_model: "m".to_owned(),
                shadow: named.clone(),
                live: Figures { status: 200, output_tokens: 2, ..Figures::default() },
                mirrored: Figures { status: 500, output_tokens: 3, ..Figures::default() },
                similarity: Some(80),
                calls_alike: Some(false),
            });
        }
        let (compared, standing) = (shadows.compared(), shadows.standings().remove(0).1);
        assert_eq!(compared.len(), MAX_COMPARED);
        assert_eq!(compared.first().unwrap().live_decision.as_str(), format!("d{}", MAX_COMPARED + 4));
        let all = u64::try_from(MAX_COMPARED).unwrap() + 5;
        assert_eq!((standing.live.output_tokens, standing.mirrored.output_tokens), (2 * all, 3 * all));
        assert_eq!((standing.live.errors, standing.mirrored.errors), (0, all));
        assert_eq!((standing.likeness, standing.calls_differ), ([0, 0, 0, 0, all], all));
    }
}
