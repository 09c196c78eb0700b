//! Text as detectors read it: normalised once, decoded where it looks encoded, each reading able
//! to point back into the original.
//!
//! Start at [`Prepared::new`]. `traits` counts bytes once and gates everything dearer; `fold`
//! normalises; `views` holds the decoders, one table; `mapped` keeps the way back.

mod fold;
mod mapped;
mod oddity;
mod prepared;
#[cfg(test)]
mod tests;
mod traits;
mod twins;
mod views;
mod words;

pub use oddity::{Oddity, OddityKind};
pub use prepared::{Prepared, Reading};
pub use traits::Traits;
pub use views::{EFFORT_FACTOR, EXPANSION_FACTOR, EXPANSION_FLOOR, MAX_DEPTH, MAX_VIEWS};
