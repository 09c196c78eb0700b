//! An answer that comes at once.

use action::{Action, Json, Operation};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use wire::dialect::Dialect;
use wire::doc::{Doc, DocFault};
use wire::instead::{self, Refused};
use wire::translate;
use wire::usage::Tally;

use super::asked::Asked;
use super::call::{Call, Judged};
use super::headers;
use super::no::No;
use super::send::Begun;
use super::shadow::Said;
use super::stitch::Turn;
use crate::guard::{Came, Plane};
use crate::limits::{BODY_PAUSE, MAX_ANSWER};
use crate::refuse::Refusal;
use crate::tool;

impl Call {
    /// Judges an answer as a whole, then each call of a tool in it, and gives what may be given.
    pub async fn plain(&self, answer: Begun) -> Result<Response, No> {
        let Begun { response, dialect, model, began, first_byte } = answer;
        let (head, body) = response.into_parts();
        let body = whole(body).await.map_err(|no| no.about(&self.id))?;
        self.notice(|live| {
            (live.status, live.first_byte, live.whole) = (head.status.as_u16(), first_byte, began.elapsed());
        });
        let shown = self.shown(&body, dialect).await.map_err(|no| no.about(&self.id))?;
        let shown = shown.unwrap_or(body);
        let bytes = match dialect.name == self.dialect.name {
            true => shown,
            false if !head.status.is_success() => {
                return Err(No::foreign(head.status.as_u16()).about(&self.id));
            }
            false => self.translated(&shown, dialect, &model).map_err(|no| no.about(&self.id))?,
        };
        if head.status.is_success() {
            self.remember(|| {
                let doc = Doc::parse(&bytes).ok()?;
                Some(Turn::of_answer(&Asked::answer(&doc, self.dialect)))
            });
        }
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = head.status;
        *response.headers_mut() = headers::to_client(&head.headers);
        self.sign(response.headers_mut());
        Ok(response)
    }

    fn translated(&self, shown: &Bytes, dialect: &Dialect, model: &str) -> Result<Bytes, No> {
        let doc = Doc::parse(shown).map_err(unreadable)?;
        let said = translate::answer(dialect, self.dialect, &doc, self.id.as_str(), model);
        said.map(Bytes::from).map_err(|no| No::untranslatable(no, true))
    }

    /// What may be given of an answer; `None` for all of it as it came.
    async fn shown(&self, body: &Bytes, dialect: &'static Dialect) -> Result<Option<Bytes>, No> {
        if body.is_empty() {
            self.settle(None);
            self.seen(Json::Null, true).await?;
            return Ok(None);
        }
        let doc = Doc::parse(body).map_err(unreadable)?;
        self.settle(Some(&Tally::of(dialect, doc.root())));
        let asked = Asked::answer(&doc, dialect);
        self.notice(|live| live.said = Said::whole(&asked, self.story.shadows.hash()));
        let lining = self.talk.lining();
        let mut payload = self.seen(lining.covered(asked.payload.clone()), true).await?;
        let mut refused = Vec::new();
        for call in asked.calls() {
            let arguments = lining.opened(call.arguments.clone());
            match self.called(&call.tool, arguments).await {
                Ok(None) => {}
                Ok(Some(arguments)) => call.put(&mut payload, arguments),
                Err(no) => {
                    let text = no.in_place().ok_or(no)?.into();
                    refused.push(Refused { spot: call.spot, text });
                }
            }
        }
        let spliced = asked.spliced(doc.source(), &lining.opened(payload));
        let spliced = spliced.map_err(|_| No::unfit(&self.id))?;
        if refused.is_empty() {
            return Ok(spliced.map(Bytes::from));
        }
        let source = spliced.unwrap_or_else(|| doc.source().to_owned());
        let doc = Doc::parse(source.as_bytes()).map_err(unreadable)?;
        let mended = instead::answer(dialect, &doc, &refused).ok().and_then(|it| it.apply(&source).ok());
        mended.map(|mended| Some(Bytes::from(mended))).ok_or_else(|| No::unfit(&self.id))
    }

    /// An answer, or the part of it that has come, at the one door; gives back what may be shown of it.
    /// `last` says that it is all of it, so that the record tells that the call was carried out.
    pub async fn seen(&self, payload: Json, last: bool) -> Result<Json, No> {
        let action = self.action("answer", Operation::Read, payload.clone(), Vec::new());
        let came = if last { Came::Result(self.id.clone()) } else { Came::Asked(self.id.clone()) };
        // What is replaced here is replaced for good: putting it back would undo what a rule says.
        match self.judged(action, Plane::ANSWER.of(came)).await? {
            Judged::Through(leave) => Ok(leave.changed.map_or(payload, |changed| changed.action.payload)),
            Judged::Waits(_) => Err(Refusal::Faulty.into()),
        }
    }

    /// A call of a tool that a model asks for. Gives back its arguments where a rule changed them.
    pub async fn called(&self, tool: &str, arguments: Json) -> Result<Option<Json>, No> {
        let action = self.tool_call(tool, arguments)?;
        let changed = match self.judged(action.clone(), Plane::CALL.of(Came::Asked(self.id.clone()))).await? {
            Judged::Through(leave) => leave.changed,
            Judged::Waits(hold) => self.approved(&action, hold).await?.changed,
        };
        Ok(changed.map(|changed| changed.action.payload))
    }

    /// The action that a call of a tool is. Arguments that are written as a text are read.
    fn tool_call(&self, tool: &str, arguments: Json) -> Result<Action, No> {
        let arguments = match arguments {
            Json::Text(text) => Json::parse(text.as_bytes()).unwrap_or(Json::Text(text)),
            other => other,
        };
        let call = tool::Call {
            caller: &self.caller,
            environment: self.environment(),
            principal: self.origin.principal.clone(),
            session: self.origin.session.clone(),
            context: Vec::new(),
            now: self.story.guard.clock.now().timestamp(),
            via: None,
            server: None,
        };
        tool::action_of(tool, arguments, call, &self.story.tools).map_err(|_| {
            No::unavailable("bad_tool_name", "the model calls a tool by a name that is none").about(&self.id)
        })
    }
}

fn unreadable(_: DocFault) -> No {
    No::unavailable("unreadable_answer", "the provider's answer cannot be read")
}

async fn whole(body: Incoming) -> Result<Bytes, No> {
    let limited = Limited::new(body, MAX_ANSWER).collect();
    match tokio::time::timeout(BODY_PAUSE, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(No::unavailable("answer_too_large", "the provider's answer is larger than 16 MiB"))
        }
        Ok(Err(_)) => Err(No::unavailable("answer_cut", "the provider's answer ended early")),
        Err(_) => Err(No::unavailable("answer_too_slow", "the provider's answer did not end in time")),
    }
}
