//! What the model can and cannot do, measured on texts it was not trained on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::corpus::{self, Row, Text};
use super::fit::FitOptions;
use super::heads::{Scored, cross_validate, thresholds_without};
use super::measure::{self, Share};
use crate::detect::injection::model::{Head, Rate};

/// The whole report as text.
pub fn report(rows: &[Row]) -> String {
    let texts = corpus::from_rows(rows);
    let mut out = String::new();
    for head in [Head::User, Head::Document] {
        let options = FitOptions { trust: 30.0, iterations: 60 };
        let scored = cross_validate(&texts, head, options);
        by_source(&mut out, head, &scored);
    }
    out
}

fn by_source(out: &mut String, head: Head, scored: &[Scored<'_>]) {
    let mut table: BTreeMap<(bool, &str), [Share; 4]> = BTreeMap::new();
    for fold in 0..super::heads::FOLDS {
        let thresholds = thresholds_without(scored, fold);
        for one in scored.iter().filter(|one| one.fold == fold) {
            let Text { attack, source, .. } = one.text;
            for (share, threshold) in table.entry((*attack, source)).or_default().iter_mut().zip(thresholds) {
                share.add(one.judged.logit >= threshold);
            }
        }
    }
    let logits = |attack: bool| -> Vec<i32> {
        scored.iter().filter(|one| one.text.attack == attack).map(|one| one.judged.logit).collect()
    };
    let _ = writeln!(
        out,
        "{} head, five folds by group: AUC {:.4}",
        head.as_str(),
        measure::auc(&logits(true), &logits(false))
    );
    for attack in [true, false] {
        let _ =
            writeln!(out, "  {} flagged at 1 % | at 0.1 %", if attack { "attacks" } else { "benign texts" });
        let mut total = [Share::default(); 4];
        for ((_, source), shares) in table.iter().filter(|((is, _), _)| *is == attack) {
            let _ = writeln!(
                out,
                "    {source:32} {} | {}",
                shares[Rate::Ten as usize],
                shares[Rate::One as usize]
            );
            for (sum, share) in total.iter_mut().zip(shares) {
                *sum = sum.plus(*share);
            }
        }
        let _ =
            writeln!(out, "    {:32} {} | {}", "all", total[Rate::Ten as usize], total[Rate::One as usize]);
    }
}
