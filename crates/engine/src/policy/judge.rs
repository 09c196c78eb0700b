//! Judging: the voices about an action become a ruling with its reasons.

use std::borrow::Cow;

use action::{Alert, Constraint, Containment, RuleMatch, Ruling, Severity, Shadow, Vector, Verdict};

use super::bands;
use super::case::{Judged, Judgement, effective};
use super::condition::View;
use super::counter;
use super::load::Policies;
use super::names::Names;
use super::weigh::{Matched, Spoken, Voice, Weighed, run_modules, weigh};

/// Judges one case. Total: every case gets a judgement, a broken module included.
pub fn judge(case: &Judged<'_>, policies: &Policies) -> Judgement {
    let names = Names::of(case.action);
    let view = View::of(case, &names);
    let spoken: Spoken = match policies.has_modules() {
        true => run_modules(&view, policies, &policies.index.candidates(case.action, &names)),
        false => Vec::new(),
    };
    let weighed = weigh(&view, policies, &spoken, None);
    Judgement {
        effective: effective(weighed.verdict, case.facts.scope.mode),
        constraints: constraints(&weighed),
        containment: containment(&weighed),
        alerts: alerts(case, &weighed),
        counterfactuals: counter::factuals(&view, policies, &spoken, &weighed),
        shadows: shadows(&weighed),
        ruling: ruling(case, weighed),
    }
}

fn ruling(case: &Judged<'_>, weighed: Weighed<'_>) -> Ruling {
    let decided_by = decided_by(&weighed);
    let reason = reason(case, &weighed);
    let exceptions = weighed.matched.iter().filter(|m| m.speaks).map(|m| (m.stated, m.exception));
    let exceptions = exceptions
        .chain(weighed.floors.iter().map(|floor| (floor.stated, floor.exception)))
        .chain([(bands::verdict(weighed.band.band), weighed.band.exception)]);
    let exception = exceptions
        .filter(|(stated, _)| *stated > weighed.verdict)
        .find_map(|(_, exception)| exception.map(|exception| exception.id.clone()));
    Ruling {
        verdict: weighed.verdict,
        decided_by,
        reason,
        matched: weighed.matched.iter().map(rule_match).collect(),
        exception,
        faults: weighed.faults,
    }
}

/// What the rules that are tried out would have said, and made of the answer.
fn shadows(weighed: &Weighed<'_>) -> Vec<Shadow> {
    let spoke = weighed.shadows.iter().map(|found| Shadow {
        rule: found.id.clone().into_owned(),
        layer: found.rule.layer,
        verdict: found.verdict(),
        would: weighed.with(found),
        fault: None,
    });
    let failed = weighed.failed_shadows.iter().map(|(layer, fault)| Shadow {
        rule: fault.rule.clone(),
        layer: *layer,
        verdict: fault.counted_as,
        would: weighed.verdict.max(fault.counted_as),
        fault: Some(fault.code.clone()),
    });
    spoke.chain(failed).take(MOST_SHADOWS).collect()
}

/// Most rules on trial of which one decision tells.
const MOST_SHADOWS: usize = 64;

fn rule_match(found: &Matched<'_>) -> RuleMatch {
    RuleMatch {
        rule: found.id.clone().into_owned(),
        layer: found.rule.layer,
        verdict: found.verdict(),
        replaces_bands: found.rule.instead_of_bands,
        possibly: !found.surely,
    }
}

/// The name of the voice that decided.
pub fn decided_by(weighed: &Weighed<'_>) -> Cow<'static, str> {
    match weighed.decided {
        Voice::Rule(at) => {
            let id = weighed.matched.get(at).map(|found| found.id.clone().into_owned());
            Cow::Owned(id.unwrap_or_default())
        }
        Voice::Fault(at) => {
            Cow::Owned(weighed.faults.get(at).map(|fault| fault.rule.clone()).unwrap_or_default())
        }
        Voice::Floor(at) => {
            Cow::Borrowed(weighed.floors.get(at).map_or("floor", |floor| bands::floor_name(floor.vector)))
        }
        Voice::Band => Cow::Borrowed(bands::name(weighed.band.band)),
    }
}

fn reason(case: &Judged<'_>, weighed: &Weighed<'_>) -> String {
    match weighed.decided {
        Voice::Rule(at) => match weighed.matched.get(at) {
            Some(Matched { exception: Some(exception), id, .. }) => {
                format!("exception {} of rule {id}: {}", exception.id, exception.reason)
            }
            Some(Matched { reason: Some(reason), .. }) => reason.clone(),
            Some(found) => format!("rule {} says {}", found.id, found.stated),
            None => String::new(),
        },
        Voice::Fault(at) => {
            let fault = weighed.faults.get(at);
            let rule = fault.map_or("", |fault| fault.rule.as_str());
            format!("rule {rule} could not be evaluated, which counts as {}", weighed.verdict)
        }
        Voice::Floor(at) => {
            let vector = weighed.floors.get(at).map_or("", |floor| floor.vector.as_str());
            format!("a {vector} hit of critical confidence")
        }
        Voice::Band => {
            let (band, score) = (weighed.band.band, case.score.value);
            let (low, high) = weighed.band.bounds.range(band);
            format!("risk score {score} is in the {band} band ({low} to {high})")
        }
    }
}

/// Changes stay with a verdict that waits or isolates: what a person releases later is the
/// changed action. A blocked action is not changed, it is not run.
fn constraints(weighed: &Weighed<'_>) -> Vec<Constraint> {
    if weighed.verdict == Verdict::Block {
        return Vec::new();
    }
    let speaking = weighed.matched.iter().filter(|m| m.verdict() == Verdict::Constrain && m.speaks);
    speaking
        .flat_map(|found| {
            found.rule.changes.iter().map(|change| Constraint {
                kind: change.kind,
                rule: found.rule.id.clone(),
                field: change.field.clone(),
                limit: change.limit,
                or_set: change.or_set,
                target: change.target.clone(),
                mode: change.mode,
            })
        })
        .collect()
}

fn containment(weighed: &Weighed<'_>) -> Vec<Containment> {
    let speaking = weighed.matched.iter().filter(|m| m.speaks && m.is_plain());
    let mut effects: Vec<Containment> =
        speaking.flat_map(|found| found.rule.containment.iter().copied()).collect();
    effects.sort_unstable();
    effects.dedup();
    effects
}

fn alerts(case: &Judged<'_>, weighed: &Weighed<'_>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for found in weighed.matched.iter().filter(|m| m.speaks && m.is_plain()) {
        let notice = found.rule.alert.as_ref();
        if notice.is_none() && found.stated != Verdict::Alert {
            continue;
        }
        alerts.push(Alert {
            severity: notice.and_then(|notice| notice.severity).unwrap_or(usual(found.stated)),
            team: Cow::Owned(notice.map_or_else(|| SECURITY.to_owned(), |notice| notice.team.clone())),
            reason: found.reason.clone().unwrap_or_else(|| format!("rule {} matched", found.id)),
        });
    }
    let told = |alerts: &[Alert]| alerts.iter().any(|alert| alert.team == SECURITY);
    let security =
        |severity, reason: &str| Alert { severity, team: Cow::Borrowed(SECURITY), reason: reason.to_owned() };
    let leak = case.external && case.detections.iter().any(|hit| hit.vector == Vector::Pii);
    if leak {
        alerts.push(security(Severity::High, LEAK));
    }
    let critical = weighed.verdict == Verdict::Block && case.score.level() == Severity::Critical;
    if critical && !told(&alerts) {
        alerts.push(security(Severity::Critical, "an action of critical risk was blocked"));
    }
    if critical {
        alerts.iter_mut().for_each(|alert| alert.severity = Severity::Critical);
    }
    told_once(alerts)
}

const SECURITY: &str = "security";
const LEAK: &str = "personal data would leave the estate";

/// One alert for each team and reason, with the greatest severity anybody gave it.
fn told_once(alerts: Vec<Alert>) -> Vec<Alert> {
    let mut kept: Vec<Alert> = Vec::with_capacity(alerts.len());
    for alert in alerts {
        match kept.iter_mut().find(|other| other.team == alert.team && other.reason == alert.reason) {
            Some(other) => other.severity = other.severity.max(alert.severity),
            None => kept.push(alert),
        }
    }
    kept
}

/// How much an alert matters when its rule does not say.
fn usual(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Allow | Verdict::Alert | Verdict::Constrain => Severity::Low,
        Verdict::Sandbox | Verdict::Approve => Severity::Medium,
        Verdict::Block => Severity::High,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_told_each_reason_once_and_as_severely_as_anybody_said() {
        let alert = |severity, team: &'static str| Alert {
            severity,
            team: Cow::Borrowed(team),
            reason: LEAK.to_owned(),
        };
        let told = told_once(vec![
            alert(Severity::Medium, SECURITY),
            alert(Severity::Low, "finance"),
            alert(Severity::High, SECURITY),
        ]);
        assert_eq!(told, [alert(Severity::High, SECURITY), alert(Severity::Low, "finance")]);
    }
}
