//! One message judged for somebody else who carries it: the wrapper of a command that speaks over
//! its standard input and output.

use std::sync::Arc;

use action::{Environment, Json, Name};
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use wire::doc::Doc;
use wire::edit::Edits;

use super::Mcp;
use super::inbound::Inbound;
use super::message::Message;
use super::outbound::{Asked, Line, Outbound};
use super::waiting::Waited;
use crate::refuse::Refusal;
use crate::serve::{open, parent};

/// The body of a question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub direction: Direction,
    /// The message as it was written.
    pub message: String,
    /// Chosen by the wrapper when it starts.
    #[serde(default)]
    pub session: Option<Name>,
    #[serde(default)]
    pub environment: Option<Environment>,
    /// What a message of the server answers, as it was told when that went out.
    #[serde(default)]
    pub asked: Option<Heard>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    ToServer,
    ToClient,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    pub method: String,
    pub tool: Name,
    pub decision: Name,
}

/// What to do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    #[serde(rename = "do")]
    pub what: Do,
    /// The message that goes on or back, where it is not the one that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// To be sent along when its answer is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Heard>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Do {
    /// Hand it on.
    Forward,
    /// Hand nothing on, and give `message` back to whoever sent it.
    Answer,
    /// Hand nothing on.
    Drop,
}

pub(super) async fn judge(
    State(mcp): State<Arc<Mcp>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let from = parent(request.headers());
    let (caller, body) = open(&mcp.guard, request).await.map_err(|refusal| mcp.stranger(refusal))?;
    let server = mcp.settings.server(&name).ok_or(Refusal::NoSuchRoute)?.clone();
    let question: Question = Json::parse_as(&body).map_err(Refusal::Malformed)?;
    let environment = question
        .environment
        .or_else(|| caller.agent.environments.iter().max().copied())
        .unwrap_or(Environment::Production);
    let line = Line { caller, server, session: question.session.clone(), environment, parent: from };
    // Finished also when the wrapper is gone by then: the record stands.
    let verdict = tokio::spawn(async move { mcp.carried(line, question).await }).await;
    let verdict = verdict.map_err(|_| Refusal::Faulty)?;
    Ok(axum::Json(verdict).into_response())
}

impl Mcp {
    /// Judges one message for whoever carries it.
    pub async fn carried(&self, line: Line, question: Question) -> Verdict {
        let text = Bytes::from(question.message.into_bytes());
        let Ok(doc) = Doc::parse(&text) else { return Verdict::of(Do::Drop, None) };
        let message = Message::of(doc.root());
        let mut edits = Edits::default();
        match question.direction {
            Direction::ToServer => {
                let outbound = self.outbound(&line, &message, &mut edits).await;
                self.carried_out(&line, &message, outbound, edits, doc.source()).await
            }
            Direction::ToClient => {
                let asked = question.asked.map(|heard| Asked {
                    id: message.id.map(str::to_owned),
                    method: heard.method,
                    tool: heard.tool,
                    decision: heard.decision,
                });
                match self.inbound(&line, &message, asked.as_ref(), &mut edits).await {
                    Inbound::Pass => Verdict::forward(edits, doc.source(), None),
                    Inbound::Instead(text) => {
                        Verdict { message: Some(text), ..Verdict::of(Do::Forward, None) }
                    }
                    Inbound::Drop => Verdict::of(Do::Drop, None),
                    Inbound::Decline(text) => Verdict::of(Do::Answer, Some(text)),
                }
            }
        }
    }

    async fn carried_out(
        &self,
        line: &Line,
        message: &Message<'_>,
        outbound: Outbound,
        mut edits: Edits,
        source: &str,
    ) -> Verdict {
        let heard = |asked: Asked| Heard { method: asked.method, tool: asked.tool, decision: asked.decision };
        match outbound {
            Outbound::Go(_permit, asked) => Verdict::forward(edits, source, Some(heard(asked))),
            Outbound::Answer(text) => Verdict::of(Do::Answer, Some(text)),
            Outbound::Refuse(_) => Verdict::of(Do::Drop, None),
            Outbound::Wait(held) => match self.wait(line, &held, self.settings.wait.0).await {
                Waited::NotYet(no) | Waited::No(no) => {
                    Verdict::of(Do::Answer, Some(no.body(self.protocol, message.id)))
                }
                Waited::Go(_permit, None) => Verdict::forward(edits, source, Some(heard(held.asked))),
                Waited::Go(_permit, Some(changed)) => {
                    match self.carry(message, &held.action, &changed, &mut edits) {
                        Ok(None) => Verdict::forward(edits, source, Some(heard(held.asked))),
                        Ok(Some(shown)) => Verdict::of(Do::Answer, Some(shown)),
                        Err(no) => Verdict::of(Do::Answer, Some(no.body(self.protocol, message.id))),
                    }
                }
            },
        }
    }
}

impl Verdict {
    const fn of(what: Do, message: Option<String>) -> Self {
        Verdict { what, message, asked: None }
    }

    /// What was noted is made; two changes of one place are none, and nothing goes on.
    fn forward(edits: Edits, source: &str, asked: Option<Heard>) -> Self {
        if edits.is_empty() {
            return Verdict { asked, ..Verdict::of(Do::Forward, None) };
        }
        match edits.apply(source) {
            Ok(text) => Verdict { asked, ..Verdict::of(Do::Forward, Some(text)) },
            Err(_) => Verdict::of(Do::Drop, None),
        }
    }
}
