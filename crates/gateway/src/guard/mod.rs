//! The one door: facts, decision, record, and then a permit, a wait, a change or a refusal.

mod aftermath;
mod answered;
mod content;
mod effects;
mod entry;
mod facts;
mod held;
mod isolate;
mod permit;
mod plan;
mod plane;

use std::sync::Arc;
use std::time::Instant;

use action::{Action, Decision, FailMode, Json, Name, SensitiveClass, Timestamp, TraceParent, Verdict};
use arc_swap::ArcSwap;
use engine::redact::Key;
use engine::{Changed, Rules};
use hold::{BindingKey, Hold, Holds, State};
use ledger::{AgentPart, Clock, Ledger, OutcomePart, Promise, Receipt, Record, RecordKind, Report};

use self::facts::{admit, fill, session_of};
use self::isolate::Isolation;
use self::plan::{Plan, promise};
use crate::book::{Book, Denied, Registration, Scope};
use crate::fail::{Closed, OpenPasses};
use crate::identity::{Caller, Trust};
use crate::limits::{DECIDE_WITHIN, INLINE_BYTES, MAX_LARGE, MAX_LATE};
use crate::memory::{Memory, Purse, Recalled};
use crate::meter::{Meter, Passing, Stage};
use crate::ports::{Contain, Dice, Isolate, Vault};
use crate::refuse::Refusal;

pub use answered::Answered;
pub use effects::{Effect, Effects, Reach};
pub use entry::Decided;
pub(crate) use entry::named;
pub(crate) use entry::nameless;
pub use held::Released;
pub use permit::Permit;
pub use plane::{Came, Plane, Veil, carried, lifted};

/// Everything that the door needs. One per process.
pub struct Guard {
    pub book: Arc<ArcSwap<Book>>,
    pub memory: Memory,
    pub ledger: Ledger,
    pub holds: Holds,
    pub vault: Arc<dyn Vault>,
    pub sandbox: Arc<dyn Isolate>,
    pub clock: Arc<dyn Clock>,
    pub dice: Arc<dyn Dice>,
    pub binding: BindingKey,
    pub redaction: Key,
    pub passes: OpenPasses,
    pub containment: Arc<dyn Contain>,
    /// What persons said yes to, for when its result comes.
    pub answered: Answered,
    pub effects: Effects,
    pub trust: Trust,
    pub meter: Arc<dyn Meter>,
    pub large: tokio::sync::Semaphore,
    pub late: Arc<tokio::sync::Semaphore>,
}

/// What came of an action at the door.
pub enum Passage {
    /// It runs as it was sent.
    Run(Permit),
    /// It runs in this form.
    Changed(Permit, Box<Changed>),
    /// It ran where nothing of it stays, with this result. No permit: it does not run for real.
    Isolated(Box<Json>),
    /// It waits for a person.
    Held(Hold),
    Refused,
}

/// An action that was decided, and what came of it.
pub struct Passed {
    pub id: Name,
    pub decision: Decision,
    pub passage: Passage,
    pub receipt: Option<Receipt>,
    pub scope: Arc<Scope>,
    /// Why an action that was to be isolated waits instead, as a stable word.
    pub unisolated: Option<&'static str>,
}

/// Whose action is decided, as it was looked up.
struct Who<'w> {
    book: &'w Book,
    caller: &'w Caller,
    scope: &'w Scope,
    principal: Option<&'w Name>,
    /// Rules that a person has answered already.
    answered: Vec<String>,
}

/// What is found when an approved action is judged once more.
#[derive(Default)]
struct Again {
    /// The form in which it may run, where that is another one.
    changed: Option<Changed>,
    classes: Vec<SensitiveClass>,
    answered: Vec<String>,
}

/// How far an action came within the time of a decision.
enum Step {
    Passed(Box<Passed>),
    /// It runs in isolation next, within the bounds of its adapter.
    Isolate(Box<Isolation>),
}

impl Guard {
    pub fn places_for_large() -> tokio::sync::Semaphore {
        tokio::sync::Semaphore::new(MAX_LARGE)
    }

    pub fn places_for_late() -> Arc<tokio::sync::Semaphore> {
        Arc::new(tokio::sync::Semaphore::new(MAX_LATE))
    }

    /// Lets one action through the door, or not. Within [`DECIDE_WITHIN`] the answer is there, or
    /// the fail mode of the scope speaks.
    pub async fn pass(
        self: &Arc<Self>,
        caller: &Caller,
        action: Action,
        id: Name,
        parent: Option<TraceParent>,
        plane: Plane,
    ) -> Result<Passed, Refusal> {
        self.pass_keeping(caller, action, id, parent, plane, ()).await
    }

    /// The same. A decision that comes too late for its answer is still finished: its record is on its
    /// way, and what it orders holds. `until_over` is dropped once that is over.
    pub async fn pass_keeping(
        self: &Arc<Self>,
        caller: &Caller,
        action: Action,
        id: Name,
        parent: Option<TraceParent>,
        plane: Plane,
        until_over: impl Send + 'static,
    ) -> Result<Passed, Refusal> {
        let book = self.book.load_full();
        let agent = Arc::clone(&caller.agent);
        let scope = book.settings.of(&agent, action.environment);
        admit(&agent, &action)?;
        // Looked up before the action is given away: it is needed only when no decision comes in time.
        let mode = scope.fail_mode(action.operation);
        let now = self.clock.now().timestamp();
        let session = action.session.as_ref().map(|session| session.id.clone());
        let key = caller.key.as_ref().map(|key| (Denied::Key, key.as_str()));
        let stopped = book.is_frozen(&agent, action.environment, now)
            || effects::holds(&book, &Reach { agent: agent.name.clone(), session: session.clone() }, now)
            || !book.denied(key, now).is_empty();
        // Whoever was stopped does not get through because something failed.
        let mode = if stopped { FailMode::Closed } else { mode };
        let payload = (mode == FailMode::Open).then(|| action.payload_hash());
        let mut work = Box::pin(Arc::clone(self).judge_and_record(
            Arc::clone(&book),
            caller.clone(),
            Arc::clone(&scope),
            action,
            id.clone(),
            parent,
            plane,
        ));
        match tokio::time::timeout(DECIDE_WITHIN, &mut work).await {
            Ok(step) => match step? {
                Step::Passed(passed) => Ok(*passed),
                Step::Isolate(isolation) => self.isolate(*isolation).await,
            },
            Err(_) => {
                tracing::error!(decision = %id, "no decision within {DECIDE_WITHIN:?}");
                if let Ok(place) = Arc::clone(&self.late).try_acquire_owned() {
                    tokio::spawn(async move {
                        // A permit of it is dropped: nobody is there to use it.
                        drop(work.await);
                        drop((place, until_over));
                    });
                }
                Err(match (self.unrecorded(mode), payload) {
                    (Ok(pass), Some(payload)) => {
                        self.met(&book, &agent.name, session.as_ref(), true, now);
                        Refusal::OpenPass(Box::new(Permit::open(id, payload, pass)))
                    }
                    (Ok(_) | Err(_), _) => Refusal::TimedOut,
                })
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a look-up of its one caller, which may outlive it"
    )]
    async fn judge_and_record(
        self: Arc<Self>,
        book: Arc<Book>,
        caller: Caller,
        scope: Arc<Scope>,
        action: Action,
        id: Name,
        parent: Option<TraceParent>,
        plane: Plane,
    ) -> Result<Step, Refusal> {
        let started = Instant::now();
        let began = self.clock.now();
        let now = began.timestamp();
        let size =
            action.context.iter().map(|content| content.text.len()).sum::<usize>() + weight(&action.payload);
        let subject = self.subject(&action).await?;
        let principal = action.principal.as_ref().map(|_| subject.clone());
        let at_hand =
            size <= INLINE_BYTES && self.memory.at_hand(&action.agent.name, &session_of(&action), now);
        let judge = {
            let principal = principal.clone();
            let (guard, book, scope) = (Arc::clone(&self), Arc::clone(&book), Arc::clone(&scope));
            let (caller, counts, hears) = (caller.clone(), plane.counts, plane.hears);
            let answered =
                plane.result_of().map(|of| self.answered.of(&caller.agent.name, of)).unwrap_or_default();
            move |action: Action| {
                let principal = principal.as_ref();
                let decided = if counts {
                    guard.judge(&book, &caller, &scope, &action, principal, now)
                } else {
                    let who = Who { book: &book, caller: &caller, scope: &scope, principal, answered };
                    guard.decide(who, &action, now, |recalled, _, decision| {
                        // What is kept back was not read.
                        if hears && decision.effective < Verdict::Sandbox {
                            recalled.hear(&action, decision, now);
                        }
                    })
                };
                decided.map(|decision| (action, decision))
            }
        };
        // What takes long, or has to ask the disk, does not hold up whoever comes next: the threads that
        // answer stay free, so that the end of [`DECIDE_WITHIN`] is noticed.
        let (action, decision) = if at_hand {
            judge(action)?
        } else {
            let _place = self.large.acquire().await.map_err(|_| Refusal::Stopping)?;
            let memory = self.memory.clone();
            let work = move || {
                let _slow = memory.slowly(&action.agent.name)?;
                judge(action)
            };
            tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Faulty)??
        };
        let judged = started.elapsed();
        self.meter.took(Stage::Judge, judged);
        self.meter.decided(&action, &decision);

        // A freeze is an order of an operator and no rule on trial: it stops in every mode.
        let frozen = book.is_frozen(&caller.agent, action.environment, now);
        let plan = if frozen { Plan::Refuse } else { self.plan(&decision, &action, &scope, &plane) };
        let passes = matches!(plan, Plan::Run | Plan::Change(_));
        self.met(&book, &caller.agent.name, action.session.as_ref().map(|it| &it.id), passes, now);
        if let Some(changed) = plan.changed().filter(|_| !plane.mirrors()) {
            self.throttle(&caller.agent, changed, now)?;
        }
        let carried = plan.verdict();
        let kept_form = |action: &Action| self.kept_form(action, &decision, scope.capture);
        let decided = Decided {
            id: &id,
            action: &action,
            decision: &decision,
            carried,
            judged,
            binding: &self.binding,
        };
        let mut record =
            decided.record(self.clock.now(), principal.clone(), plan.changed(), |role, action| {
                self.commit(&id, &subject, &scope, role, kept_form(action))
            });
        match &plane.of {
            Some(Came::Result(of)) => {
                record.outcome = Some(OutcomePart { of: of.clone(), report: Report::Executed });
            }
            Some(Came::Asked(of)) => drop(record.notes.insert(named(CAME_OF), of.clone())),
            Some(Came::Mirrors(of)) => drop(record.notes.insert(named(MIRRORS), of.clone())),
            None => {}
        }
        if let Some((likeness, session)) = &plane.stitch {
            record.notes.insert(named("stitched"), named(likeness));
            record.notes.insert(named("stitched_to"), session.clone());
        }
        if frozen {
            record.notes.insert(named("stopped_by"), named("freeze"));
        }
        let unisolated = (decision.effective == Verdict::Sandbox && matches!(plan, Plan::Hold))
            .then_some(NO_ADAPTER)
            .inspect(|why| {
                self.meter.isolated("none", why);
                record.notes.insert(named("sandbox"), named(why));
            });
        let promise = promise(&action, &decision, carried);
        let recording = Instant::now();
        let kept = self.append(record, promise);
        // In the same breath, so that no decision stands without the alerts that it raised.
        let alerts: Vec<_> = self
            .alerts(&id, &action.agent.name, &decision)
            .into_iter()
            .map(|alert| self.append(alert, promise))
            .collect();
        // A held action is two records, written together: the decision and the request.
        let held = match &plan {
            Plan::Hold => Some(self.hold(&id, &action, &decision, &scope, principal.clone(), now)),
            Plan::Run | Plan::Change(_) | Plan::Isolate(_) | Plan::Refuse => None,
        };
        let receipt = kept.await;
        self.meter.took(Stage::Record, recording.elapsed());
        self.meter.passing(&Passing {
            id: &id,
            action: &action,
            decision: &decision,
            carried,
            sequence: receipt.as_ref().ok().and_then(Receipt::sequence),
            parent,
            began,
            ended: self.clock.now(),
        });
        let payload = plan.changed().map_or(decision.payload_hash, |changed| changed.action.payload_hash());
        let permit = |receipt: Receipt| Permit::recorded(id.clone(), payload, receipt);
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(error) => {
                tracing::error!(decision = %id, %error, "the decision has no record");
                // What waits or is refused passes in no mode, so it is no open pass either.
                return Err(match plan {
                    Plan::Run | Plan::Change(_) => {
                        // What had to be on the disk first is no mere read, whatever it calls itself.
                        let pass = self.unrecorded(match promise {
                            Promise::Synced => scope.fail_effects,
                            Promise::Windowed => scope.fail_mode(action.operation),
                        })?;
                        Refusal::OpenPass(Box::new(Permit::open(id.clone(), payload, pass)))
                    }
                    Plan::Isolate(_) | Plan::Hold | Plan::Refuse => Refusal::Unrecorded,
                });
            }
        };
        for alert in alerts {
            if let Err(error) = alert.await {
                tracing::error!(decision = %id, %error, "an alert has no record");
            }
        }
        let session = action.session.as_ref().map(|session| session.id.clone());
        if !plane.mirrors() {
            self.contain(&id, &caller.agent, session, &decision, now).await;
        }
        let known = receipt.clone();
        let passage = match plan {
            Plan::Run => Passage::Run(permit(receipt)),
            Plan::Change(changed) => Passage::Changed(permit(receipt), changed),
            Plan::Hold => Passage::Held(held.ok_or(Refusal::Faulty)?.await?),
            Plan::Isolate(changed) => {
                return Ok(Step::Isolate(Box::new(Isolation {
                    id,
                    action,
                    changed,
                    decision,
                    receipt,
                    scope,
                    subject,
                    principal,
                    now,
                })));
            }
            Plan::Refuse => Passage::Refused,
        };
        let receipt = Some(known);
        Ok(Step::Passed(Box::new(Passed { id, decision, passage, receipt, scope, unisolated })))
    }

    /// Facts, decision, and what it taught, under the lock of the agent.
    fn judge(
        &self,
        book: &Book,
        caller: &Caller,
        scope: &Scope,
        action: &Action,
        principal: Option<&Name>,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let agent = &caller.agent;
        match self.memory.spend(&agent.name, &scope.budget, now)? {
            Purse::Empty => return Err(Refusal::BudgetSpent),
            Purse::Reached(share) => {
                self.meter.budget(&agent.name, share);
                tracing::warn!(agent = %agent.name, share, "the agent's budget of requests reached a threshold");
            }
            Purse::Within => {}
        }
        let who = Who { book, caller, scope, principal, answered: Vec::new() };
        let decision = self.decide(who, action, now, |recalled, rules, decision| {
            recalled.learn(action, decision, rules.limits.of(&agent.name), now);
        })?;
        book.rules.count(&agent.name, session_of(action).as_str(), &decision);
        Ok(decision)
    }

    /// Facts and decision, under the lock of the agent; `then` may keep what it taught.
    fn decide(
        &self,
        who: Who<'_>,
        action: &Action,
        now: Timestamp,
        then: impl FnOnce(&mut Recalled, &Rules, &Decision),
    ) -> Result<Decision, Refusal> {
        let Who { book, caller, scope, principal, answered } = who;
        let session = session_of(action);
        let rules: &Rules = book.rules.of(&caller.agent.name, session.as_str());
        let decided = self.memory.with(&caller.agent.name, &session, now, |recalled| {
            fill(recalled, book, caller, scope, action, principal, now);
            recalled.facts.answered = answered;
            let decision = engine::decide(action, &recalled.facts, rules, now);
            then(recalled, rules, &decision);
            decision
        });
        Ok(decided?)
    }

    /// Judges an approved action once more, without keeping what it taught: it was counted when it
    /// was asked.
    async fn judge_again(
        &self,
        caller: &Caller,
        action: &Action,
        veil: Option<&Veil>,
    ) -> Result<Again, Refusal> {
        admit(&caller.agent, action)?;
        let book = self.book.load_full();
        let scope = book.settings.of(&caller.agent, action.environment);
        let now = self.clock.now().timestamp();
        let subject = self.subject(action).await?;
        let principal = action.principal.as_ref().map(|_| &subject);
        let who = Who { book: &book, caller, scope: &scope, principal, answered: Vec::new() };
        let decision = self.decide(who, action, now, |_, _, _| {})?;
        let refused =
            decision.effective == Verdict::Block || book.is_frozen(&caller.agent, action.environment, now);
        self.met(&book, &caller.agent.name, action.session.as_ref().map(|it| &it.id), !refused, now);
        if refused {
            tracing::warn!(rule = %decision.ruling.decided_by, "an approved action is blocked by now");
            return Err(Refusal::Stricter);
        }
        let answered = answered::asked_by(&decision);
        // Constraints stay with a verdict that waits: what a person releases is the changed action.
        if decision.effective < Verdict::Constrain || decision.constraints.is_empty() {
            return Ok(Again { changed: None, classes: plane::carried(&decision, false), answered });
        }
        let classes = plane::carried(&decision, true);
        let changed = self.change(&decision, action, veil).map_err(|unfit| {
            tracing::warn!(%unfit, "an approved action cannot be changed as a rule asks");
            Refusal::Stricter
        })?;
        Ok(Again { changed: Some(changed), classes, answered })
    }

    /// Counts what became of an action against what was ordered to stop its agent or session.
    fn met(&self, book: &Book, agent: &Name, session: Option<&Name>, passed: bool, now: Timestamp) {
        self.effects.met(agent, session, passed, self.clock.elapsed(), || {
            effects::holds(book, &Reach { agent: agent.clone(), session: session.cloned() }, now)
        });
    }

    /// Records something that is no decision.
    pub async fn note(&self, record: ledger::Record, promise: Promise) -> Result<Receipt, Refusal> {
        self.append(record, promise).await.map_err(|error| {
            tracing::error!(%error, "a note could not be recorded");
            Refusal::Unrecorded
        })
    }

    /// Records what became of an action that was let through, and why. Nobody waits for the record: whoever
    /// is told the end is told it also while the disk takes nothing.
    pub fn ended(&self, of: &Name, agent: &Name, report: Report, code: &str) {
        self.ended_with(of, agent, report, &[("ended", code.to_owned())]);
    }

    /// The same, with more to tell than why.
    pub fn ended_with(&self, of: &Name, agent: &Name, report: Report, notes: &[(&str, String)]) {
        let mut record = Record::new(RecordKind::Outcome, self.clock.now());
        record.outcome = Some(OutcomePart { of: of.clone(), report });
        record.agent = Some(AgentPart { name: agent.clone(), version: None });
        record.notes.extend(notes.iter().filter_map(|(key, text)| Some((named(key), Name::new(text).ok()?))));
        let of = of.clone();
        self.ledger.append(record, Promise::Windowed, move |kept| {
            if let Err(error) = kept {
                tracing::error!(decision = %of, %error, "the end of an action has no record");
            }
        });
    }

    fn throttle(&self, agent: &Registration, changed: &Changed, now: Timestamp) -> Result<(), Refusal> {
        let full = changed
            .throttles
            .iter()
            .find(|throttle| !self.memory.may_call(&agent.name, &throttle.rule, throttle.per_minute, now));
        full.map_or(Ok(()), |_| Err(Refusal::Throttled))
    }

    /// Appends a record; the future is done once the promise is kept.
    fn append(
        &self,
        record: ledger::Record,
        promise: Promise,
    ) -> impl Future<Output = Result<Receipt, ledger::AppendError>> + use<> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.ledger.append(record, promise, move |kept| {
            let _ = tell.send(kept);
        });
        async move { told.await.unwrap_or(Err(ledger::AppendError::Closed)) }
    }

    fn hold(
        &self,
        id: &Name,
        action: &Action,
        decision: &Decision,
        scope: &Scope,
        principal: Option<Name>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Hold, Refusal>> + use<> {
        let rule = &scope.approval;
        let hold = Hold {
            id: id.clone(),
            agent: action.agent.name.clone(),
            principal,
            payload: self.binding.payload(&decision.payload_hash),
            requested: now,
            deadline: now.plus_millis(i64::try_from(rule.deadline_millis).unwrap_or(i64::MAX)),
            release_within: rule.release_within_millis,
            needed: rule.needed_for(action, decision),
            from: rule.from.clone(),
            state: State::Pending { votes: Vec::new() },
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        self.holds.request(hold, move |requested| {
            let _ = tell.send(requested);
        });
        async move { told.await.map_err(|_| Refusal::Stopping)?.map_err(Refusal::Hold) }
    }

    fn unrecorded(&self, mode: FailMode) -> Result<crate::fail::OpenPass, Refusal> {
        let pass = self.passes.pass(mode);
        self.meter.unrecorded(pass.is_ok());
        pass.map_err(|Closed| Refusal::Unrecorded)
    }
}

/// The note of a decision that names the one it came of. Nobody reports its outcome: what it asked for
/// is carried out by whoever reads it.
pub(crate) const CAME_OF: &str = "of";

/// The note of a decision that names the one it is once more.
const MIRRORS: &str = "mirrors";

/// Why an action waits that no adapter can run: its target is unknown, or a change does not fit it.
const NO_ADAPTER: &str = "no_adapter";

/// Bytes of all texts of a value.
fn weight(json: &action::Json) -> usize {
    use action::Json::{Bool, List, Null, Number, Object, Text};
    match json {
        Null | Bool(_) | Number(_) => 8,
        Text(text) => text.len(),
        List(items) => items.iter().map(weight).sum(),
        Object(entries) => entries.iter().map(|(key, value)| key.len() + weight(value)).sum(),
    }
}
