//! What was learned about agents and their sessions, between decisions.
//!
//! Handlers hold no state: they borrow an agent's facts under its lock for as long as a decision
//! takes, and what the engine learned is true for the next one. Changed facts are saved every
//! [`FACTS_SAVED_EVERY`](crate::limits::FACTS_SAVED_EVERY); that is the most a crash can lose.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Action, Confidence, Decision, Name, Timestamp, Vector};
use engine::facts::{Baseline, Bucket, Counters, Facts, Rate, SessionFacts, Taint};
use serde::{Deserialize, Serialize};

use crate::book::Budget;
use crate::limits::{MAX_SESSIONS, MAX_THROTTLES, SAVED_AT_ONCE, SESSION_IDLE, TAINT_CARRIED};
use crate::ports::{Dice, FactKey, FactStore, Unavailable};

/// Everything that is remembered. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    agents: Arc<Mutex<HashMap<Name, Arc<Entry>>>>,
    store: Arc<dyn FactStore>,
    dice: Arc<dyn Dice>,
}

struct Entry {
    /// Decisions that may hold the lock for long: over a large text, or while facts are read.
    slow: AtomicUsize,
    memory: Mutex<AgentMemory>,
}

/// One agent's. The sessions are saved one by one, since most of them do not change.
struct AgentMemory {
    kept: Kept,
    changed: bool,
    sessions: HashMap<Name, OneSession>,
    /// Changed sessions, and those that made room before they were saved.
    unsaved: HashMap<Name, Vec<u8>>,
    touched: BTreeSet<Name>,
    /// How far each throttling rule is used up.
    throttles: HashMap<Box<str>, Bucket>,
    throttled: Option<Timestamp>,
}

struct OneSession {
    facts: SessionFacts,
    used: Timestamp,
}

/// What is saved of an agent.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Kept {
    first_seen: Option<Timestamp>,
    salt: u64,
    counters: Counters,
    baseline: Option<Baseline>,
    trouble: Trouble,
    spent: Spent,
    injected: Option<Injected>,
}

/// The last time that an injection was found in what the agent read.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Injected {
    at: Timestamp,
    taint: Taint,
}

/// Alerts and blocks by day, for the last 30 days.
#[derive(Debug, Clone, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Trouble {
    day: i64,
    alerts: [u32; Trouble::DAYS],
    blocks: [u32; Trouble::DAYS],
}

/// Requests of the present day and month (UTC).
#[derive(Debug, Clone, Serialize, Deserialize, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
struct Spent {
    day: i64,
    of_day: u64,
    /// Year and month as one number.
    month: i64,
    of_month: u64,
}

/// How a request stands to its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purse {
    Within,
    /// This request reached a threshold: this share of the limit, in per cent.
    Reached(u8),
    Empty,
}

const DAY: i64 = 86_400_000;
/// The session of what belongs to none.
pub const OUTSIDE: &str = "(none)";
/// How the names of sessions begin that were read off messages.
pub const STITCHED: &str = "stitched:";

/// The session beside one that was read off messages, in which its first calls were judged.
fn beside(session: &Name) -> Option<Name> {
    session.as_str().starts_with(STITCHED).then(|| Name::new(OUTSIDE).ok()).flatten()
}

impl Memory {
    pub fn new(store: Arc<dyn FactStore>, dice: Arc<dyn Dice>) -> Self {
        Memory { agents: Arc::default(), store, dice }
    }

    /// Whether a decision can be made at once: the facts are in memory, and nobody may hold them for
    /// long.
    pub fn at_hand(&self, agent: &Name, session: &Name, now: Timestamp) -> bool {
        let Some(entry) = self.all().get(agent).map(Arc::clone) else { return false };
        let memory = lock(&entry.memory);
        let beside = beside(session).is_none_or(|beside| memory.has(&beside, now));
        entry.slow.load(Ordering::Relaxed) == 0 && memory.has(session, now) && beside
    }

    /// Says, until what it gives back is dropped, that whoever needs this agent's facts may have to wait
    /// for long. Reads them if nobody has; so it may wait for a disk.
    pub fn slowly(&self, agent: &Name) -> Result<Slow, Unavailable> {
        let entry = self.entry(agent)?;
        entry.slow.fetch_add(1, Ordering::Relaxed);
        Ok(Slow(entry))
    }

    /// Sessions of an agent that are in memory.
    pub fn sessions(&self, agent: &Name) -> usize {
        let entry = self.all().get(agent).map(Arc::clone);
        entry.map_or(0, |entry| lock(&entry.memory).sessions.len())
    }

    /// Runs a decision over the facts of an agent and its session, and keeps what it taught. No
    /// other decision of the same agent runs meanwhile.
    pub fn with<T>(
        &self,
        agent: &Name,
        session: &Name,
        now: Timestamp,
        decide: impl FnOnce(&mut Recalled) -> T,
    ) -> Result<T, Unavailable> {
        let entry = self.entry(agent)?;
        let mut memory = lock(&entry.memory);
        let beside = beside(session);
        if let Some(beside) = &beside {
            memory.recall(agent, beside, now, &*self.store, &*self.dice)?;
            memory.touch(beside, now);
        }
        memory.recall(agent, session, now, &*self.store, &*self.dice)?;
        if let Some(beside) = &beside {
            memory.share_taint(session, beside);
        }
        let mut recalled = Recalled { facts: memory.lend(session, now), learned: None };
        // What was lent comes back in any case: without it the session would begin anew, untainted.
        let answer = catch_unwind(AssertUnwindSafe(|| decide(&mut recalled)));
        let Recalled { facts, learned } = recalled;
        match (&answer, learned) {
            (Ok(_), Some(learned)) => memory.keep(session, learned, now),
            (Ok(_) | Err(_), _) => memory.take_back(session, facts),
        }
        if let Some(beside) = &beside {
            memory.share_taint(session, beside);
        }
        answer.map_or_else(|fault| resume_unwind(fault), Ok)
    }

    /// Counts a request against a budget.
    pub fn spend(&self, agent: &Name, budget: &Budget, now: Timestamp) -> Result<Purse, Unavailable> {
        let entry = self.entry(agent)?;
        let mut memory = lock(&entry.memory);
        memory.changed = true;
        Ok(memory.kept.spent.spend(budget, now))
    }

    /// Whether a rule's throttle leaves room for one more call, and counts it if so. Kept in memory
    /// only: a restart opens the throttle once.
    pub fn may_call(&self, agent: &Name, rule: &str, per_minute: u64, now: Timestamp) -> bool {
        let Ok(entry) = self.entry(agent) else { return false };
        let mut memory = lock(&entry.memory);
        let rate = Rate { per_minute, burst: per_minute };
        // A clock that was set back must not keep the throttle shut until it has caught up.
        let last = memory.throttled.replace(now).unwrap_or(now);
        let passed = now.millis().saturating_sub(last.millis());
        if passed < 0 {
            memory.throttles.values_mut().for_each(|bucket| bucket.shift(passed));
        }
        if memory.throttles.len() >= MAX_THROTTLES && !memory.throttles.contains_key(rule) {
            memory.throttles.retain(|_, bucket| bucket.is_empty(rate, now));
        }
        let bucket = memory.throttles.entry(rule.into()).or_default();
        if bucket.is_empty(rate, now) {
            return false;
        }
        bucket.take(rate, now);
        true
    }

    /// Saves what has changed since the last time; gives back how many pieces that were. Some agents
    /// after the other: all that thousands of them learned in a second would be a hundred megabytes.
    pub fn save(&self) -> Result<usize, Unavailable> {
        let agents: Vec<(Name, Arc<Entry>)> =
            self.all().iter().map(|(name, entry)| (name.clone(), Arc::clone(entry))).collect();
        let (mut batch, mut saved) = (Vec::new(), 0);
        for (name, entry) in &agents {
            lock(&entry.memory).collect(name, &mut batch);
            if batch.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() >= SAVED_AT_ONCE {
                saved += self.save_batch(&mut batch)?;
            }
        }
        Ok(saved + self.save_batch(&mut batch)?)
    }

    fn save_batch(&self, batch: &mut Vec<(FactKey, Vec<u8>)>) -> Result<usize, Unavailable> {
        if batch.is_empty() {
            return Ok(0);
        }
        let saved = self.store.save(batch).map(|()| batch.len());
        for (key, bytes) in batch.drain(..) {
            // Nothing of it was saved, so all of it is tried again.
            if saved.is_err() {
                self.retry(key, bytes);
            }
        }
        saved
    }

    fn retry(&self, key: FactKey, bytes: Vec<u8>) {
        match key {
            FactKey::Agent(agent) => {
                if let Some(entry) = self.all().get(&agent) {
                    lock(&entry.memory).changed = true;
                }
            }
            FactKey::Session(agent, session) => {
                if let Some(entry) = self.all().get(&agent) {
                    lock(&entry.memory).unsaved.entry(session).or_insert(bytes);
                }
            }
        }
    }

    fn entry(&self, agent: &Name) -> Result<Arc<Entry>, Unavailable> {
        if let Some(entry) = self.all().get(agent) {
            return Ok(Arc::clone(entry));
        }
        // Read without the lock on all agents; when two read at once, the first one stays.
        let kept: Option<Kept> = read(&*self.store, &FactKey::Agent(agent.clone()))?;
        let kept = kept.unwrap_or_else(|| Kept { salt: random(&*self.dice), ..Kept::default() });
        let fresh = AgentMemory {
            kept,
            changed: false,
            sessions: HashMap::new(),
            unsaved: HashMap::new(),
            touched: BTreeSet::new(),
            throttles: HashMap::new(),
            throttled: None,
        };
        let fresh = Entry { slow: AtomicUsize::new(0), memory: Mutex::new(fresh) };
        let mut agents = self.all();
        Ok(Arc::clone(agents.entry(agent.clone()).or_insert_with(|| Arc::new(fresh))))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Name, Arc<Entry>>> {
        lock(&self.agents)
    }
}

/// Held while an agent's facts may be held for long.
pub struct Slow(Arc<Entry>);

impl Drop for Slow {
    fn drop(&mut self) {
        self.0.slow.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The facts of one agent and session, borrowed for one decision.
pub struct Recalled {
    /// Scope, roles, place and access are for the caller to fill in.
    pub facts: Facts,
    learned: Option<Learned>,
}

struct Learned {
    facts: Facts,
    alerted: bool,
    blocked: bool,
    injected: bool,
}

impl Recalled {
    /// Keeps what the decision taught.
    pub fn learn(
        &mut self,
        action: &Action,
        decision: &Decision,
        limits: &engine::detect::state::Limits,
        now: Timestamp,
    ) {
        let engine::facts::Learned { facts, fault } =
            engine::learn(&self.facts, action, decision, now, limits);
        if let Some(fault) = fault {
            tracing::error!(code = %fault.code, "a decision could not be learned from; what was known stays");
        }
        self.learned = Some(Learned {
            alerted: !decision.alerts.is_empty(),
            blocked: decision.effective == action::Verdict::Block,
            injected: self.is_injected(&facts, decision),
            facts,
        });
    }

    /// Keeps what was read, and nothing of having done anything.
    pub fn hear(&mut self, action: &Action, decision: &Decision, now: Timestamp) {
        let engine::facts::Learned { facts, fault } = engine::heard(&self.facts, action, decision, now);
        if let Some(fault) = fault {
            tracing::error!(code = %fault.code, "a result could not be remembered; what was known stays");
        }
        let injected = self.is_injected(&facts, decision);
        self.learned = Some(Learned { alerted: false, blocked: false, injected, facts });
    }

    /// Whether an injection was found now, not in an earlier step.
    fn is_injected(&self, facts: &Facts, decision: &Decision) -> bool {
        let hit = decision
            .detections
            .iter()
            .any(|hit| hit.vector == Vector::PromptInjection && hit.confidence >= Confidence::MEDIUM);
        facts.session.taint.injection && (hit || !self.facts.session.taint.injection)
    }
}

/// Whether a session that was used then begins anew.
fn idle(used: Timestamp, now: Timestamp) -> bool {
    now.since(used) > i64::try_from(SESSION_IDLE.as_millis()).unwrap_or(i64::MAX)
}

impl AgentMemory {
    fn has(&self, session: &Name, now: Timestamp) -> bool {
        self.sessions.get(session).is_some_and(|it| !idle(it.used, now))
    }

    /// Makes the session present: from memory, from the store, or new.
    fn recall(
        &mut self,
        agent: &Name,
        session: &Name,
        now: Timestamp,
        store: &dyn FactStore,
        dice: &dyn Dice,
    ) -> Result<(), Unavailable> {
        if self.has(session, now) {
            return Ok(());
        }
        let stored: Option<SessionFacts> = match self.unsaved.get(session) {
            Some(bytes) => serde_json::from_slice(bytes).ok(),
            None => read(store, &FactKey::Session(agent.clone(), session.clone()))?,
        };
        let stored = stored.filter(|facts| !facts.last.is_some_and(|last| idle(last, now)));
        let facts = stored.unwrap_or_else(|| self.begun(session, now, dice));
        self.make_room();
        self.sessions.insert(session.clone(), OneSession { facts, used: now });
        Ok(())
    }

    /// A session that begins. One that was read off messages had its first calls in the one beside it, and goes
    /// on from there, so that nothing is lost by knowing a conversation again.
    fn begun(&self, session: &Name, now: Timestamp, dice: &dyn Dice) -> SessionFacts {
        match beside(session).and_then(|beside| self.sessions.get(&beside)) {
            Some(before) => SessionFacts { opened: None, ..before.facts.clone() },
            None => SessionFacts { salt: random(dice), taint: self.carried(now), ..SessionFacts::default() },
        }
    }

    fn touch(&mut self, session: &Name, now: Timestamp) {
        if let Some(it) = self.sessions.get_mut(session) {
            it.used = now;
        }
    }

    /// What entered one of two sessions has entered both.
    fn share_taint(&mut self, one: &Name, other: &Name) {
        let taint = |name| self.sessions.get(name).map(|it| &it.facts.taint);
        let Some(both) = taint(one).zip(taint(other)).map(|(one, other)| one.joined(other)) else { return };
        for name in [one, other] {
            if let Some(it) = self.sessions.get_mut(name).filter(|it| it.facts.taint != both) {
                it.facts.taint = both.clone();
                self.unsaved.remove(name);
                self.touched.insert(name.clone());
            }
        }
    }

    /// The taint that a new session begins with.
    fn carried(&self, now: Timestamp) -> Taint {
        let within = i64::try_from(TAINT_CARRIED.as_millis()).unwrap_or(i64::MAX);
        let recent = self.kept.injected.as_ref().filter(|injected| now.since(injected.at) <= within);
        recent.map_or_else(Taint::default, |injected| injected.taint.clone())
    }

    fn make_room(&mut self) {
        while self.sessions.len() >= MAX_SESSIONS {
            let Some(idlest) =
                self.sessions.iter().min_by_key(|(_, it)| it.used).map(|(name, _)| name.clone())
            else {
                return;
            };
            let gone = self.sessions.remove(&idlest);
            if let Some(gone) = gone.filter(|_| self.touched.remove(&idlest)) {
                self.unsaved.insert(idlest, written(&gone.facts));
            }
        }
    }

    /// Hands out what is known, without a copy of what may be large.
    fn lend(&mut self, session: &Name, now: Timestamp) -> Facts {
        let mut facts = Facts::default();
        facts.agent.salt = self.kept.salt;
        facts.agent.first_seen = self.kept.first_seen.or(Some(now));
        (facts.agent.recent_alerts, facts.agent.recent_blocks) = self.kept.trouble.recent(now);
        facts.counters = std::mem::take(&mut self.kept.counters);
        facts.baseline = self.kept.baseline;
        if let Some(it) = self.sessions.get_mut(session) {
            facts.session = std::mem::take(&mut it.facts);
        }
        facts
    }

    /// Takes back what was lent and taught nothing.
    fn take_back(&mut self, session: &Name, facts: Facts) {
        self.kept.counters = facts.counters;
        if let Some(it) = self.sessions.get_mut(session) {
            it.facts = facts.session;
        }
    }

    fn keep(&mut self, session: &Name, learned: Learned, now: Timestamp) {
        let Learned { facts, alerted, blocked, injected } = learned;
        if injected {
            self.kept.injected = Some(Injected { at: now, taint: facts.session.taint.clone() });
        }
        self.kept.first_seen = self.kept.first_seen.or(Some(now));
        self.kept.counters = facts.counters;
        self.kept.baseline = facts.baseline;
        self.kept.trouble.count(now, alerted, blocked);
        self.changed = true;
        if let Some(it) = self.sessions.get_mut(session) {
            it.facts = facts.session;
            it.used = now;
        }
        self.unsaved.remove(session);
        self.touched.insert(session.clone());
    }

    /// Takes what has changed since the last save.
    fn collect(&mut self, agent: &Name, batch: &mut Vec<(FactKey, Vec<u8>)>) {
        if std::mem::take(&mut self.changed) {
            batch.push((FactKey::Agent(agent.clone()), written(&self.kept)));
        }
        for (session, bytes) in self.unsaved.drain() {
            batch.push((FactKey::Session(agent.clone(), session), bytes));
        }
        for session in std::mem::take(&mut self.touched) {
            if let Some(it) = self.sessions.get(&session) {
                batch.push((FactKey::Session(agent.clone(), session), written(&it.facts)));
            }
        }
    }
}

impl Trouble {
    const DAYS: usize = 30;

    fn count(&mut self, now: Timestamp, alerted: bool, blocked: bool) {
        self.advance(now);
        let today = self.place(self.day);
        for (list, happened) in [(&mut self.alerts, alerted), (&mut self.blocks, blocked)] {
            if let Some(count) = list.get_mut(today) {
                *count = count.saturating_add(u32::from(happened));
            }
        }
    }

    fn recent(&self, now: Timestamp) -> (u32, u32) {
        let mut now_at = self.clone();
        now_at.advance(now);
        let sum = |list: &[u32]| list.iter().fold(0u32, |sum, count| sum.saturating_add(*count));
        (sum(&now_at.alerts), sum(&now_at.blocks))
    }

    /// Empties the days that have passed. A clock that goes back counts into the newest day.
    fn advance(&mut self, now: Timestamp) {
        let today = now.millis().div_euclid(DAY);
        let passed = today.saturating_sub(self.day).clamp(0, Self::DAYS as i64);
        for step in 1..=passed {
            let place = self.place(self.day.saturating_add(step));
            for list in [&mut self.alerts, &mut self.blocks] {
                if let Some(count) = list.get_mut(place) {
                    *count = 0;
                }
            }
        }
        self.day = self.day.max(today);
    }

    fn place(&self, day: i64) -> usize {
        usize::try_from(day.rem_euclid(Self::DAYS as i64)).unwrap_or(0)
    }
}

impl Spent {
    fn spend(&mut self, budget: &Budget, now: Timestamp) -> Purse {
        let (day, month) = calendar(now);
        if day > self.day {
            (self.day, self.of_day) = (day, 0);
        }
        if month > self.month {
            (self.month, self.of_month) = (month, 0);
        }
        let limits = [(self.of_day, budget.per_day), (self.of_month, budget.per_month)];
        if limits.iter().any(|(spent, limit)| limit.is_some_and(|limit| *spent >= limit)) {
            return Purse::Empty;
        }
        self.of_day = self.of_day.saturating_add(1);
        self.of_month = self.of_month.saturating_add(1);
        let reached = limits.iter().filter_map(|(before, limit)| {
            let limit = u128::from((*limit)?);
            let (before, after) = (u128::from(*before) * 100, (u128::from(*before) + 1) * 100);
            let crossed = |share: &&u8| {
                let at = u128::from(**share) * limit;
                before < at && after >= at
            };
            budget.alert_at.iter().filter(crossed).max().copied()
        });
        reached.max().map_or(Purse::Within, Purse::Reached)
    }
}

/// Days since 1970, and year and month as one number, in UTC.
pub(crate) fn calendar(now: Timestamp) -> (i64, i64) {
    let day = now.millis().div_euclid(DAY);
    // Civil date from days: eras of 400 years, years that begin in March.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (day, year * 12 + month)
}

fn random(dice: &dyn Dice) -> u64 {
    let mut bytes = [0u8; 8];
    dice.fill(&mut bytes);
    // Zero means that nobody chose a salt.
    u64::from_be_bytes(bytes).max(1)
}

/// Reads one piece. What cannot be read any more counts as forgotten: facts make detection
/// better, they grant nothing.
fn read<T: serde::de::DeserializeOwned>(
    store: &dyn FactStore,
    key: &FactKey,
) -> Result<Option<T>, Unavailable> {
    let Some(bytes) = store.load(key)? else { return Ok(None) };
    match serde_json::from_slice(&bytes) {
        Ok(read) => Ok(Some(read)),
        Err(error) => {
            tracing::warn!(?key, %error, "facts on disk cannot be read and begin anew");
            Ok(None)
        }
    }
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn months_and_days_follow_the_calendar() {
        let months =
            ["1970-01-31T23:59:59Z", "1970-02-01T00:00:00Z", "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"]
                .map(|text| calendar(at(text)).1);
        assert_eq!(months, [1970 * 12 + 1, 1970 * 12 + 2, 2024 * 12 + 2, 2024 * 12 + 3]);
    }

    #[test]
    fn a_budget_warns_once_at_each_threshold_and_then_is_empty_until_the_next_day() {
        let budget = Budget { per_day: Some(10), per_month: None, alert_at: vec![50, 100] };
        let mut spent = Spent::default();
        let now = at("2026-03-02T10:00:00Z");
        let day: Vec<Purse> = (0..12).map(|_| spent.spend(&budget, now)).collect();
        assert_eq!(day[4], Purse::Reached(50));
        assert_eq!(day[9], Purse::Reached(100));
        assert_eq!(day[10..], [Purse::Empty, Purse::Empty]);
        assert_eq!(day.iter().filter(|purse| **purse == Purse::Within).count(), 8);
        assert_eq!(spent.spend(&budget, at("2026-03-03T00:00:00Z")), Purse::Within);
        assert_eq!(spent.of_month, 11, "what was refused is not counted");
        let before = spent.clone();
        spent.spend(&budget, at("2026-03-02T00:00:00Z"));
        assert_eq!(spent.day, before.day, "a clock that goes back opens no new day");
    }

    /// Whose disk answers when the test says so.
    struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>);

    impl FactStore for Stuck {
        fn load(&self, key: &FactKey) -> Result<Option<Vec<u8>>, Unavailable> {
            if matches!(key, FactKey::Session(_, session) if session.as_str() == "stuck") {
                lock(&self.0).recv().unwrap();
            }
            Ok(None)
        }

        fn save(&self, _: &[(FactKey, Vec<u8>)]) -> Result<(), Unavailable> {
            Ok(())
        }
    }

    #[test]
    fn a_session_that_was_read_off_messages_begins_with_what_was_known_and_shares_its_taint() {
        let (_answer, answers) = std::sync::mpsc::channel();
        let memory = Memory::new(Arc::new(Stuck(Mutex::new(answers))), Arc::new(crate::ports::SystemDice));
        let name = |text: &str| Name::new(text).unwrap();
        let (agent, outside, stitched) = (name("a"), name(OUTSIDE), name("stitched:dec_1"));
        let now = at("2026-03-02T10:00:00Z");
        let read = |session: &Name, channel: action::Channel| {
            memory
                .with(&agent, session, now, |recalled| {
                    let mut facts = recalled.facts.clone();
                    facts.session.taint.channels.push(channel);
                    facts.session.calls += 1;
                    recalled.learned =
                        Some(Learned { facts, alerted: false, blocked: false, injected: false });
                })
                .unwrap();
        };
        let known = |session: &Name| {
            let seen = |recalled: &mut Recalled| {
                (recalled.facts.session.calls, recalled.facts.session.taint.channels.clone())
            };
            memory.with(&agent, session, now, seen).unwrap()
        };
        use action::Channel::{Retrieved, ToolOutput};
        read(&outside, ToolOutput);
        assert_eq!(known(&stitched), (1, vec![ToolOutput]));
        read(&stitched, Retrieved);
        let both = known(&stitched).1;
        assert!(both.contains(&ToolOutput) && both.contains(&Retrieved), "{both:?}");
        assert_eq!(known(&outside), (1, both), "the steps of each are its own");
        assert_eq!(known(&name("stated")), (0, Vec::new()));
    }

    #[test]
    fn a_disk_that_does_not_answer_holds_up_nobody_who_can_wait_elsewhere() {
        let (answer, answers) = std::sync::mpsc::channel();
        let memory = Memory::new(Arc::new(Stuck(Mutex::new(answers))), Arc::new(crate::ports::SystemDice));
        let (agent, other) = (Name::new("a").unwrap(), Name::new("b").unwrap());
        let (known, stuck) = (Name::new("known").unwrap(), Name::new("stuck").unwrap());
        let now = at("2026-03-02T10:00:00Z");
        assert!(!memory.at_hand(&agent, &known, now), "never read");
        for name in [&agent, &other] {
            memory.with(name, &known, now, |_| ()).unwrap();
            assert!(memory.at_hand(name, &known, now));
        }
        let slow = {
            let (memory, agent, stuck) = (memory.clone(), agent.clone(), stuck.clone());
            let slow = memory.slowly(&agent).unwrap();
            std::thread::spawn(move || {
                let _slow = slow;
                memory.with(&agent, &stuck, now, |_| ()).unwrap();
            })
        };
        assert!(!memory.at_hand(&agent, &known, now), "it might wait for the disk too");
        assert!(memory.at_hand(&other, &known, now), "others go on");
        answer.send(()).unwrap();
        slow.join().unwrap();
        assert!(memory.at_hand(&agent, &known, now) && memory.at_hand(&agent, &stuck, now));
        assert!(!memory.at_hand(&agent, &known, now.plus_millis(25 * 3_600_000)), "it begins anew");
    }

    #[test]
    fn a_throttle_stays_as_it_is_when_the_clock_goes_back() {
        let (_answer, answers) = std::sync::mpsc::channel();
        let memory = Memory::new(Arc::new(Stuck(Mutex::new(answers))), Arc::new(crate::ports::SystemDice));
        let agent = Name::new("a").unwrap();
        let now = at("2026-03-02T10:00:00Z");
        let calls = |after: i64| {
            let at = now.plus_millis(after);
            (0..100).take_while(|_| memory.may_call(&agent, "rule", 6, at)).count()
        };
        let full = calls(0);
        assert!((6..=7).contains(&full), "{full}");
        let back = -5 * 3_600_000;
        assert_eq!(calls(back), 0, "it opens nothing");
        assert_eq!(calls(back + 600_000), full, "and it is full again when its time has passed");
    }

    #[test]
    fn a_new_session_is_no_way_out_of_an_injection_that_was_found() {
        let (_answer, answers) = std::sync::mpsc::channel();
        let memory = Memory::new(Arc::new(Stuck(Mutex::new(answers))), Arc::new(crate::ports::SystemDice));
        let name = |text: &str| Name::new(text).unwrap();
        let now = at("2026-03-02T10:00:00Z");
        let tainted = |agent: &str, session: &str, minutes: i64| {
            let taint = |recalled: &mut Recalled| recalled.facts.session.taint.is_tainted();
            memory.with(&name(agent), &name(session), now.plus_millis(minutes * 60_000), taint).unwrap()
        };
        assert!(!tainted("a", "before", 0));
        memory
            .with(&name("a"), &name("injected"), now, |recalled| {
                let mut facts = recalled.facts.clone();
                facts.session.taint.injection = true;
                recalled.learned = Some(Learned { facts, alerted: false, blocked: false, injected: true });
            })
            .unwrap();
        assert!(tainted("a", "injected", 1) && tainted("a", "next", 1));
        assert!(!tainted("a", "before", 1), "a session that was there read nothing of it");
        assert!(!tainted("b", "next", 1), "nor did another agent");
        assert!(!tainted("a", "later", 11) && tainted("a", "next", 11));
    }

    /// A store that fails when told to, and tells what it was given.
    #[derive(Default)]
    struct Shelf {
        kept: Mutex<BTreeSet<FactKey>>,
        largest: Mutex<usize>,
        fails_at: Mutex<Option<usize>>,
    }

    impl FactStore for Shelf {
        fn load(&self, _: &FactKey) -> Result<Option<Vec<u8>>, Unavailable> {
            Ok(None)
        }

        fn save(&self, batch: &[(FactKey, Vec<u8>)]) -> Result<(), Unavailable> {
            let mut fails_at = lock(&self.fails_at);
            *fails_at = match *fails_at {
                Some(0) => return Err(Unavailable { what: "the shelf" }),
                left => left.map(|left| left - 1),
            };
            let bytes = batch.iter().map(|(_, bytes)| bytes.len()).sum();
            let mut largest = lock(&self.largest);
            *largest = (*largest).max(bytes);
            lock(&self.kept).extend(batch.iter().map(|(key, _)| key.clone()));
            Ok(())
        }
    }

    #[test]
    fn many_agents_are_saved_some_at_a_time_and_none_is_forgotten_by_a_failure() {
        let shelf = Arc::new(Shelf::default());
        let memory = Memory::new(shelf.clone(), Arc::new(crate::ports::SystemDice));
        let agents = 8_000;
        for n in 0..agents {
            let name = Name::new(&format!("agent-{n}")).unwrap();
            memory.spend(&name, &Budget::default(), at("2026-03-02T10:00:00Z")).unwrap();
        }
        *lock(&shelf.fails_at) = Some(1);
        assert!(memory.save().is_err());
        let before = lock(&shelf.kept).len();
        assert!(before > 0 && before < agents, "{before}");
        *lock(&shelf.fails_at) = None;
        assert_eq!(memory.save().unwrap(), agents - before);
        assert_eq!(lock(&shelf.kept).len(), agents);
        let largest = *lock(&shelf.largest);
        assert!((SAVED_AT_ONCE..SAVED_AT_ONCE + 8_192).contains(&largest), "{largest}");
        assert_eq!(memory.save().unwrap(), 0);
    }

    #[test]
    fn what_was_lent_comes_back_when_nothing_is_learned_and_after_a_fault() {
        let memory = Memory::new(Arc::new(Shelf::default()), Arc::new(crate::ports::SystemDice));
        let (agent, session) = (Name::new("a").unwrap(), Name::new("s").unwrap());
        let now = at("2026-03-02T10:00:00Z");
        let salt = memory.with(&agent, &session, now, |recalled| recalled.facts.session.salt).unwrap();
        assert_ne!(salt, 0);
        let fault = catch_unwind(AssertUnwindSafe(|| {
            memory.with(&agent, &session, now, |recalled| assert_eq!(recalled.facts.session.salt, 0))
        }));
        assert!(fault.is_err());
        let after = memory.with(&agent, &session, now, |recalled| recalled.facts.session.salt).unwrap();
        assert_eq!(after, salt);
    }

    #[test]
    fn trouble_is_forgotten_after_thirty_days() {
        let mut trouble = Trouble::default();
        trouble.count(at("2026-03-02T10:00:00Z"), true, true);
        trouble.count(at("2026-03-20T10:00:00Z"), true, false);
        assert_eq!(trouble.recent(at("2026-03-31T10:00:00Z")), (2, 1));
        assert_eq!(trouble.recent(at("2026-04-01T10:00:00Z")), (1, 0));
        assert_eq!(trouble.recent(at("2027-04-01T10:00:00Z")), (0, 0));
    }
}
