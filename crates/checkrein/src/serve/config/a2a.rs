//! `a2a`: agents that agents may talk to through the gateway.
//!
//! ```yaml
//! a2a:
//!   public: https://agents.example.org     # where agents reach this listener, for the cards
//!   depth: 6                               # agents that may stand behind one another
//!   wait: 120                              # seconds that an answer waits for a person
//!   first: pin                             # or `wait`: a card that is seen for the first time waits
//!   changed: block                         # or `alert`: a card that is not what it was
//!   agents:
//!     - { name: planner, url: https://planner.internal/a2a, authorization: { env: PLANNER_TOKEN } }
//!     - { name: critic, url: https://critic.internal/rpc, card: /rpc/card.json, calls_as: critic-bot }
//!   access:
//!     - { agents: ["bot-*"], to: [planner] }
//! ```

use std::collections::HashMap;
use std::path::Path;

use action::Name;
use engine::yaml::{Faults, Fields};

use super::mcp::Mcp;
use super::name;
use super::providers::bounded;

/// Agents behind one another, where the settings say nothing.
const DEPTH: u32 = 6;
const MAX_DEPTH: i64 = 64;

/// The section.
#[derive(Debug, Default)]
pub struct A2a {
    /// The agents, as servers of messages.
    pub agents: Mcp,
    pub depth: u32,
    pub public: String,
    /// Where cards are that are not where the protocol has them.
    pub cards: HashMap<Name, String>,
    /// As whom agents call others.
    pub callers: HashMap<Name, Name>,
}

/// Reads the section. What is pinned of agents and of servers of tools stands under their names, so that none
/// is called like one of the others.
pub fn a2a(fields: Option<Fields<'_>>, tools: &Mcp, folder: &Path, faults: &mut Faults) -> A2a {
    let Some(mut fields) = fields else { return A2a::default() };
    let depth =
        bounded(&mut fields, "depth", 1, MAX_DEPTH, faults).and_then(|depth| u32::try_from(depth).ok());
    let mut read = A2a { depth: depth.unwrap_or(DEPTH), ..A2a::default() };
    read.agents.common(&mut fields, faults);
    match fields.text("public", faults) {
        Some(public) => public.clone_into(&mut read.public),
        None => {
            let hint = Some("for example `public: https://agents.example.org`, for the cards".to_owned());
            fields.fault(faults, "missing_key", "`public` is missing".to_owned(), hint);
        }
    }
    let file = fields.file();
    for node in fields.list("agents", faults).unwrap_or_default() {
        let Some(mut one) = Fields::of(file, node, faults) else { continue };
        agent(&mut one, &mut read, tools, folder, faults);
        one.finish(faults);
    }
    read.agents.too_many(&mut fields, faults);
    read.agents.access(&mut fields, "to", None, faults);
    fields.finish(faults);
    read
}

fn agent(one: &mut Fields<'_>, read: &mut A2a, tools: &Mcp, folder: &Path, faults: &mut Faults) {
    let card = one.text("card", faults).map(str::to_owned);
    let caller = name(one.text("calls_as", faults), "calls_as", one, faults);
    one.need("url", faults);
    if card.as_ref().is_some_and(|card| !card.starts_with('/')) {
        one.fault(faults, "bad_path", "`card` is a path on the agent's host".to_owned(), None);
    }
    let Some(name) = read.agents.add(one, folder, faults) else { return };
    if tools.has(&name) {
        one.fault(faults, "stands_twice", format!("`{name}` is an MCP server already"), None);
    }
    read.cards.extend(card.map(|card| (name.clone(), card)));
    read.callers.extend(caller.map(|caller| (name, caller)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (A2a, Vec<&'static str>) {
        let mut faults = Faults::default();
        let root = engine::yaml::parse("checkrein.yaml", text).unwrap();
        let mut fields = Fields::of("checkrein.yaml", &root, &mut faults).unwrap();
        let folder = Path::new("/etc/checkrein");
        let tools = crate::serve::config::mcp::mcp(fields.fields("mcp", &mut faults), folder, &mut faults);
        let read = a2a(fields.fields("a2a", &mut faults), &tools, folder, &mut faults);
        (read, faults.0.iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn a_section_is_read_and_every_fault_told() {
        let (section, faults) = read(
            "a2a:
  public: http://here
  depth: 3
  first: wait
  agents: [ { name: planner, url: 'http://127.0.0.1:9/a', card: /card, calls_as: planner-bot } ]
  access: [ { agents: 'bot-*', to: planner } ]
",
        );
        assert_eq!((section.depth, faults), (3, Vec::new()));
        assert_eq!(section.cards.values().next().unwrap(), "/card");
        assert_eq!(section.callers.values().next().unwrap().as_str(), "planner-bot");
        let settings = section.agents.with_secrets().unwrap();
        assert_eq!((settings.servers.len(), settings.first), (1, gateway::mcp::settings::First::Wait));
        assert_eq!(settings.access[0].servers, ["planner"]);
        let (_, faults) = read(
            "mcp: { servers: [ { name: files } ] }
a2a:
  depth: 0
  agents:
    - { name: a, url: 'http://x', card: here }
    - { name: a, url: 'http://x' }
    - { name: b }
    - { name: files, url: 'http://x', asks: [roots] }
",
        );
        for code in ["out_of_range", "missing_key", "bad_path", "stands_twice", "unknown_key"] {
            assert!(faults.contains(&code), "{code} in {faults:?}");
        }
        assert_eq!(faults.iter().filter(|code| **code == "stands_twice").count(), 2, "{faults:?}");
    }
}
