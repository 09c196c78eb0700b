//! The only crate that knows SQL.
//!
//! Two databases. The index is a copy of the ledger in tables: drop it, follow the ledger again, and
//! the same rows are there. The state is what operators keep: agents, keys, rules, settings.
