//! An action that waits for a person, and goes on once.
//!
//! One owner of every held action: it is bound to the exact payload hash, moves only by records
//! that are durable, survives a restart and is released a single time.
