//! Foreign formats: what providers, agents and tools send each other, and where the text in it stands.
//!
//! Pure: bytes in, places and bytes out. Nothing here decides, opens a socket or knows the time.
//! Start with [`doc`], which reads a body and keeps the place of every value, then [`edit`], which
//! changes some of them and leaves every other byte as it came, and [`frame`], which cuts streams.
//! [`shape`] says what stands where as data, and [`dialect`] is one table for each format.
//! [`endpoint`] says which path speaks which of them. [`refuse`] says no in each, [`say`] puts words of
//! ours in the place of an answer, [`instead`] in that of one call, [`usage`] reads what an answer took and how it ended, and
//! [`translate`] says the same in another. [`stream`] reads an answer that arrives in pieces.

pub mod dialect;
pub mod doc;
pub mod edit;
pub mod endpoint;
pub mod frame;
pub mod instead;
pub mod refuse;
pub mod say;
pub mod shape;
pub mod stream;
pub mod translate;
pub mod usage;
