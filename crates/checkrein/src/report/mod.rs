//! Measuring detection: corpora in, shares with their uncertainty out.

pub mod corpus;
pub mod detect;
pub mod disguise;
pub mod injection;
pub mod opa;
pub mod personal;
pub mod sessions;
mod suites;
mod wilson;
