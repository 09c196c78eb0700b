//! The only crate that knows SQL.
//!
//! Three databases behind three types. The [`Index`] is a copy of the ledger in tables: drop it, follow
//! the ledger again, and the same rows are there. The [`State`] is what operators keep: agents, keys,
//! rules, settings. The [`Content`] is what the ledger only commits to, under keys that can be destroyed.
//!
//! Nothing here decides, and no clock is read except to bound a wait: times are arguments.

mod content;
mod database;
mod error;
mod index;
mod migrate;
mod page;
mod row;
mod state;
mod token;

pub use content::*;
pub use error::*;
pub use index::*;
pub use page::*;
pub use state::*;
pub use token::*;
