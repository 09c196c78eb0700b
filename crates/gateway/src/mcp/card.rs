//! The card of an agent: who it says it is, judged like everything that agents read, with our address in the
//! place of its own.

use action::Name;
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Limited};
use wire::doc::{Doc, Kind, Value, quoted};
use wire::edit::remade;
use wire::refuse::Why;

use super::a2a::{Agents, CARD};
use super::outbound::Asked;
use super::proxy::{ANSWER_WITHIN, Exchange};
use super::refusal::No;
use crate::limits::MAX_BODY;

/// What a card is asked for and recorded as.
const METHOD: &str = "a2a/card";

impl Agents {
    /// Asks an agent for its card.
    pub(super) async fn card(&self, exchange: &Exchange) -> Result<String, No> {
        let line = &exchange.line;
        let server = &line.server;
        let permit = self.mcp.leave(line, METHOD).await?;
        let tool = Name::new(METHOD).unwrap_or_else(|_| crate::guard::nameless());
        let id = Some("0".to_owned());
        let asked = Asked { id, method: METHOD.to_owned(), tool, decision: permit.decision().clone() };
        let path = self.cards.get(&server.name).map_or(CARD, String::as_str);
        let bad = |message: &str| No::new(Why::Unavailable, "bad_card", message);
        let judged = async {
            let response = self.mcp.legs.fetch(permit, server, path, &exchange.headers).await?;
            if !response.status().is_success() {
                return Err(bad("the agent does not give its card"));
            }
            let body = Limited::new(response.into_body(), MAX_BODY).collect();
            let body = tokio::time::timeout(ANSWER_WITHIN, body).await.ok().and_then(Result::ok);
            let body = body.ok_or_else(|| bad("the card is cut or too large"))?.to_bytes();
            let unreadable = || bad("the card cannot be read");
            let card = Doc::parse(&body).ok().filter(|doc| doc.root().kind() == Kind::Object);
            let card = card.ok_or_else(unreadable)?;
            // In the form of an answer, as which it is judged.
            let answer = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{}}}"#, card.root().raw());
            let (judged, _) =
                self.mcp.judge_body(line, &Bytes::from(answer), std::slice::from_ref(&asked)).await;
            judged.ok_or_else(unreadable)
        };
        let judged = judged.await.inspect_err(|no| self.mcp.failed(line, [&asked], &no.code))?;
        let doc = Doc::parse(&judged).map_err(|_| bad("the card cannot be read"))?;
        let Some(card) = doc.root().get("result") else {
            return Err(No::new(Why::Refused, "refused", "the card of this agent is not given"));
        };
        let here = format!("{}/a2a/{}", self.public.trim_end_matches('/'), server.name);
        Ok(led_here(card, &here))
    }
}

/// The card with our address in the place of every one that it names. What it offers by another way than
/// this gateway speaks is taken out, and so are its signatures, which are of another card than this one.
pub(super) fn led_here(card: Value<'_>, here: &str) -> String {
    let has = |key: &str| card.get(key).is_some();
    let mut changes = vec![("signatures", None)];
    if has("url") {
        changes.push(("url", Some(quoted(here))));
    }
    if has("preferredTransport") {
        changes.push(("preferredTransport", Some(quoted(SPOKEN))));
    }
    for (key, binding) in [("additionalInterfaces", "transport"), ("supportedInterfaces", "protocolBinding")] {
        let Some(list) = card.get(key) else { continue };
        let spoken = list.items().filter(|item| item.get(binding).is_some_and(|it| it.is_text(SPOKEN)));
        let led = spoken.map(|item| remade(item, vec![("url", Some(quoted(here)))]));
        changes.push((key, Some(format!("[{}]", led.collect::<Vec<_>>().join(",")))));
    }
    // The longer card is asked for by a method that is not offered here.
    match card.get("capabilities").filter(|it| it.get("extendedAgentCard").is_some()) {
        Some(capabilities) => {
            let without = remade(capabilities, vec![("extendedAgentCard", Some("false".to_owned()))]);
            changes.push(("capabilities", Some(without)));
        }
        None if has("url") => changes.push(("supportsAuthenticatedExtendedCard", Some("false".to_owned()))),
        None => {}
    }
    remade(card, changes)
}

/// How this gateway is spoken to.
const SPOKEN: &str = "JSONRPC";
