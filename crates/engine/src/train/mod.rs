//! Training of the injection model, and the honest report on it.
//!
//! Everything here is deterministic: fixed order, fixed seeds, sums taken one after the other. The
//! same rows give the same weights file, byte for byte, on any machine with IEEE 754 arithmetic.
//! Training never runs while deciding; what it leaves behind is integers.
// Fitting weights is numerical work; the result is quantised before anything decides with it.
#![allow(clippy::float_arithmetic)]

mod corpus;
mod fit;
mod grammar;
mod heads;
mod material;
mod measure;
mod report;
mod rng;

pub use corpus::Row;
pub use report::report;
