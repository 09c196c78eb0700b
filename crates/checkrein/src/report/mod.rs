//! Measuring detection: corpora in, shares with their uncertainty out.

pub mod corpus;
pub mod detect;
mod suites;
mod wilson;
