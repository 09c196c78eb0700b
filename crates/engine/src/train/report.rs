//! What the model can and cannot do, measured on texts it was not trained on.
//!
//! Every figure here comes from a model that had not seen the text's group (or, in the second
//! table, its whole source), at a threshold chosen on other benign texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::corpus::Text;
use super::heads::{COSTS, FOLDS, Scored, fit_head, only, thresholds_without};
use super::measure::{self, Share};
use crate::detect::injection::model::{Head, Rate};

/// Flagged at the 1 % threshold, by that or by a rule, and at the 0.1 % threshold.
#[derive(Default, Clone, Copy)]
struct Flagged {
    ten: Share,
    either: Share,
    one: Share,
}

/// Sources in order, attacks apart from benign texts.
type Table = BTreeMap<(bool, String), Flagged>;

/// The cross-validated table of one head.
pub fn cross_validated(head: Head, scored: &[Scored<'_>]) -> String {
    let mut table = Table::new();
    for fold in 0..FOLDS {
        let thresholds = thresholds_without(scored, fold);
        for one in scored.iter().filter(|one| one.fold == fold) {
            count(&mut table, one.text, one.logit(), thresholds);
        }
    }
    let logits = |attack: bool| -> Vec<i32> {
        let counted = scored.iter().filter(|one| one.text.attack == attack && !one.text.is_apart());
        counted.map(Scored::logit).collect()
    };
    let auc = measure::auc(&logits(true), &logits(false));
    let mut out = String::new();
    let _ = writeln!(out, "### {} head: five folds by group, AUC {auc:.4}\n", title(head));
    print(&mut out, &table, true);
    out
}

/// The table of one head with each source in turn kept out of training altogether.
pub fn leave_one_source_out(head: Head, texts: &[Text], scored: &[Scored<'_>]) -> String {
    let of_head = || texts.iter().filter(|text| text.head == head && !text.file.starts_with("unseen"));
    let families: BTreeSet<&str> = of_head().filter(|text| text.is_scored()).map(Text::family).collect();
    let families: Vec<&str> = families.into_iter().filter(|family| *family != "garak").collect();
    let judge = |family: &str| -> Table {
        let model = only(fit_head(texts, head, |text| text.family() != family));
        let benign = scored.iter().filter(|one| !one.text.attack && !one.text.is_apart());
        let benign: Vec<i32> = benign.filter(|one| one.text.family() != family).map(Scored::logit).collect();
        let thresholds = Rate::ALL.map(|rate| measure::threshold(&benign, rate.per_thousand()));
        let mut table = Table::new();
        for text in of_head().filter(|text| text.is_scored() && text.family() == family) {
            let logit = model.weigh(&text.normal, head).map_or(i32::MIN, |parts| COSTS.combine(head, &parts));
            count(&mut table, text, logit, thresholds);
        }
        table
    };
    let mut table = Table::new();
    // Two at a time: each source is computed by itself, so threads change no sum.
    for pair in families.chunks(2) {
        std::thread::scope(|scope| {
            let running: Vec<_> = pair.iter().map(|family| scope.spawn(|| judge(family))).collect();
            table.extend(running.into_iter().filter_map(|one| one.join().ok()).flatten());
        });
    }
    let mut out = String::new();
    let _ = writeln!(out, "### {} head: the whole source left out of training\n", title(head));
    print(&mut out, &table, false);
    out
}

fn title(head: Head) -> &'static str {
    match head {
        Head::User => "User",
        Head::Document => "Document",
    }
}

fn count(table: &mut Table, text: &Text, logit: i32, thresholds: [i32; 4]) {
    let flagged = table.entry((text.attack, text.source.clone())).or_default();
    let [_, ten, _, one] = thresholds;
    flagged.ten.add(logit >= ten);
    flagged.either.add(logit >= ten || text.named);
    flagged.one.add(logit >= one);
}

fn print(out: &mut String, table: &Table, totals: bool) {
    for attack in [true, false] {
        let heading = if attack { "recall on attacks" } else { "false positives on benign texts" };
        let _ = writeln!(
            out,
            "| {heading} | model at 1 % | that or a rule | model at 0.1 % |\n|---|---|---|---|"
        );
        let mut sum = Flagged::default();
        for ((_, source), flagged) in table.iter().filter(|((is, _), _)| *is == attack) {
            let _ = writeln!(out, "| {source} | {} | {} | {} |", flagged.ten, flagged.either, flagged.one);
            if !source.starts_with("unseen") && !source.starts_with("own doc.hard") {
                sum = Flagged {
                    ten: sum.ten.plus(flagged.ten),
                    either: sum.either.plus(flagged.either),
                    one: sum.one.plus(flagged.one),
                };
            }
        }
        if totals {
            let _ = writeln!(out, "| **all** | {} | {} | {} |", sum.ten, sum.either, sum.one);
        }
        out.push('\n');
    }
}
