//! From labelled texts to one head's integers, and its honest scores by folds.

use std::collections::{BTreeMap, BTreeSet};

use super::corpus::{Text, Trace, Use};
use super::fit::{Examples, FitOptions, Fitted};
use super::measure;
use super::rng::Rng;
use crate::detect::injection::model::{
    CALIBRATION_STEPS, Head, HeadWeights, ID_BITS, MAX_GAIN, MAX_LOGIT, Model, Parts, Rate, SLOTS, combine,
    slot_of,
};

pub const FOLDS: usize = 5;
/// At most this many stretches of one benign text are learned from.
const STRETCHES: usize = 18;
/// This many of them are those that look worst.
const WORST: usize = 7;

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
pub fn fit_head(texts: &[Text], head: Head, keep: impl Fn(&Text) -> bool) -> HeadWeights {
    let kept: Vec<&Text> =
        texts.iter().filter(|text| text.head == head && text.is_learned() && keep(text)).collect();
    let common = Common::among(kept.iter().copied().filter(|text| text.attack), COMMON);
    let [user, document] = OPTIONS.trust;
    let options = FitOptions {
        trust: if head == Head::User { user } else { document },
        iterations: OPTIONS.iterations,
    };
    let first = quantise(
        &examples(&kept, &common, head, None)
            .fit(FitOptions { iterations: options.iterations / 2, ..options }),
    );
    // A text is judged by its worst stretch, so the worst stretches are what must be learned.
    quantise(&examples(&kept, &common, head, Some(&first)).fit(options))
}

/// What one head learns from: whole attacks, and stretches of benign texts; the ones that a first
/// model takes for attacks always among them.
fn examples(kept: &[&Text], common: &Common, head: Head, first: Option<&HeadWeights>) -> Examples {
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
        let mut stretches: Vec<&[u32]> = Vec::new();
        trace.each(head == Head::User, |features| stretches.push(features));
        let mut rng = Rng::named(11, &text.normal);
        rng.shuffle(&mut stretches);
        if let Some(first) = first {
            stretches.sort_by_key(|features| std::cmp::Reverse(logit(first, features)));
            if let Some(rest) = stretches.get_mut(WORST..) {
                rng.shuffle(rest);
            }
        }
        stretches.truncate(STRETCHES);
        let share = match head {
            Head::User => text.weight * 0.5 / stretches.len().max(1) as f32,
            Head::Document => text.weight,
        };
        if head == Head::User {
            let all = trace.first(4000);
            examples.push(all, all.len(), false, text.weight * 0.5, &mut scratch);
        }
        for features in stretches {
            examples.push(features, features.len(), false, share, &mut scratch);
        }
    }
    examples.balance();
    examples.emphasise();
    examples
}

fn logit(weights: &HeadWeights, features: &[u32]) -> i64 {
    let weight = |id: &u32| weights.table.get(slot_of(*id)).map_or(0, |weight| i64::from(*weight));
    weights.logit(features.iter().map(weight).sum(), features.len().max(1))
}

/// In how many groups of attacks a feature must occur to speak for an attack.
const COMMON: u8 = 3;

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
    let opening = fitted.0.get(SLOTS + 1).copied().unwrap_or(0.0);
    let mut sizes: Vec<f32> = weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    // A handful of very large weights must not cost all others their resolution.
    let largest = sizes.get(SLOTS - SLOTS / 4096).copied().unwrap_or(1.0).max(1e-6);
    let unit = largest / 127.0;
    let table: Box<[i8]> =
        weights.iter().map(|weight| (weight / unit).round().clamp(-127.0, 127.0) as i8).collect();
    HeadWeights {
        table: table.try_into().unwrap_or_else(|_| Box::new([0; SLOTS])),
        // Few texts can drive a number beyond what the loader takes; there it is as good as infinite.
        gain: ((unit * 256_000.0).round() as i32).clamp(0, MAX_GAIN),
        bias: ((bias * 1000.0).round() as i32).clamp(-MAX_LOGIT, MAX_LOGIT),
        opening: ((opening * 256_000.0).round() as i32).clamp(-MAX_GAIN, MAX_GAIN),
        ..HeadWeights::default()
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
pub fn cross_validate<'a>(texts: &'a [Text], head: Head) -> Vec<Scored<'a>> {
    let mut scored = Vec::new();
    std::thread::scope(|scope| {
        // Each fold is computed by itself, so the number of threads changes no sum.
        let folds: Vec<_> = (0..FOLDS)
            .map(|out| {
                scope.spawn(move || {
                    let model = only(fit_head(texts, head, |text| fold(text) != out));
                    let held = texts
                        .iter()
                        .filter(|text| text.head == head && text.usage != Use::Train && fold(text) == out);
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

impl Scored<'_> {
    pub fn logit(&self) -> i32 {
        self.parts.as_ref().map_or(i32::MIN, |parts| COSTS.combine(self.text.head, parts))
    }
}

/// The threshold of each rate for one fold, from the benign texts of all other folds.
pub fn thresholds_without(scored: &[Scored<'_>], out: usize) -> [i32; 4] {
    thresholds(scored.iter().filter(|one| one.fold != out))
}

fn thresholds<'a>(scored: impl Iterator<Item = &'a Scored<'a>>) -> [i32; 4] {
    let benign = scored.filter(|one| !one.text.attack && !one.text.is_apart());
    let benign: Vec<i32> = benign.map(Scored::logit).collect();
    Rate::ALL.map(|rate| measure::threshold(&benign, rate.per_thousand()))
}

/// The head that ships: fitted on everything, thresholds and calibration from the folds.
pub fn finish(texts: &[Text], head: Head, scored: &[Scored<'_>]) -> HeadWeights {
    let mut weights = fit_head(texts, head, |_| true);
    let costs = COSTS.of(head);
    (weights.count_cost, weights.rest_cost) = (costs.count, costs.rest);
    weights.thresholds = thresholds(scored.iter()).map(|logit| logit.clamp(-MAX_LOGIT, MAX_LOGIT));
    weights.thresholds.sort_unstable();
    weights.calibration = calibrate(scored);
    weights
}

/// The share of attacks among texts of about each logit, both kinds counted as equally many, never
/// falling as the logit rises.
fn calibrate(scored: &[Scored<'_>]) -> [u8; CALIBRATION_STEPS] {
    let counted: Vec<_> = scored.iter().filter(|one| !one.text.is_apart()).collect();
    let total = |attack: bool| counted.iter().filter(|one| one.text.attack == attack).count().max(1) as f64;
    let (attacks, benign) = (total(true), total(false));
    let mut table = [0; CALIBRATION_STEPS];
    let mut least = 0;
    for (entry, from) in table.iter_mut().zip(HeadWeights::calibration_logits()) {
        // Neighbouring steps count too, so that a thin step does not jump.
        let near = |one: &&&Scored<'_>| (one.logit() - from - 250).abs() <= 1000;
        let share =
            |attack: bool| counted.iter().filter(near).filter(|one| one.text.attack == attack).count() as f64;
        let (hits, misses) = ((share(true) + 0.5) / attacks, (share(false) + 0.5) / benign);
        least = least.max((100.0 * hits / (hits + misses)) as u8);
        *entry = least.min(99);
    }
    table
}

/// How the parts of a score are put together, by head.
pub const COSTS: AllCosts =
    AllCosts { user: Costs { count: 500, rest: -600 }, document: Costs { count: 800, rest: 400 } };
/// How hard each head is fitted.
pub const OPTIONS: Options = Options { trust: [30.0, 10.0], iterations: 40 };

/// See [`HeadWeights::combine`].
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    pub count: i32,
    pub rest: i32,
}

pub struct AllCosts {
    user: Costs,
    document: Costs,
}

pub struct Options {
    /// By head.
    pub trust: [f64; 2],
    pub iterations: usize,
}

impl AllCosts {
    pub const fn of(&self, head: Head) -> Costs {
        match head {
            Head::User => self.user,
            Head::Document => self.document,
        }
    }

    pub fn combine(&self, head: Head, parts: &Parts) -> i32 {
        let costs = self.of(head);
        combine(parts, costs.count, costs.rest)
    }
}
