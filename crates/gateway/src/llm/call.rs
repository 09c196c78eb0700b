//! One call, from its body to the answer.

use std::sync::{Arc, Mutex};

use action::{Action, ActionKind, AgentRef, Environment, Json, Name, Operation, Resource, SensitiveClass};
use axum::response::Response;
use bytes::Bytes;
use engine::{Changed, Rules};
use hold::{Hold, State};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, HeaderName};
use http::request::Parts;
use ledger::Report;
use wire::dialect::Dialect;
use wire::doc::Doc;
use wire::endpoint::{self, Call as Asks};

use super::asked::Asked;
use super::headers;
use super::no::{No, RECEIPT, TOKEN};
use super::origin::Origin;
use super::shadow::Live;
use super::stitch::{Seam, Turn};
use super::talk::Talk;
use super::{Models, Way, send, stream};
use crate::ask::Told;
use crate::guard::{Came, Passage, Passed, Permit, Plane, carried, named};
use crate::identity::Caller;
use crate::limits::HELD_OPEN;
use crate::money::{Ask, Charge};
use crate::refuse::Refusal;
use crate::route::{Routes, Shadow};

/// A call that was read. Everything that its parts need, whoever carries them on.
pub struct Call {
    pub story: Arc<Models>,
    pub caller: Caller,
    pub origin: Origin,
    pub dialect: &'static Dialect,
    pub(super) asks: Asks,
    /// Path and query, as they go out where the upstream has no path of its own for the dialect.
    pub(super) path: String,
    /// The path names the model in a way that only its provider has.
    pub(super) beside: bool,
    pub(super) method: http::Method,
    pub(super) model: String,
    pub(super) streams: bool,
    /// The events are wanted as one JSON list.
    pub(super) as_list: bool,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub id: Name,
    pub talk: Arc<Talk>,
    /// Its place in a conversation, where its client names none.
    seam: Option<Seam>,
    /// Of the first upstream that it may go to.
    host: Option<Name>,
    /// The upstream that the path names.
    pub(super) via: Option<String>,
    pub(super) ask: Ask,
    pub charge: Mutex<Option<Charge>>,
    /// Where it is made once more, when it was drawn for that.
    pub(super) shadow: Option<Shadow>,
    pub(super) live: Mutex<Live>,
    /// The decision that is being taken up again, and its token.
    resumes: Option<(Name, String)>,
}

impl Call {
    /// Reads a call, and the action that it is.
    pub fn read(
        story: &Arc<Models>,
        caller: Caller,
        head: &Parts,
        way: &Way<'_>,
        body: Bytes,
    ) -> Result<(Self, Action), No> {
        if head.headers.contains_key(CONTENT_ENCODING) {
            return Err(No::encoded());
        }
        let found = &way.found;
        let dialect = found.endpoint.dialect;
        // What is asked for by its path alone has no body.
        let bytes: &[u8] = if body.is_empty() { b"{}" } else { &body };
        let doc = Doc::parse(bytes).map_err(No::unreadable)?;
        let streams = endpoint::streams(found, &doc);
        let mut asked = Asked::request(&doc, dialect);
        let mut origin = Origin::of(head, &caller, asked.person.as_ref())?;
        let model = match &found.model {
            Some(model) => model.to_string(),
            None => asked.model.take().unwrap_or_default(),
        };
        let routes = story.routes.load();
        let likely = send::likely(&routes, dialect, &model, way.via)?;
        let host = likely.and_then(|upstream| Name::new(&upstream.base.host).ok());
        let guard = &story.guard;
        let now = guard.clock.now().timestamp();
        let id = crate::ids::fresh(now, &*guard.dice);
        let seam = (origin.session.is_none() && found.endpoint.call == Asks::Generate).then(|| {
            let person = origin.principal.as_ref().map(|person| person.id.clone());
            Seam::of(guard, &story.stitches, (caller.agent.name.clone(), person), &asked, &id)
        });
        if let Some(session) = seam.as_ref().and_then(Seam::session) {
            origin.session = Some(action::Session { id: session.clone(), trace: None });
        }
        let session = origin.session.as_ref().map(|session| &session.id);
        let talk = match &seam {
            Some(seam) => Arc::clone(seam.talk()),
            None => story.talks.of(guard, &caller.agent.name, session),
        };
        let shadow = story.drawn(&routes, &model, found.endpoint.call, way.via);
        let header = |name: &HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        let resumes = header(&TOKEN).zip(header(&RECEIPT));
        let call = Call {
            asks: found.endpoint.call,
            path: format!("{}{}{}", found.root, found.tail, headers::query(head.uri.query())),
            beside: found.endpoint.call != Asks::Generate || is_deployment(found),
            method: head.method.clone(),
            model,
            streams,
            as_list: streams && dialect.is_listed() && !headers::wants_events(head.uri.query()),
            headers: headers::to_provider(&head.headers),
            id,
            seam,
            resumes: resumes.and_then(|(token, id)| Some((Name::new(id).ok()?, token.to_owned()))),
            story: Arc::clone(story),
            caller,
            origin,
            dialect,
            talk,
            host,
            via: way.via.map(str::to_owned),
            ask: Ask { input_bytes: body.len() as u64, ..send::ask(&asked.payload, found.endpoint.call) },
            charge: Mutex::default(),
            shadow,
            live: Mutex::default(),
            body: Bytes::new(),
        };
        let heard = call.story.talks.new_in(&call.talk, asked.heard);
        let action = call.action(call.asks.tool(), Operation::Send, asked.payload, heard);
        drop(doc);
        Ok((Call { body, ..call }, action))
    }

    /// An action of this call's agent, at its model.
    pub fn action(
        &self,
        tool: &'static str,
        operation: Operation,
        payload: Json,
        context: Vec<action::Content>,
    ) -> Action {
        Action {
            kind: ActionKind::LlmCall,
            operation,
            tool: named(tool),
            resource: Resource {
                kind: named("model"),
                name: Name::new(&self.model).ok(),
                destinations: self.host.iter().filter(|_| operation == Operation::Send).cloned().collect(),
            },
            amount: None,
            count: None,
            agent: AgentRef { name: self.caller.agent.name.clone(), version: None },
            principal: self.origin.principal.clone(),
            session: self.origin.session.clone(),
            environment: self.environment(),
            time: self.story.guard.clock.now().timestamp(),
            payload,
            context,
            idempotency_key: None,
        }
    }

    /// Keeps what was answered, for when the conversation goes on. `answer` is made only where that is asked.
    pub(super) fn remember(&self, answer: impl FnOnce() -> Option<Turn>) {
        let Some((seam, answer)) = self.seam.as_ref().and_then(|seam| Some((seam, answer()?))) else {
            return;
        };
        seam.keep(&self.story.stitches, &answer, self.story.guard.clock.now().timestamp());
    }

    /// What the call is named in rules and records.
    pub(super) fn asks_tool(&self) -> &'static str {
        self.asks.tool()
    }

    /// What a streamed answer is said to be.
    pub const fn media(&self) -> &'static str {
        if self.as_list { "application/json" } else { self.dialect.stream.media_type() }
    }

    pub const fn environment(&self) -> Environment {
        self.origin.environment
    }

    /// Judges the call, carries it out, and gives the answer as far as it may be given.
    pub async fn answer(self: Arc<Self>, action: Action) -> Result<Response, No> {
        if let Some((id, token)) = &self.resumes {
            let leave = self.taken_up(&action, id, token).await?;
            return self.carried_out(leave).await;
        }
        let stitch = self.seam.as_ref().and_then(|seam| seam.stitch.as_ref());
        let stitch = stitch.map(|stitch| (stitch.likeness.as_str(), stitch.with.session.clone()));
        let plane = Plane { stitch, ..Plane::CALL.veiled(&self.talk.veil) };
        match self.judged(action.clone(), plane).await? {
            Judged::Through(leave) => self.carried_out(leave).await,
            Judged::Waits(hold) if self.streams => Ok(stream::held(self, action, hold)),
            Judged::Waits(hold) => {
                let leave = self.approved(&action, hold).await?;
                self.carried_out(leave).await
            }
        }
    }

    /// An action of this call at the one door.
    pub async fn judged(&self, action: Action, plane: Plane) -> Result<Judged, No> {
        let guard = &self.story.guard;
        let id = match plane.of {
            None => self.id.clone(),
            Some(Came::Result(_) | Came::Asked(_) | Came::Mirrors(_)) => {
                crate::ids::fresh(guard.clock.now().timestamp(), &*guard.dice)
            }
        };
        let passed = match guard.pass(&self.caller, action, id, self.origin.parent, plane).await {
            Ok(passed) => passed,
            Err(Refusal::OpenPass(permit)) => {
                return Ok(Judged::Through(Leave { permit: *permit, changed: None, classes: Vec::new() }));
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let Passed { id, decision, passage, scope, .. } = passed;
        match passage {
            Passage::Run(permit) => {
                let classes = carried(&decision, false);
                Ok(Judged::Through(Leave { permit, changed: None, classes }))
            }
            Passage::Changed(permit, changed) => {
                let classes = carried(&decision, true);
                Ok(Judged::Through(Leave { permit, changed: Some(changed), classes }))
            }
            Passage::Held(hold) => Ok(Judged::Waits(hold)),
            Passage::Refused => Err(self.blocked(&id, &decision, &scope)),
            // No call of this story asks for it.
            Passage::Isolated(_) => Err(Refusal::Faulty.into()),
        }
    }

    fn blocked(&self, id: &Name, decision: &action::Decision, scope: &crate::book::Scope) -> No {
        let level = scope.explain.unwrap_or_else(|| engine::explain::default_level(self.environment()));
        No::blocked(id, Told::new(id, decision, level, None).reason())
    }

    /// Waits for a person, and takes the action when one approved it.
    pub async fn approved(&self, action: &Action, hold: Hold) -> Result<Leave, No> {
        let guard = &self.story.guard;
        let id = hold.id.clone();
        let hold = guard.settled(hold, HELD_OPEN).await?;
        match hold.state {
            State::Approved { .. } | State::Released { .. } => self.released(action, &id).await,
            State::Pending { .. } => Err(No::waiting(&id, self.token(&hold, action))),
            State::Denied { .. } | State::Expired { .. } | State::Cancelled { .. } => {
                Err(No::not_approved(&id))
            }
        }
    }

    async fn released(&self, action: &Action, id: &Name) -> Result<Leave, No> {
        // The claim is of this connection alone: whoever comes back after it broke finds the action gone,
        // since nobody knows how far it had come.
        let claim = self.id.as_str();
        let released =
            self.story.guard.release(&self.caller, action, id, claim, Some(&self.talk.veil)).await?;
        if action.kind == ActionKind::LlmCall {
            self.story.guard.answered.keep(&self.caller.agent.name, &self.id, released.answered);
        }
        Ok(Leave {
            permit: released.permit,
            changed: released.changed.map(Box::new),
            classes: released.classes,
        })
    }

    /// Takes up an action that a person approved since.
    async fn taken_up(&self, action: &Action, id: &Name, token: &str) -> Result<Leave, No> {
        let guard = &self.story.guard;
        let hold = guard.holds.get(id).filter(|hold| hold.agent == self.caller.agent.name);
        let hold = hold.ok_or(Refusal::UnknownDecision)?;
        let (payload, now) = (action.payload_hash(), guard.clock.now().timestamp());
        if !self.story.tokens.opens(token, id, &self.caller.agent.name, &payload, now) {
            return Err(Refusal::BadToken.into());
        }
        self.approved(action, hold).await
    }

    fn token(&self, hold: &Hold, action: &Action) -> String {
        let until = hold.deadline.plus_millis(i64::try_from(hold.release_within).unwrap_or(i64::MAX));
        self.story.tokens.seal(&hold.id, &self.caller.agent.name, &action.payload_hash(), until)
    }

    /// The rules that this conversation meets.
    pub fn rules(&self) -> Arc<Rules> {
        let book = self.story.guard.book.load();
        let session = self.origin.session.as_ref().map_or("(none)", |session| session.id.as_str());
        Arc::clone(book.rules.of(&self.caller.agent.name, session))
    }

    /// Where the decision is found.
    pub fn sign(&self, headers: &mut HeaderMap) {
        if let Ok(receipt) = http::HeaderValue::from_str(self.id.as_str()) {
            headers.insert(RECEIPT, receipt);
        }
    }

    /// Records what became of a call that has no answer, or not all of one, and why.
    pub fn note_end(&self, report: Report, code: &str) {
        self.story.guard.ended(&self.id, &self.caller.agent.name, report, code);
    }
}

impl Models {
    /// Whether a call is made once more, and where: by the share of its route.
    fn drawn(&self, routes: &Routes, model: &str, asks: Asks, via: Option<&str>) -> Option<Shadow> {
        let shadow = routes.of_model(model)?.shadow.as_ref()?;
        // Whoever names a provider asks for no route.
        if asks != Asks::Generate || via.is_some() {
            return None;
        }
        let mut draw = [0u8; 8];
        self.guard.dice.fill(&mut draw);
        (u64::from_le_bytes(draw) % 100 < u64::from(shadow.share)).then(|| shadow.clone())
    }
}

/// What came of an action at the door, when it was not refused.
pub enum Judged {
    Through(Leave),
    Waits(Hold),
}

/// It goes on.
pub struct Leave {
    pub permit: Permit,
    /// In this form, where a rule changed it.
    pub changed: Option<Box<Changed>>,
    /// Sensitive classes that it carries.
    pub classes: Vec<SensitiveClass>,
}

impl Leave {
    /// What a rule tells the caller instead of a model's answer.
    pub fn message(&self) -> Option<String> {
        self.changed.as_ref().and_then(|changed| changed.message.clone())
    }
}

/// Azure names a deployment in the path and wants it there.
fn is_deployment(found: &endpoint::Found<'_>) -> bool {
    found.endpoint.before == "/deployments/"
}

/// What a call is named in rules and records.
trait Tool {
    fn tool(self) -> &'static str;
}

impl Tool for Asks {
    fn tool(self) -> &'static str {
        match self {
            Asks::Generate => "chat",
            Asks::Embed => "embed",
            Asks::Count => "count",
            Asks::Models => "models",
        }
    }
}
