//! What an agent sends to a server: every message is an action at the one door.

use action::{Environment, Json, Name, Operation, TraceParent};
use engine::Changed;
use hold::Hold;
use wire::doc::{Kind, Value};
use wire::edit::Edits;
use wire::refuse::Why;

use super::Mcp;
use super::message::{Message, What};
use super::pins::Known;
use super::protocol::Protocol;
use super::refusal::{No, RECEIPT, TOKEN};
use super::schema::{self, Checked};
use super::settings::{Server, Strict};
use super::splice::{differences, written};
use crate::guard::{Passage, Passed, Permit, Plane};
use crate::identity::Caller;
use crate::refuse::Refusal;
use crate::tool::{Call, action_of};

/// Between whom a message goes.
#[derive(Debug, Clone)]
pub struct Line {
    pub caller: Caller,
    pub server: Server,
    /// Under which the engine remembers what was said.
    pub session: Option<Name>,
    pub environment: Environment,
    pub parent: Option<TraceParent>,
}

/// What becomes of one message.
pub enum Outbound {
    /// It goes on, with the edits that were noted.
    Go(Permit, Asked),
    /// It waits for a person.
    Wait(Box<Held>),
    /// It does not go on, and this is the answer to it.
    Answer(String),
    /// It does not go on, and nobody waits for an answer.
    Refuse(No),
}

/// What was asked, for when it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// As it was written.
    pub id: Option<String>,
    pub method: String,
    /// The tool, or the method where there is none.
    pub tool: Name,
    /// The decision about it.
    pub decision: Name,
}

/// A message that waits.
pub struct Held {
    pub hold: Hold,
    pub action: action::Action,
    pub asked: Asked,
    /// With it the caller comes back.
    pub token: String,
}

/// The name under which an answer of the client to a request of the server is an action.
const REPLY: &str = "mcp/reply";

impl Mcp {
    /// Judges one message. What a rule changes in it is noted in `edits`.
    pub async fn outbound(&self, line: &Line, message: &Message<'_>, edits: &mut Edits) -> Outbound {
        match self.judge_outbound(line, message, edits).await {
            Ok(outbound) => outbound,
            Err(no) => {
                tracing::debug!(server = %line.server.name, code = no.code, "a message does not go on");
                match message.what {
                    What::Request => Outbound::Answer(no.body(self.protocol, message.id)),
                    What::Notification | What::Answer | What::Unreadable => Outbound::Refuse(no),
                }
            }
        }
    }

    async fn judge_outbound(
        &self,
        line: &Line,
        message: &Message<'_>,
        edits: &mut Edits,
    ) -> Result<Outbound, No> {
        // Where servers ask nothing, nobody answers them.
        let answers_nobody = !self.protocol.has_tools && message.what == What::Answer;
        if message.what == What::Unreadable || answers_nobody {
            return Err(No::new(Why::Unreadable, "no_message", "this is no message of the protocol"));
        }
        let said = self.said(line, message)?;
        let Said { action, tool, counts } = said;
        let asked = |decision: &Name| Asked {
            id: message.id.map(str::to_owned),
            method: message.method.clone().into_owned(),
            tool,
            decision: decision.clone(),
        };
        let payload = action.payload_hash();
        if let Some(back) = self.come_back(line, message, &action, &payload, edits)? {
            let asked = asked(&back.id);
            let held = self.held(line, back, action, asked, &payload);
            return Ok(Outbound::Wait(Box::new(held)));
        }
        let now = self.guard.clock.now().timestamp();
        let id = crate::ids::fresh(now, &*self.guard.dice);
        // Nobody can come back for what is no request.
        let plane = Plane {
            isolates: self.protocol.has_tools,
            waits: message.what == What::Request,
            counts,
            ..Plane::ASK
        };
        let passed = self.guard.pass(&line.caller, action.clone(), id.clone(), line.parent, plane).await;
        let asked = asked(&id);
        let Passed { id, decision, passage, .. } = match passed {
            Ok(passed) => passed,
            Err(Refusal::OpenPass(permit)) => return Ok(Outbound::Go(*permit, asked)),
            Err(refusal) => {
                self.guard.meter.refused(refusal.code());
                return Err(No::from(&refusal));
            }
        };
        match passage {
            Passage::Run(permit) => Ok(Outbound::Go(permit, asked)),
            Passage::Changed(permit, changed) => match self.carry(message, &action, &changed, edits) {
                Ok(None) => Ok(Outbound::Go(permit, asked)),
                Ok(Some(shown)) => Ok(Outbound::Answer(shown)),
                Err(no) => Err(No { receipt: Some(id), ..no }),
            },
            Passage::Isolated(result) => Ok(Outbound::Answer(isolated(message.id, &result, &id))),
            Passage::Held(hold) => {
                self.waiting.keep(&line.caller.agent.name, &payload, &hold.id);
                Ok(Outbound::Wait(Box::new(self.held(line, hold, action, asked, &payload))))
            }
            Passage::Refused => Err(self.refused(&id, &decision, action.environment)),
        }
    }

    /// The refusal that a decision is.
    pub(super) fn refused(&self, id: &Name, decision: &action::Decision, environment: Environment) -> No {
        let level = engine::explain::default_level(environment);
        let told = engine::explain::explain(decision, level);
        let mut no = No::new(Why::Refused, "refused", "the action cannot be completed");
        if let Some(reason) = told.reason {
            let word = serde_json::to_value(reason).ok();
            no.code = word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or(no.code);
        }
        no.receipt = Some(id.clone());
        no
    }

    fn held(
        &self,
        line: &Line,
        hold: Hold,
        action: action::Action,
        asked: Asked,
        payload: &action::Digest,
    ) -> Held {
        let until = hold.deadline.plus_millis(i64::try_from(hold.release_within).unwrap_or(i64::MAX));
        let token = self.tokens.seal(&hold.id, &line.caller.agent.name, payload, until);
        Held { hold, action, asked, token }
    }

    /// The action that a message is.
    fn said(&self, line: &Line, message: &Message<'_>) -> Result<Said, No> {
        let agent = &line.caller.agent.name;
        if !self.settings.may_reach(agent, &line.server.name) {
            return Err(No::new(Why::Refused, "server_not_for_agent", "this agent may not use this server"));
        }
        let unnamed = |_| No::new(Why::Unreadable, "bad_name", "the name of a tool or a method is none");
        let (payload, extra) = payload(self.protocol, message)?;
        let method = if message.what == What::Answer { REPLY } else { &*message.method };
        if calls_tool(self.protocol, message) {
            let tool = message.param("name").unwrap_or_default();
            let tool = Name::new(&tool).map_err(unnamed)?;
            self.may_call(line, &tool, &payload, extra)?;
            let action =
                action_of(tool.as_str(), payload, self.call(line), &self.settings.tools).map_err(unnamed)?;
            return Ok(Said { action, tool, counts: true });
        }
        if !self.protocol.has_tools {
            self.card_stands(&line.server)?;
        }
        let name = Name::new(method).map_err(unnamed)?;
        let mut action = action_of(method, payload, self.call(line), &[]).map_err(unnamed)?;
        let known = self.protocol.methods.iter().find(|(name, ..)| *name == method);
        let (operation, resource) = match known {
            Some((_, operation, resource)) => (*operation, *resource),
            None if method == REPLY => (Operation::Send, "mcp_reply"),
            None => (Operation::Write, self.protocol.message),
        };
        action.operation = operation;
        action.resource.kind = Name::new(resource).map_err(unnamed)?;
        if !self.protocol.has_tools && operation == Operation::Send {
            // An agent is a place where what it is told goes.
            let host = line.server.url.as_ref().and_then(|url| url.host());
            action.resource.destinations.extend(host.and_then(|host| Name::new(host).ok()));
        }
        // Signs of life and lists are no doing of the agent's, and would drown what is.
        let counts = !matches!(resource, "mcp_session" | "mcp_catalogue");
        Ok(Said { action, tool: name, counts })
    }

    /// What is known before anything is decided: lists, pins and the schema of the tool.
    fn may_call(&self, line: &Line, tool: &Name, payload: &Json, extra: bool) -> Result<(), No> {
        let server = &line.server.name;
        if !self.settings.may_call(&line.caller.agent.name, server, tool.as_str()) {
            return Err(No::new(Why::Refused, "tool_not_for_agent", "this agent may not use this tool"));
        }
        match self.pins.known(server, tool) {
            Known::Waits => Err(No::new(
                Why::Refused,
                "definition_waits",
                "the definition of this tool waits for an operator to accept it",
            )),
            Known::Never if self.settings.first == super::settings::First::Wait => Err(No::new(
                Why::Refused,
                "definition_unknown",
                "this tool was never listed; ask for `tools/list` first",
            )),
            Known::Never | Known::Stands(None) => Ok(()),
            Known::Stands(Some(schema)) => {
                let arguments = match payload {
                    Json::Object(entries) if extra => {
                        &Json::Object(entries.iter().filter(|(key, _)| key != EXTRA).cloned().collect())
                    }
                    other => other,
                };
                match schema::check(&schema, arguments) {
                    Checked::Wrong(wrong) if self.settings.arguments == Strict::Block => {
                        Err(No::new(Why::Unreadable, "bad_arguments", &wrong.to_string()))
                    }
                    Checked::Wrong(wrong) => {
                        tracing::warn!(%server, %tool, %wrong, "arguments do not fit");
                        Ok(())
                    }
                    Checked::InPart => {
                        tracing::debug!(%server, %tool, "the schema was checked in part");
                        Ok(())
                    }
                    Checked::Fits => Ok(()),
                }
            }
        }
    }

    /// Carries what a rule changed into the message. `Some` is an answer to show instead of sending it.
    pub(super) fn carry(
        &self,
        message: &Message<'_>,
        action: &action::Action,
        changed: &Changed,
        edits: &mut Edits,
    ) -> Result<Option<String>, No> {
        let extra = action.payload.get(EXTRA).is_some();
        if let Some(text) = &changed.message {
            return match self.protocol.has_tools {
                true => Ok(Some(shown(message.id, text))),
                false => Err(No::new(Why::Refused, "redirected", text)),
            };
        }
        let unfit = || No::new(Why::Refused, "refused", "the action cannot be completed");
        let mut new = changed.action.payload.clone();
        if changed.action.resource.destinations != action.resource.destinations {
            // A call goes where its arguments say, so it is redirected there or not at all.
            let to = changed.action.resource.destinations.first().ok_or_else(unfit)?;
            if !redirect(&mut new, &action.resource.destinations, to) {
                return Err(unfit());
            }
        }
        let (mut old, mut new) = (action.payload.clone(), new);
        if extra {
            let params = message.params().ok_or_else(unfit)?;
            for (key, value) in params.entries().filter(|(key, _)| !is_own(*key)) {
                let key = key.text().unwrap_or_default();
                if let Some((old, new)) =
                    old.get(EXTRA).and_then(|it| it.get(&key)).zip(new.get(EXTRA).and_then(|it| it.get(&key)))
                {
                    differences(value, old, new, edits);
                }
            }
            for side in [&mut old, &mut new] {
                if let Json::Object(entries) = side {
                    entries.retain(|(key, _)| key != EXTRA);
                }
            }
        }
        if old != new {
            let value = spoken(self.protocol, message).ok_or_else(unfit)?;
            differences(value, &old, &new, edits);
        }
        Ok(None)
    }
}

struct Said {
    action: action::Action,
    tool: Name,
    /// It is something that the agent does.
    counts: bool,
}

impl Mcp {
    /// Leave for something that is no message: opening a stream, ending a session, declining.
    pub(super) async fn leave(&self, line: &Line, what: &str) -> Result<Permit, No> {
        let agent = &line.caller.agent.name;
        if !self.settings.may_reach(agent, &line.server.name) {
            return Err(No::new(Why::Refused, "server_not_for_agent", "this agent may not use this server"));
        }
        let unnamed = |_| No::new(Why::Unreadable, "bad_name", "the name of a tool or a method is none");
        let mut action = action_of(what, Json::Null, self.call(line), &[]).map_err(unnamed)?;
        action.operation = Operation::Read;
        action.resource.kind = Name::new(self.protocol.session).map_err(unnamed)?;
        let id = crate::ids::fresh(action.time, &*self.guard.dice);
        let plane = Plane { waits: false, counts: false, ..Plane::CALL };
        match self.guard.pass(&line.caller, action, id, line.parent, plane).await {
            Ok(Passed { passage: Passage::Run(permit) | Passage::Changed(permit, _), .. }) => Ok(permit),
            Err(Refusal::OpenPass(permit)) => Ok(*permit),
            Ok(Passed { id, decision, .. }) => Err(self.refused(&id, &decision, line.environment)),
            Err(refusal) => Err(No::from(&refusal)),
        }
    }

    fn call<'l>(&self, line: &'l Line) -> Call<'l> {
        Call {
            caller: &line.caller,
            environment: line.environment,
            principal: None,
            session: line
                .session
                .clone()
                .map(|id| action::Session { id, trace: line.parent.map(|parent| parent.trace) }),
            context: Vec::new(),
            now: self.guard.clock.now().timestamp(),
            via: Some(self.protocol.kind),
            server: Some(&line.server.name),
        }
    }
}

/// Under which texts beside the arguments of a call are judged with them.
const EXTRA: &str = "mcp.beside";

/// Whether a message calls a tool, which has arguments and other things beside them.
fn calls_tool(protocol: &Protocol, message: &Message<'_>) -> bool {
    protocol.has_tools && message.what == What::Request && message.method == "tools/call"
}

/// What a message would have done, as the payload of an action. With the arguments of a call comes
/// whatever else is sent along, so that nothing goes past the door beside them.
fn payload(protocol: &Protocol, message: &Message<'_>) -> Result<(Json, bool), No> {
    let Some(value) = spoken(protocol, message) else {
        let beside = beside(protocol, message)?;
        let extra = !beside.is_empty();
        let entries = if extra { vec![(EXTRA.to_owned(), Json::Object(beside))] } else { Vec::new() };
        return Ok((Json::Object(entries), extra));
    };
    let mut payload = read(value)?;
    if !calls_tool(protocol, message) {
        without_notes(&mut payload, protocol.notes);
        return Ok((payload, false));
    }
    let beside = beside(protocol, message)?;
    if beside.is_empty() {
        return Ok((payload, false));
    }
    match &mut payload {
        Json::Object(entries) if entries.iter().all(|(key, _)| key != EXTRA) => {
            entries.push((EXTRA.to_owned(), Json::Object(beside)));
            Ok((payload, true))
        }
        _ => Err(No::new(Why::Unreadable, "bad_arguments", "the arguments of a call are an object")),
    }
}

/// A message that comes back is the same action as before, so what it comes back with is no part of it.
fn without_notes(payload: &mut Json, notes: &str) {
    let Json::Object(entries) = payload else { return };
    entries.retain_mut(|(key, value)| match value {
        Json::Object(own) if key == notes => {
            let before = own.len();
            own.retain(|(key, _)| key != TOKEN && key != RECEIPT);
            before == own.len() || !own.is_empty()
        }
        _ => true,
    });
}

/// The part of a message that says what is to be done.
fn spoken<'d>(protocol: &Protocol, message: &Message<'d>) -> Option<Value<'d>> {
    match message.what {
        What::Answer => message.outcome(),
        What::Request if calls_tool(protocol, message) => message.params()?.get("arguments"),
        What::Request | What::Notification | What::Unreadable => message.params(),
    }
}

/// What stands beside the arguments of a call and holds text.
fn beside(protocol: &Protocol, message: &Message<'_>) -> Result<Vec<(String, Json)>, No> {
    let Some(params) = message.params().filter(|_| calls_tool(protocol, message)) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (key, value) in params.entries().filter(|(key, _)| !is_own(*key)) {
        if !is_plain(value) {
            found.push((key.text().unwrap_or_default().into_owned(), read(value)?));
        }
    }
    Ok(found)
}

fn is_own(key: Value<'_>) -> bool {
    key.is_text("name") || key.is_text("arguments")
}

/// Whether a value beside the arguments says nothing: numbers, and notes that hold no more than what
/// the protocol and this program put there.
fn is_plain(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null | Kind::Bool | Kind::Number => true,
        Kind::Object => value.entries().all(|(key, value)| {
            let short = value.text().is_some_and(|text| text.len() <= MAX_PROGRESS_TOKEN);
            let token = key.is_text("progressToken") && (value.kind() == Kind::Number || short);
            token || key.is_text(TOKEN) || key.is_text(RECEIPT)
        }),
        Kind::Text | Kind::List => false,
    }
}

/// Bytes of a progress token that is a token and no text.
const MAX_PROGRESS_TOKEN: usize = 40;

fn read(value: Value<'_>) -> Result<Json, No> {
    Json::parse(value.raw().as_bytes()).map_err(|error| {
        No::new(Why::Unreadable, error.code(), "the message is larger or deeper than is read")
    })
}

/// Replaces addresses by another one wherever they stand alone. Whether any was.
fn redirect(value: &mut Json, from: &[Name], to: &Name) -> bool {
    match value {
        Json::Text(text) if from.iter().any(|from| from.as_str() == text.trim()) => {
            to.as_str().clone_into(text);
            true
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => false,
        // Each of them: `any` would stop at the first.
        Json::List(items) => {
            items.iter_mut().filter_map(|item| redirect(item, from, to).then_some(())).count() > 0
        }
        Json::Object(entries) => {
            entries.iter_mut().filter_map(|(_, item)| redirect(item, from, to).then_some(())).count() > 0
        }
    }
}

/// The result of a run that leaves nothing behind, as the tool would have given it.
fn isolated(id: Option<&str>, result: &Json, receipt: &Name) -> String {
    let text = match result {
        Json::Text(text) => text.clone(),
        other => written(other),
    };
    format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[{{"type":"text","text":{}}}],"isError":false,"_meta":{{"{RECEIPT}":{}}}}}}}"#,
        id.unwrap_or("null"),
        wire::doc::quoted(&text),
        wire::doc::quoted(receipt.as_str()),
    )
}

/// What is shown instead of a result.
fn shown(id: Option<&str>, text: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[{{"type":"text","text":{}}}],"isError":false}}}}"#,
        id.unwrap_or("null"),
        wire::doc::quoted(text),
    )
}
