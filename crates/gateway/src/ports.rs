//! What the request path needs from outside. The composition gives it; tests give their own.

use std::pin::Pin;

use action::{Action, Capture, Digest, Json, Name};
use ledger::Committed;

use crate::money::SpendPart;

/// Something outside did not answer as it should. The cause is logged where it happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not available")]
pub struct Unavailable {
    pub what: &'static str,
}

/// Where what was learned is kept over a restart.
pub trait FactStore: Send + Sync {
    fn load(&self, key: &FactKey) -> Result<Option<Vec<u8>>, Unavailable>;
    /// All of the batch, or nothing.
    fn save(&self, batch: &[(FactKey, Vec<u8>)]) -> Result<(), Unavailable>;
}

/// Where what was spent is kept over a restart.
pub trait SpendStore: Send + Sync {
    fn load(&self, what: SpendPart) -> Result<Option<Vec<u8>>, Unavailable>;
    /// All of it in the place of what was there, or nothing.
    fn save(&self, what: SpendPart, bytes: &[u8]) -> Result<(), Unavailable>;
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactKey {
    Agent(Name),
    Session(Name, Name),
}

/// Whose content something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Person(Box<str>),
    /// Nobody is known: it goes with the session.
    Session {
        agent: Name,
        session: Name,
    },
    Agent(Name),
}

/// Where an action runs so that nothing of it stays.
pub trait Isolate: Send + Sync {
    /// Whether an adapter knows the target. What the action asks of it is looked at when it runs.
    fn fits(&self, action: &Action) -> bool;
    /// Runs it, within bounds of its own, and never for real.
    fn run(&self, action: Action) -> Isolating;
}

pub type Isolating = Pin<Box<dyn Future<Output = Result<Isolated, NotIsolated>> + Send>>;

/// What an isolated run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolated {
    pub adapter: &'static str,
    /// What a real execution would have returned.
    pub result: Json,
    /// What would have been written.
    pub captured: Json,
    /// The same without its content.
    pub outline: Json,
    pub writes: u64,
}

/// An adapter did not run an action. Both are stable words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotIsolated {
    pub adapter: &'static str,
    pub why: &'static str,
}

/// Where content is kept, under keys that can be destroyed.
pub trait Vault: Send + Sync {
    /// The pseudonym of whoever content belongs to. The same one has the same pseudonym until it
    /// is erased. May wait for a disk.
    fn pseudonym(&self, whose: &Whose) -> Result<Name, Unavailable>;
    /// The same without any wait: none when it would have to be looked up.
    fn known(&self, whose: &Whose) -> Option<Name>;
    /// Takes content to keep. Never waits: what cannot be taken is counted as shed.
    fn keep(&self, piece: Piece);
}

/// One piece of content and what the ledger holds of it.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The decision it belongs to.
    pub of: Name,
    pub role: Committed,
    pub capture: Capture,
    /// Whose content it is.
    pub subject: Name,
    pub salt: [u8; 32],
    pub bytes: Vec<u8>,
}

/// How the keys of agents are written.
pub trait KeyForm: Send + Sync {
    /// The public part and the hash of the secret part. `None` when the text cannot be a key.
    fn read(&self, text: &str) -> Option<(Name, Digest)>;
}

/// What earlier decisions are known by, for repeated questions after a restart.
pub trait Past: Send + Sync {
    /// May be behind what was answered by moments.
    fn decision(&self, id: &Name) -> Result<Option<PastDecision>, Unavailable>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDecision {
    pub agent: Name,
    /// Keyed hash of the payload that was decided.
    pub payload: Option<Digest>,
    pub verdict: action::Verdict,
    pub effective: action::Verdict,
    /// Whether it waited, was approved and has been handed out.
    pub released: bool,
    pub sequence: u64,
}

/// Stops what is already running, on the order of a rule.
pub trait Contain: Send + Sync {
    /// What it did stands when it returns.
    fn contain(&self, order: &Order) -> Result<Contained, Unavailable>;
}

/// What is to be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub what: action::Containment,
    pub agent: Name,
    pub session: Option<Name>,
    /// The decision that orders it.
    pub decision: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contained {
    Done,
    /// Nothing here can do that.
    NotHere,
}

/// Randomness.
pub trait Dice: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's.
pub struct SystemDice;

impl Dice for SystemDice {
    #[expect(
        clippy::panic,
        reason = "without randomness no id, salt or key may be made; ending is the safe answer"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            panic!("the system gives no randomness");
        }
    }
}
