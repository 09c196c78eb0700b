//! What the model can and cannot do, measured on texts it was not trained on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::corpus::{self, Row, Text};
use super::material;
use super::fit::FitOptions;
use super::heads::{Costs, Scored, cross_validate, thresholds_without};
use super::measure::{self, Share};
use crate::detect::injection::model::{Head, Rate};

/// The whole report as text.
pub fn report(rows: &[Row]) -> String {
    let mut texts = corpus::from_rows(rows);
    texts.extend(material::own());
    let planted = material::planted(&texts, super::heads::fold);
    texts.extend(planted);
    let mut out = String::new();
    let trusts: Vec<f64> = std::env::var("TRUST").unwrap_or("30".into()).split(',').filter_map(|t| t.parse().ok()).collect();
    let costs: Vec<i32> = std::env::var("COSTS").unwrap_or("300,600".into()).split(',').filter_map(|t| t.parse().ok()).collect();
    let only = std::env::var("HEAD").unwrap_or_default();
    for head in [Head::User, Head::Document] {
        if !only.is_empty() && only != head.as_str() {
            continue;
        }
        for trust in &trusts {
            let options = FitOptions { trust: *trust, iterations: 60 };
            let scored = cross_validate(&texts, head, options);
            for pair in costs.chunks(2) {
                let costs = Costs { count: pair[0], rest: pair[1] };
                let _ = writeln!(out, "trust {trust} count {} rest {}", pair[0], pair[1]);
                by_source(&mut out, head, &scored, costs);
                if std::env::var("SHOW").is_ok() {
                    show(&mut out, &scored, costs);
                }
            }
        }
    }
    out
}

fn by_source(out: &mut String, head: Head, scored: &[Scored<'_>], costs: Costs) {
    let mut table: BTreeMap<(bool, &str), [Share; 4]> = BTreeMap::new();
    for fold in 0..super::heads::FOLDS {
        let thresholds = thresholds_without(scored, costs, fold);
        for one in scored.iter().filter(|one| one.fold == fold) {
            let Text { attack, source, .. } = one.text;
            for (share, threshold) in table.entry((*attack, source)).or_default().iter_mut().zip(thresholds) {
                share.add(one.logit(costs) >= threshold);
            }
        }
    }
    let logits = |attack: bool| -> Vec<i32> {
        scored.iter().filter(|one| one.text.attack == attack).map(|one| one.logit(costs)).collect()
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

fn show(out: &mut String, scored: &[Scored<'_>], costs: Costs) {
    for fold in 0..super::heads::FOLDS {
        let thresholds = thresholds_without(scored, costs, fold);
        for one in scored.iter().filter(|one| one.fold == fold) {
            let flagged = one.logit(costs) >= thresholds[1];
            if flagged != one.text.attack {
                let range = one.parts.as_ref().map(|p| p.range.clone()).unwrap_or_default();
                let _ = writeln!(out, "{} {} {} [{}] {}", if one.text.attack { "MISS" } else { "FALSE" }, one.logit(costs) - thresholds[1], one.text.source, one.text.group, &one.text.normal[range]);
            }
        }
    }
}
