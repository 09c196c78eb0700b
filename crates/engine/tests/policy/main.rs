//! Policy: its laws, its faults, ways around it, and the packs that ship.

#![allow(clippy::unwrap_used, clippy::panic)]

mod ask;
mod bypass;
mod faults;
mod laws;
mod packs;
