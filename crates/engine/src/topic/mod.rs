//! Topics: whether a message is about one of the subjects that an operator allows.
//!
//! An operator names subjects and gives examples of each, and of what is not wanted. Words, pairs of
//! words and pieces of words are hashed and counted; rare ones weigh more. A message is compared with
//! the middle of each subject and with its nearest example, in whole numbers, so that the same message
//! reads the same everywhere. Between `on` and `off` lies a band in which nothing is claimed.
//!
//! This is a fence, not a boundary: it knows words, not meanings. `docs/policy.md` says what it misses
//! and `tests/topics.rs` measures how often.

mod features;
mod message;
mod read;

use std::sync::Arc;

use self::features::Features;
pub use self::message::newest;
pub use self::read::{DEFAULT_BAND, MAX_EXAMPLE, MAX_EXAMPLES, MAX_TOPICS};

/// Most bytes of a message that are read: half from its beginning, half from its end.
pub const MAX_MESSAGE: usize = 4096;
/// The score of a text that is all one example and its subject.
pub const FULL: u64 = 1000;
/// Length of every vector.
const UNIT: u64 = 1 << 12;

/// What a message is, compared with the subjects of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    On,
    Off,
    Unsure,
}

/// How a message was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub standing: Standing,
    /// The nearest subject, by its place in [`Topics::names`].
    pub topic: usize,
    /// How near, from 0 to [`FULL`].
    pub score: u64,
}

/// The subjects of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Tells the subjects of one document from those of another.
    pub(crate) document: usize,
    names: Vec<String>,
    /// Below the first a message is off, from the second on it is on.
    band: (u64, u64),
    words: Weights,
    /// By feature, in order: the vectors that have it, and how much of it.
    postings: Vec<(u32, Vec<(usize, u64)>)>,
    /// What each vector is.
    vectors: Vec<Vector>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vector {
    /// The middle of a subject.
    Middle(usize),
    /// An example of a subject.
    Example(usize),
    /// An example of what is not wanted.
    Unwanted,
}

/// In how many examples each feature stands, in order of feature.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Weights {
    texts: u64,
    counts: Vec<(u32, u64)>,
}

/// A vector of length [`UNIT`].
type Sparse = Vec<(u32, u64)>;

impl Weights {
    fn of(texts: &[Features]) -> Self {
        let mut all: Vec<u32> = texts.iter().flat_map(|text| text.counts().iter().map(|(f, _)| *f)).collect();
        all.sort_unstable();
        let counts = all.chunk_by(|a, b| a == b).filter_map(|same| Some((*same.first()?, same.len() as u64)));
        Weights { texts: texts.len() as u64, counts: counts.collect() }
    }

    /// What one occurrence of a feature weighs, in sixteenths: the logarithm of how rare it is. One
    /// that no example has weighs as much as a rare one, so a message full of them is far from all.
    fn weight(&self, feature: u32) -> u64 {
        const UNKNOWN: u64 = 6 * 16;
        let found = self.counts.binary_search_by_key(&feature, |(f, _)| *f).ok();
        match found.and_then(|at| self.counts.get(at)) {
            Some((_, count)) => log2_16((self.texts + 1) * 32 / (2 * count + 1)).saturating_sub(4 * 16),
            None => UNKNOWN,
        }
    }

    fn vector(&self, text: &Features) -> Sparse {
        let weighed = text.counts().iter().map(|(feature, count)| (*feature, count * self.weight(*feature)));
        unit(weighed.collect())
    }
}

/// The same direction with the length [`UNIT`].
fn unit(mut vector: Sparse) -> Sparse {
    let square: u64 = vector.iter().map(|(_, part)| part * part).sum();
    let length = square.isqrt().max(1);
    vector.iter_mut().for_each(|(_, part)| *part = *part * UNIT / length);
    vector
}

/// The logarithm to base 2 in sixteenths, rounded down; 0 for 0 and 1.
fn log2_16(value: u64) -> u64 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    // The four bits behind the first one stand for the fraction well enough.
    let fraction = if whole >= 4 { (value >> (whole - 4)) & 15 } else { (value << (4 - whole)) & 15 };
    u64::from(whole) * 16 + fraction
}

impl Topics {
    /// Subjects with their examples, and examples of what is not wanted.
    pub fn new(
        document: usize,
        about: &[(String, Vec<String>)],
        not: &[String],
        band: (u64, u64),
    ) -> Arc<Self> {
        let subjects = about.iter().enumerate();
        let mut texts: Vec<(Vector, Features)> = subjects
            .flat_map(|(at, (_, examples))| {
                examples.iter().map(move |text| (Vector::Example(at), Features::of(text)))
            })
            .collect();
        texts.extend(not.iter().map(|text| (Vector::Unwanted, Features::of(text))));
        let features: Vec<Features> = texts.iter().map(|(_, text)| text.clone()).collect();
        let words = Weights::of(&features);
        let mut vectors: Vec<(Vector, Sparse)> =
            texts.iter().map(|(kind, text)| (*kind, words.vector(text))).collect();
        let middles: Vec<_> = (0..about.len()).map(|at| (Vector::Middle(at), middle(&vectors, at))).collect();
        vectors.extend(middles);
        let mut all: Vec<(u32, usize, u64)> = Vec::new();
        for (number, (_, vector)) in vectors.iter().enumerate() {
            all.extend(vector.iter().map(|(feature, part)| (*feature, number, *part)));
        }
        all.sort_unstable();
        let postings = all.chunk_by(|a, b| a.0 == b.0).filter_map(|same| {
            Some((same.first()?.0, same.iter().map(|(_, vector, part)| (*vector, *part)).collect()))
        });
        Arc::new(Topics {
            document,
            names: about.iter().map(|(name, _)| name.clone()).collect(),
            band,
            words,
            postings: postings.collect(),
            vectors: vectors.iter().map(|(kind, _)| *kind).collect(),
        })
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How a message stands. One without a word that tells anything is neither on nor off.
    pub fn read(&self, message: &str) -> Reading {
        let features = Features::of(&shortened(message));
        let mut near = vec![0u64; self.vectors.len()];
        for (feature, part) in self.words.vector(&features) {
            let Ok(at) = self.postings.binary_search_by_key(&feature, |(f, _)| *f) else { continue };
            for (vector, other) in self.postings.get(at).map(|(_, list)| list.as_slice()).unwrap_or_default()
            {
                if let Some(sum) = near.get_mut(*vector) {
                    *sum += part * other;
                }
            }
        }
        let mut subjects = vec![(0u64, 0u64); self.names.len()];
        let mut unwanted = 0;
        for (kind, sum) in self.vectors.iter().zip(near) {
            let score = sum * FULL / (UNIT * UNIT);
            match kind {
                Vector::Middle(at) => subjects.get_mut(*at).into_iter().for_each(|s| s.0 = score),
                Vector::Example(at) => subjects.get_mut(*at).into_iter().for_each(|s| s.1 = s.1.max(score)),
                Vector::Unwanted => unwanted = unwanted.max(score),
            }
        }
        let scores = subjects.iter().map(|(middle, nearest)| (4 * middle + nearest) / 5);
        // Of equals the first: no order of a map decides.
        let (topic, score) =
            scores.enumerate().fold((0, 0), |best, (at, s)| if s > best.1 { (at, s) } else { best });
        let standing = match score {
            _ if features.is_empty() => Standing::Unsure,
            _ if unwanted > score => Standing::Off,
            score if score < self.band.0 => Standing::Off,
            score if score < self.band.1 => Standing::Unsure,
            _ => Standing::On,
        };
        Reading { standing, topic, score }
    }
}

/// The middle of the examples of one subject.
fn middle(vectors: &[(Vector, Sparse)], subject: usize) -> Sparse {
    let mine = vectors.iter().filter(|(kind, _)| *kind == Vector::Example(subject));
    let mut parts: Vec<(u32, u64)> = mine.flat_map(|(_, vector)| vector.iter().copied()).collect();
    parts.sort_unstable();
    let sums = parts.chunk_by(|a, b| a.0 == b.0);
    unit(sums.filter_map(|same| Some((same.first()?.0, same.iter().map(|(_, part)| part).sum()))).collect())
}

/// The beginning and the end of a long message.
fn shortened(message: &str) -> std::borrow::Cow<'_, str> {
    if message.len() <= MAX_MESSAGE {
        return message.into();
    }
    let border = |mut at: usize| {
        while !message.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (head, tail) = (border(MAX_MESSAGE / 2), border(message.len() - MAX_MESSAGE / 2));
    format!("{} {}", message.get(..head).unwrap_or_default(), message.get(tail..).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests;
