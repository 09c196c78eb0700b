//! Detection: twelve vectors, each independent, in one table.
//!
//! [`Walk`] turns an action into leaves, strings with a meaning and an origin;
//! [`run`](run::run) lets every row of [`VECTORS`] look; [`scan`] does the same for one text
//! outside of any action.

pub mod exploits;
mod hit;
pub mod injection;
pub mod judges;
mod leaf;
mod meaning;
pub mod pii;
mod rule;
pub mod rules;
pub mod run;
mod scan;
pub mod scene;
pub mod secrets;
mod sensitivity;
pub mod sequence;
pub mod sql;
pub mod state;
pub mod taint;
pub mod unicode;
mod vectors;
pub mod walk;
pub mod xss;

pub use hit::Hit;
pub use leaf::Leaf;
pub use meaning::{TypeHints, meaning};
pub use rule::Rule;
pub use scan::{ScanKind, Scanned, scan};
pub use scene::Scene;
pub use vectors::{Reads, SceneLook, TextLook, VECTORS, VectorSpec};
pub use walk::Walk;

use action::{Digest, digest};

use self::injection::model::Model;
use self::rules::RuleBook;

/// The detection rules that ship with the product, as written.
pub const INJECTION_RULES: &str = include_str!("../../rules/injection.yaml");
pub const EXPLOIT_RULES: &str = include_str!("../../rules/exploits.yaml");
/// All of them.
pub const SHIPPED_RULES: [&str; 2] = [INJECTION_RULES, EXPLOIT_RULES];

/// Everything that detectors of text consult.
pub struct Detectors {
    pub book: RuleBook,
    /// The trained model; absent only when the weights that ship cannot be read, which a test rules out.
    pub model: Option<&'static Model>,
    pub hints: TypeHints,
    hash: Digest,
}

impl Detectors {
    pub fn new(book: RuleBook, hints: TypeHints) -> Self {
        let model = Model::shipped();
        let weights = model.and(Model::shipped_digest()).map(<[u8; 32]>::as_slice).unwrap_or_default();
        let hash = digest("checkrein.detectors.v1", &[book.hash().as_bytes(), weights]);
        Detectors { book, model, hints, hash }
    }

    /// The version of the rules and the weights.
    pub fn hash(&self) -> Digest {
        self.hash
    }
}
