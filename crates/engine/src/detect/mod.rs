//! Detection: twelve vectors, each independent, in one table.

mod hit;
mod leaf;
mod meaning;
pub mod sql;
pub mod walk;
pub mod xss;

pub use hit::Hit;
pub use leaf::Leaf;
pub use meaning::{TypeHints, meaning};
pub use walk::Walk;
