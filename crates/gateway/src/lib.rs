//! The request path: the only crate that stands between an agent and the world.
