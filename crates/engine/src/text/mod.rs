//! Text as detectors read it: normalised once, decoded where it looks encoded, each reading able
//! to point back into the original.

mod prepared;
pub use prepared::{Prepared, Reading};
