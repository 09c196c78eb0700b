//! Training of the injection model, and the honest report on it.
//!
//! Everything here is deterministic: fixed order, fixed seeds, sums taken one after the other. The
//! same rows give the same weights file, byte for byte, on any machine with IEEE 754 arithmetic.
//! Training never runs while deciding; what it leaves behind is integers.
//!
//! Start with [`train`]. `corpus` turns rows into labelled texts, `material` adds our own,
//! `heads` fits and cross-validates, `report` and `card` say what came out.
// Fitting weights is numerical work; the result is quantised before anything decides with it.
#![allow(clippy::float_arithmetic)]

mod card;
mod corpus;
mod fit;
mod grammar;
mod heads;
mod material;
mod measure;
mod report;
mod rng;

pub use corpus::Row;

use crate::detect::injection::model::{Head, Model};
use corpus::Text;

/// What training makes.
pub struct Trained {
    /// The file that `Model::load` reads.
    pub weights: Vec<u8>,
    /// The model card, in Markdown.
    pub card: String,
}

/// Trains both heads on the rows and on material of our own, and measures them.
///
/// Order of rows matters only for which of two identical texts is kept; give files in order of
/// name and rows in order of line. Rows that hold nothing to learn from are passed over.
pub fn train(rows: &[Row]) -> Trained {
    let texts = texts(rows);
    let (mut results, mut heads) = (String::new(), Vec::new());
    for head in [Head::User, Head::Document] {
        let scored = heads::cross_validate(&texts, head);
        results.push_str(&report::cross_validated(head, &scored));
        results.push_str(&report::leave_one_source_out(head, &texts, &scored));
        heads.push(heads::finish(&texts, head, &scored));
    }
    let mut heads = heads.into_iter();
    let (user, document) = (heads.next().unwrap_or_default(), heads.next().unwrap_or_default());
    let model = Model { user, document, trained_on: corpus::digest(&texts) };
    Trained { weights: model.to_bytes(), card: card::card(&model, &texts, &results) }
}

/// The cross-validated tables, and those with each source left out, without making weights.
pub fn report(rows: &[Row]) -> String {
    let texts = texts(rows);
    let mut out = String::new();
    for head in [Head::User, Head::Document] {
        let scored = heads::cross_validate(&texts, head);
        out.push_str(&report::cross_validated(head, &scored));
        out.push_str(&report::leave_one_source_out(head, &texts, &scored));
    }
    out
}

/// Shared rows, our own material, and payloads planted into it.
fn texts(rows: &[Row]) -> Vec<Text> {
    let mut texts = corpus::from_rows(rows);
    texts.extend(material::own());
    texts.extend(material::planted(&texts));
    texts
}
