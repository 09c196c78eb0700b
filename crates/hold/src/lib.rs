//! An action that waits for a person, and goes on once.
//!
//! A [`Hold`] is bound to the exact payload hash of its action. It moves by events, each of which
//! is a record: first the record is durable, then the move is true. [`Holds`] is the one owner of
//! all of them in a process, and after a restart it is rebuilt from the same records.
//!
//! Nothing here reads a clock, speaks to a network or knows who may do what beyond the hold itself;
//! start with [`Hold::after`].

mod binding;
mod hold;
mod registry;
mod replay;

pub use binding::BindingKey;
pub use hold::{Event, Hold, Refusal, State, Vote};
pub use registry::{Beside, Holds, Journal, MAX_HOLDS, MAX_PER_AGENT, MAX_WAITERS, Outcome};
pub use replay::ReplayError;
