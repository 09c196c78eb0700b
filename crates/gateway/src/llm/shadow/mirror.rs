//! One live call, made once more at the second model of its route.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use action::{Json, Name, Operation, SensitiveClass};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use ledger::Report;
use wire::dialect::Dialect;
use wire::doc::Doc;
use wire::frame::Elements;
use wire::stream::Reader;
use wire::usage::Tally;

use super::{Compared, Figures, Listener, Outcome, Said};
use crate::guard::{Came, Passage, Passed, Permit, Plane, carried, named};
use crate::limits::{MAX_ANSWER, MIRRORED_WITHIN};
use crate::llm::asked::Asked;
use crate::llm::call::Call;
use crate::llm::send::translates;
use crate::llm::stream;
use crate::money::{At, Charged, Spender, Usage};
use crate::route::{NoRoute, Shadow, Wanted};

/// The agent under which mirrored calls stand among the sums of what was spent.
const SPENDER: &str = "(shadow)";

/// What is known of the live answer once it was given.
#[derive(Debug, Clone, Default)]
pub struct Live {
    pub status: u16,
    pub first_byte: Duration,
    pub whole: Duration,
    pub charged: Option<Charged>,
    pub said: Said,
}

/// A mirrored call that the guard let through.
struct Through {
    permit: Permit,
    /// In this form, where a rule changed it.
    changed: Option<Json>,
    classes: Vec<SensitiveClass>,
}

/// A mirrored call has no answer: what became of it, and why.
struct Ends(Outcome, &'static str);

impl Call {
    /// Notes something of the live answer, for a call that is mirrored.
    pub fn notice(&self, note: impl FnOnce(&mut Live)) {
        if self.shadow.is_some() {
            note(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Makes the call once more, if it was drawn and there is room. The live answer was given by now.
    pub fn mirror(self: &Arc<Self>) {
        let Some(shadow) = &self.shadow else { return };
        let shadows = &self.story.shadows;
        let Some(waits) = shadows.place(self.body.len()) else {
            let times = shadows.count(shadow, Outcome::Dropped);
            self.story.guard.meter.shadowed(Outcome::Dropped, None);
            if times.is_power_of_two() {
                tracing::warn!(shadow = %shadow.to, times, "calls are not mirrored: too many wait");
            }
            return;
        };
        let call = Arc::clone(self);
        tokio::spawn(async move {
            call.mirrored().await;
            drop(waits);
        });
    }

    async fn mirrored(&self) {
        let (Some(shadow), story) = (&self.shadow, &self.story) else { return };
        let Ok(_turn) = story.shadows.at_once.acquire().await else { return };
        let guard = &story.guard;
        let id = crate::ids::fresh(guard.clock.now().timestamp(), &*guard.dice);
        let agent = &self.caller.agent.name;
        let (outcome, compared) = match self.let_through(shadow, &id).await {
            Err(why) => {
                tracing::debug!(decision = %id, shadow = %shadow.to, why, "a call was not let through");
                (Outcome::Refused, None)
            }
            Ok(passed) => {
                let made = tokio::time::timeout(MIRRORED_WITHIN, self.made(shadow, &id, passed)).await;
                match made.unwrap_or(Err(Ends(Outcome::Failed, "timed_out"))) {
                    Ok(compared) => {
                        guard.ended_with(&id, agent, Report::Executed, &notes(&compared));
                        (Outcome::Compared, Some(compared))
                    }
                    Err(Ends(outcome, code)) => {
                        tracing::debug!(decision = %id, shadow = %shadow.to, code, "no second answer");
                        guard.ended(&id, agent, Report::Failed, code);
                        (outcome, None)
                    }
                }
            }
        };
        guard.meter.shadowed(outcome, compared.as_ref());
        story.shadows.count(shadow, outcome);
        if let Some(compared) = compared {
            story.shadows.keep(compared);
        }
    }

    /// What was let through, to both answers.
    async fn made(&self, shadow: &Shadow, id: &Name, passed: Through) -> Result<Compared, Ends> {
        let failed = |code| Ends(Outcome::Failed, code);
        let Through { permit, changed, classes } = passed;
        let routes = self.story.routes.load_full();
        let wanted = Wanted { dialect: self.dialect.name, model: &self.model, classes: &classes, via: None };
        let candidate = routes.shadowed(&wanted, shadow, &translates).map_err(|no| match no {
            NoRoute::Forbidden(_) => Ends(Outcome::Forbidden, no.code()),
            _ => failed(no.code()),
        })?;
        let body = self.bytes(changed.as_ref()).map_err(|no| failed(no.code()))?;
        // What live calls leave alone, a mirrored one does too; and it tells them nothing in return.
        if candidate.upstream.standing.look(Instant::now()).back.is_some() {
            return Err(failed("resting"));
        }
        let leg = self.story.legs.get(&shadow.to).ok_or(failed("unknown_provider"))?;
        let dialect = self.spoken(&candidate);
        let outgoing = self.outgoing(&candidate, dialect, &body).map_err(|no| failed(no.code()))?;
        let money = &self.story.money;
        let now = self.story.guard.clock.now().timestamp();
        let at = At::of(&candidate.upstream, &candidate.model).ok_or(failed("bad_model"))?;
        let estimate = money.estimated(&at, &self.ask);
        if !self.story.shadows.may_spend(shadow, estimate.cost.micros, now) {
            return Err(Ends(Outcome::Spent, "shadow_spent"));
        }
        let began = Instant::now();
        let answered = leg.send(permit, outgoing).await;
        let response = answered.map_err(|failure| failed(failure.why.code()))?.response;
        let first_byte = began.elapsed();
        let (head, body) = response.into_parts();
        let kind = stream::kind(self, dialect, head.status, &head.headers);
        let read = Limited::new(body, MAX_ANSWER).collect().await;
        let whole = began.elapsed();
        let heard = read.ok().and_then(|body| self.second(dialect, kind, body.to_bytes()));
        let (said, counted) = heard.map_or((None, None), |(said, counted)| (Some(said), counted));
        // It was sent, so it is paid for, whatever can be read of the answer.
        let charged = self.charged(shadow, at, counted);
        let said = said.ok_or(failed("unreadable_answer"))?;
        let live = std::mem::take(&mut *self.live.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Compared {
            at: now,
            live_decision: self.id.clone(),
            shadow_decision: id.clone(),
            live_model: self.model.clone(),
            shadow: shadow.named(),
            similarity: live.said.similarity(&said),
            calls_alike: live.said.calls_alike(&said),
            live: figures(live.status, live.first_byte, live.whole, live.charged, &live.said),
            mirrored: figures(head.status.as_u16(), first_byte, whole, Some(charged), &said),
        })
    }

    /// The mirrored call at the one door: the content of the live one, on its way to another place. Nobody is
    /// asked about it, and without a record of it nothing is sent. Says why not, otherwise.
    async fn let_through(&self, shadow: &Shadow, id: &Name) -> Result<Through, &'static str> {
        let payload = {
            let bytes: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
            let doc = Doc::parse(bytes).map_err(|_| "unreadable_body")?;
            Asked::request(&doc, self.dialect).payload
        };
        let routes = self.story.routes.load();
        let upstream = routes.named(shadow.to.as_str()).ok_or("unknown_provider")?;
        let mut action = self.action(self.asks_tool(), Operation::Send, payload, Vec::new());
        action.resource.name = Name::new(shadow.model.as_deref().unwrap_or(&self.model)).ok();
        action.resource.destinations = Name::new(&upstream.base.host).into_iter().collect();
        drop(routes);
        let plane = Plane::MIRROR.veiled(&self.talk.veil).of(Came::Mirrors(self.id.clone()));
        let guard = &self.story.guard;
        let passed = guard.pass(&self.caller, action, id.clone(), self.origin.parent, plane).await;
        let Passed { decision, passage, .. } = passed.map_err(|_| "no_decision")?;
        match passage {
            Passage::Run(permit) => Ok(Through { permit, changed: None, classes: carried(&decision, false) }),
            Passage::Changed(permit, changed) if changed.message.is_none() => {
                let classes = carried(&decision, true);
                Ok(Through { permit, changed: Some(changed.action.payload), classes })
            }
            Passage::Changed(..) | Passage::Isolated(_) | Passage::Held(_) | Passage::Refused => {
                Err("refused")
            }
        }
    }

    fn second(
        &self,
        dialect: &'static Dialect,
        kind: stream::Kind,
        body: Bytes,
    ) -> Option<(Said, Option<Usage>)> {
        match kind {
            stream::Kind::Whole => self.said_at_once(dialect, &body),
            stream::Kind::Pieces => self.said_in_pieces(dialect, &body),
            stream::Kind::Items => {
                let (events, fault) = stream::as_events(&mut Elements::default(), &body, dialect);
                self.said_in_pieces(dialect, &events).filter(|_| fault.is_none())
            }
            stream::Kind::Unreadable => None,
        }
    }

    /// An answer that came at once.
    fn said_at_once(&self, dialect: &'static Dialect, body: &[u8]) -> Option<(Said, Option<Usage>)> {
        let doc = Doc::parse(body).ok()?;
        let said = Said::whole(&Asked::answer(&doc, dialect), self.story.shadows.hash());
        Some((said, counted(&Tally::of(dialect, doc.root()))))
    }

    /// An answer that came in pieces.
    fn said_in_pieces(&self, dialect: &'static Dialect, body: &[u8]) -> Option<(Said, Option<Usage>)> {
        let (mut reader, mut listener) = (Reader::new(dialect), Listener::new(dialect));
        reader.push(body);
        while let Some(step) = reader.step().ok()? {
            listener.hear(&step, &reader);
        }
        let usage = counted(reader.tally());
        Some((listener.said(&reader, self.story.shadows.hash()), usage))
    }

    /// Charges it: to nobody's budget, as a line of its own.
    fn charged(&self, shadow: &Shadow, at: At, usage: Option<Usage>) -> Charged {
        let now = self.story.guard.clock.now().timestamp();
        let money = &self.story.money;
        let charged = match usage {
            Some(usage) => money.priced(&at, usage),
            None => money.estimated(&at, &self.ask),
        };
        let spender = Spender {
            user: None,
            team: None,
            agent: named(SPENDER),
            model: at.model.clone(),
            provider: at.upstream.clone(),
        };
        money.apart(&at, spender, &charged, now);
        self.story.shadows.spent(shadow, charged.cost.micros, now);
        charged
    }
}

/// What a provider counted.
pub fn counted(tally: &Tally) -> Option<Usage> {
    let (input, output) = (tally.input(), tally.output());
    (input.is_some() || output.is_some()).then(|| Usage {
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        cached: tally.cached().unwrap_or(0),
        reasoning: tally.reasoning().unwrap_or(0),
    })
}

fn figures(
    status: u16,
    first_byte: Duration,
    whole: Duration,
    charged: Option<Charged>,
    said: &Said,
) -> Figures {
    Figures {
        status,
        first_byte,
        whole,
        input_tokens: charged.map_or(0, |charged| charged.usage.input),
        output_tokens: charged.map_or(0, |charged| charged.usage.output),
        micros: charged.map_or(0, |charged| charged.cost.micros),
        characters: said.characters,
        calls: said.calls(),
    }
}

/// The comparison as the ledger keeps it.
fn notes(compared: &Compared) -> Vec<(&'static str, String)> {
    let mut notes = vec![("ended", "compared".to_owned()), ("mirrors", compared.live_decision.to_string())];
    for (of, keys) in [
        (&compared.live, ["live.status", "live.ms", "live.tokens", "live.micros", "live.characters"]),
        (
            &compared.mirrored,
            ["shadow.status", "shadow.ms", "shadow.tokens", "shadow.micros", "shadow.characters"],
        ),
    ] {
        let figures = [
            u128::from(of.status),
            of.whole.as_millis(),
            u128::from(of.output_tokens),
            u128::from(of.micros),
            u128::from(of.characters),
        ];
        notes.extend(keys.into_iter().zip(figures.map(|figure| figure.to_string())));
    }
    notes.extend(compared.similarity.map(|it| ("similarity", it.to_string())));
    notes.extend(compared.calls_alike.map(|it| ("calls", if it { "alike" } else { "differ" }.to_owned())));
    notes
}
