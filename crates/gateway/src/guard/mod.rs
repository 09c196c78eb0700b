//! The one door: facts, decision, record, and then a permit, a wait, a change or a refusal.

mod entry;
mod permit;

use std::sync::Arc;
use std::time::Instant;

use action::{Action, Capture, Decision, Digest, Environment, Name, Operation, Severity, Timestamp, Verdict};
use arc_swap::ArcSwap;
use engine::facts::Facts;
use engine::redact::{Key, Mode, Options, Redactor};
use engine::{Changed, Rules};
use hold::{BindingKey, Hold, Holds, State};
use ledger::{Clock, Ledger, Promise, Receipt};

use crate::book::{Book, Denied, Registration, Scope, Standing};
use crate::fail::{Closed, OpenPasses};
use crate::identity::Caller;
use crate::limits::{DECIDE_WITHIN, INLINE_BYTES, MAX_LARGE};
use crate::memory::{Memory, Purse, Recalled};
use crate::meter::{Meter, Stage};
use crate::ports::{Dice, Vault, Whose};
use crate::refuse::Refusal;

pub use entry::Decided;
pub(crate) use entry::nameless;
pub use permit::Permit;

/// Everything that the door needs. One per process.
pub struct Guard {
    pub book: Arc<ArcSwap<Book>>,
    pub memory: Memory,
    pub ledger: Ledger,
    pub holds: Holds,
    pub vault: Arc<dyn Vault>,
    pub clock: Arc<dyn Clock>,
    pub dice: Arc<dyn Dice>,
    pub binding: BindingKey,
    pub redaction: Key,
    pub passes: OpenPasses,
    pub meter: Arc<dyn Meter>,
    pub large: tokio::sync::Semaphore,
}

/// What came of an action at the door.
pub enum Passage {
    /// It runs as it was sent.
    Run(Permit),
    /// It runs in this form.
    Changed(Permit, Box<Changed>),
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
}

impl Guard {
    pub fn places_for_large() -> tokio::sync::Semaphore {
        tokio::sync::Semaphore::new(MAX_LARGE)
    }

    /// Lets one action through the door, or not. Within [`DECIDE_WITHIN`] the answer is there, or
    /// the fail mode of the scope speaks.
    pub async fn pass(
        self: &Arc<Self>,
        caller: &Caller,
        action: Action,
        id: Name,
    ) -> Result<Passed, Refusal> {
        let book = self.book.load_full();
        let agent = Arc::clone(&caller.agent);
        let scope = book.settings.of(&agent, action.environment);
        admit(&agent, &action)?;
        let (operation, payload) = (action.operation, action.payload_hash());
        let work =
            Arc::clone(self).judge_and_record(book, caller.clone(), Arc::clone(&scope), action, id.clone());
        match tokio::time::timeout(DECIDE_WITHIN, work).await {
            Ok(passed) => passed,
            Err(_) => {
                tracing::error!(decision = %id, "no decision within {DECIDE_WITHIN:?}");
                Err(self.unrecorded(&scope, operation).map_or(Refusal::TimedOut, |pass| {
                    Refusal::OpenPass(Box::new(Permit::open(id, payload, pass)))
                }))
            }
        }
    }

    async fn judge_and_record(
        self: Arc<Self>,
        book: Arc<Book>,
        caller: Caller,
        scope: Arc<Scope>,
        action: Action,
        id: Name,
    ) -> Result<Passed, Refusal> {
        let started = Instant::now();
        let now = self.clock.now().timestamp();
        let size =
            action.context.iter().map(|content| content.text.len()).sum::<usize>() + weight(&action.payload);
        let subject = self.subject(&action)?;
        let principal = action.principal.as_ref().map(|_| subject.clone());
        let judge = {
            let principal = principal.clone();
            let (guard, book, scope) = (Arc::clone(&self), Arc::clone(&book), Arc::clone(&scope));
            let caller = caller.clone();
            move |action: Action| {
                guard
                    .judge(&book, &caller, &scope, &action, principal.as_ref(), now)
                    .map(|decision| (action, decision))
            }
        };
        let (action, decision) = if size <= INLINE_BYTES {
            judge(action)?
        } else {
            let _place = self.large.acquire().await.map_err(|_| Refusal::Stopping)?;
            tokio::task::spawn_blocking(move || judge(action)).await.map_err(|_| Refusal::Faulty)??
        };
        let judged = started.elapsed();
        self.meter.took(Stage::Judge, judged);
        self.meter.decided(&action, &decision);

        let mut plan = self.plan(&decision, &action);
        if let Plan::Change(changed) = &plan {
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
        let record = decided.record(self.clock.now(), principal.clone(), plan.changed(), |role, action| {
            self.commit(&id, &subject, &scope, role, kept_form(action))
        });
        let promise = promise(&action, &decision, carried);
        let recording = Instant::now();
        let kept = self.append(record, promise);
        // A held action is two records, written together: the decision and the request.
        let held = match &plan {
            Plan::Hold => {
                Some(self.hold(&id, &action.agent.name, decision.payload_hash, &scope, principal, now))
            }
            Plan::Run | Plan::Change(_) | Plan::Refuse => None,
        };
        let receipt = kept.await;
        self.meter.took(Stage::Record, recording.elapsed());
        let payload = plan.changed().map_or(decision.payload_hash, |changed| changed.action.payload_hash());
        let permit = |receipt: Receipt| Permit::recorded(id.clone(), payload, receipt);
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(error) => {
                tracing::error!(decision = %id, %error, "the decision has no record");
                // What waits or is refused passes in no mode, so it is no open pass either.
                return Err(match plan {
                    Plan::Run | Plan::Change(_) => {
                        let pass = self.unrecorded(&scope, action.operation)?;
                        Refusal::OpenPass(Box::new(Permit::open(id.clone(), payload, pass)))
                    }
                    Plan::Hold | Plan::Refuse => Refusal::Unrecorded,
                });
            }
        };
        let known = receipt.clone();
        let passage = match std::mem::replace(&mut plan, Plan::Refuse) {
            Plan::Run => Passage::Run(permit(receipt)),
            Plan::Change(changed) => Passage::Changed(permit(receipt), changed),
            Plan::Hold => Passage::Held(held.ok_or(Refusal::Faulty)?.await?),
            Plan::Refuse => Passage::Refused,
        };
        Ok(Passed { id, decision, passage, receipt: Some(known), scope })
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
        self.decide(book, caller, scope, action, principal, now, |recalled, rules, decision| {
            recalled.learn(action, decision, rules.limits.of(&agent.name), now);
        })
    }

    /// Facts and decision, under the lock of the agent; `then` may keep what it taught.
    #[expect(clippy::too_many_arguments, reason = "each is a look-up that its two callers made already")]
    fn decide(
        &self,
        book: &Book,
        caller: &Caller,
        scope: &Scope,
        action: &Action,
        principal: Option<&Name>,
        now: Timestamp,
        then: impl FnOnce(&mut Recalled, &Rules, &Decision),
    ) -> Result<Decision, Refusal> {
        let session = session_of(action);
        let rules: &Rules = book.rules.of(&caller.agent.name, session.as_str());
        let decided = self.memory.with(&caller.agent.name, &session, now, |recalled| {
            fill(recalled, book, caller, scope, action, principal, now);
            let decision = engine::decide(action, &recalled.facts, rules, now);
            then(recalled, rules, &decision);
            decision
        });
        Ok(decided?)
    }

    /// Judges an approved action once more, without keeping what it taught: it was counted when it
    /// was asked. Gives back the form in which it may run, where that is another one.
    pub fn judge_again(&self, caller: &Caller, action: &Action) -> Result<Option<Changed>, Refusal> {
        admit(&caller.agent, action)?;
        let book = self.book.load_full();
        let scope = book.settings.of(&caller.agent, action.environment);
        let now = self.clock.now().timestamp();
        let subject = self.subject(action)?;
        let principal = action.principal.as_ref().map(|_| &subject);
        let decision = self.decide(&book, caller, &scope, action, principal, now, |_, _, _| {})?;
        if decision.effective == Verdict::Block {
            tracing::warn!(rule = %decision.ruling.decided_by, "an approved action is blocked by now");
            return Err(Refusal::Stricter);
        }
        // Constraints stay with a verdict that waits: what a person releases is the changed action.
        if decision.effective < Verdict::Constrain || decision.constraints.is_empty() {
            return Ok(None);
        }
        self.change(&decision, action).map(Some).map_err(|unfit| {
            tracing::warn!(%unfit, "an approved action cannot be changed as a rule asks");
            Refusal::Stricter
        })
    }

    /// The permit of an action that a person approved and that was handed out on the ledger.
    pub fn released(&self, id: &Name, payload: Digest, released: &hold::Outcome) -> Result<Permit, Refusal> {
        Permit::released(id.clone(), payload, released).ok_or(Refusal::Faulty)
    }

    /// Records something that is no decision.
    pub async fn note(&self, record: ledger::Record, promise: Promise) -> Result<Receipt, Refusal> {
        self.append(record, promise).await.map_err(|error| {
            tracing::error!(%error, "a note could not be recorded");
            Refusal::Unrecorded
        })
    }

    /// What is done about a decision. A verdict that cannot be carried out here moves up.
    fn plan(&self, decision: &Decision, action: &Action) -> Plan {
        match decision.effective {
            Verdict::Allow | Verdict::Alert => Plan::Run,
            Verdict::Constrain => match self.change(decision, action) {
                Ok(changed) => Plan::Change(Box::new(changed)),
                Err(unfit) => {
                    tracing::info!(%unfit, "a change does not fit; a person decides instead");
                    Plan::Hold
                }
            },
            // Nothing here can isolate an action, and what cannot be isolated waits for a person.
            Verdict::Sandbox | Verdict::Approve => Plan::Hold,
            Verdict::Block => Plan::Refuse,
        }
    }

    fn change(&self, decision: &Decision, action: &Action) -> Result<Changed, engine::Unfit> {
        engine::change(action, decision, &mut self.mask(action))
    }

    /// What replaces sensitive values of one session.
    fn mask(&self, action: &Action) -> Redactor {
        let key = self.redaction.narrowed(session_of(action).as_str());
        Redactor::new(Mode::Mask, key, Options::default())
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
        agent: &Name,
        payload: Digest,
        scope: &Scope,
        principal: Option<Name>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Hold, Refusal>> + use<> {
        let rule = &scope.approval;
        let hold = Hold {
            id: id.clone(),
            agent: agent.clone(),
            principal,
            payload: self.binding.payload(&payload),
            requested: now,
            deadline: now.plus_millis(i64::try_from(rule.deadline_millis).unwrap_or(i64::MAX)),
            release_within: rule.release_within_millis,
            needed: rule.needed.max(1),
            from: rule.from.clone(),
            state: State::Pending { votes: Vec::new() },
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        self.holds.request(hold, move |requested| {
            let _ = tell.send(requested);
        });
        async move { told.await.map_err(|_| Refusal::Stopping)?.map_err(Refusal::Hold) }
    }

    /// Whose content an action carries: the person's, or else the session's or the agent's.
    fn subject(&self, action: &Action) -> Result<Name, Refusal> {
        let whose = match (&action.principal, &action.session) {
            (Some(principal), _) => Whose::Person(principal.id.as_str()),
            (None, Some(session)) => Whose::Session { agent: &action.agent.name, session: &session.id },
            (None, None) => Whose::Agent(&action.agent.name),
        };
        Ok(self.vault.pseudonym(whose)?)
    }

    /// Commits to content and gives it to the vault as far as the capture level allows.
    fn commit(
        &self,
        id: &Name,
        subject: &Name,
        scope: &Scope,
        role: ledger::Committed,
        bytes: Vec<u8>,
    ) -> ledger::Commitment {
        let mut salt = [0u8; 32];
        self.dice.fill(&mut salt);
        let commitment = ledger::Commitment {
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            hash: ledger::hash::commit(&salt, &bytes),
        };
        if scope.capture != Capture::Metadata {
            self.vault.keep(crate::ports::Piece {
                of: id.clone(),
                role,
                capture: scope.capture,
                subject: subject.clone(),
                salt,
                bytes,
            });
        }
        commitment
    }

    /// An action in the form in which its scope keeps content.
    fn kept_form(&self, action: &Action, decision: &Decision, capture: Capture) -> Vec<u8> {
        let redacted = match capture {
            Capture::Full | Capture::Metadata => None,
            Capture::Redacted => Some(engine::redacted(action, decision, &mut self.mask(action))),
        };
        serde_json::to_vec(redacted.as_ref().unwrap_or(action)).unwrap_or_default()
    }

    fn unrecorded(&self, scope: &Scope, operation: Operation) -> Result<crate::fail::OpenPass, Refusal> {
        let pass = self.passes.pass(scope.fail_mode(operation));
        self.meter.unrecorded(pass.is_ok());
        pass.map_err(|Closed| Refusal::Unrecorded)
    }
}

/// What is done about one decision.
enum Plan {
    Run,
    Change(Box<Changed>),
    Hold,
    Refuse,
}

impl Plan {
    /// The verdict that is carried out.
    const fn verdict(&self) -> Verdict {
        match self {
            Plan::Run => Verdict::Allow,
            Plan::Change(_) => Verdict::Constrain,
            Plan::Hold => Verdict::Approve,
            Plan::Refuse => Verdict::Block,
        }
    }

    fn changed(&self) -> Option<&Changed> {
        match self {
            Plan::Change(changed) => Some(changed),
            Plan::Run | Plan::Hold | Plan::Refuse => None,
        }
    }
}

/// Whether an agent may ask at all, before anything of the action is judged.
fn admit(agent: &Registration, action: &Action) -> Result<(), Refusal> {
    match agent.standing {
        // A frozen agent's actions are decided, and blocked, so that each attempt has a record.
        Standing::Active | Standing::Frozen { .. } => {}
        Standing::Suspended | Standing::Inactive => return Err(Refusal::AgentNotActive),
    }
    if !agent.environments.contains(&action.environment) {
        return Err(Refusal::OtherEnvironment);
    }
    let version = action.agent.version.as_ref();
    if !agent.versions.is_empty() && !version.is_some_and(|version| agent.versions.contains(version)) {
        return Err(Refusal::OtherVersion);
    }
    Ok(())
}

/// What the engine is told beside what was remembered. All of it was looked up.
fn fill(
    recalled: &mut Recalled,
    book: &Book,
    caller: &Caller,
    scope: &Scope,
    action: &Action,
    principal: Option<&Name>,
    now: Timestamp,
) {
    let facts: &mut Facts = &mut recalled.facts;
    let agent = &caller.agent;
    facts.scope.application = agent.application.clone();
    facts.scope.business_unit = agent.business_unit.clone();
    facts.scope.own_domains = scope.own_domains.clone();
    facts.scope.mode = scope.mode;
    facts.scope.explain = scope.explain;
    facts.agent.roles = agent.roles.clone();
    facts.agent.registered = true;
    facts.agent.elevated = agent.elevated;
    facts.agent.frozen = agent.is_frozen(now);
    let trace = action.session.as_ref().and_then(|session| session.trace).map(|trace| trace.to_string());
    let keys = [
        principal.map(|principal| (Denied::User, principal.as_str())),
        trace.as_deref().map(|trace| (Denied::Trace, trace)),
        action.session.as_ref().map(|session| (Denied::Session, session.id.as_str())),
        Some((Denied::Agent, agent.name.as_str())),
        caller.key.as_ref().map(|key| (Denied::Key, key.as_str())),
    ];
    facts.access = book.access(agent, book.denied(keys.into_iter().flatten(), now));
}

/// The session of an action; without one, the agent's own.
fn session_of(action: &Action) -> Name {
    action.session.as_ref().map_or_else(nameless_session, |session| session.id.clone())
}

fn nameless_session() -> Name {
    Name::new("(none)").unwrap_or_else(|_| nameless())
}

/// Whether the record must be on the disk before the answer leaves: whenever the action changes
/// something, is risky, or does not simply run.
fn promise(action: &Action, decision: &Decision, carried: Verdict) -> Promise {
    let risky = decision.score.level() >= Severity::High
        || decision.verdict >= Verdict::Sandbox
        || decision.detections.iter().any(|hit| hit.severity >= Severity::High);
    if action.operation.has_effect() || risky || carried != Verdict::Allow || is_live(action) {
        Promise::Synced
    } else {
        Promise::Windowed
    }
}

/// Grants and payments have an effect whatever operation they claim.
fn is_live(action: &Action) -> bool {
    use action::ActionKind::{Payment, PrivilegeChange};
    matches!(action.kind, Payment | PrivilegeChange) && action.environment == Environment::Production
}

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
