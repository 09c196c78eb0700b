//! Foreign formats: what providers, agents and tools send each other, and where the text in it stands.
//!
//! Pure: bytes in, places and bytes out. Nothing here decides, opens a socket or knows the time.
//! Start with [`doc`], which reads a body and keeps the place of every value, then [`edit`], which
//! changes some of them and leaves every other byte as it came, and [`frame`], which cuts streams.
//! [`shape`] says what stands where as data, and [`dialect`] is one table for each format.
//! [`endpoint`] says which path speaks which of them.
//! [`refuse`] says no in each, [`usage`] reads what an answer took and how it ended. [`stream`] puts them together for an answer that arrives in pieces.

pub mod dialect;
pub mod doc;
pub mod edit;
pub mod endpoint;
pub mod frame;
pub mod refuse;
pub mod shape;
pub mod stream;
pub mod usage;
