//! The settings of each environment.

use std::collections::BTreeMap;

use action::{Capture, Environment, ExplainLevel, FailMode, Mode};
use engine::yaml::{Faults, Fields};
use gateway::book::{ApprovalRule, Scope};

use super::name;

/// Reads all of them. There is no silent default for how production fails.
pub fn environments(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<BTreeMap<Environment, Scope>> {
    const HINT: &str = "for example `environments: { production: { mode: enforce, fail: { reads: closed, effects: closed } } }`";
    let known = faults.0.len();
    let Some(mut all) = fields.fields("environments", faults) else {
        if faults.0.len() == known {
            let message = "`environments` is missing".to_owned();
            fields.fault(faults, "missing_key", message, Some(HINT.to_owned()));
        }
        return None;
    };
    let mut read = BTreeMap::new();
    for environment in Environment::ALL {
        let Some(mut one) = all.fields(environment.as_str(), faults) else { continue };
        read.insert(*environment, scope(&mut one, *environment, faults));
        one.finish(faults);
    }
    if read.is_empty() {
        all.fault(faults, "no_environment", "no environment has settings".to_owned(), Some(HINT.to_owned()));
    }
    all.finish(faults);
    Some(read)
}

fn scope(one: &mut Fields<'_>, environment: Environment, faults: &mut Faults) -> Scope {
    let usual = Scope::default();
    let (reads, effects) = match one.fields("fail", faults) {
        Some(mut fail) => {
            let reads = fail.choice("reads", FailMode::ALL, FailMode::as_str, faults);
            let effects = fail.choice("effects", FailMode::ALL, FailMode::as_str, faults);
            if reads.is_none() || effects.is_none() {
                let hint = Some("`closed` refuses, `open` lets pass and counts".to_owned());
                fail.fault(faults, "missing_key", "`fail` needs both `reads` and `effects`".to_owned(), hint);
            }
            fail.finish(faults);
            (reads, effects)
        }
        None if environment == Environment::Production => {
            let hint = "write `fail: { reads: closed, effects: closed }`; `open` lets actions pass when no decision can be had";
            one.fault(
                faults,
                "missing_key",
                "`fail` must be chosen for production".to_owned(),
                Some(hint.to_owned()),
            );
            (None, None)
        }
        None => (None, None),
    };
    let approval = match one.fields("approval", faults) {
        None => ApprovalRule::default(),
        Some(mut fields) => {
            let rule = approval(&mut fields, faults);
            fields.finish(faults);
            rule
        }
    };
    let own_domains = one.texts("own_domains", faults).unwrap_or_default();
    Scope {
        mode: one.choice("mode", Mode::ALL, Mode::as_str, faults).unwrap_or(usual.mode),
        fail_reads: reads.unwrap_or(usual.fail_reads),
        fail_effects: effects.unwrap_or(usual.fail_effects),
        capture: one.choice("capture", Capture::ALL, Capture::as_str, faults).unwrap_or(usual.capture),
        explain: one.choice("explain", ExplainLevel::ALL, ExplainLevel::as_str, faults),
        own_domains: own_domains
            .into_iter()
            .filter_map(|text| name(Some(text), "own_domains", one, faults))
            .collect(),
        approval,
        isolate_effects: one.flag("isolate_effects", faults).unwrap_or(usual.isolate_effects),
        budget: usual.budget,
    }
}

fn approval(fields: &mut Fields<'_>, faults: &mut Faults) -> ApprovalRule {
    let usual = ApprovalRule::default();
    let mut within = |key, low: i64, high: i64| {
        let number = fields.whole(key, faults)?;
        if !(low..=high).contains(&number) {
            fields.fault(faults, "out_of_range", format!("`{key}` is a number from {low} to {high}"), None);
        }
        u64::try_from(number).ok()
    };
    let needed = within("needed", 1, 20).and_then(|n| u8::try_from(n).ok());
    let deadline = within("deadline_seconds", 1, 30 * 86_400);
    let release = within("release_within_seconds", 1, 30 * 86_400);
    let from = fields.texts("from", faults).unwrap_or_default();
    ApprovalRule {
        needed: needed.unwrap_or(usual.needed),
        more: usual.more,
        from: from.into_iter().filter_map(|text| name(Some(text), "from", fields, faults)).collect(),
        deadline_millis: deadline.map_or(usual.deadline_millis, |seconds| seconds * 1000),
        release_within_millis: release.map_or(usual.release_within_millis, |seconds| seconds * 1000),
    }
}
