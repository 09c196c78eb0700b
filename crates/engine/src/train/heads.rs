//! From labelled texts to one head's integers, and its honest scores by folds.

use super::corpus::{Text, Trace, Use};
use super::fit::{Examples, FitOptions, Fitted};
use super::measure;
use super::rng::Rng;
use crate::detect::injection::model::{Head, HeadWeights, Judged, Model, Rate, SLOTS};

pub const FOLDS: usize = 5;
/// At most this many stretches of one benign text are learned from.
const STRETCHES: usize = 40;

/// Which fold a text belongs to: by its group, so that variants stay together.
pub fn fold(text: &Text) -> usize {
    Rng::named(7, &text.group).below(FOLDS)
}

/// Fits one head on the texts that `keep` lets through.
pub fn fit_head(
    texts: &[Text],
    head: Head,
    options: FitOptions,
    keep: impl Fn(&Text) -> bool,
) -> HeadWeights {
    let mut examples = Examples::default();
    let mut scratch = Vec::new();
    for text in texts.iter().filter(|text| text.head == head && text.usage != Use::Score && keep(text)) {
        let trace = Trace::of(&text.normal);
        if text.attack {
            examples.push(trace.first(4000), true, text.weight, &mut scratch);
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
            examples.push(trace.first(4000), false, text.weight * 0.5, &mut scratch);
        }
        for features in stretches.iter().take(kept) {
            examples.push(features, false, share, &mut scratch);
        }
    }
    examples.balance();
    quantise(&examples.fit(options))
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
    pub judged: Judged,
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
                    let held = texts
                        .iter()
                        .filter(|text| text.head == head && text.usage != Use::Train && fold(text) == out);
                    held.map(|text| Scored { text, fold: out, judged: model.judge(&text.normal, head) })
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

/// The threshold of each rate for one fold, from the benign texts of all other folds.
pub fn thresholds_without(scored: &[Scored<'_>], out: usize) -> [i32; 4] {
    let benign: Vec<i32> =
        scored.iter().filter(|one| !one.text.attack && one.fold != out).map(|one| one.judged.logit).collect();
    Rate::ALL.map(|rate| measure::threshold(&benign, rate.per_thousand()))
}
