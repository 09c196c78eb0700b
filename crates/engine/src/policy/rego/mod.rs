//! Rego modules: the same input, the same verdicts, in the language of Open Policy Agent.
//!
//! A module is one voice in its layer. It collects into a set, so that no two of its bodies can
//! contradict each other:
//!
//! ```rego
//! # METADATA
//! # custom:
//! #   layer: organisation
//! #   priority: 50
//! #   when: { tool: [send_email, http_post] }
//! #   on_fault: block
//! package checkrein.egress
//!
//! decisions contains {"verdict": "block", "rule": "unknown-host", "reason": "no such partner"} if {
//!     some host in input.action.resource.destinations
//!     not endswith(host, ".partner.example")
//! }
//! ```
//!
//! The strictest element is what the module says. `when` is the native condition language; it is
//! asked first and files the module in the dispatch index, so a module about other tools costs
//! nothing. Modules are compiled once and run as byte code with a bound on instructions, which is
//! the same on every machine, instead of a clock. A module that panics, runs on or answers
//! nonsense is a fault and counts as `on_fault`: unless the module says otherwise, approve for
//! actions with an effect and alert for reads; never allow.

mod builtins;
mod codec;
mod header;
mod input;
mod module;

pub use builtins::{Clock, EXTRA, Extra, NOT_OFFERED, WITHHELD, interpreter};
pub use header::read;
pub use input::input;
pub use module::{Decided, MAX_INSTRUCTIONS, Module, Outcome};
