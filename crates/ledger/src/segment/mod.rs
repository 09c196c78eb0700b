//! Segment files: records in frames, one after another.

pub mod frame;
