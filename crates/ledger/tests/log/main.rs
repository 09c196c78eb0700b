//! The log as a whole, on a disk that fails: what was acknowledged stays, what was lost is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    reason = "a test stops at what it does not expect"
)]

mod appending;
mod canonical;
mod crash;
mod damage;
mod disk;
mod faults;
mod histories;
mod outside;
mod shards;
mod support;
