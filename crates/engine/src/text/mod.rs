//! Text as detectors read it: normalised once, decoded where it looks encoded, each reading able
//! to point back into the original.
//!
//! Start at [`Prepared::new`]. `traits` counts bytes once and gates everything dearer; `fold`
//! normalises; `views` holds the decoders, one table; `mapped` keeps the way back. `alike`,
//! `punycode` and `number` make names, hosts and numbers comparable for policy.

mod alike;
mod digits;
mod fold;
mod mapped;
pub mod number;
mod oddity;
mod prepared;
mod punycode;
#[cfg(test)]
mod tests;
mod traits;
mod twins;
mod views;
mod words;

pub use alike::alike;
pub use digits::next_digit;
pub use oddity::{Oddity, OddityKind};
pub use prepared::{Prepared, Reading};
pub use punycode::unicode_host;
pub use traits::Traits;
pub use views::{EFFORT_FACTOR, EXPANSION_FACTOR, EXPANSION_FLOOR, MAX_DEPTH, MAX_VIEWS};
