//! Detection: twelve vectors, each independent, in one table.

mod hit;
mod leaf;
mod meaning;
pub mod walk;

pub use hit::Hit;
pub use leaf::Leaf;
pub use meaning::{TypeHints, meaning};
pub use walk::Walk;
