//! A small trained model of what injected orders look like.
//!
//! Two heads share one reading: the user head judges what a user typed, where asking for things is
//! normal; the document head judges what an agent read, where an order to the reader is not. Each
//! is a table of small integers, one per hashed feature ([`scan`]). Judging is integer arithmetic
//! from end to end, linear in the text, and the same on every machine.

mod scan;
mod segments;
mod weights;

use std::ops::Range;
use std::sync::OnceLock;

use action::{Channel, Confidence};

pub use scan::{FEATURE_VERSION, ID_BITS, SLOT_BITS, SLOTS, Visit, scan, slot_of};
pub use segments::{Cut, each_segment};
pub use weights::{CALIBRATION_STEPS, HeadWeights, MAX_GAIN, MAX_LOGIT, ModelError, Table, combine};

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Head {
    /// Typed by the session's own user.
    User,
    /// Read by the agent: a tool's output, a memory, a retrieved document.
    Document,
}

/// How many benign texts in a thousand pass a threshold. Ordered from lax to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    Fifty,
    Ten,
    Five,
    One,
}

/// What the model makes of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The stretch that speaks most for an injection: a byte range of the text judged.
    pub range: Range<usize>,
    /// Evidence in thousandths of a natural-logarithm unit, the number of stretches allowed for.
    pub logit: i32,
    /// The strictest false-positive rate whose threshold it reaches.
    pub passes: Option<Rate>,
    pub confidence: Confidence,
}

/// What a judgement is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The logit of the stretch that speaks most for an injection, in thousandths.
    pub best: i64,
    pub range: Range<usize>,
    /// How many stretches were judged.
    pub stretches: u64,
    /// The logit of all that stands outside that stretch.
    pub rest: Option<i64>,
}

/// The weights file that ships with the product.
const SHIPPED_FILE: &[u8] = include_bytes!("../../../../weights/injection.bin");

/// The two heads, ready to judge.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    pub user: HeadWeights,
    pub document: HeadWeights,
    /// Digest of the material it was trained on.
    pub trained_on: action::Digest,
}

impl Head {
    /// The head for a channel; `None` for the agent's own words, which no head was trained on.
    pub const fn for_channel(channel: Channel) -> Option<Head> {
        match channel {
            Channel::User => Some(Head::User),
            Channel::ToolOutput | Channel::Memory | Channel::Retrieved => Some(Head::Document),
            Channel::Model => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Head::User => "user",
            Head::Document => "document",
        }
    }
}

impl Rate {
    pub const ALL: [Rate; 4] = [Rate::Fifty, Rate::Ten, Rate::Five, Rate::One];

    pub const fn per_thousand(self) -> u32 {
        match self {
            Rate::Fifty => 50,
            Rate::Ten => 10,
            Rate::Five => 5,
            Rate::One => 1,
        }
    }
}

impl Model {
    /// The model that ships with the product.
    ///
    /// `None` only when the file built into this binary is damaged: the caller reports that as a
    /// fault, because a missing model must never read as "nothing found".
    pub fn shipped() -> Option<&'static Model> {
        static SHIPPED: OnceLock<Option<Model>> = OnceLock::new();
        SHIPPED.get_or_init(|| Model::load(SHIPPED_FILE).ok()).as_ref()
    }

    /// The digest of that file, as it stands at its end. [`Model::load`] has compared it with the
    /// content, so hashing half a megabyte again would tell nothing new.
    pub fn shipped_digest() -> Option<&'static [u8; 32]> {
        SHIPPED_FILE.last_chunk()
    }

    /// Judges one normalised text.
    pub fn judge(&self, normal: &str, head: Head) -> Judged {
        let weights = self.head(head);
        let Some(parts) = self.weigh(normal, head) else {
            return Judged { range: 0..0, logit: i32::MIN, passes: None, confidence: Confidence::new(0) };
        };
        let logit = weights.combine(&parts);
        Judged {
            range: parts.range,
            logit,
            passes: weights.passes(logit),
            confidence: weights.confidence(logit),
        }
    }

    /// The evidence in one normalised text; `None` when it has no feature at all.
    pub fn weigh(&self, normal: &str, head: Head) -> Option<Parts> {
        let weights = self.head(head);
        let mut totals = Totals::new(&weights.table, normal.len());
        scan(normal, &mut totals);

        let mut best: Option<(i64, Cut, Cut)> = None;
        let mut stretches: u64 = 0;
        each_segment(&totals.cuts, head == Head::User, |start, end| {
            let features = end.features.saturating_sub(start.features);
            if features == 0 {
                return;
            }
            stretches += 1;
            let logit = weights.logit(end.sum.wrapping_sub(start.sum), features);
            if best.is_none_or(|(most, ..)| logit > most) {
                best = Some((logit, start, end));
            }
        });
        let (best, start, end) = best?;
        let features = totals.features.saturating_sub(end.features.saturating_sub(start.features));
        let sum = totals.sum.wrapping_sub(end.sum.wrapping_sub(start.sum));
        let rest = (features > 0).then(|| weights.logit(sum, features));
        Some(Parts { best, range: start.at..end.at, stretches, rest })
    }

    pub const fn head(&self, head: Head) -> &HeadWeights {
        match head {
            Head::User => &self.user,
            Head::Document => &self.document,
        }
    }
}

/// Running totals of one head's weights.
struct Totals<'a> {
    table: &'a [i8; SLOTS],
    features: usize,
    sum: i64,
    cuts: Vec<Cut>,
}

impl<'a> Totals<'a> {
    fn new(table: &'a Table, bytes: usize) -> Self {
        Totals { table, features: 0, sum: 0, cuts: Vec::with_capacity(bytes / 32 + 4) }
    }
}

impl Visit for Totals<'_> {
    #[inline(always)]
    fn feature(&mut self, id: u32) {
        self.features = self.features.wrapping_add(1);
        // A slot is always inside the table; the default is for the compiler.
        // Eight bits each from a text of bounded length: 64 cannot overflow.
        self.sum = self.sum.wrapping_add(i64::from(self.table.get(slot_of(id)).copied().unwrap_or(0)));
    }

    fn cut(&mut self, at: usize) {
        self.cuts.push(Cut { at, features: self.features, sum: self.sum });
    }
}

#[cfg(test)]
mod tests;
