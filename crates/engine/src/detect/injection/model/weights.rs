//! The weights file: a header that says what it fits and how far to trust it, then two tables.
//!
//! All numbers are little-endian. Every length is checked before anything is read, the features
//! must be of the version this program computes, and the last 32 bytes are a digest of all before.

use action::{Confidence, Digest};

use super::scan::{FEATURE_VERSION, SLOT_BITS, SLOTS};
use super::{Head, Model, Parts, Rate};

/// One head's weights.
pub type Table = Box<[i8; SLOTS]>;

const MAGIC: &[u8; 8] = b"CKRNINJ1";
const DIGEST_DOMAIN: &str = "checkrein injection weights";
/// Logits at which the calibration table has an entry: from -8 to +8 in halves.
pub const CALIBRATION_STEPS: usize = 33;
const CALIBRATION_FROM: i32 = -8000;
const CALIBRATION_STEP: i32 = 500;

/// Up to here the rest of a text looks ordinary.
pub const REST_FROM: i64 = -4000;
/// The rest of a text counts for no more than this, so that no amount of it can hide an order.
const REST_SPAN: i64 = 4000;

/// One head: its table and what turns a sum of weights into a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadWeights {
    pub table: Table,
    /// Thousandths of a logit per unit of weight, times 256.
    pub gain: i32,
    /// Thousandths of a logit.
    pub bias: i32,
    /// What a stretch starts with before anything is read, as [`HeadWeights::gain`] counts: it lets
    /// a short stretch be judged differently from a long one.
    pub opening: i32,
    /// Thousandths of a logit taken off for each doubling of the number of stretches: the largest of
    /// many scores is large by chance.
    pub count_cost: i32,
    /// Thousandths taken off for each unit by which the rest of the text exceeds [`REST_FROM`]; added
    /// where negative.
    pub rest_cost: i32,
    /// The threshold of each [`Rate`], in its order.
    pub thresholds: [i32; 4],
    /// Percent, by logit.
    pub calibration: [u8; CALIBRATION_STEPS],
}

impl Default for HeadWeights {
    /// A head that has learned nothing and flags nothing.
    fn default() -> Self {
        HeadWeights {
            table: Box::new([0; SLOTS]),
            gain: 0,
            bias: 0,
            opening: 0,
            count_cost: 0,
            rest_cost: 0,
            thresholds: [MAX_LOGIT; 4],
            calibration: [0; CALIBRATION_STEPS],
        }
    }
}

/// Why a weights file was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("not an injection weights file")]
    NotWeights,
    #[error("the weights file is cut short or has bytes left over; fetch or train it again")]
    WrongLength,
    #[error("the weights fit another version of the features; train them again with this program")]
    OtherFeatures,
    #[error("the weights file is damaged: its digest does not match; fetch or train it again")]
    Damaged,
    #[error("the weights file holds a value out of range; train it again")]
    OutOfRange,
}

impl HeadWeights {
    /// Thousandths of a logit for a stretch with this sum over this many features.
    pub fn logit(&self, sum: i64, features: usize) -> i64 {
        // Dividing by the root keeps short and long stretches comparable while more evidence
        // still counts for more. The shift gives the root eight binary places.
        let root = ((features as u64) << 16).isqrt().max(1) as i64;
        let evidence = sum.saturating_mul(i64::from(self.gain)).saturating_add(i64::from(self.opening));
        evidence / root + i64::from(self.bias)
    }

    /// One number from the parts: the best stretch, less what chance gives the best of so many, less
    /// or more a share of what the rest of the text looks like. A manual is all orders to its reader,
    /// and one more is no surprise there; what a user typed is the worse the more of it looks bad.
    pub fn combine(&self, parts: &Parts) -> i32 {
        combine(parts, self.count_cost, self.rest_cost)
    }

    /// The strictest rate whose threshold this logit reaches.
    pub fn passes(&self, logit: i32) -> Option<Rate> {
        let rates = Rate::ALL.iter().zip(&self.thresholds);
        rates.rev().find(|(_, threshold)| logit >= **threshold).map(|(rate, _)| *rate)
    }

    /// How likely an attack is at this logit, as measured on texts not trained on, both kinds taken as
    /// equally frequent. Only what reaches the strictest threshold may be called critical, and
    /// each threshold has a band of its own.
    pub fn confidence(&self, logit: i32) -> Confidence {
        let offset = logit.saturating_sub(CALIBRATION_FROM).max(0);
        let step = (offset / CALIBRATION_STEP) as usize;
        let percent = self.calibration.get(step).or(self.calibration.last()).copied().unwrap_or(0);
        let (low, high) = match self.passes(logit) {
            None => (0, Confidence::LOW.percent() - 1),
            Some(Rate::Fifty) => (Confidence::LOW.percent(), Confidence::MEDIUM.percent() - 1),
            Some(Rate::Ten) => (Confidence::MEDIUM.percent(), Confidence::HIGH.percent() - 1),
            Some(Rate::Five) => (Confidence::HIGH.percent(), Confidence::CRITICAL.percent() - 1),
            Some(Rate::One) => (Confidence::CRITICAL.percent(), 99),
        };
        Confidence::new(percent.clamp(low, high))
    }

    /// The logit at which each entry of the calibration table begins.
    pub fn calibration_logits() -> impl Iterator<Item = i32> {
        (0..CALIBRATION_STEPS as i32).map(|step| CALIBRATION_FROM + step * CALIBRATION_STEP)
    }
}

/// [`HeadWeights::combine`] with costs given apart, for choosing them.
pub fn combine(parts: &Parts, count_cost: i32, rest_cost: i32) -> i32 {
    let chance = i64::from(count_cost) * i64::from(log2_sixteenths(parts.stretches)) / 16;
    let above = parts.rest.map_or(0, |rest| rest.saturating_sub(REST_FROM).clamp(0, REST_SPAN));
    let rest = above * i64::from(rest_cost) / 1000;
    (parts.best - chance - rest).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// The binary logarithm in sixteenths, by its integer part and a straight line between.
fn log2_sixteenths(value: u64) -> u32 {
    let value = value.max(1);
    let whole = value.ilog2();
    let rest = value - (1 << whole);
    whole * 16 + ((u128::from(rest) * 16) >> whole) as u32
}

impl Model {
    /// Reads a weights file. Any input is answered; none is trusted.
    pub fn load(bytes: &[u8]) -> Result<Model, ModelError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ModelError::NotWeights);
        }
        let (body, digest) = bytes.split_last_chunk::<32>().ok_or(ModelError::WrongLength)?;
        let mut fields = Fields(body.get(MAGIC.len()..).ok_or(ModelError::WrongLength)?);
        if fields.take()? != FEATURE_VERSION.to_le_bytes() || fields.take()? != SLOT_BITS.to_le_bytes() {
            return Err(ModelError::OtherFeatures);
        }
        if body.len() != BODY_LENGTH {
            return Err(ModelError::WrongLength);
        }
        if action::digest(DIGEST_DOMAIN, &[body]).as_bytes() != digest {
            return Err(ModelError::Damaged);
        }
        let trained_on = Digest::from_hex(&hex(&fields.take::<32>()?)).ok_or(ModelError::OutOfRange)?;
        let user = fields.head()?;
        let document = fields.head()?;
        Ok(Model { user, document, trained_on })
    }

    /// Writes the weights file that [`Model::load`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(BODY_LENGTH + 32);
        body.extend_from_slice(MAGIC);
        body.extend_from_slice(&FEATURE_VERSION.to_le_bytes());
        body.extend_from_slice(&SLOT_BITS.to_le_bytes());
        body.extend_from_slice(self.trained_on.as_bytes());
        for head in [Head::User, Head::Document] {
            let head = self.head(head);
            for number in [head.gain, head.bias, head.opening, head.count_cost, head.rest_cost]
                .iter()
                .chain(&head.thresholds)
            {
                body.extend_from_slice(&number.to_le_bytes());
            }
            body.extend_from_slice(&head.calibration);
            body.extend(head.table.iter().map(|weight| weight.cast_unsigned()));
        }
        let digest = action::digest(DIGEST_DOMAIN, &[&body]);
        body.extend_from_slice(digest.as_bytes());
        body
    }
}

const HEAD_LENGTH: usize = 9 * 4 + CALIBRATION_STEPS + SLOTS;
const BODY_LENGTH: usize = 8 + 2 + 4 + 32 + 2 * HEAD_LENGTH;
/// A gain beyond this would be a broken file: sums times gain must stay far inside 64 bits.
pub const MAX_GAIN: i32 = 1 << 24;
pub const MAX_LOGIT: i32 = 1_000_000;

/// The part of the file not read yet.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(ModelError::WrongLength)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self, limit: i32) -> Result<i32, ModelError> {
        let number = i32::from_le_bytes(self.take()?);
        if number.checked_abs().is_none_or(|size| size > limit) {
            return Err(ModelError::OutOfRange);
        }
        Ok(number)
    }

    fn head(&mut self) -> Result<HeadWeights, ModelError> {
        let gain = self.number(MAX_GAIN)?;
        let bias = self.number(MAX_LOGIT)?;
        let opening = self.number(MAX_GAIN)?;
        let count_cost = self.number(MAX_LOGIT)?;
        let rest_cost = self.number(MAX_LOGIT)?;
        let mut thresholds = [0; 4];
        for threshold in &mut thresholds {
            *threshold = self.number(MAX_LOGIT)?;
        }
        let calibration = self.take::<CALIBRATION_STEPS>()?;
        let in_order = thresholds.is_sorted() && calibration.is_sorted();
        if !in_order || gain < 0 || count_cost < 0 || calibration.iter().any(|percent| *percent > 100) {
            return Err(ModelError::OutOfRange);
        }
        let (weights, rest) = self.0.split_at_checked(SLOTS).ok_or(ModelError::WrongLength)?;
        self.0 = rest;
        let table: Box<[i8]> = weights.iter().map(|weight| weight.cast_signed()).collect();
        let table = table.try_into().map_err(|_| ModelError::WrongLength)?;
        Ok(HeadWeights { table, gain, bias, opening, count_cost, rest_cost, thresholds, calibration })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
