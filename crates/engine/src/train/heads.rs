//! From labelled texts to one head's integers, and its honest scores by folds.

use std::collections::{BTreeMap, BTreeSet};

use super::corpus::{Text, Trace, Use};
use super::fit::{Examples, FitOptions, Fitted};
use super::measure;
use super::rng::Rng;
use crate::detect::injection::model::{Head, HeadWeights, ID_BITS, Model, Parts, Rate, SLOTS, combine};

pub const FOLDS: usize = 5;
/// At most this many stretches of one benign text are learned from.
const STRETCHES: usize = 40;

/// Which fold a text belongs to: by its group, so that variants stay together. Attacks and
/// prompts of our own are in none: they are always learned from and never count as results.
pub fn fold(text: &Text) -> usize {
    let own = text.group.starts_with("own/");
    if own && text.usage == Use::Train {
        return FOLDS;
    }
    if let Some(part) = text.group.strip_prefix("own/part/") {
        return part.parse().unwrap_or(0);
    }
    Rng::named(7, &text.group).below(FOLDS)
}

/// Fits one head on the texts that `keep` lets through.
pub fn fit_head(texts: &[Text], head: Head, options: FitOptions, keep: impl Fn(&Text) -> bool) -> HeadWeights {
    let kept: Vec<&Text> =
        texts.iter().filter(|text| text.head == head && text.usage != Use::Score && keep(text)).collect();
    let common = Common::among(kept.iter().copied().filter(|text| text.attack), COMMON[head as usize]);
    let mut examples = Examples::default();
    let mut scratch = Vec::new();
    for text in kept {
        let trace = Trace::of(&text.normal);
        if text.attack {
            let all = trace.first(4000);
            let features: Vec<u32> = all.iter().copied().filter(|id| common.has(*id)).collect();
            examples.push(&features, all.len(), true, text.weight, &mut scratch);
            continue;
        }
        let mut stretches = Vec::new();
        trace.each(head == Head::User, |features, _| stretches.push(features.to_vec()));
        Rng::named(11, &text.group).shuffle(&mut stretches);
        let kept = stretches.len().min(STRETCHES);
        let share = match head {
            Head::User => text.weight * 0.5 / kept as f32,
            Head::Document => text.weight,
        };
        if head == Head::User {
            let all = trace.first(4000);
            examples.push(all, all.len(), false, text.weight * 0.5, &mut scratch);
        }
        for features in stretches.iter().take(kept) {
            examples.push(features, features.len(), false, share, &mut scratch);
        }
    }
    examples.balance();
    quantise(&examples.fit(options))
}

/// In how many groups of attacks a feature must occur to speak for an attack, by head.
const COMMON: [u8; 2] = [3, 3];

/// Features that several groups of attacks share. What only one attack says is its subject, not
/// what makes it an attack, and a subject says nothing about the next text.
struct Common {
    groups: Vec<u8>,
    least: u8,
}

impl Common {
    fn among<'a>(attacks: impl Iterator<Item = &'a Text>, least: u8) -> Self {
        let mut groups = vec![0u8; 1 << ID_BITS];
        let mut by_group: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for text in attacks {
            by_group.entry(&text.group).or_default().extend(Trace::of(&text.normal).first(4000));
        }
        for id in by_group.into_values().flatten() {
            if let Some(count) = groups.get_mut(id as usize) {
                *count = count.saturating_add(1);
            }
        }
        Common { groups, least }
    }

    fn has(&self, id: u32) -> bool {
        self.groups.get(id as usize).is_some_and(|count| *count >= self.least)
    }
}

/// The nearest integers; thresholds and calibration are set later.
fn quantise(fitted: &Fitted) -> HeadWeights {
    let weights = fitted.0.get(..SLOTS).unwrap_or_default();
    let bias = fitted.0.get(SLOTS).copied().unwrap_or(0.0);
    let mut sizes: Vec<f32> = weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    // A handful of very large weights must not cost all others their resolution.
    let largest = sizes.get(SLOTS - SLOTS / 4096).copied().unwrap_or(1.0).max(1e-6);
    let unit = largest / 127.0;
    let table: Box<[i8]> =
        weights.iter().map(|weight| (weight / unit).round().clamp(-127.0, 127.0) as i8).collect();
    HeadWeights {
        table: table.try_into().unwrap_or_else(|_| Box::new([0; SLOTS])),
        gain: (unit * 256_000.0).round() as i32,
        bias: (bias * 1000.0).round() as i32,
        count_cost: 0,
        rest_cost: 0,
        thresholds: [i32::MAX / 4096; 4],
        calibration: [0; 33],
    }
}

/// A model of which only one head is meant.
pub fn only(head: HeadWeights) -> Model {
    Model { user: head.clone(), document: head, trained_on: action::Digest::default() }
}

/// A text with the score that a model gave it which had not seen its group.
pub struct Scored<'a> {
    pub text: &'a Text,
    pub fold: usize,
    pub parts: Option<Parts>,
}

/// Scores every text by a model that was trained without its fold.
pub fn cross_validate<'a>(texts: &'a [Text], head: Head, options: FitOptions) -> Vec<Scored<'a>> {
    let mut scored = Vec::new();
    std::thread::scope(|scope| {
        // Each fold is computed by itself, so the number of threads changes no sum.
        let folds: Vec<_> = (0..FOLDS)
            .map(|out| {
                scope.spawn(move || {
                    let model = only(fit_head(texts, head, options, |text| fold(text) != out));
                    let held = texts.iter().filter(|text| {
                        text.head == head && text.usage != Use::Train && fold(text) == out
                    });
                    held.map(|text| Scored { text, fold: out, parts: model.weigh(&text.normal, head) })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for fold in folds {
            scored.extend(fold.join().unwrap_or_default());
        }
    });
    scored
}

/// How the parts of a score are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    pub count: i32,
    pub rest: i32,
}

impl Scored<'_> {
    pub fn logit(&self, costs: Costs) -> i32 {
        let Some(parts) = &self.parts else { return i32::MIN };
        combine(parts, costs.count, costs.rest)
    }
}

/// The threshold of each rate for one fold, from the benign texts of all other folds.
pub fn thresholds_without(scored: &[Scored<'_>], costs: Costs, out: usize) -> [i32; 4] {
    let benign: Vec<i32> = scored
        .iter()
        .filter(|one| !one.text.attack && one.fold != out && !one.text.source.starts_with("unseen"))
        .map(|one| one.logit(costs))
        .collect();
    Rate::ALL.map(|rate| measure::threshold(&benign, rate.per_thousand()))
}
