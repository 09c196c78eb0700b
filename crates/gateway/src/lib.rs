//! The request path: the only crate that stands between an agent and the world.
//!
//! Read [`guard`] for the one door, and [`ask`] for the story of a caller that asks before it acts. Nothing proceeds without a [`Permit`], and only the guard makes one,
//! from a receipt of the ledger.

pub mod approval;
pub mod ask;
pub mod book;
mod fail;
pub mod freeze;
pub mod guard;
pub mod identity;
mod ids;
pub mod limits;
pub mod llm;
pub mod mcp;
pub mod memory;
pub mod meter;
pub mod money;
pub mod ports;
pub mod provider;
mod refuse;
pub mod rollout;
pub mod route;
pub mod serve;
mod token;
pub mod tool;
pub mod upstream;

pub use book::{Book, Registration, Scope, Settings};
pub use fail::OpenPasses;
pub use guard::{Answered, Guard, Permit};
pub use refuse::Refusal;
pub use serve::router;
