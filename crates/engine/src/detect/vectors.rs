//! The twelve vectors, in one table. Code, documentation and tests walk it.

use std::net::IpAddr;

use action::{Detection, SensitiveClass, Vector};

use super::scene::Scene;
use super::state::{self, Limits};
use super::{Detectors, Hit, Leaf};
use super::{exploits, injection, pii, secrets, sequence, sql, taint, unicode, xss};

/// One vector: what it is about and how it looks.
pub struct VectorSpec {
    pub vector: Vector,
    pub about: &'static str,
    /// Looks at one string of the action.
    pub text: Option<TextLook>,
    /// Looks at the action with the facts around it.
    pub scene: Option<SceneLook>,
}

/// How a vector looks at strings.
pub struct TextLook {
    pub reads: Reads,
    /// Finds what patterns cannot say. The hits of the vector's rules in this leaf are there already.
    pub find: fn(&Leaf<'_>, &Detectors, &mut Vec<Hit>),
}

impl TextLook {
    /// Adds everything the vector finds in one leaf: by its rules, the shipped and the operator's
    /// own, then by its code. `hits` is empty.
    pub fn look(&self, vector: Vector, leaf: &Leaf<'_>, detectors: &Detectors, hits: &mut Vec<Hit>) {
        if let Some(rules) = detectors.book.of(vector) {
            rules.find(leaf, hits);
        }
        (self.find)(leaf, detectors, hits);
    }
}

pub type SceneLook = fn(&Scene<'_>, &Limits, &mut Vec<Detection>);

/// Which strings matter to a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// What the action would do or send. What the agent had read before may well quote an attack
    /// or hold somebody's address; that is no attack and no leak by itself.
    Action,
    /// That, and everything the agent had read.
    Everything,
}

/// In the order of [`Vector::ALL`]; a test holds the two together.
pub const VECTORS: [VectorSpec; 12] = [
    VectorSpec {
        vector: Vector::PromptInjection,
        about: "text that gives the agent orders its user did not give, or arguments that exist only in such text",
        text: Some(TextLook {
            reads: Reads::Everything,
            find: |leaf, detectors, out| injection::find(leaf, detectors.model, out),
        }),
        scene: Some(|scene, _, out| taint::find(scene, out)),
    },
    VectorSpec {
        vector: Vector::SqlInjection,
        about: "values that break out of a query, and statements that do more than they should",
        text: Some(TextLook { reads: Reads::Action, find: |leaf, _, out| sql::find(leaf, out) }),
        scene: None,
    },
    VectorSpec {
        vector: Vector::Xss,
        about: "markup that runs code where it is shown",
        text: Some(TextLook { reads: Reads::Action, find: |leaf, _, out| xss::find(leaf, out) }),
        scene: None,
    },
    VectorSpec {
        vector: Vector::ExfiltrationVelocity,
        about: "unusually much data leaving, at once, slowly, or by steps that are each allowed",
        text: None,
        scene: Some(|scene, limits, out| {
            state::exfiltration::find(scene, limits, out);
            sequence::find(scene, limits, out);
        }),
    },
    VectorSpec {
        vector: Vector::Pii,
        about: "personal data and credentials in what would be sent, written or shown",
        text: Some(TextLook {
            reads: Reads::Action,
            find: |leaf, _, out| {
                pii::find(leaf, out);
                // Where something goes may be named by its address; that is no data about anybody.
                if leaf.key == "destination" && leaf.text.original().parse::<IpAddr>().is_ok() {
                    out.retain(|hit| hit.class != Some(SensitiveClass::IpAddress));
                }
                secrets::find(leaf, out);
            },
        }),
        scene: None,
    },
    VectorSpec {
        vector: Vector::KnownExploit,
        about: "text that is harmless to read and harmful to whatever consumes it",
        text: Some(TextLook {
            reads: Reads::Action,
            find: |leaf, _, out| {
                exploits::find(leaf, out);
                unicode::find(leaf, out);
            },
        }),
        scene: None,
    },
    VectorSpec {
        vector: Vector::ResourceExhaustion,
        about: "loops, floods and sizes that wear something out",
        text: None,
        scene: Some(state::exhaustion::find),
    },
    VectorSpec {
        vector: Vector::PrivilegeEscalation,
        about: "rights that grow: grants to oneself, wildcards, new credentials",
        text: None,
        scene: Some(state::privilege::find),
    },
    VectorSpec {
        vector: Vector::SessionAnomaly,
        about: "a session that changes hands, place or age, or an action that is not what it states",
        text: None,
        scene: Some(state::session::find),
    },
    VectorSpec {
        vector: Vector::RateLimit,
        about: "more calls than agreed",
        text: None,
        scene: Some(state::rate::find),
    },
    VectorSpec {
        vector: Vector::PolicyViolation,
        about: "a breach of data-access rules that come from outside",
        text: None,
        scene: Some(state::policy_violation::find),
    },
    VectorSpec {
        vector: Vector::BehaviourAnomaly,
        about: "far from what this agent usually does",
        text: None,
        scene: Some(state::behaviour::find),
    },
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::detect::rules::{Compile, load};
    use crate::detect::{ScanKind, TypeHints, scan};

    /// A rule as data must be run by the vector it names, or its cases prove nothing.
    #[test]
    fn a_rule_as_data_fires_under_every_vector_that_looks_at_texts() {
        for row in VECTORS.iter().filter(|row| row.text.is_some()) {
            let pack = format!(
                "kind: detectors\nrules:\n  - {{ id: own.rule, vector: {}, severity: low, about: a word, \
                 literals: [zanzibar], pattern: zanzibar, cases: {{ hit: [zanzibar], miss: [oslo] }} }}\n",
                row.vector
            );
            let book = load(&[("own.yaml", pack.as_str())], Compile::Now).unwrap();
            let detectors = Detectors::new(book, TypeHints::default());
            let found = scan(ScanKind::Document, "a ship to zanzibar", &detectors).found;
            assert!(
                found.iter().any(|(vector, hit)| *vector == row.vector && hit.rule == "own.rule"),
                "{}",
                row.vector
            );
        }
    }

    #[test]
    fn an_address_that_something_goes_to_is_no_personal_data_and_one_that_goes_there_is() {
        let row = VECTORS.iter().find(|row| row.vector == Vector::Pii).unwrap();
        let detectors = Detectors::new(load(&[], Compile::Now).unwrap(), TypeHints::default());
        let found = |key: &'static str, text: &'static str| {
            let (mut leaf, mut hits) = (Leaf::new(action::SemanticType::Value, text), Vec::new());
            leaf.key = key;
            (row.text.as_ref().unwrap().find)(&leaf, &detectors, &mut hits);
            hits.len()
        };
        assert_eq!([found("destination", "10.20.30.40"), found("destination", "2001:db8::1")], [0, 0]);
        assert_eq!([found("client", "10.20.30.40"), found("destination", "ann@example.com")], [1, 1]);
    }

    #[test]
    fn every_vector_has_its_row_and_looks_at_something() {
        for (row, vector) in VECTORS.iter().zip(Vector::ALL) {
            assert_eq!(row.vector, *vector);
            assert!(row.text.is_some() || row.scene.is_some(), "{vector} looks at nothing");
        }
    }
}
