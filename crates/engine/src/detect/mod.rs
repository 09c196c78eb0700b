//! Detection: twelve vectors, each independent, in one table.

pub mod injection;

mod hit;
mod leaf;

pub use hit::Hit;
pub use leaf::Leaf;
