//! The parts of the `mcp` story: its settings with their secrets, its pins in a file, its routes. The same for
//! agents that talk to agents.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use action::{Digest, Json, Name};
use anyhow::{Context as _, Result};
use axum::Router;
use gateway::Guard;
use gateway::ask::Tokens;
use gateway::mcp::{A2A, Agents, Legs, MCP, Mcp, Pin, PinStore, Pins, Protocol, Seal, Settings, Waiting};
use gateway::ports::Unavailable;

use super::config::Config;
use super::secrets;

/// Definitions that agents were offered, in the data folder.
const PINS: &str = "mcp-pins.json";

/// The pins, and the routes where there are servers.
pub struct Parts {
    pub pins: Arc<Pins>,
    pub routes: Option<Router>,
}

/// Builds the story. The pins are there also without servers, for operators to look at.
pub fn build(config: &Config, guard: &Arc<Guard>, keys: &Path) -> Result<Parts> {
    let store = Arc::new(PinFile(config.data.join(PINS)));
    let pins = Arc::new(Pins::open(store).context("cannot read the pinned definitions of tools")?);
    let story = |protocol: &'static Protocol, settings: Settings| -> Result<Arc<Mcp>> {
        let legs = Legs::new(&settings).context("cannot set up the way to the servers")?;
        Ok(Arc::new(Mcp {
            guard: Arc::clone(guard),
            protocol,
            settings,
            pins: Arc::clone(&pins),
            tokens: Tokens::new(&secrets::key(keys, "token.key", &*guard.dice)?),
            seal: Seal::new(&secrets::key(keys, "mcp-session.key", &*guard.dice)?),
            waiting: Waiting::default(),
            legs,
        }))
    };
    let mut routes = None;
    if !config.mcp.is_empty() {
        routes = Some(gateway::mcp::router(story(&MCP, config.mcp.with_secrets()?)?));
    }
    if !config.a2a.agents.is_empty() {
        let a2a = &config.a2a;
        let agents = Agents {
            mcp: story(&A2A, a2a.agents.with_secrets()?)?,
            depth: a2a.depth,
            public: a2a.public.clone(),
            cards: a2a.cards.clone(),
            callers: a2a.callers.clone(),
            chains: Arc::default(),
        };
        let own = gateway::mcp::agents_router(Arc::new(agents));
        routes = Some(routes.unwrap_or_default().merge(own));
    }
    Ok(Parts { pins, routes })
}

/// Pins in one file, which is replaced whole.
struct PinFile(PathBuf);

impl PinStore for PinFile {
    fn load(&self) -> Result<Vec<Pin>, Unavailable> {
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(&error)),
        };
        serde_json::from_slice(&bytes).map_err(|error| unavailable(&error))
    }

    fn save(&self, pins: &[Pin]) -> Result<(), Unavailable> {
        let write = || -> std::io::Result<()> {
            let next = self.0.with_extension("next");
            let mut file = std::fs::File::create(&next)?;
            file.write_all(&serde_json::to_vec(pins).map_err(std::io::Error::other)?)?;
            file.sync_all()?;
            std::fs::rename(&next, &self.0)?;
            // The new name must be on the disk as well.
            self.0.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        };
        write().map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Unavailable {
    tracing::error!(error, file = PINS, "the pinned definitions cannot be read or written");
    Unavailable { what: "the pinned definitions" }
}

/// Pins as operators see them.
pub struct Board(pub Arc<Pins>);

impl control::pins::Pins for Board {
    fn all(&self) -> Vec<control::pins::Pinned> {
        self.0.all().into_iter().map(shown).collect()
    }

    fn accept(&self, server: &Name, tool: &Name, digest: &Digest) -> Option<control::pins::Pinned> {
        let pin = self.0.accept(server, tool, digest)?;
        self.keep();
        Some(shown(pin))
    }

    fn forget(&self, server: &Name, tool: &Name) -> Option<control::pins::Pinned> {
        let pin = self.0.forget(server, tool)?;
        self.keep();
        Some(shown(pin))
    }
}

impl Board {
    fn keep(&self) {
        if self.0.save().is_err() {
            tracing::error!("what an operator said of a definition holds until the next start");
        }
    }
}

fn shown(pin: Pin) -> control::pins::Pinned {
    let text = |definition: &gateway::mcp::Definition| control::pins::Definition {
        digest: definition.digest,
        definition: Json::parse(definition.text.as_bytes()).unwrap_or_default(),
    };
    control::pins::Pinned {
        accepted: pin.accepted.as_ref().map(text),
        offered: pin.offered.as_ref().map(|offer| text(&offer.definition)),
        why: pin.offered.map(|offer| offer.why),
        server: pin.server,
        tool: pin.tool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_they_were_written_and_a_damaged_file_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = PinFile(folder.path().join(PINS));
        assert_eq!(file.load().unwrap(), []);
        let name = |text: &str| Name::new(text).unwrap();
        let text = r#"{"name":"read"}"#.to_owned();
        let definition =
            gateway::mcp::Definition { digest: gateway::mcp::pins::digest_of(&text).unwrap(), text };
        let offered = Some(gateway::mcp::Offer { definition: definition.clone(), why: "x".to_owned() });
        let pins = [Pin { server: name("files"), tool: name("read"), accepted: Some(definition), offered }];
        file.save(&pins).unwrap();
        file.save(&pins).unwrap();
        assert_eq!(file.load().unwrap(), pins);
        std::fs::write(folder.path().join(PINS), "[{").unwrap();
        assert!(file.load().is_err());
    }
}
