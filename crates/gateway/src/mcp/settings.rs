//! What operators say of MCP: which servers there are, who may use them, and how strictly.

use std::path::PathBuf;
use std::time::Duration;

use action::Name;
use http::Uri;

use crate::route::Base;
use crate::tool::{SEPARATOR, Told, fits};

/// The section `mcp` of the settings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub servers: Vec<Server>,
    /// What is known of tools beside their names.
    pub tools: Vec<Told>,
    /// Who may use what. Without an entry every agent may use every server.
    pub access: Vec<Access>,
    pub first: First,
    pub changed: Strict,
    pub shadowed: Shadowed,
    pub arguments: Strict,
    /// How long an answer waits for a person before the caller is told to come back.
    pub wait: Wait,
    /// Where agents reach this listener, for documents that name it.
    pub public: Option<String>,
}

/// One MCP server.
#[derive(Debug, Clone)]
pub struct Server {
    pub name: Name,
    /// Absent for one that only the wrapper of a command speaks with.
    pub url: Option<Uri>,
    /// Authorities that vouch for it, instead of the public ones.
    pub ca: Option<PathBuf>,
    /// What its connections are made through.
    pub proxy: Option<Base>,
    /// Sent upstream as `Authorization`, where the caller brings none.
    pub authorization: Option<Secret>,
    /// What it may ask of the client.
    pub asks: Vec<Asks>,
    /// Who issues tokens for it, told to clients in its metadata.
    pub authorization_servers: Vec<String>,
}

/// A text that is shown nowhere.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What a server may ask of a client beyond answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// That the agent's model is called.
    Sampling,
    /// That the agent's user is asked.
    Elicitation,
    /// Which folders the client works in.
    Roots,
}

impl Asks {
    pub const ALL: [Asks; 3] = [Asks::Sampling, Asks::Elicitation, Asks::Roots];

    pub const fn as_str(self) -> &'static str {
        match self {
            Asks::Sampling => "sampling",
            Asks::Elicitation => "elicitation",
            Asks::Roots => "roots",
        }
    }

    /// Which of them a method is. Anything but a sign of life is one of them or unknown.
    pub fn of(method: &str) -> Option<Asks> {
        match method {
            "sampling/createMessage" => Some(Asks::Sampling),
            "elicitation/create" => Some(Asks::Elicitation),
            "roots/list" => Some(Asks::Roots),
            _ => None,
        }
    }
}

/// Agents, and the servers and tools that they may use. Patterns, in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub agents: Vec<String>,
    pub servers: Vec<String>,
    pub tools: Vec<String>,
}

/// What becomes of a definition that was never seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum First {
    /// It counts from then on.
    #[default]
    Pin,
    /// It waits for an operator.
    Wait,
}

/// What becomes of something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strict {
    #[default]
    Block,
    /// A finding is raised, and it goes on.
    Alert,
}

/// The same for a tool that is called like one of another server, which happens without malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shadowed {
    Block,
    #[default]
    Alert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Default for Wait {
    fn default() -> Self {
        Wait(Duration::from_secs(120))
    }
}

impl Settings {
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name.as_str() == name)
    }

    /// Whether an agent may use a server at all.
    pub fn may_reach(&self, agent: &Name, server: &Name) -> bool {
        self.access.is_empty() || self.of(agent).any(|access| any(&access.servers, server.as_str()))
    }

    /// Whether an agent may call a tool of a server. A tool is meant by its own name or by both.
    pub fn may_call(&self, agent: &Name, server: &Name, tool: &str) -> bool {
        let whole = format!("{server}{SEPARATOR}{tool}");
        self.access.is_empty()
            || self.of(agent).any(|access| {
                any(&access.servers, server.as_str())
                    && (any(&access.tools, tool) || any(&access.tools, &whole))
            })
    }

    fn of(&self, agent: &Name) -> impl Iterator<Item = &Access> {
        self.access.iter().filter(|access| any(&access.agents, agent.as_str()))
    }
}

/// Whether a name fits one of the patterns; none fit all.
fn any(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_named_may_not_once_anybody_is() {
        let name = |text: &str| Name::new(text).unwrap();
        let open = Settings::default();
        assert!(open.may_call(&name("a"), &name("files"), "read"));
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let closed = Settings {
            access: vec![
                Access { agents: list(&["bot-*"]), servers: list(&["files"]), tools: list(&["read_*"]) },
                Access { agents: list(&["admin"]), servers: list(&[]), tools: list(&["files__*", "ping"]) },
            ],
            ..Settings::default()
        };
        for (agent, server, tool, may) in [
            ("bot-1", "files", "read_file", true),
            ("bot-1", "files", "write_file", false),
            ("bot-1", "mail", "read_mail", false),
            ("admin", "files", "write_file", true),
            ("admin", "mail", "ping", true),
            ("admin", "mail", "send", false),
            ("other", "files", "read_file", false),
        ] {
            assert_eq!(closed.may_call(&name(agent), &name(server), tool), may, "{agent} {server} {tool}");
        }
        assert!(!closed.may_reach(&name("other"), &name("files")));
        assert!(!closed.may_reach(&name("bot-1"), &name("mail")));
    }
}
