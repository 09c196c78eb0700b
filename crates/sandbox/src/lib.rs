//! Runs an action where nothing of it stays.
//!
//! An action that is to be isolated goes to the adapter that knows its target. The adapter carries it
//! out in a place of its own and answers with two things: the result that a real execution would have
//! given, and what would have been written. Production is never written to, and an action that an
//! adapter does not fully understand is refused: whoever asked then holds it for a person.
//!
//! Start with [`Sandbox::run`]. It blocks, within the time of its [`Bounds`].

mod bounds;
mod files;
mod http;
mod payload;
mod postgres;
mod refused;
mod sqlite;
mod statement;

use std::fmt;

use action::{Action, Json, Name};

pub use bounds::Bounds;
pub use files::Files;
pub use http::{Http, Method, Mock, MockFault};
pub use postgres::{Authorities, DOORS, Postgres, Secret};
pub use refused::Refused;
pub use sqlite::Sqlite;

/// Every target that has an adapter.
#[derive(Debug, Default)]
pub struct Sandbox {
    targets: Vec<Target>,
    bounds: Bounds,
}

/// One target, and who may be answered from it.
#[derive(Debug)]
pub struct Target {
    pub adapter: Adapter,
    /// The result is read with the adapter's credentials, not the agent's: with names here, only these
    /// agents see it. Empty is every agent.
    pub agents: Vec<Name>,
}

/// The kinds of place in which an action can run.
#[derive(Debug)]
pub enum Adapter {
    Sqlite(Sqlite),
    Postgres(Postgres),
    Http(Http),
    Files(Files),
}

/// What an isolated run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What a real execution would have returned.
    pub result: Json,
    /// What would have been written, with its content as far as the bounds allow.
    pub captured: Json,
    /// The same without any content: which places, how many writes.
    pub outline: Json,
    /// Rows, files or requests that would have been written.
    pub writes: u64,
}

impl Adapter {
    /// The word for its kind, which records and documents use.
    pub const fn word(&self) -> &'static str {
        match self {
            Adapter::Sqlite(_) => "sqlite",
            Adapter::Postgres(_) => "postgres",
            Adapter::Http(_) => "http",
            Adapter::Files(_) => "files",
        }
    }

    /// Whether the action is about this target. What it asks for is looked at when it runs.
    fn fits(&self, action: &Action) -> bool {
        match self {
            Adapter::Sqlite(sqlite) => sqlite.fits(action),
            Adapter::Postgres(postgres) => postgres.fits(action),
            Adapter::Http(http) => http.fits(action),
            Adapter::Files(files) => files.fits(action),
        }
    }

    fn run(&self, action: &Action, bounds: &Bounds) -> Result<Run, Refused> {
        match self {
            Adapter::Sqlite(sqlite) => sqlite.run(action, bounds),
            Adapter::Postgres(postgres) => postgres.run(action, bounds),
            Adapter::Http(http) => http.run(action, bounds),
            Adapter::Files(files) => files.run(action, bounds),
        }
    }
}

impl Sandbox {
    pub const fn new(targets: Vec<Target>, bounds: Bounds) -> Self {
        Sandbox { targets, bounds }
    }

    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The adapter that takes this action: the first that fits.
    pub fn adapter(&self, action: &Action) -> Option<&Adapter> {
        let agent = &action.agent.name;
        self.targets
            .iter()
            .find(|target| {
                (target.agents.is_empty() || target.agents.contains(agent)) && target.adapter.fits(action)
            })
            .map(|target| &target.adapter)
    }

    /// Runs one action in isolation. Blocks for at most the time of the bounds.
    pub fn run(&self, action: &Action) -> Result<Run, Refused> {
        self.adapter(action).ok_or(Refused::NoAdapter)?.run(action, &self.bounds)
    }
}

/// An object with these entries.
pub(crate) fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

pub(crate) fn text(text: impl fmt::Display) -> Json {
    Json::Text(text.to_string())
}

pub(crate) fn count(number: usize) -> Json {
    whole(u64::try_from(number).unwrap_or(u64::MAX))
}

pub(crate) const fn whole(number: u64) -> Json {
    Json::Number(action::Decimal::from_u64(number))
}
