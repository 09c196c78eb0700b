//! Prompt injection: text that tries to give the agent orders it was not given by its user.

pub mod model;
