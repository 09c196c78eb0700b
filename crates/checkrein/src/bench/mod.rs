//! Benchmarks of the engine: what is timed, how, and how it is shown.

pub mod cases;
pub mod clock;
