//! One pure function that judges an agent's action.
//!
//! [`decide`] takes an action, the facts about whoever tries it, the rules in force and the time,
//! and always answers. The engine keeps no state, reads no clock and does no I/O; what it learned
//! from a decision comes back from [`learn`] for the caller to keep.
//!
//! Start here, then follow the path of one action: `detect` (twelve vectors), `score` (seven
//! dimensions), `policy` (the verdict), `explain`. `text` prepares what the detectors read;
//! `redact` replaces sensitive data and puts it back; `live` judges a text that is still growing.

mod change;
mod decide;
pub mod detect;
pub mod explain;
pub mod facts;
mod guard;
pub mod live;
pub mod policy;
pub mod redact;
mod rules;
pub mod score;
pub mod text;
pub mod topic;
pub mod train;
pub mod yaml;

pub use change::{Changed, Throttle, Unfit, change, redacted};
pub use decide::decide;
pub use facts::{Learned, learn};
pub use rules::Rules;
