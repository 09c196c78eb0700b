//! XSS.
use super::{Hit, Leaf};
pub fn find(_leaf: &Leaf<'_>, _out: &mut Vec<Hit>) {}
