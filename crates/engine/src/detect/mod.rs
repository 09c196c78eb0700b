//! Detection: twelve vectors, each independent, in one table.

mod hit;
mod leaf;
pub mod scene;
mod sensitivity;
pub mod sequence;
pub mod state;
pub mod taint;

pub use hit::Hit;
pub use leaf::Leaf;
pub use scene::Scene;
