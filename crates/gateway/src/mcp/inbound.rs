//! What a server sends to an agent: results are judged before they are read, and remembered as
//! untrusted; what a server asks of the agent's model or user is an action like any other.

use action::{
    Action, ActionKind, AgentRef, Channel, Content, Json, Name, Operation, Resource, Session, Severity,
};
use ledger::{Promise, Report};
use wire::dialect::MCP;
use wire::doc::{Kind, Value};
use wire::edit::Edits;
use wire::refuse::Why;
use wire::shape::{Meaning, places};

use super::Mcp;
use super::message::{Message, What};
use super::outbound::{Asked, Line};
use super::pins::{HIDDEN, SUSPECT, hides_text};
use super::refusal::No;
use super::settings::Asks;
use super::splice::differences;
use crate::guard::{Came, Passage, Passed, Plane};
use crate::refuse::Refusal;

/// What becomes of one message.
#[derive(Debug, PartialEq, Eq)]
pub enum Inbound {
    /// It goes on, with the edits that were noted.
    Pass,
    /// This goes on in its place.
    Instead(String),
    /// It goes nowhere.
    Drop,
    /// It goes nowhere, and the server is told so.
    Decline(String),
}

impl Mcp {
    /// Judges one message of a server. `asked` is what it answers, where that is known.
    pub async fn inbound(
        &self,
        line: &Line,
        message: &Message<'_>,
        asked: Option<&Asked>,
        edits: &mut Edits,
    ) -> Inbound {
        let done = match message.what {
            What::Answer => self.answer(line, message, asked, edits).await,
            What::Request => self.request(line, message, edits).await,
            What::Notification => self.notification(line, message, edits).await,
            What::Unreadable => Err(unreadable()),
        };
        let no = match done {
            Ok(()) => return Inbound::Pass,
            Err(no) => no,
        };
        tracing::debug!(server = %line.server.name, code = no.code, "a message of a server does not go on");
        match message.what {
            What::Answer => Inbound::Instead(no.body(self.protocol, message.id)),
            What::Request => Inbound::Decline(no.body(self.protocol, message.id)),
            What::Notification => Inbound::Drop,
            // Whoever waits for it is told.
            What::Unreadable => match asked.and_then(|asked| asked.id.as_deref()) {
                Some(id) => Inbound::Instead(no.body(self.protocol, Some(id))),
                None => Inbound::Drop,
            },
        }
    }

    async fn answer(
        &self,
        line: &Line,
        message: &Message<'_>,
        asked: Option<&Asked>,
        edits: &mut Edits,
    ) -> Result<(), No> {
        let outcome = message.outcome().ok_or_else(unreadable)?;
        let lists_tools = self.protocol.has_tools && asked.is_none_or(|asked| asked.method == "tools/list");
        let tools = outcome.get("tools").filter(|tools| lists_tools && tools.kind() == Kind::List);
        if let Some(tools) = tools {
            self.definitions(line, tools, edits).await;
        }
        let listed = tools.is_some();
        let tool = match asked {
            Some(asked) => asked.tool.clone(),
            None => Name::new(&format!("{}/answer", self.protocol.name))
                .unwrap_or_else(|_| crate::guard::nameless()),
        };
        let plane = match asked {
            Some(asked) => Plane::RESULT.of(Came::Result(asked.decision.clone())),
            None => Plane::RESULT,
        };
        let part = Part {
            value: outcome,
            tool: &tool,
            operation: Operation::Read,
            resource: "tool_result",
            plane,
            listed,
        };
        if self.texts(message.value, listed).is_none()
            && let Some(asked) = asked
        {
            // A result without a word in it is no decision of its own, and an end of its call all the same.
            self.guard.ended(&asked.decision, &line.caller.agent.name, Report::Executed, "no_words");
        }
        self.judged(line, message, part, edits).await
    }

    async fn request(&self, line: &Line, message: &Message<'_>, edits: &mut Edits) -> Result<(), No> {
        if message.method == "ping" && self.protocol.has_tools {
            return Ok(());
        }
        let allowed = Asks::of(&message.method).is_some_and(|asks| line.server.asks.contains(&asks));
        let tool = Name::new(&message.method).map_err(|_| unreadable())?;
        if !allowed {
            let asks = Asks::of(&message.method).map_or("request", Asks::as_str);
            let finding = format!("{}.{asks}_denied", self.protocol.name);
            self.find(line, &finding, Severity::Medium).await;
            return Err(No::new(Why::Refused, "not_allowed", "this server may not ask this of a client"));
        }
        let operation = match Asks::of(&message.method) {
            Some(Asks::Roots) | None => Operation::Read,
            Some(Asks::Sampling | Asks::Elicitation) => Operation::Send,
        };
        let params = message.params().unwrap_or(message.value);
        let plane = Plane { waits: false, ..Plane::CALL };
        let part =
            Part { value: params, tool: &tool, operation, resource: "mcp_request", plane, listed: false };
        self.judged(line, message, part, edits).await
    }

    async fn notification(&self, line: &Line, message: &Message<'_>, edits: &mut Edits) -> Result<(), No> {
        let tool = Name::new(&message.method).map_err(|_| unreadable())?;
        let params = message.params().unwrap_or(message.value);
        let (operation, plane) = (Operation::Read, Plane::RESULT);
        let part = Part {
            value: params,
            tool: &tool,
            operation,
            resource: "mcp_notification",
            plane,
            listed: false,
        };
        self.judged(line, message, part, edits).await
    }

    /// Judges the texts of a message, where it has any.
    async fn judged(
        &self,
        line: &Line,
        message: &Message<'_>,
        part: Part<'_>,
        edits: &mut Edits,
    ) -> Result<(), No> {
        let Part { value, tool, operation, resource, plane, listed } = part;
        let Some(texts) = self.texts(message.value, listed) else { return Ok(()) };
        let mut payload = Json::parse(value.raw().as_bytes()).map_err(|_| unreadable())?;
        // Definitions are judged one by one, against what is pinned.
        if listed {
            without_tools(&mut payload);
        }
        let now = self.guard.clock.now().timestamp();
        let action = Action {
            kind: self.protocol.kind,
            operation,
            tool: tool.clone(),
            resource: Resource {
                kind: Name::new(resource).unwrap_or_else(|_| crate::guard::nameless()),
                name: Some(line.server.name.clone()),
                destinations: Vec::new(),
            },
            amount: None,
            count: None,
            agent: AgentRef { name: line.caller.agent.name.clone(), version: None },
            principal: None,
            session: line.session.clone().map(|id| Session { id, trace: line.parent.map(|it| it.trace) }),
            environment: line.environment,
            time: now,
            payload,
            context: vec![Content { channel: Channel::ToolOutput, source: Some(tool.clone()), text: texts }]
                .into_iter()
                .filter(|content| !content.text.is_empty())
                .collect(),
            idempotency_key: None,
        };
        let id = crate::ids::fresh(now, &*self.guard.dice);
        let passed = match self.guard.pass(&line.caller, action.clone(), id, line.parent, plane).await {
            Ok(passed) => passed,
            Err(Refusal::OpenPass(_)) => return Ok(()),
            Err(refusal) => {
                self.guard.meter.refused(refusal.code());
                return Err(No::from(&refusal));
            }
        };
        let Passed { id, decision, passage, .. } = passed;
        match passage {
            Passage::Run(_) => Ok(()),
            Passage::Changed(_, changed) if changed.message.is_none() => {
                let before = listed.then(|| Json::parse(value.raw().as_bytes()).ok()).flatten();
                let old = before.as_ref().unwrap_or(&action.payload);
                let new = match &before {
                    None => changed.action.payload.clone(),
                    Some(before) => with_tools(&changed.action.payload, before),
                };
                differences(value, old, &new, edits);
                Ok(())
            }
            // A result cannot wait: whoever would read it has moved on.
            Passage::Held(_) | Passage::Changed(..) | Passage::Isolated(_) | Passage::Refused => {
                Err(self.refused(&id, &decision, line.environment))
            }
        }
    }

    /// Holds listed definitions against what is pinned. Those that do not count are taken out.
    async fn definitions(&self, line: &Line, tools: Value<'_>, edits: &mut Edits) {
        let server = &line.server.name;
        let mut kept = Vec::new();
        let mut all = true;
        let mut findings = Vec::new();
        for tool in tools.items() {
            let name = tool.get("name").and_then(Value::text).unwrap_or_default();
            let may = self.settings.may_call(&line.caller.agent.name, server, &name);
            let seen = self.pins.see(server, &name, tool.raw(), &self.settings, || self.suspect(line, tool));
            findings.extend(seen.finding);
            if seen.stands && may {
                kept.push(tool.raw());
            } else {
                all = false;
            }
        }
        if !all {
            edits.value(tools, format!("[{}]", kept.join(",")));
        }
        for finding in findings {
            let severity =
                if finding == SUSPECT || finding == HIDDEN { Severity::High } else { Severity::Medium };
            self.find(line, finding, severity).await;
        }
        self.save_pins().await;
    }

    /// Whether a definition holds instructions for the model that reads it. It is judged as what it
    /// is: untrusted content in front of an action.
    pub(super) fn suspect(&self, line: &Line, tool: Value<'_>) -> Option<&'static str> {
        let mut text = String::new();
        push(tool, &mut text);
        if hides_text(&text) {
            return Some(HIDDEN);
        }
        let now = self.guard.clock.now().timestamp();
        let book = self.guard.book.load();
        let action = Action {
            kind: ActionKind::McpTool,
            operation: Operation::Write,
            tool: Name::new("mcp/definition").unwrap_or_else(|_| crate::guard::nameless()),
            resource: Resource {
                kind: Name::new("tool_definition").unwrap_or_else(|_| crate::guard::nameless()),
                name: Some(line.server.name.clone()),
                destinations: Vec::new(),
            },
            amount: None,
            count: None,
            agent: AgentRef { name: line.caller.agent.name.clone(), version: None },
            principal: None,
            session: None,
            environment: line.environment,
            time: now,
            payload: Json::Null,
            context: vec![Content { channel: Channel::ToolOutput, source: None, text }],
            idempotency_key: None,
        };
        let rules = book.rules.of(&line.caller.agent.name, "");
        let decision = engine::decide(&action, &engine::facts::Facts::default(), rules, now);
        let found = decision.detections.iter().chain(&decision.read);
        let sure = |hit: &action::Detection| {
            hit.vector == action::Vector::PromptInjection && hit.confidence >= action::Confidence::HIGH
        };
        found.into_iter().any(sure).then_some(SUSPECT)
    }

    /// The texts of a message that are judged. Of tools it is known which words are the protocol's own; of
    /// agents every word counts.
    fn texts(&self, message: Value<'_>, listed: bool) -> Option<String> {
        if self.protocol.has_tools {
            return texts(message, listed);
        }
        let mut found = String::new();
        for part in ["params", "result", "error"] {
            message.get(part).into_iter().for_each(|value| push(value, &mut found));
        }
        (!found.is_empty()).then_some(found)
    }

    /// Raises a finding that belongs to no decision.
    pub(super) async fn find(&self, line: &Line, rule: &str, severity: Severity) {
        tracing::warn!(server = %line.server.name, rule, "a finding about a server");
        let mut finding = self.guard.finding(&line.server.name, &line.caller.agent.name, rule, severity);
        if let Some(part) = &mut finding.finding {
            part.of = None;
        }
        if let Ok(key) = Name::new("server") {
            finding.notes.insert(key, line.server.name.clone());
        }
        // That it could not be written was logged where it happened.
        let _ = self.guard.note(finding, Promise::Synced).await;
    }

    pub(super) async fn save_pins(&self) {
        if !self.pins.is_unsaved() {
            return;
        }
        let pins = std::sync::Arc::clone(&self.pins);
        let saved = tokio::task::spawn_blocking(move || pins.save()).await;
        if !matches!(saved, Ok(Ok(()))) {
            tracing::error!("pinned definitions could not be written; they hold until the next start");
        }
    }
}

/// What of a message is judged, and as what.
struct Part<'p> {
    value: Value<'p>,
    tool: &'p Name,
    operation: Operation,
    resource: &'static str,
    plane: Plane,
    /// Its list of tools was looked at already.
    listed: bool,
}

fn unreadable() -> No {
    No::new(Why::Unreadable, "unreadable", "the server sent what cannot be read")
}

/// Every text of a message that is not of the protocol itself, line by line; `None` where there is
/// nothing to judge. Definitions of tools are looked at elsewhere. Pictures and files are judged as
/// part of the payload, but are no words that an agent remembers.
fn texts(message: Value<'_>, listed: bool) -> Option<String> {
    let tools =
        message.get("result").filter(|_| listed).and_then(|result| result.get("tools")).map(Value::span);
    let mut found = String::new();
    let mut any = false;
    places(message, &MCP.event, &mut |place| {
        let span = place.value.span();
        let listed = tools.as_ref().is_some_and(|tools| tools.start <= span.start && span.end <= tools.end);
        if listed || place.meaning == Meaning::Protocol {
            return;
        }
        any = true;
        if place.meaning != Meaning::Media {
            push(place.value, &mut found);
        }
    });
    any.then_some(found)
}

/// Adds a text, or every text below a value.
fn push(value: Value<'_>, found: &mut String) {
    if let Some(text) = value.text() {
        if !text.is_empty() {
            found.push_str(&text);
            found.push('\n');
        }
        return;
    }
    value.items().for_each(|item| push(item, found));
    for (key, value) in value.entries() {
        push(key, found);
        push(value, found);
    }
}

fn without_tools(payload: &mut Json) {
    if let Json::Object(entries) = payload {
        entries.retain(|(key, _)| key != "tools");
    }
}

/// The changed rest of a result, with the tools back in their place.
fn with_tools(changed: &Json, before: &Json) -> Json {
    let Json::Object(entries) = before else { return changed.clone() };
    let back = |(key, value): &(String, Json)| {
        (key.clone(), changed.get(key).cloned().unwrap_or_else(|| value.clone()))
    };
    Json::Object(entries.iter().map(back).collect())
}
