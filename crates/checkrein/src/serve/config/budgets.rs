//! The settings of budgets.

use action::Name;
use engine::yaml::{Faults, Fields, Value};
use gateway::money::{Budget, Key, Limits, OnLimit, Per, Whom, dollars};

use super::outward::{each, label};
use super::providers::bounded;

/// Budgets of one server. Every call looks at each.
const MAX_BUDGETS: usize = 256;
const MAX_THRESHOLDS: usize = 10;
/// Thresholds where none are named.
const ALERT_AT: &[u8] = &[80];

pub fn budgets(fields: &mut Fields<'_>, faults: &mut Faults) -> Vec<Budget> {
    let all = each(fields, "budgets", MAX_BUDGETS, faults, budget);
    for (n, budget) in all.iter().enumerate() {
        if all.iter().take(n).any(|other| other.name == budget.name) {
            fields.fault(faults, "twice", format!("two budgets are named `{}`", budget.name), None);
        }
    }
    all
}

fn budget(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Budget> {
    let name = label(one, faults).and_then(|name| super::name(Some(&name), "name", one, faults));
    let whom = whom(one, faults);
    one.need("per", faults);
    let per = one.choice("per", Per::ALL, Per::as_str, faults);
    let limits = limits(one, faults);
    let alert_at = alert_at(one, faults);
    let on_limit = on_limit(one, faults);
    Some(Budget { name: name?, whom: whom?, per: per?, limits, alert_at, on_limit: on_limit? })
}

/// One of `team`, `application`, `agent`, `key` with a name, or `each` with one of these words, or nothing
/// for everybody together.
fn whom(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Whom> {
    let each = one.choice("each", Key::ALL, Key::as_str, faults).map(Whom::Each);
    let mut named: Vec<Whom> = each.into_iter().collect();
    for key in Key::ALL {
        let text = one.text(key.as_str(), faults);
        let name: Option<Name> = super::name(text, key.as_str(), one, faults);
        named.extend(name.map(|name| Whom::One(*key, name)));
    }
    let mut named = named.into_iter();
    match (named.next(), named.next()) {
        (None, _) => Some(Whom::Everybody),
        (Some(whom), None) => Some(whom),
        (Some(_), Some(_)) => {
            let message = "a budget is of one team, application, agent or key, or of `each`".to_owned();
            one.fault(faults, "bad_budget", message, Some("write a budget for each".to_owned()));
            None
        }
    }
}

fn limits(one: &mut Fields<'_>, faults: &mut Faults) -> Limits {
    let file = one.file();
    let micros = one.get("dollars").and_then(|node| {
        let read = node.as_text().and_then(|text| dollars(text.trim()));
        if read.is_none() {
            faults.add(file, node, "bad_price", "`dollars` is an amount like `12.50`".to_owned(), None);
        }
        read
    });
    let mut count = |key| bounded(one, key, 0, i64::MAX, faults).and_then(|n| u64::try_from(n).ok());
    let limits = Limits { micros, tokens: count("tokens"), requests: count("requests") };
    if limits == Limits::default() {
        let message = "a budget bounds `dollars`, `tokens` or `requests`".to_owned();
        one.fault(faults, "missing_key", message, None);
    }
    limits
}

fn alert_at(one: &mut Fields<'_>, faults: &mut Faults) -> Vec<u8> {
    let Some(node) = one.get("alert_at") else { return ALERT_AT.to_vec() };
    let nodes = node.as_list().unwrap_or(std::slice::from_ref(node));
    let share = |node: &engine::yaml::Node| match &node.value {
        Value::Scalar { text, .. } => {
            text.trim().parse::<u8>().ok().filter(|share| (1..=100).contains(share))
        }
        Value::List(_) | Value::Map(_) => None,
    };
    let shares: Option<Vec<u8>> = nodes.iter().map(share).collect();
    match shares.filter(|shares| shares.len() <= MAX_THRESHOLDS) {
        Some(shares) => shares,
        None => {
            let message = format!("`alert_at` has at most {MAX_THRESHOLDS} shares from 1 to 100 per cent");
            one.fault(faults, "out_of_range", message, None);
            Vec::new()
        }
    }
}

/// `block`, or `{ throttle_per_minute: N }`.
fn on_limit(one: &mut Fields<'_>, faults: &mut Faults) -> Option<OnLimit> {
    let Some(node) = one.get("on_limit") else { return Some(OnLimit::Block) };
    match (node.as_text(), &node.value) {
        (Some("block"), _) => Some(OnLimit::Block),
        (None, Value::Map(_)) => {
            let mut fields = Fields::of(one.file(), node, faults)?;
            fields.need("throttle_per_minute", faults);
            let most = bounded(&mut fields, "throttle_per_minute", 1, 1_000_000, faults);
            fields.finish(faults);
            most.and_then(|most| u64::try_from(most).ok()).map(OnLimit::Throttle)
        }
        _ => {
            let hint = Some("`block` or `{ throttle_per_minute: 10 }`".to_owned());
            one.fault(faults, "unknown_value", "`on_limit` has no such value".to_owned(), hint);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Budget>, Vec<&'static str>> {
        let root = engine::yaml::parse("t.yaml", text).unwrap();
        let mut faults = Faults::default();
        let mut fields = Fields::of("t.yaml", &root, &mut faults).unwrap();
        let all = budgets(&mut fields, &mut faults);
        fields.finish(&mut faults);
        let codes: Vec<_> = faults.0.iter().map(|fault| fault.code).collect();
        if codes.is_empty() { Ok(all) } else { Err(codes) }
    }

    #[test]
    fn budgets_are_of_all_of_one_or_of_each() {
        let all = read(
            "
budgets:
  - { name: all, per: month, dollars: 500, alert_at: [50, 90] }
  - { name: agents, each: agent, per: day, dollars: 2.50, tokens: 100000 }
  - { name: ci, key: cra_ab, per: day, requests: 10, on_limit: { throttle_per_minute: 3 } }
",
        )
        .unwrap();
        assert_eq!(
            (&all[0].whom, all[0].per, all[0].limits.micros),
            (&Whom::Everybody, Per::Month, Some(500_000_000))
        );
        assert_eq!((all[0].alert_at.as_slice(), all[1].alert_at.as_slice()), (&[50, 90][..], ALERT_AT));
        assert_eq!((&all[1].whom, all[1].limits.tokens), (&Whom::Each(Key::Agent), Some(100_000)));
        assert_eq!(all[2].whom, Whom::One(Key::Key, Name::new("cra_ab").unwrap()));
        assert_eq!((all[2].on_limit, all[0].on_limit), (OnLimit::Throttle(3), OnLimit::Block));
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let codes = read(
            "
budgets:
  - { name: a, per: week, dollars: 1 }
  - { name: a, per: day }
  - { name: a, per: day, dollars: -1, tokens: -1, alert_at: [0], on_limit: stop }
  - { name: b, per: day, requests: 1, team: x, agent: y, colour: red }
  - { name: c, per: day, requests: 1, on_limit: { throttle_per_minute: 0 } }
  - { name: d, per: day, requests: 1 }
  - { name: d, per: day, requests: 1 }
",
        )
        .unwrap_err();
        for code in [
            "unknown_value",
            "missing_key",
            "bad_price",
            "out_of_range",
            "bad_budget",
            "unknown_key",
            "twice",
        ] {
            assert!(codes.contains(&code), "{code} is missing in {codes:?}");
        }
    }
}
