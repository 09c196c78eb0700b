//! The nouns: what an agent tried, and what was answered.
//!
//! Every other crate speaks in these types. Nothing here decides, reads a clock or does I/O.
//! Start with [`Action`], the unit of decision, then [`Decision`], the answer to one.
//!
//! Text is checked once, where it enters: [`Name`], [`Json`] and [`Timestamp`] can only be made
//! from input that passed, so the code behind them never checks again.

mod act;
mod decision;
mod detection;
mod hash;
mod json;
mod json_number;
mod lists;
#[cfg(feature = "schema")]
pub mod schema;
mod text;
mod time;
mod trace;

pub use act::{Action, AgentRef, Amount, Content, Principal, Resource, Session, TraceId};
pub use decision::{
    Alert, Constraint, Counterfactual, Decision, Fault, RuleMatch, Ruling, Score, Shadow, Stage,
};
pub use detection::{Confidence, Detection, Evidence, Place};
pub use hash::{Digest, digest};
pub use json::{Json, JsonError, MAX_BYTES, MAX_DEPTH, MAX_LEAVES};
pub use json_number::Decimal;
pub use lists::*;
pub use text::{Name, NameError, read_text};
pub use time::Timestamp;
pub use trace::TraceParent;
