//! From leave to the beginning of an answer: money, the upstreams in their order, and what each is sent.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use action::{Decimal, Json, SensitiveClass};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderName;
use hyper::body::Incoming;
use ledger::Report;
use wire::dialect::{self, Dialect};
use wire::doc::Doc;
use wire::edit::Edits;
use wire::endpoint::Call as Asks;
use wire::frame::List;
use wire::say::{self, Words};
use wire::translate;
use wire::usage::Tally;

use super::asked::Asked;
use super::call::{Call, Leave};
use super::no::No;
use super::shadow::counted;
use super::{Models, stream};
use crate::guard::lifted;
use crate::money::{Ask, At, Caller, Usage};
use crate::ports::Whose;
use crate::provider::kin;
use crate::route::{Candidate, Given, Plan, Routes, Tried, Upstream, Wanted};
use crate::upstream::Outgoing;

impl Call {
    /// Sends what was let through, and judges what comes back.
    pub async fn carried_out(self: Arc<Self>, leave: Leave) -> Result<Response, No> {
        if let Some(text) = leave.message() {
            return self.said(&text).await;
        }
        let ended = match self.sent_as(leave).await {
            Ok(answer) => match answer.kind(&self) {
                stream::Kind::Pieces | stream::Kind::Items => return Ok(stream::answer(self, answer)),
                stream::Kind::Whole => self.plain(answer).await.inspect(|_| self.mirror()),
                stream::Kind::Unreadable => {
                    let message = "the provider's answer is in a form that cannot be judged";
                    Err(No::unavailable("unreadable_answer", message).about(&self.id))
                }
            },
            Err(no) => Err(no),
        };
        if let Err(no) = &ended {
            self.settle(None);
            self.note_end(Report::Failed, no.code());
        }
        ended
    }

    /// A rule has its own words for this call, which goes nowhere.
    async fn said(&self, text: &str) -> Result<Response, No> {
        self.note_end(Report::NotExecuted, "redirected");
        let (body, media) = match self.streams {
            true => (self.words(text).map(|words| self.listed(words)), self.media()),
            false => (say::whole(self.dialect, self.words_of(text)), "application/json"),
        };
        let body = body.ok_or_else(|| No::in_words(text).about(&self.id))?;
        let mut response = Response::new(axum::body::Body::from(body));
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media));
        self.sign(response.headers_mut());
        Ok(response)
    }

    /// Events of ours, as one list where the caller wants one.
    fn listed(&self, events: Vec<u8>) -> Vec<u8> {
        if !self.as_list {
            return events;
        }
        let mut list = List::default();
        let mut out = list.put(&events);
        out.extend_from_slice(list.end());
        out
    }

    /// Words of ours as a stream of the caller's dialect.
    pub fn words(&self, text: &str) -> Option<Vec<u8>> {
        say::pieces(self.dialect, self.words_of(text))
    }

    fn words_of<'w>(&'w self, text: &'w str) -> Words<'w> {
        Words { id: self.id.as_str(), model: &self.model, text }
    }

    /// Sends it and gives back the answer as it begins.
    pub async fn sent_as(&self, leave: Leave) -> Result<Begun, No> {
        let routes = self.story.routes.load_full();
        let via = self.via.as_deref();
        let plan = self.story.planned(&routes, self.dialect, &self.model, via, &leave.classes)?;
        let body = self.bytes(leave.changed.as_ref().map(|changed| &changed.action.payload))?;
        self.admitted(&plan)?;
        self.sent(leave, &plan, body).await
    }

    /// Reserves what it may cost.
    fn admitted(&self, plan: &Plan<'_>) -> Result<(), No> {
        let places: Vec<At> =
            plan.candidates.iter().filter_map(|it| At::of(&it.upstream, &it.model)).collect();
        let guard = &self.story.guard;
        let (agent, person) = (&self.caller.agent, self.origin.principal.as_ref());
        let caller = Caller {
            // The guard has just looked it up, so it is known.
            user: person.and_then(|it| guard.vault.known(&Whose::Person(it.id.as_str().into()))),
            team: person.and_then(|person| person.team.clone()).or_else(|| agent.business_unit.clone()),
            application: agent.application.clone(),
            agent: agent.name.clone(),
            key: self.caller.key.clone(),
        };
        let now = guard.clock.now().timestamp();
        let charge = self
            .story
            .money
            .admit(caller, &places, &self.ask, now)
            .map_err(|spent| No::spent(&spent, now))?;
        *self.charge.lock().unwrap_or_else(PoisonError::into_inner) = Some(charge);
        Ok(())
    }

    /// Charges what the provider counted; without a count, the estimate.
    pub fn settle(&self, tally: Option<&Tally>) {
        let charge = self.charge.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(charge) = charge {
            let charged = charge.settle(tally.and_then(counted));
            self.notice(|live| live.charged = Some(charged));
        }
    }

    /// The body as it goes out: as it came, but for what a rule changed and for values that this
    /// conversation has replaced before.
    pub(super) fn bytes(&self, changed: Option<&Json>) -> Result<Bytes, No> {
        if changed.is_none() && lifted(&self.talk.veil).map().is_empty() {
            return Ok(self.body.clone());
        }
        let doc =
            Doc::parse(if self.body.is_empty() { b"{}" } else { &self.body }).map_err(No::unreadable)?;
        let asked = Asked::request(&doc, self.dialect);
        let payload = match changed {
            Some(changed) => changed.clone(),
            None => lifted(&self.talk.veil).redact_json(&asked.payload, &[]),
        };
        let spliced = asked.spliced(doc.source(), &payload).map_err(|_| No::unfit(&self.id))?;
        Ok(spliced.map_or_else(|| self.body.clone(), Bytes::from))
    }

    /// Asks one upstream after the other, as long as it is certain that nothing was carried out.
    async fn sent(&self, leave: Leave, plan: &Plan<'_>, body: Bytes) -> Result<Begun, No> {
        let mut permit = leave.permit;
        let mut why = No::unavailable("resting", "every provider of this model is left alone for a moment");
        let mut left = plan.candidates.len();
        for candidate in &plan.candidates {
            left -= 1;
            let Some(leg) = self.story.legs.get(&candidate.upstream.name) else { continue };
            let Some(flight) = candidate.begin(Instant::now()) else { continue };
            let dialect = self.spoken(candidate);
            let outgoing = match self.outgoing(candidate, dialect, &body) {
                Ok(outgoing) => outgoing,
                Err(no) => {
                    why = no;
                    continue;
                }
            };
            if let (Some(charge), Some(at)) = (
                self.charge.lock().unwrap_or_else(PoisonError::into_inner).as_mut(),
                At::of(&candidate.upstream, &candidate.model),
            ) {
                charge.goes_to(at);
            }
            let began = Instant::now();
            match leg.send(permit, outgoing).await {
                Ok(answered) => {
                    let head = &answered.response;
                    let tried = Tried::answered(head.status().as_u16(), head.headers(), began.elapsed());
                    flight.end(tried.ended(), Instant::now());
                    if left == 0 || !tried.again(plan.retry_on) {
                        let model = candidate.model.clone();
                        let (response, first_byte) = (answered.response, began.elapsed());
                        return Ok(Begun { response, dialect, model, began, first_byte });
                    }
                    permit = answered.declined();
                }
                Err(failed) => {
                    let tried = if failed.permit.is_some() { Tried::NotSent } else { Tried::Unanswered };
                    flight.end(tried.ended(), Instant::now());
                    why = No::failed(&failed.why);
                    match failed.permit {
                        Some(unused) => permit = unused,
                        None => return Err(why.about(&self.id)),
                    }
                }
            }
        }
        if let Some(charge) = self.charge.lock().unwrap_or_else(PoisonError::into_inner).take() {
            charge.give_back();
        }
        Err(why.about(&self.id))
    }

    /// The dialect that a candidate is spoken to in.
    pub(super) fn spoken(&self, candidate: &Candidate) -> &'static Dialect {
        match self.goes_beside(candidate) {
            true => self.dialect,
            false => dialect::named(candidate.speaks.dialect).unwrap_or(self.dialect),
        }
    }

    /// Whether a call goes to its own path as it came. So does a form for which this upstream has no path, to
    /// whoever speaks its kin.
    fn goes_beside(&self, candidate: &Candidate) -> bool {
        let speaks = candidate.speaks.dialect;
        self.beside || (speaks != self.dialect.name && speaks == kin(self.dialect.name))
    }

    pub(super) fn outgoing(
        &self,
        candidate: &Candidate,
        dialect: &Dialect,
        body: &Bytes,
    ) -> Result<Outgoing, No> {
        let upstream = &candidate.upstream;
        let body = match (dialect.name == self.dialect.name, candidate.model == self.model) {
            (true, true) => body.clone(),
            (true, false) => renamed(body, &candidate.model).ok_or_else(|| No::unfit(&self.id))?,
            (false, _) => {
                let doc = Doc::parse(body).map_err(No::unreadable)?;
                translate::request(self.dialect, dialect, &doc, &candidate.model, self.streams)
                    .map_err(|no| No::untranslatable(no, false))?
                    .into()
            }
        };
        let path = match self.goes_beside(candidate) {
            true => upstream.beside(&self.path),
            false => upstream.target(&candidate.speaks, &candidate.model, self.streams),
        };
        let mut headers = self.headers.clone();
        for (name, value) in upstream.provider.headers {
            let name = HeaderName::from_static(name);
            headers.entry(name).or_insert(http::HeaderValue::from_static(value));
        }
        let now = self.story.guard.clock.now().timestamp();
        let signed = upstream.signature(self.method.as_str(), &path, &body, now);
        let unusable = || No::unavailable("provider_key", "the key for this provider cannot be used");
        let own = upstream.head().map_err(|_| unusable())?.into_iter();
        for (name, value) in own.chain(signed.map_err(|_| unusable())?) {
            headers.insert(name, value);
        }
        Ok(Outgoing { method: self.method.clone(), path, headers, body })
    }
}

/// An answer that began: in which dialect, and of which model, as its provider calls it.
pub struct Begun {
    pub response: http::Response<Incoming>,
    pub dialect: &'static Dialect,
    pub model: String,
    /// When it was asked for, and how long its first byte took.
    pub began: Instant,
    pub first_byte: Duration,
}

impl Begun {
    pub fn kind(&self, call: &Call) -> stream::Kind {
        stream::kind(call, self.dialect, self.response.status(), self.response.headers())
    }
}

/// Whether a call of the first format can be sent in the second one.
pub fn translates(caller: &str, provider: &str) -> bool {
    match (dialect::named(caller), dialect::named(provider)) {
        (Some(caller), Some(provider)) => translate::is_translated(caller, provider),
        _ => false,
    }
}

/// The same body for a model of another name.
fn renamed(body: &Bytes, model: &str) -> Option<Bytes> {
    let doc = Doc::parse(body).ok()?;
    let Some(value) = doc.root().get("model") else { return Some(body.clone()) };
    let mut edits = Edits::default();
    edits.text(value, model);
    edits.apply(doc.source()).ok().map(Bytes::from)
}

/// The upstream that a call would go to first. What is chosen among several is chosen once, when it goes
/// out; here is only told what cannot go anywhere, before anything of it is judged.
pub fn likely<'r>(
    routes: &'r Routes,
    spoken: &Dialect,
    model: &str,
    via: Option<&str>,
) -> Result<Option<&'r Arc<Upstream>>, No> {
    let named = routes.asked(spoken.name, model, via).map_err(|no| No::no_route(&no))?;
    Ok(named.first().copied())
}

/// What is known of a call's size before it is made.
pub fn ask(payload: &Json, asks: Asks) -> Ask {
    let number = |key: &str| payload.get(key).and_then(Json::as_number).map(Decimal::trunc);
    let whole = |key: &str| number(key).and_then(|number| u64::try_from(number).ok());
    let bounds = ["max_tokens", "max_completion_tokens"].map(whole);
    let max_tokens = match asks {
        Asks::Generate => bounds.into_iter().flatten().max(),
        // What gives vectors, counts and lists writes nothing.
        Asks::Embed | Asks::Count | Asks::Models => Some(0),
    };
    Ask { input_bytes: 0, max_tokens, choices: whole("n").unwrap_or(1) }
}

impl Models {
    /// Where a call may go with this data.
    pub fn planned<'r>(
        &self,
        routes: &'r Routes,
        spoken: &Dialect,
        model: &str,
        via: Option<&str>,
        classes: &[SensitiveClass],
    ) -> Result<Plan<'r>, No> {
        let mut draw = [0u8; 16];
        self.guard.dice.fill(&mut draw);
        let (a, b) = draw.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        let wanted = Wanted { dialect: spoken.name, model, classes, via };
        let given = Given {
            now: Instant::now(),
            draw: [number(a), number(b)],
            translates: &translates,
            price: &|upstream, model| {
                let (rates, _) =
                    self.money.prices.rates(upstream.name.as_str(), upstream.provider.name, model)?;
                Some(rates.cost(&USUAL))
            },
        };
        routes.plan(&wanted, &given).map_err(|no| No::no_route(&no))
    }
}

/// By what the prices of two providers are compared: a question with a short answer.
const USUAL: Usage = Usage { input: 1_000, output: 500, cached: 0, reasoning: 0 };
