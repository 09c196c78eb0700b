//! Detection: twelve vectors, each independent, in one table.

pub mod exploits;
pub mod injection;

mod hit;
mod leaf;
pub mod rules;
pub mod sql;
pub mod xss;
pub mod pii;
pub mod secrets;
pub mod scene;
mod sensitivity;
pub mod state;
pub mod taint;

pub use hit::Hit;
pub use leaf::Leaf;
pub use scene::Scene;
