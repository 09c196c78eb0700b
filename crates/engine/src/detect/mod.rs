//! Detection: twelve vectors, each independent, in one table.

mod hit;
mod leaf;
pub mod pii;
pub mod secrets;

pub use hit::Hit;
pub use leaf::Leaf;
