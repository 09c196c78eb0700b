//! Budgets: who may spend how much in a day or a month.
//!
//! A call is admitted when what it may come to still fits into every budget that it falls under, and that
//! much is reserved in all of them at once or in none. Settling replaces it by what was used. So callers
//! at once never get more than there is room for; only a call that used more than it was estimated at
//! goes beyond a limit, by that difference.
//!
//! Periods are days and months in UTC. A clock that goes back opens none: what was spent stays spent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Name, Timestamp};
use serde::{Deserialize, Serialize};

use super::Micros;
use super::charge::{At, Charged};
use crate::memory::calendar;
use crate::ports::Unavailable;

/// Counters of one server. At the bound those of past periods make room; a call that would need a further
/// one is refused.
pub const MAX_COUNTERS: usize = 100_000;
const MINUTE: i64 = 60_000;

/// One budget, as an operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub name: Name,
    pub whom: Whom,
    pub per: Per,
    pub limits: Limits,
    /// Per cent of a limit at which an alert is raised, once in a period.
    pub alert_at: Vec<u8>,
    pub on_limit: OnLimit,
}

/// Whose calls a budget counts: together, or each one's for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    Everybody,
    One(Key, Name),
    Each(Key),
}

/// What callers are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Team,
    Application,
    Agent,
    /// By its public part.
    Key,
}

impl Key {
    pub const ALL: &'static [Key] = &[Key::Team, Key::Application, Key::Agent, Key::Key];

    pub const fn as_str(self) -> &'static str {
        match self {
            Key::Team => "team",
            Key::Application => "application",
            Key::Agent => "agent",
            Key::Key => "key",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Day,
    Month,
}

impl Per {
    pub const ALL: &'static [Per] = &[Per::Day, Per::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Per::Day => "day",
            Per::Month => "month",
        }
    }

    /// A number that grows with the period.
    fn number(self, now: Timestamp) -> i64 {
        let (day, month) = calendar(now);
        match self {
            Per::Day => day,
            Per::Month => month,
        }
    }
}

/// How much; absent for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub micros: Option<Micros>,
    pub tokens: Option<u64>,
    pub requests: Option<u64>,
}

/// What happens to a call that does not fit any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLimit {
    Block,
    /// So many a minute still pass.
    Throttle(u64),
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub struct Who<'w> {
    pub team: Option<&'w Name>,
    pub application: Option<&'w Name>,
    pub agent: &'w Name,
    pub key: Option<&'w Name>,
}

impl<'w> Who<'w> {
    fn by(&self, key: Key) -> Option<&'w Name> {
        match key {
            Key::Team => self.team,
            Key::Application => self.application,
            Key::Agent => Some(self.agent),
            Key::Key => self.key,
        }
    }
}

/// What a call uses of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Measure {
    pub micros: Micros,
    pub tokens: u64,
    pub requests: u64,
}

impl Measure {
    /// What one call uses.
    pub const fn call(micros: Micros, tokens: u64) -> Self {
        Measure { micros, tokens, requests: 1 }
    }

    fn plus(self, other: Measure) -> Measure {
        Measure {
            micros: self.micros.saturating_add(other.micros),
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    fn minus(self, other: Measure) -> Measure {
        Measure {
            micros: self.micros.saturating_sub(other.micros),
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    fn fits(self, limits: &Limits) -> bool {
        self.beside(limits).all(|(used, limit)| used <= limit)
    }

    /// The per cent of the limit that is used up most.
    fn share(self, limits: &Limits) -> u64 {
        let shares = self.beside(limits).map(|(used, limit)| {
            let share = u128::from(used) * 100 / u128::from(limit.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        });
        shares.max().unwrap_or(0)
    }

    fn beside(self, limits: &Limits) -> impl Iterator<Item = (u64, u64)> {
        [(self.micros, limits.micros), (self.tokens, limits.tokens), (self.requests, limits.requests)]
            .into_iter()
            .filter_map(|(used, limit)| Some((used, limit?)))
    }
}

/// A call does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the budget `{budget}` is used up for this {}", per.as_str())]
pub struct Spent {
    pub budget: Name,
    pub per: Per,
    /// When it is worth asking again, for a budget that throttles.
    pub again: Option<Timestamp>,
}

/// A threshold of a budget was reached. The limit itself counts as 100.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub budget: Name,
    /// Whose, for a budget of each.
    pub whose: Option<Name>,
    pub share: u8,
}

/// Who is told of thresholds and of what was charged. Must not wait.
pub trait Tell: Send + Sync {
    fn reached(&self, reached: &Reached);
    fn charged(&self, at: &At, charged: &Charged);
}

/// All budgets and what was spent of them. Cheap to clone.
#[derive(Clone)]
pub struct Budgets(Arc<Inner>);

struct Inner {
    budgets: Vec<Budget>,
    tell: Arc<dyn Tell>,
    counters: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    all: HashMap<Which, Counter>,
    changed: bool,
}

/// A counter: of a budget, and of whom when each has one.
type Which = (Name, Option<Name>);

#[derive(Debug, Clone)]
struct Counter {
    per: Per,
    period: i64,
    spent: Measure,
    /// By calls that have not been settled.
    reserved: Measure,
    /// The highest threshold that was told of in this period.
    told: u8,
    minute: i64,
    /// Calls of this minute that passed beyond the limit.
    in_minute: u64,
}

/// What is kept of a counter. What was reserved counts as spent: whether the call was made is not known.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    budget: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whose: Option<Name>,
    per: Per,
    period: i64,
    spent: Measure,
    told: u8,
}

impl Budgets {
    pub fn new(budgets: Vec<Budget>, tell: Arc<dyn Tell>) -> Self {
        Budgets(Arc::new(Inner { budgets, tell, counters: Mutex::default() }))
    }

    /// Takes up what an earlier process kept. Counters of budgets that are no more are dropped.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), Unavailable> {
        let kept: Vec<Kept> = serde_json::from_slice(bytes).map_err(|error| {
            tracing::error!(%error, "what was spent cannot be read");
            Unavailable { what: "what was spent" }
        })?;
        let mut counters = self.0.lock();
        for one in kept {
            let Some(budget) = self.0.budgets.iter().find(|budget| budget.name == one.budget) else {
                continue;
            };
            // One that is by day now and was by month has other periods: it begins anew.
            if one.per == budget.per {
                let mut counter = Counter::new(one.per);
                (counter.period, counter.spent, counter.told) = (one.period, one.spent, one.told);
                counters.all.insert((one.budget, one.whose), counter);
            }
        }
        Ok(())
    }

    /// What is to be kept, when something has changed since the last time.
    pub fn changed(&self) -> Option<Vec<u8>> {
        let mut counters = self.0.lock();
        if !std::mem::take(&mut counters.changed) {
            return None;
        }
        let kept = |((budget, whose), counter): (&Which, &Counter)| Kept {
            budget: budget.clone(),
            whose: whose.clone(),
            per: counter.per,
            period: counter.period,
            spent: counter.used(),
            told: counter.told,
        };
        let mut kept: Vec<Kept> = counters.all.iter().map(kept).collect();
        drop(counters);
        kept.sort_by(|a, b| (&a.budget, &a.whose).cmp(&(&b.budget, &b.whose)));
        serde_json::to_vec(&kept).ok()
    }

    /// Notes that what [`Budgets::changed`] gave was not kept.
    pub fn not_kept(&self) {
        self.0.lock().changed = true;
    }

    /// Reserves what a call may come to in every budget that it falls under, or in none.
    pub fn reserve(&self, who: &Who<'_>, estimate: Measure, now: Timestamp) -> Result<Reservation, Spent> {
        let under: Vec<(&Budget, Which)> =
            self.0.budgets.iter().filter_map(|it| Some((it, it.of(who)?))).collect();
        let mut told = Vec::new();
        let reserved = self.0.lock().reserve(&under, estimate, now, &mut told);
        self.0.tell(&told);
        let held = reserved?;
        Ok(Reservation { of: Arc::clone(&self.0), held, estimate, settled: false })
    }

    /// How each counter stands: of which budget, whose, spent and reserved together.
    pub fn standing(&self, now: Timestamp) -> Vec<(Name, Option<Name>, Measure)> {
        let counters = self.0.lock();
        let present = |((name, whose), counter): (&Which, &Counter)| {
            let used = if counter.is_over(now) { Measure::default() } else { counter.used() };
            (name.clone(), whose.clone(), used)
        };
        let mut all: Vec<_> = counters.all.iter().map(present).collect();
        drop(counters);
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }

    pub fn all(&self) -> &[Budget] {
        &self.0.budgets
    }
}

impl Budget {
    /// The counter that a caller falls under, if it does.
    fn of(&self, who: &Who<'_>) -> Option<Which> {
        let whose = match &self.whom {
            Whom::Everybody => None,
            Whom::One(key, name) => {
                who.by(*key).filter(|it| *it == name)?;
                None
            }
            Whom::Each(key) => Some(who.by(*key)?.clone()),
        };
        Some((self.name.clone(), whose))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, told: &[Reached]) {
        told.iter().for_each(|reached| self.tell.reached(reached));
    }
}

impl Counters {
    fn reserve(
        &mut self,
        under: &[(&Budget, Which)],
        estimate: Measure,
        now: Timestamp,
        told: &mut Vec<Reached>,
    ) -> Result<Vec<(Which, i64)>, Spent> {
        self.make_room(under, now)?;
        for (budget, which) in under {
            let counter = self.all.entry(which.clone()).or_insert_with(|| Counter::new(budget.per));
            counter.turn(now);
            let after = counter.used().plus(estimate);
            if after.fits(&budget.limits) {
                continue;
            }
            told.extend(counter.tell(budget, which, 100));
            self.changed |= !told.is_empty();
            match budget.on_limit {
                OnLimit::Throttle(most) if counter.in_minute < most => {}
                OnLimit::Throttle(_) => {
                    let again = Timestamp::from_millis((counter.minute + 1).saturating_mul(MINUTE));
                    return Err(Spent { budget: budget.name.clone(), per: budget.per, again: Some(again) });
                }
                OnLimit::Block => {
                    return Err(Spent { budget: budget.name.clone(), per: budget.per, again: None });
                }
            }
        }
        // It fits everywhere, or is one of those that still pass.
        self.changed |= !under.is_empty();
        let mut held = Vec::with_capacity(under.len());
        for (budget, which) in under {
            let Some(counter) = self.all.get_mut(which) else { continue };
            if !counter.used().plus(estimate).fits(&budget.limits) {
                counter.in_minute = counter.in_minute.saturating_add(1);
            }
            counter.reserved = counter.reserved.plus(estimate);
            held.push((which.clone(), counter.period));
        }
        Ok(held)
    }

    /// Room for the counters of one call.
    fn make_room(&mut self, under: &[(&Budget, Which)], now: Timestamp) -> Result<(), Spent> {
        let missing = |all: &HashMap<Which, Counter>| {
            under.iter().find(|(_, which)| !all.contains_key(which)).map(|(budget, _)| *budget)
        };
        if self.all.len() + under.len() <= MAX_COUNTERS || missing(&self.all).is_none() {
            return Ok(());
        }
        self.all.retain(|_, counter| !counter.is_over(now) || counter.reserved != Measure::default());
        match missing(&self.all) {
            Some(budget) if self.all.len() + under.len() > MAX_COUNTERS => {
                Err(Spent { budget: budget.name.clone(), per: budget.per, again: None })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Counter {
    fn new(per: Per) -> Self {
        Counter {
            per,
            period: i64::MIN,
            spent: Measure::default(),
            reserved: Measure::default(),
            told: 0,
            minute: i64::MIN,
            in_minute: 0,
        }
    }

    fn used(&self) -> Measure {
        self.spent.plus(self.reserved)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.period < self.per.number(now)
    }

    /// Begins the period and the minute that it is, and never an earlier one.
    fn turn(&mut self, now: Timestamp) {
        let period = self.per.number(now);
        if period > self.period {
            (self.period, self.told) = (period, 0);
            // Calls under way were admitted in the period before and are settled there, which is nowhere.
            (self.spent, self.reserved) = (Measure::default(), Measure::default());
        }
        let minute = now.millis().div_euclid(MINUTE);
        if minute > self.minute {
            (self.minute, self.in_minute) = (minute, 0);
        }
    }

    /// The thresholds up to this share that nobody was told of, the lowest first: whoever passes two in
    /// one step passed both.
    fn tell<'b>(
        &mut self,
        budget: &'b Budget,
        which: &'b Which,
        share: u64,
    ) -> impl Iterator<Item = Reached> + use<'b> {
        let before = self.told;
        let mut passed: Vec<u8> = budget.alert_at.iter().copied().chain([100]).collect();
        passed.retain(|at| u64::from(*at) <= share && *at > before);
        passed.sort_unstable();
        passed.dedup();
        self.told = passed.last().copied().unwrap_or(before);
        let reached = |share| Reached { budget: which.0.clone(), whose: which.1.clone(), share };
        passed.into_iter().map(reached)
    }
}

/// Room in the budgets that a call falls under. Dropped without being settled, it was spent: a caller
/// that went away may have been answered.
#[must_use]
pub struct Reservation {
    of: Arc<Inner>,
    /// Counters, and the periods in which it was reserved.
    held: Vec<(Which, i64)>,
    estimate: Measure,
    settled: bool,
}

impl Reservation {
    /// Replaces what was reserved by what was used.
    pub fn settle(mut self, used: Measure) {
        self.put(used);
    }

    /// Gives all of it back: the call was not made.
    pub fn give_back(mut self) {
        self.put(Measure::default());
    }

    fn put(&mut self, used: Measure) {
        self.settled = true;
        let mut told = Vec::new();
        let mut counters = self.of.lock();
        for (which, period) in &self.held {
            let budget = self.of.budgets.iter().find(|budget| budget.name == which.0);
            let counter = counters.all.get_mut(which).filter(|counter| counter.period == *period);
            let (Some(budget), Some(counter)) = (budget, counter) else { continue };
            counter.reserved = counter.reserved.minus(self.estimate);
            counter.spent = counter.spent.plus(used);
            told.extend(counter.tell(budget, which, counter.spent.share(&budget.limits)));
        }
        counters.changed |= !self.held.is_empty();
        drop(counters);
        self.of.tell(&told);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.settled {
            self.put(self.estimate);
        }
    }
}

#[cfg(test)]
mod tests;
