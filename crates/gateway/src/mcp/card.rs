//! The card of an agent: who it says it is. It is judged like everything that agents read, pinned like the
//! definition of a tool, and given with our address in the place of its own.

use action::{Name, Severity};
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Limited};
use wire::doc::{Doc, Kind, Value, quoted};
use wire::edit::remade;
use wire::refuse::Why;

use super::Mcp;
use super::a2a::Agents;
use super::outbound::Asked;
use super::pins::{CHANGED, HIDDEN, Known, NEW, SHADOWS, SUSPECT, UNREADABLE};
use super::proxy::{ANSWER_WITHIN, Exchange};
use super::refusal::No;
use super::settings::{First, Server};
use crate::limits::MAX_BODY;

/// Where a card is, as the protocol has it.
const CARD: &str = "/.well-known/agent-card.json";
/// What a card is asked for and recorded as.
const METHOD: &str = "a2a/card";

/// What is found about a definition, by what it is called of a card.
const FINDINGS: [(&str, &str); 6] = [
    (CHANGED, "a2a.card_changed"),
    (SUSPECT, "a2a.card_suspect"),
    (HIDDEN, "a2a.card_hides_text"),
    (SHADOWS, "a2a.card_shadows_another"),
    (UNREADABLE, "a2a.card_unreadable"),
    (NEW, "a2a.card_is_new"),
];

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
            let doc = Doc::parse(&body).ok().filter(|doc| doc.root().kind() == Kind::Object);
            let doc = doc.ok_or_else(unreadable)?;
            self.pinned(exchange, doc.root()).await?;
            // In the form of an answer, as which it is judged.
            let answer = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{}}}"#, doc.root().raw());
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

    /// Holds a card against the one that counts. Its signatures are made anew by some with each answer.
    async fn pinned(&self, exchange: &Exchange, card: Value<'_>) -> Result<(), No> {
        let (mcp, line) = (&self.mcp, &exchange.line);
        let (server, name) = (&line.server.name, pin_of(&line.server.name));
        let plain = remade(card, vec![("signatures", None)]);
        let seen = mcp.pins.see(server, name.as_str(), &plain, &mcp.settings, || mcp.suspect(line, card));
        if let Some(finding) = seen.finding {
            let told = FINDINGS.iter().find(|(of_tool, _)| *of_tool == finding).map_or(finding, |(_, of)| of);
            let severity =
                if [SUSPECT, HIDDEN].contains(&finding) { Severity::High } else { Severity::Medium };
            mcp.find(line, told, severity).await;
        }
        mcp.save_pins().await;
        if seen.stands { Ok(()) } else { Err(waits()) }
    }
}

impl Mcp {
    /// Whether an agent may be talked to by what is known of its card.
    pub(super) fn card_stands(&self, server: &Server) -> Result<(), No> {
        match self.pins.known(&server.name, &pin_of(&server.name)) {
            Known::Waits => Err(waits()),
            Known::Never if self.settings.first == First::Wait => Err(No::new(
                Why::Refused,
                "card_unknown",
                "the card of this agent was never asked for; ask for it first",
            )),
            Known::Never | Known::Stands(_) => Ok(()),
        }
    }
}

fn waits() -> No {
    No::new(Why::Refused, "card_waits", "the card of this agent waits for an operator to accept it")
}

/// Under which a card is pinned, beside the tools of its server. It has the agent's name in it: one that is
/// called like another agent is a finding, as a tool is that is called like another one.
fn pin_of(server: &Name) -> Name {
    Name::new(&format!("{server}.card")).unwrap_or_else(|_| crate::guard::nameless())
}

/// The card with our address in the place of every one that it names. What it offers by another way than
/// this gateway speaks is taken out, and so are its signatures, which are of another card than this one.
pub fn led_here(card: Value<'_>, here: &str) -> String {
    let has = |key: &str| card.get(key).is_some();
    let mut changes = vec![("signatures", None)];
    if has("url") {
        changes.push(("url", Some(quoted(here))));
    }
    if has("preferredTransport") {
        changes.push(("preferredTransport", Some(quoted(SPOKEN))));
    }
    for (key, binding) in [("additionalInterfaces", "transport"), ("supportedInterfaces", "protocolBinding")]
    {
        let Some(list) = card.get(key) else { continue };
        let spoken = list.items().filter(|item| item.get(binding).is_some_and(|it| it.is_text(SPOKEN)));
        let led = spoken.map(|item| remade(item, vec![("url", Some(quoted(here)))]));
        changes.push((key, Some(format!("[{}]", led.collect::<Vec<_>>().join(",")))));
    }
    // The longer card is asked for by a method that is not offered here.
    let no = || Some("false".to_owned());
    match card.get("capabilities").filter(|it| it.get("extendedAgentCard").is_some()) {
        Some(capabilities) => {
            changes.push(("capabilities", Some(remade(capabilities, vec![("extendedAgentCard", no())]))));
        }
        None if has("url") => changes.push(("supportsAuthenticatedExtendedCard", no())),
        None => {}
    }
    remade(card, changes)
}

/// How this gateway is spoken to.
const SPOKEN: &str = "JSONRPC";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_leads_here_and_nowhere_else() {
        let here = "https://agents.example/a2a/planner";
        for (card, want) in [
            // 0.3: one address, and others beside it.
            (
                r#"{ "name":"planner", "url":"https://planner.internal/a2a","preferredTransport":"GRPC","additionalInterfaces":[{"url":"https://planner.internal/grpc","transport":"GRPC"},{"transport":"JSONRPC","url":"https://planner.internal/a2a"}],"signatures":[{"protected":"x"}],"skills":[{"id":"plan"}] }"#,
                r#"{"name":"planner","url":"https://agents.example/a2a/planner","preferredTransport":"JSONRPC","additionalInterfaces":[{"transport":"JSONRPC","url":"https://agents.example/a2a/planner"}],"skills":[{"id":"plan"}],"supportsAuthenticatedExtendedCard":false}"#,
            ),
            // 1.0: a list of them.
            (
                r#"{"name":"planner","supportedInterfaces":[{"url":"https://planner.internal/rest","protocolBinding":"HTTP+JSON","protocolVersion":"1.0"},{"url":"https://planner.internal/a2a","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{"streaming":true,"extendedAgentCard":true}}"#,
                r#"{"name":"planner","supportedInterfaces":[{"url":"https://agents.example/a2a/planner","protocolBinding":"JSONRPC","protocolVersion":"1.0"}],"capabilities":{"streaming":true,"extendedAgentCard":false}}"#,
            ),
            // What is odd leads nowhere else either.
            (
                r#"{"\u0075rl":7,"additionalInterfaces":{"url":"https://planner.internal"},"capabilities":[1]}"#,
                r#"{"\u0075rl":"https://agents.example/a2a/planner","additionalInterfaces":[],"capabilities":[1],"supportsAuthenticatedExtendedCard":false}"#,
            ),
            (
                r#"{"supportedInterfaces":["https://planner.internal",{"protocolBinding":"JSONRPC"},{"protocolBinding":7,"url":"x"}]}"#,
                r#"{"supportedInterfaces":[{"protocolBinding":"JSONRPC","url":"https://agents.example/a2a/planner"}]}"#,
            ),
        ] {
            let doc = Doc::parse(card.as_bytes()).unwrap();
            assert_eq!(led_here(doc.root(), here), want);
        }
    }
}
