//! What containment really did: how soon it held, and what it met.
//!
//! An order names its reach before it is carried out. For [`EFFECT_WITHIN`] after it, what its agent or
//! session asks is counted; then a record says whether the order held and what passed all the same. What
//! passed is a finding. Orders whose report a crash prevented are found on the ledger.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use action::{Name, Severity, Timestamp};
use ledger::{OperatorPart, Promise, Record, RecordKind};

use super::Guard;
use super::entry::named;
use crate::book::{Book, Denied, Standing};
use crate::limits::{EFFECT_WITHIN, MAX_EFFECTS};

/// Whom an order stops: an agent, or one session of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reach {
    pub agent: Name,
    pub session: Option<Name>,
}

/// Orders whose effect is not reported yet.
#[derive(Default)]
pub struct Effects {
    watched: Mutex<HashMap<Reach, Watched>>,
    /// How many, so that who is not concerned takes no lock.
    open: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Watched {
    decision: Name,
    /// By the clock that only goes on.
    since: Duration,
    /// How long after the order it was first seen to hold.
    held: Option<Duration>,
    lifted: bool,
    refused: u64,
    /// Passed before it held, and although it held.
    before: u64,
    although: u64,
}

/// What one order did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub reach: Reach,
    pub decision: Name,
    pub held: Option<Duration>,
    pub lifted: bool,
    pub refused: u64,
    pub before: u64,
    pub although: u64,
}

impl Effect {
    /// How bad it is that the order did not do what it said; none if it did.
    pub const fn mismatch(&self) -> Option<Severity> {
        match (self.held, self.although, self.before) {
            (None, _, _) | (_, 1.., _) => Some(Severity::Critical),
            (Some(_), 0, 1..) => Some(Severity::High),
            (Some(_), 0, 0) => None,
        }
    }

    const fn standing(&self) -> &'static str {
        match (self.held, self.lifted) {
            (None, _) => "no",
            (Some(_), true) => "lifted",
            (Some(_), false) => "yes",
        }
    }
}

impl Effects {
    /// Begins to watch. One order for each agent or session at a time: a second one orders the same.
    /// Gives back whether it is watched.
    pub fn watch(&self, reach: Reach, decision: &Name, now: Duration) -> bool {
        let mut watched = self.lock();
        if !watched.contains_key(&reach) && watched.len() >= MAX_EFFECTS {
            return false;
        }
        let decision = decision.clone();
        watched.entry(reach).or_insert(Watched {
            decision,
            since: now,
            held: None,
            lifted: false,
            refused: 0,
            before: 0,
            although: 0,
        });
        self.open.store(watched.len(), Ordering::Release);
        true
    }

    /// Counts what became of an action. `holds` says whether an order against it was in force for it.
    pub fn met(
        &self,
        agent: &Name,
        session: Option<&Name>,
        passed: bool,
        now: Duration,
        holds: impl FnOnce() -> bool,
    ) {
        if self.open.load(Ordering::Acquire) == 0 {
            return;
        }
        let reach = |session: Option<&Name>| Reach { agent: agent.clone(), session: session.cloned() };
        let mut watched = self.lock();
        let found = [Some(reach(None)), session.map(|session| reach(Some(session)))];
        let mut holds = Some(holds);
        let mut known = None;
        for reach in found.into_iter().flatten() {
            let Some(one) = watched.get_mut(&reach) else { continue };
            let holds = *known.get_or_insert_with(|| holds.take().is_some_and(|holds| holds()));
            match (passed, holds) {
                (false, true) => {
                    one.refused = one.refused.saturating_add(1);
                    one.held.get_or_insert(now.saturating_sub(one.since));
                }
                (false, false) => one.refused = one.refused.saturating_add(1),
                (true, true) => one.although = one.although.saturating_add(1),
                // It held and holds no more: an operator lifted it, and what passes now may.
                (true, false) if one.held.is_some() => one.lifted = true,
                (true, false) => one.before = one.before.saturating_add(1),
            }
        }
    }

    /// Looks whether orders hold, and takes those whose time is up.
    pub fn look(&self, now: Duration, holds: impl Fn(&Reach) -> bool) -> Vec<Effect> {
        if self.open.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut over = Vec::new();
        let mut watched = self.lock();
        watched.retain(|reach, one| {
            let passed = now.saturating_sub(one.since);
            match (holds(reach), one.held) {
                (true, None) => one.held = Some(passed),
                (false, Some(_)) => one.lifted = true,
                (true, Some(_)) | (false, None) => {}
            }
            let ends = one.lifted || passed >= EFFECT_WITHIN;
            if ends {
                over.push(Effect {
                    reach: reach.clone(),
                    decision: one.decision.clone(),
                    held: one.held,
                    lifted: one.lifted,
                    refused: one.refused,
                    before: one.before,
                    although: one.although,
                });
            }
            !ends
        });
        self.open.store(watched.len(), Ordering::Release);
        over
    }

    /// Finds orders without a report, record by record in their order.
    pub fn replay(&self, record: &Record, now: Duration) {
        let Some(operator) = &record.operator else { return };
        let note = |key: &str| record.notes.iter().find(|(name, _)| name.as_str() == key).map(|(_, it)| it);
        let (Some(agent), Some(decision)) = (note("agent"), note("decision")) else { return };
        let session = note("radius").filter(|radius| radius.as_str() == SESSION).and(operator.on.clone());
        let reach = Reach { agent: agent.clone(), session };
        match operator.act.as_str() {
            ACT => {
                let mut watched = self.lock();
                watched.remove(&reach);
                self.open.store(watched.len(), Ordering::Release);
            }
            "containment.freeze_agent" | "containment.terminate_session" => {
                self.watch(reach, decision, now);
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Reach, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The act of the record that reports an effect, and the word for a reach of one session.
const ACT: &str = "containment.effect";
pub(super) const SESSION: &str = "session";

impl Guard {
    /// Reports what orders did whose time is up. For the composition's clock.
    pub async fn report_effects(&self, now: Timestamp) -> usize {
        let book = self.book.load_full();
        let over = self.effects.look(self.clock.elapsed(), |reach| holds(&book, reach, now));
        for effect in &over {
            let mut records = vec![self.effect(effect)];
            if let Some(severity) = effect.mismatch() {
                tracing::error!(decision = %effect.decision, "containment did not do what it said");
                let rule = "containment.mismatch";
                let mut finding = self.finding(&effect.decision, &effect.reach.agent, rule, severity);
                let passed = effect.before.saturating_add(effect.although);
                finding.notes.insert(named("passed"), named(&passed.to_string()));
                finding.notes.insert(named("in_force"), named(effect.standing()));
                records.push(finding);
            }
            for record in records {
                // That it could not be written was logged where it happened. After a restart the order
                // is found without its report, and watched again.
                let _ = self.note(record, Promise::Synced).await;
            }
        }
        over.len()
    }

    fn effect(&self, effect: &Effect) -> Record {
        let Reach { agent, session } = &effect.reach;
        let mut record = Record::new(RecordKind::Operator, self.clock.now());
        record.operator = Some(OperatorPart {
            act: named(ACT),
            by: named("checkrein"),
            on: Some(session.as_ref().unwrap_or(agent).clone()),
        });
        let number = |number: u64| named(&number.to_string());
        let mut note = |key: &str, value: Name| record.notes.insert(named(key), value);
        note("decision", effect.decision.clone());
        note("agent", agent.clone());
        note("radius", named(session.as_ref().map_or("agent", |_| SESSION)));
        note("in_force", named(effect.standing()));
        if let Some(held) = effect.held {
            note("in_force_after_ms", number(u64::try_from(held.as_millis()).unwrap_or(u64::MAX)));
        }
        note("refused", number(effect.refused));
        note("passed", number(effect.before.saturating_add(effect.although)));
        record
    }
}

/// Whether whoever an order is against is stopped, by it or by something wider.
pub(super) fn holds(book: &Book, reach: &Reach, now: Timestamp) -> bool {
    let stopped = book.agents.get(&reach.agent).is_none_or(|agent| match agent.standing {
        Standing::Active => false,
        Standing::Frozen { .. } => agent.is_frozen(now),
        Standing::Suspended | Standing::Inactive => true,
    });
    let keys = [
        Some((Denied::Agent, reach.agent.as_str())),
        reach.session.as_ref().map(|session| (Denied::Session, session.as_str())),
    ];
    stopped || !book.denied(keys.into_iter().flatten(), now).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn reach(session: Option<&str>) -> Reach {
        Reach { agent: name("bot"), session: session.map(name) }
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_order_that_holds_is_reported_with_what_it_refused() {
        let effects = Effects::default();
        assert!(effects.watch(reach(None), &name("dec_1"), seconds(100)));
        effects.met(&name("other"), None, true, seconds(101), || false);
        effects.met(&name("bot"), Some(&name("s")), false, seconds(101), || true);
        effects.met(&name("bot"), None, false, seconds(102), || true);
        assert_eq!(effects.look(seconds(105), |_| true), []);
        let over = effects.look(seconds(100) + EFFECT_WITHIN, |_| true);
        let [effect] = over.as_slice() else { panic!("{over:?}") };
        assert_eq!((effect.held, effect.refused, effect.mismatch()), (Some(seconds(1)), 2, None));
        assert_eq!(effects.look(seconds(500), |_| true), [], "reported once");
    }

    #[test]
    fn what_passes_is_a_mismatch_and_what_passes_after_it_was_lifted_is_not() {
        let run = |steps: &[(bool, bool)], holds: bool| {
            let effects = Effects::default();
            effects.watch(reach(Some("s")), &name("dec_1"), seconds(0));
            for (passed, held) in steps {
                effects.met(&name("bot"), Some(&name("s")), *passed, seconds(1), || *held);
            }
            effects.met(&name("bot"), Some(&name("t")), true, seconds(1), || false);
            effects.look(EFFECT_WITHIN, |_| holds).remove(0)
        };
        let (passed, refused) = (true, false);
        assert_eq!(run(&[(passed, false), (refused, true)], true).mismatch(), Some(Severity::High));
        assert_eq!(run(&[(refused, true), (passed, true)], true).mismatch(), Some(Severity::Critical));
        assert_eq!(run(&[], false).mismatch(), Some(Severity::Critical), "it never held");
        let lifted = run(&[(refused, true), (passed, false)], false);
        assert_eq!((lifted.mismatch(), lifted.standing()), (None, "lifted"));
    }

    #[test]
    fn orders_without_a_report_are_found_again_and_their_number_is_bounded() {
        let record = |act: &str, on: &str, radius: &str| {
            let mut record = Record::new(RecordKind::Operator, ledger::Nanos(1));
            record.operator =
                Some(OperatorPart { act: name(act), by: name("checkrein"), on: Some(name(on)) });
            for (key, value) in [("agent", "bot"), ("decision", "dec_1"), ("radius", radius)] {
                record.notes.insert(name(key), name(value));
            }
            record
        };
        let effects = Effects::default();
        effects.replay(&record("containment.freeze_agent", "bot", "agent"), seconds(0));
        effects.replay(&record("containment.terminate_session", "s", "session"), seconds(0));
        effects.replay(&record("containment.quarantine_workload", "bot", "workload"), seconds(0));
        effects.replay(&record(ACT, "bot", "agent"), seconds(0));
        let over = effects.look(EFFECT_WITHIN, |_| true);
        assert_eq!(over.iter().map(|it| it.reach.clone()).collect::<Vec<_>>(), [reach(Some("s"))]);

        for n in 0..MAX_EFFECTS {
            assert!(effects.watch(reach(Some(&n.to_string())), &name("dec_1"), seconds(0)));
        }
        assert!(!effects.watch(reach(None), &name("dec_1"), seconds(0)));
    }
}
