//! Is this log what its signers said it was?
//!
//! One reading from front to back, in bounded memory, of a bundle or of a ledger's folder. The
//! answer is a [`Report`] with one of four outcomes; a tampered log is answered with the first
//! sequence that is in doubt.
//!
//! What makes a record count, from the inside out: it is canonical and has the parts of its kind
//! ([`crate::Record::read`]); it names the leaf hash of the record before, follows it in sequence
//! and in time; its leaf is in the tree whose root a signed head states; the head is signed by the
//! key that was in force at that size, which a chain of changes of key joins to one that the reader
//! trusts; and, if the reader wants it, witnesses cosigned that head.
//!
//! Where a fault can be placed exactly, it is. A record that was changed alone breaks the link from
//! its successor; the link after that tells which of the two is the stranger. A tail that was
//! written anew keeps its links and fails at the first signed head: then everything after the last
//! head that held is in doubt, and the first of it is named.

mod bundle;
mod chain;
mod folder;
mod report;
mod trust;

pub use bundle::verify_bundle;
pub use chain::{Chain, Start};
pub use folder::verify_folder;
pub use report::{Erased, Fault, FaultCode, Gap, MAX_LISTED, Outcome, Report};
pub use trust::{Trust, TrustError};
