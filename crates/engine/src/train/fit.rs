//! Logistic regression with an L2 penalty, by limited-memory BFGS.
// Slots and rows are made by this module and in range; the loops are where training spends its time.
#![allow(clippy::indexing_slicing)]

use crate::detect::injection::model::{SLOTS, slot_of};

/// Sparse examples, one after the other.
#[derive(Default)]
pub struct Examples {
    starts: Vec<usize>,
    slots: Vec<u32>,
    values: Vec<f32>,
    /// +1 for an attack, -1 for a benign one.
    signs: Vec<f32>,
    weights: Vec<f32>,
    /// What the opening of a stretch counts: one feature that each has once.
    openings: Vec<f32>,
    /// By how much each slot's values were multiplied.
    emphasis: Vec<f32>,
}

/// Weights of one head before they become integers: the table, the bias, the opening.
pub struct Fitted(pub Vec<f32>);

/// How hard to fit.
#[derive(Debug, Clone, Copy)]
pub struct FitOptions {
    /// The usual `C` of a logistic regression: larger trusts the examples more.
    pub trust: f64,
    pub iterations: usize,
}

impl Examples {
    pub fn len(&self) -> usize {
        self.signs.len()
    }

    /// Adds a stretch of `length` features, of which these are learned from.
    pub fn push(
        &mut self,
        features: &[u32],
        length: usize,
        attack: bool,
        weight: f32,
        scratch: &mut Vec<u32>,
    ) {
        if features.is_empty() {
            return;
        }
        scratch.clear();
        scratch.extend(features.iter().map(|id| slot_of(*id) as u32));
        scratch.sort_unstable();
        let root = (length as f32).sqrt();
        self.starts.push(self.slots.len());
        for run in scratch.chunk_by(|a, b| a == b) {
            self.slots.push(run[0]);
            self.values.push(run.len() as f32 / root);
        }
        self.openings.push(1.0 / root);
        self.signs.push(if attack { 1.0 } else { -1.0 });
        self.weights.push(weight);
    }

    /// Both classes weigh the same in the end.
    pub fn balance(&mut self) {
        let total = |sign: f32| -> f64 {
            self.signs
                .iter()
                .zip(&self.weights)
                .filter(|(s, _)| **s == sign)
                .map(|(_, w)| f64::from(*w))
                .sum()
        };
        let (attack, benign) = (total(1.0).max(1e-9), total(-1.0).max(1e-9));
        let half = self.len() as f64 / 2.0;
        for (sign, weight) in self.signs.iter().zip(&mut self.weights) {
            *weight *= (half / if *sign > 0.0 { attack } else { benign }) as f32;
        }
    }

    /// Makes a feature count for more the more it tells: by the root of the logarithm of the ratio of its
    /// shares in attacks and in benign texts. The penalty then falls on features that occur alike in
    /// both, and what only happens to separate these very texts gets little weight.
    pub fn emphasise(&mut self) {
        let mut shares = [vec![0f64; SLOTS], vec![0f64; SLOTS]];
        for index in 0..self.len() {
            let (slots, values) = self.row(index);
            let share = &mut shares[usize::from(self.signs[index] > 0.0)];
            for (slot, value) in slots.iter().zip(values) {
                share[*slot as usize] += f64::from(*value) * f64::from(self.weights[index]);
            }
        }
        let totals = shares.each_ref().map(|share| share.iter().sum::<f64>().max(1e-9));
        let middle = (totals[0] + totals[1]) / 2.0;
        let [benign, attack] = shares;
        let telling = benign.iter().zip(&attack).map(|(benign, attack)| {
            let benign = benign / totals[0] * middle + 1.0;
            let attack = attack / totals[1] * middle + 1.0;
            (ln(attack) - ln(benign)).abs().sqrt()
        });
        let telling: Vec<f64> = telling.collect();
        let size = (telling.iter().map(|one| one * one).sum::<f64>() / SLOTS as f64).sqrt().max(1e-9);
        self.emphasis = telling.iter().map(|one| (one / size) as f32).collect();
        for (slot, value) in self.slots.iter().zip(&mut self.values) {
            *value *= self.emphasis[*slot as usize];
        }
    }

    fn row(&self, index: usize) -> (&[u32], &[f32]) {
        let start = self.starts[index];
        let end = self.starts.get(index + 1).copied().unwrap_or(self.slots.len());
        (&self.slots[start..end], &self.values[start..end])
    }

    /// The loss and its gradient.
    fn loss(&self, point: &[f32], penalty: f64, gradient: &mut [f32]) -> f64 {
        let mut sums = vec![0f32; SLOTS + 2];
        let mut loss = 0f64;
        let (bias, opening) = (point[SLOTS], point[SLOTS + 1]);
        for index in 0..self.len() {
            let (slots, values) = self.row(index);
            let margin: f32 =
                slots.iter().zip(values).map(|(slot, value)| point[*slot as usize] * value).sum::<f32>()
                    + bias
                    + opening * self.openings[index];
            let sign = self.signs[index];
            let agreed = f64::from(margin * sign);
            let weight = f64::from(self.weights[index]);
            let small = exp(-agreed.abs());
            loss += weight * (ln_1p(small) + (-agreed).max(0.0));
            let doubt = if agreed > 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
            let pull = (-weight * f64::from(sign) * doubt) as f32;
            for (slot, value) in slots.iter().zip(values) {
                sums[*slot as usize] += pull * value;
            }
            sums[SLOTS] += pull;
            sums[SLOTS + 1] += pull * self.openings[index];
        }
        let mut square = 0f64;
        for ((out, sum), weight) in gradient.iter_mut().zip(&sums).zip(point).take(SLOTS) {
            *out = sum + (penalty as f32) * weight;
            square += f64::from(*weight) * f64::from(*weight);
        }
        gradient[SLOTS] = sums[SLOTS];
        gradient[SLOTS + 1] = sums[SLOTS + 1];
        loss + 0.5 * penalty * square
    }

    /// Finds the weights with the least loss.
    pub fn fit(&self, options: FitOptions) -> Fitted {
        const MEMORY: usize = 8;
        let penalty = 1.0 / options.trust;
        let mut point = vec![0f32; SLOTS + 2];
        let mut gradient = vec![0f32; SLOTS + 2];
        let mut loss = self.loss(&point, penalty, &mut gradient);
        let mut history: Vec<(Vec<f32>, Vec<f32>, f64)> = Vec::new();
        for iteration in 0..options.iterations {
            let direction = direction(&gradient, &history);
            let slope = dot(&direction, &gradient);
            if slope >= -1e-9 {
                break;
            }
            let mut step =
                if iteration == 0 { 1.0 / dot(&gradient, &gradient).sqrt().max(1e-9) } else { 1.0 };
            let mut accepted = None;
            for _ in 0..20 {
                let trial: Vec<f32> =
                    point.iter().zip(&direction).map(|(p, d)| p + (step as f32) * d).collect();
                let mut trial_gradient = vec![0f32; SLOTS + 2];
                let trial_loss = self.loss(&trial, penalty, &mut trial_gradient);
                if trial_loss <= loss + 1e-4 * step * slope {
                    accepted = Some((trial, trial_gradient, trial_loss));
                    break;
                }
                step *= 0.5;
            }
            let Some((next, next_gradient, next_loss)) = accepted else { break };
            let moved: Vec<f32> = next.iter().zip(&point).map(|(a, b)| a - b).collect();
            let turned: Vec<f32> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
            let curvature = dot(&moved, &turned);
            if curvature > 1e-10 {
                if history.len() == MEMORY {
                    history.remove(0);
                }
                history.push((moved, turned, curvature));
            }
            let gained = (loss - next_loss) / next_loss.abs().max(1e-9);
            (point, gradient, loss) = (next, next_gradient, next_loss);
            if gained < 1e-5 {
                break;
            }
        }
        for (weight, emphasis) in point.iter_mut().zip(&self.emphasis) {
            *weight *= emphasis;
        }
        Fitted(point)
    }
}

/// The quasi-Newton direction: the two-loop recursion.
fn direction(gradient: &[f32], history: &[(Vec<f32>, Vec<f32>, f64)]) -> Vec<f32> {
    let mut direction: Vec<f32> = gradient.iter().map(|value| -value).collect();
    let mut alphas = Vec::with_capacity(history.len());
    for (moved, turned, curvature) in history.iter().rev() {
        let alpha = dot(moved, &direction) / curvature;
        add(&mut direction, turned, -alpha);
        alphas.push(alpha);
    }
    if let Some((_, turned, curvature)) = history.last() {
        let scale = (curvature / dot(turned, turned).max(1e-12)) as f32;
        direction.iter_mut().for_each(|value| *value *= scale);
    }
    for ((moved, turned, curvature), alpha) in history.iter().zip(alphas.iter().rev()) {
        let beta = dot(turned, &direction) / curvature;
        add(&mut direction, moved, alpha - beta);
    }
    direction
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

fn add(target: &mut [f32], other: &[f32], factor: f64) {
    for (value, addend) in target.iter_mut().zip(other) {
        *value += (factor as f32) * addend;
    }
}

/// `e` to a power of at most 0, from exact operations only: the C library's differs between systems.
fn exp(power: f64) -> f64 {
    const LN_2: f64 = std::f64::consts::LN_2;
    if power < -60.0 {
        return 0.0;
    }
    let halvings = (-power / LN_2).floor();
    let rest = power + halvings * LN_2;
    let series = (1..=12).rev().fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    series / f64::from_bits((1023 + halvings as u64) << 52)
}

/// The natural logarithm of a number of at least one.
fn ln(value: f64) -> f64 {
    let doublings = (value.to_bits() >> 52) as i64 - 1023;
    let fraction = value / f64::from_bits(((1023 + doublings) as u64) << 52);
    doublings as f64 * std::f64::consts::LN_2 + ln_1p(fraction - 1.0)
}

/// The natural logarithm of one plus a number from 0 to 1.
fn ln_1p(value: f64) -> f64 {
    let ratio = value / (2.0 + value);
    let square = ratio * ratio;
    2.0 * ratio * (0..10).rev().fold(0.0, |sum, n| sum * square + 1.0 / f64::from(2 * n + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_separates_what_can_be_separated_and_repeats_itself() {
        let mut examples = Examples::default();
        let mut scratch = Vec::new();
        for number in 0..40u32 {
            let attack = number % 2 == 0;
            let telling = if attack { 64 } else { 128 };
            examples.push(&[telling, 6400 + number * 64], 2, attack, 1.0, &mut scratch);
        }
        examples.balance();
        examples.emphasise();
        let options = FitOptions { trust: 10.0, iterations: 20 };
        let fitted = examples.fit(options).0;
        assert!(fitted[slot_of(64)] > 0.5 && fitted[slot_of(128)] < -0.5);
        assert_eq!(fitted, examples.fit(options).0);
    }

    #[test]
    fn own_exponential_and_logarithm_agree_with_the_library() {
        for step in 0..600 {
            let power = -f64::from(step) / 10.0;
            assert!((exp(power) - power.exp()).abs() <= 1e-9 * power.exp(), "{power}");
            assert!((ln_1p(exp(power)) - exp(power).ln_1p()).abs() < 1e-9, "{power}");
            let large = 1.0 + f64::from(step) * f64::from(step);
            assert!((ln(large) - large.ln()).abs() < 1e-9, "{large}");
        }
    }
}
