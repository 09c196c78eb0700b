//! Policy: rules, layers, exceptions and bands become one verdict.
//!
//! [`Policies::load`] reads documents (YAML, or Rego for the same input) and tells every fault in
//! them at once. [`judge`] takes one case and always answers. Read [`weigh`](self::weigh) for how
//! the voices are put together and why a stricter rule never makes an answer milder; the rest is
//! reading, indexing and explaining.

mod analyse;
mod bands;
mod calendar;
mod case;
pub mod cases;
mod condition;
mod counter;
pub mod diff;
mod document;
mod index;
mod judge;
mod load;
mod names;
mod pattern;
mod read_rule;
pub mod rego;
mod rule;
mod weigh;

pub use analyse::{Remark, analyse};
pub use bands::Bands;
pub use case::{Judged, Judgement, effective};
pub use condition::{CONDITIONS, Kind, Row, Test, When};
pub use document::{Document, Floor};
pub use judge::judge;
pub use load::{MAX_RULES, Policies, RuleCase, Source};
pub use pattern::{Pattern, Patterns};
pub use rule::{Change, Exception, Notice, Place, Rule};
