//! Counterfactuals: one condition that alone decided, and the milder answer without it.

use action::{Counterfactual, Decimal, Severity, Verdict};

use super::bands;
use super::condition::{Kind, View};
use super::load::Policies;
use crate::detect::scene::Money;

use super::weigh::{Spoken, Voice, Weighed, weigh};

/// Most counterfactuals of one ruling.
const MOST: usize = 4;

/// What would have been answered, had one condition of the deciding rule been otherwise. Each is
/// found by judging the varied case again, so what it promises is what the policies then say
/// (the score is taken as it is).
pub fn factuals(
    view: &View<'_>,
    policies: &Policies,
    spoken: &Spoken,
    weighed: &Weighed<'_>,
) -> Vec<Counterfactual> {
    if weighed.verdict <= Verdict::Alert {
        return Vec::new();
    }
    match weighed.decided {
        Voice::Rule(at) => match weighed.matched.get(at) {
            Some(found) if found.is_plain() && found.rule.module.is_none() => {
                of_rule(view, policies, spoken, weighed.verdict, found.at)
            }
            _ => Vec::new(),
        },
        Voice::Band => of_band(view, policies, spoken, weighed).into_iter().collect(),
        Voice::Fault(_) | Voice::Floor(_) => Vec::new(),
    }
}

fn of_rule(
    view: &View<'_>,
    policies: &Policies,
    spoken: &Spoken,
    present: Verdict,
    at: usize,
) -> Vec<Counterfactual> {
    let Some(rule) = policies.rules.get(at) else { return Vec::new() };
    let mut found = Vec::new();
    for test in rule.when.pivots(view) {
        let Some(condition) = test.kind.way_out() else { continue };
        let varied = varied(view, &test.kind);
        let without = varied.is_none().then_some(at);
        let verdict = weigh(&varied.unwrap_or(*view), policies, spoken, without).verdict;
        if verdict < present {
            found.push(Counterfactual { verdict, rule: rule.id.clone(), condition });
        }
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// The case with the one value at which the condition just stops holding. `None` where there is
/// no such value to put in; then the rule is left out instead.
fn varied<'v>(view: &View<'v>, kind: &'v Kind) -> Option<View<'v>> {
    let mut varied = *view;
    let edge = |range: &super::condition::Range| {
        range.way_out().filter(|(bound, _)| !bound.inside).map(|(bound, _)| bound.at)
    };
    let whole = |at: Decimal| u64::try_from(at.trunc()).ok().filter(|_| at.is_integer());
    match kind {
        Kind::WithoutRole(roles) => varied.imagined = Some(roles),
        Kind::Amount(test) => {
            let currency = view.amount.and_then(|money| money.currency);
            let currency = Some(test.currency.as_deref().or(currency)?);
            varied.amount =
                Some(Money { value: edge(&test.range)?, currency, stated: true, contradicted: false });
        }
        Kind::Count(range) => varied.count = Some(edge(range).and_then(whole)?),
        Kind::Score(range) => varied.score = u8::try_from(edge(range).and_then(whole)?).ok()?,
        _ => return None,
    }
    Some(varied)
}

fn of_band(
    view: &View<'_>,
    policies: &Policies,
    spoken: &Spoken,
    weighed: &Weighed<'_>,
) -> Option<Counterfactual> {
    let band = weighed.band.band;
    let first = weighed.band.bounds.range(band).0;
    if band == Severity::Low || first == 0 {
        return None;
    }
    let below = first.saturating_sub(1);
    let verdict = weigh(&View { score: below, ..*view }, policies, spoken, None).verdict;
    let condition = format!("risk score at most {below}");
    (verdict < weighed.verdict).then(|| Counterfactual { verdict, rule: bands::name(band).into(), condition })
}
