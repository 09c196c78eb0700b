//! Carrying out a constrain verdict: the action as it may run.

use action::{Action, ConstrainKind, Constraint, Decimal, Decision, Json, Name, Place, SensitiveClass};

use crate::redact::{Piece, Redactor};

/// An action after its constraints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub action: Action,
    /// Calls a minute that a rule leaves; whoever counts calls holds the action to the least.
    pub throttles: Vec<Throttle>,
    /// What to tell the caller instead of a result: the target of a redirect where the action
    /// goes nowhere.
    pub message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    pub rule: String,
    pub per_minute: u64,
}

/// A constraint that this action does not allow for. It must not run unchanged instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{rule}` cannot change this action: {why}")]
pub struct Unfit {
    pub rule: String,
    pub why: &'static str,
}

/// Applies every constraint of a decision.
pub fn change(action: &Action, decision: &Decision, redactor: &mut Redactor) -> Result<Changed, Unfit> {
    let mut changed = Changed { action: action.clone(), throttles: Vec::new(), message: None };
    let pieces = Piece::of(&decision.detections);
    let wanted: Vec<Piece> = pieces.into_iter().filter(|piece| is_wanted(piece, &decision.constraints)).collect();
    // Detections point into the payload as it was sent, so redaction comes before what moves it.
    changed.action.payload = redactor.redact_json(&changed.action.payload, &wanted);
    for constraint in &decision.constraints {
        apply(constraint, &mut changed, redactor)?;
    }
    Ok(changed)
}

/// The action as it may be kept where only redacted content is: every sensitive value that was
/// found is replaced, and whom it was for is left out.
pub fn redacted(action: &Action, decision: &Decision, redactor: &mut Redactor) -> Action {
    let mut kept = action.clone();
    kept.principal = None;
    let found = || decision.detections.iter().chain(&decision.read);
    kept.payload = redactor.redact_json(&action.payload, &Piece::of(&decision.detections));
    for (place, content) in kept.context.iter_mut().enumerate() {
        let spans: Vec<_> = found()
            .filter_map(|hit| match (&hit.evidence, hit.class) {
                (Some(evidence), Some(class)) => match &evidence.place {
                    Place::Context { index, .. } if *index == place => {
                        Some((evidence.start..evidence.end, class))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect();
        content.text = redactor.redact_leaf(&content.text, &spans);
    }
    // Names of resources and destinations are short: where one holds something sensitive, the
    // whole of it is replaced.
    let sensitive = |field: &str| {
        found().any(|hit| {
            hit.class.is_some()
                && hit.evidence.as_ref().is_some_and(|evidence| {
                    matches!(&evidence.place, Place::Field { name } if name == field)
                })
        })
    };
    let mut cover = |name: &Name| {
        let text = redactor.redact_leaf(name.as_str(), &[(0..name.as_str().len(), SensitiveClass::Custom)]);
        Name::new(&text).unwrap_or_else(|_| action.tool.clone())
    };
    if sensitive("resource.name") {
        kept.resource.name = kept.resource.name.as_ref().map(&mut cover);
    }
    if sensitive("resource.destinations") {
        kept.resource.destinations = kept.resource.destinations.iter().map(&mut cover).collect();
    }
    kept
}

/// Whether some constraint asks for this piece to be replaced: by its class, or all of them.
fn is_wanted(piece: &Piece, constraints: &[Constraint]) -> bool {
    constraints.iter().any(|constraint| {
        constraint.kind == ConstrainKind::Redact
            && constraint.field.is_none()
            && match constraint.target.as_deref() {
                None | Some("all") => true,
                Some(class) => class == piece.class.as_str(),
            }
    })
}

fn apply(constraint: &Constraint, changed: &mut Changed, redactor: &mut Redactor) -> Result<(), Unfit> {
    let unfit = |why| Unfit { rule: constraint.rule.clone(), why };
    match constraint.kind {
        ConstrainKind::Redact => {
            if let Some(field) = &constraint.field {
                if let Some(value) = at_mut(&mut changed.action.payload, field) {
                    cover(value, redactor);
                }
            }
        }
        ConstrainKind::Clamp => {
            let (Some(field), Some(limit)) = (&constraint.field, constraint.limit) else {
                return Err(unfit("it does not say which field and how far"));
            };
            if let Some(value) = at_mut(&mut changed.action.payload, field) {
                clamp(value, limit).ok_or(unfit("the field holds no number"))?;
            }
        }
        ConstrainKind::Redirect => {
            let Some(target) = &constraint.target else { return Err(unfit("it does not say whereto")) };
            if changed.action.resource.destinations.is_empty() {
                changed.message = Some(target.clone());
            } else {
                let target = Name::new(target).map_err(|_| unfit("its target is no destination"))?;
                changed.action.resource.destinations = vec![target];
            }
        }
        ConstrainKind::Throttle => {
            let limit = constraint.limit.and_then(|limit| u64::try_from(limit.trunc()).ok());
            let per_minute = limit.ok_or(unfit("it does not say how many calls a minute"))?;
            changed.throttles.push(Throttle { rule: constraint.rule.clone(), per_minute });
        }
    }
    Ok(())
}

/// Replaces every text and number below a field.
fn cover(value: &mut Json, redactor: &mut Redactor) {
    match value {
        Json::Text(text) => {
            *text = redactor.redact_leaf(text, &[(0..text.len(), SensitiveClass::Custom)]);
        }
        Json::Number(number) => {
            let text = number.to_string();
            *value = Json::Text(redactor.redact_leaf(&text, &[(0..text.len(), SensitiveClass::Custom)]));
        }
        Json::List(items) => items.iter_mut().for_each(|item| cover(item, redactor)),
        Json::Object(entries) => entries.iter_mut().for_each(|(_, item)| cover(item, redactor)),
        Json::Null | Json::Bool(_) => {}
    }
}

/// Lowers a number, also one that was written as text. `None` when it is neither.
fn clamp(value: &mut Json, limit: Decimal) -> Option<()> {
    match value {
        Json::Number(number) => *number = (*number).min(limit),
        Json::Text(text) => {
            let number = Decimal::parse(text.trim())?;
            if number > limit {
                *text = limit.to_string();
            }
        }
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => return None,
    }
    Some(())
}

/// The value at a path of keys separated by dots; list items by their index.
fn at_mut<'j>(json: &'j mut Json, path: &str) -> Option<&'j mut Json> {
    path.split('.').try_fold(json, |value, step| match value {
        Json::List(items) => items.get_mut(step.parse::<usize>().ok()?),
        Json::Object(entries) => entries.iter_mut().find(|(key, _)| key == step).map(|(_, value)| value),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => None,
    })
}
