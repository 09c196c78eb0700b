//! The server from outside: the real binary over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod a2a;
mod approvals;
mod budgets;
mod certificates;
mod clients;
#[path = "../../../sandbox/tests/adapters/cluster.rs"]
mod cluster;
mod contentless;
mod egress;
mod evidence;
mod faults;
mod frames;
mod harness;
mod hostile;
mod identity;
mod isolation;
mod leaks;
mod mcp;
mod models;
mod operators;
mod pieces;
mod provider;
mod providers;
mod questions;
mod receiver;
mod records;
mod redaction;
mod rollouts;
mod routes;
mod scenarios;
mod shadows;
mod signed;
mod speak;
mod stitching;
mod tokens;
mod tools;
mod topics;
mod traces;
mod webhooks;
mod witnesses;
