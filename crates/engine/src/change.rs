//! Carrying out a constrain verdict: the action as it may run.

use action::{
    Action, ActionKind, ConstrainKind, Constraint, Decimal, Decision, Json, Name, Place, SensitiveClass,
};

use crate::redact::{Mode, Piece, Redactor};

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
    let usual = redactor.mode();
    let wanted: Vec<Piece> =
        pieces.into_iter().filter_map(|piece| wanted(piece, &decision.constraints, usual)).collect();
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
                && hit
                    .evidence
                    .as_ref()
                    .is_some_and(|evidence| matches!(&evidence.place, Place::Field { name } if name == field))
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

/// How a constraint has values replaced. Where nothing can be put back, a value that looks like a real one
/// would be taken for it: by the tool that acts on it, by the person who reads it.
fn way(constraint: &Constraint, usual: Mode) -> Mode {
    constraint.mode.filter(|mode| *mode != Mode::Synthetic).unwrap_or(usual)
}

/// A piece that some constraint asks to be replaced, by its class or with all of them. Where several do,
/// the way counts that leaves the least.
fn wanted(piece: Piece, constraints: &[Constraint], usual: Mode) -> Option<Piece> {
    let asks = |constraint: &&Constraint| {
        constraint.kind == ConstrainKind::Redact
            && constraint.field.is_none()
            && match constraint.target.as_deref() {
                None | Some("all") => true,
                Some(class) => class == piece.class.as_str(),
            }
    };
    let mode = constraints.iter().filter(asks).map(|constraint| way(constraint, usual)).max()?;
    Some(Piece { mode: Some(mode), ..piece })
}

fn apply(constraint: &Constraint, changed: &mut Changed, redactor: &mut Redactor) -> Result<(), Unfit> {
    let unfit = |why| Unfit { rule: constraint.rule.clone(), why };
    match constraint.kind {
        ConstrainKind::Redact => {
            let field = constraint.field.as_ref();
            if let Some(value) = field.and_then(|field| at_mut(&mut changed.action.payload, field)) {
                let mode = way(constraint, redactor.mode());
                cover(value, redactor, mode);
            }
        }
        ConstrainKind::Clamp => {
            let (Some(field), Some(limit)) = (&constraint.field, constraint.limit) else {
                return Err(unfit("it does not say which field and how far"));
            };
            let payload = &mut changed.action.payload;
            let held = at_mut(payload, field).is_some_and(|value| clamp(value, limit));
            if !held && constraint.or_set {
                set(payload, field, Json::Number(limit)).ok_or(unfit("there is no place for the field"))?;
            }
        }
        ConstrainKind::Redirect => {
            let Some(target) = &constraint.target else { return Err(unfit("it does not say whereto")) };
            // A question to a model is not led to another address: its caller is told instead.
            let stays = changed.action.kind == ActionKind::LlmCall;
            if stays || changed.action.resource.destinations.is_empty() {
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
fn cover(value: &mut Json, redactor: &mut Redactor, mode: Mode) {
    match value {
        Json::Text(text) => *text = redactor.redact_whole(text, SensitiveClass::Custom, mode),
        Json::Number(number) => {
            *value = Json::Text(redactor.redact_whole(&number.to_string(), SensitiveClass::Custom, mode));
        }
        Json::List(items) => items.iter_mut().for_each(|item| cover(item, redactor, mode)),
        Json::Object(entries) => entries.iter_mut().for_each(|(_, item)| cover(item, redactor, mode)),
        Json::Null | Json::Bool(_) => {}
    }
}

/// Lowers a number, also one that was written as text. Tells whether the value bounds anything
/// now: a negative number does not, and neither does what is no number.
fn clamp(value: &mut Json, limit: Decimal) -> bool {
    let number = match value {
        Json::Number(number) => Some(*number),
        Json::Text(text) => Decimal::parse(text.trim()),
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => None,
    };
    let Some(number) = number else { return false };
    if number > limit {
        *value = match value {
            Json::Text(_) => Json::Text(limit.to_string()),
            _ => Json::Number(limit),
        };
    }
    !number.is_negative()
}

/// Puts a value at a path, making the objects on the way. `None` where something else is in the
/// way.
fn set(json: &mut Json, path: &str, value: Json) -> Option<()> {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    if matches!(json, Json::Null) {
        *json = Json::Object(Vec::new());
    }
    let Json::Object(entries) = json else { return None };
    if !entries.iter().any(|(key, _)| key == step) {
        entries.push((step.to_owned(), Json::Null));
    }
    let (_, place) = entries.iter_mut().find(|(key, _)| key == step)?;
    match rest {
        Some(rest) => set(place, rest, value),
        None => {
            *place = value;
            Some(())
        }
    }
}

/// The value at a path of keys separated by dots; list items by their index.
fn at_mut<'j>(json: &'j mut Json, path: &str) -> Option<&'j mut Json> {
    path.split('.').try_fold(json, |value, step| match value {
        Json::List(items) => items.get_mut(step.parse::<usize>().ok()?),
        Json::Object(entries) => entries.iter_mut().find(|(key, _)| key == step).map(|(_, value)| value),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Key, Mode, Options};
    use action::{Action, Verdict};

    fn changed(payload: &str, constraints: &str) -> Result<Changed, Unfit> {
        changed_of("llm_call", payload, constraints)
    }

    fn changed_of(kind: &str, payload: &str, constraints: &str) -> Result<Changed, Unfit> {
        let text = format!(
            r#"{{"kind": "{kind}", "operation": "send", "tool": "chat", "resource": {{"type": "model",
                "destinations": ["a@corp.example"]}}, "agent": {{"name": "bot"}}, "environment": "production",
                "time": "2026-03-02T10:00:00Z", "payload": {payload}}}"#
        );
        let action: Action = Json::parse_as(text.as_bytes()).unwrap();
        let decision = crate::facts::testing::decided(&action, Vec::new(), Verdict::Constrain);
        let decision = Decision { constraints: Json::parse_as(constraints.as_bytes()).unwrap(), ..decision };
        let mut redactor = Redactor::new(Mode::Mask, Key::new([1; 32]), Options::default());
        change(&action, &decision, &mut redactor)
    }

    fn payload(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    const CLAMP: &str = r#"[{"kind": "clamp", "rule": "r", "field": "max_tokens", "limit": 100}]"#;
    const OR_SET: &str =
        r#"[{"kind": "clamp", "rule": "r", "field": "options.n", "limit": 100, "or_set": true}]"#;

    #[test]
    fn a_clamp_lowers_and_never_raises() {
        for (before, after) in [
            (r#"{"max_tokens": 5000}"#, r#"{"max_tokens": 100}"#),
            (r#"{"max_tokens": "5000"}"#, r#"{"max_tokens": "100"}"#),
            (r#"{"max_tokens": 7}"#, r#"{"max_tokens": 7}"#),
            (r#"{"max_tokens": null}"#, r#"{"max_tokens": null}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(changed(before, CLAMP).unwrap().action.payload, payload(after), "{before}");
        }
    }

    #[test]
    fn a_clamp_that_sets_leaves_no_way_to_have_no_bound() {
        for before in
            ["{}", r#"{"options": {}}"#, r#"{"options": {"n": -1}}"#, r#"{"options": {"n": "all"}}"#, "null"]
        {
            let after = changed(before, OR_SET).unwrap().action.payload;
            assert_eq!(after.at("options.n").and_then(Json::as_number), Decimal::parse("100"), "{before}");
        }
        assert_eq!(changed(r#"{"options": [1]}"#, OR_SET).unwrap_err().rule, "r");
    }

    #[test]
    fn a_redirect_replaces_every_destination_and_a_throttle_is_told() {
        let both = r#"[{"kind": "redirect", "rule": "r", "target": "review@corp.example"},
            {"kind": "throttle", "rule": "t", "limit": 10}]"#;
        let asked = changed("{}", both).unwrap();
        assert_eq!(asked.message.as_deref(), Some("review@corp.example"), "a model is not asked elsewhere");
        let changed = changed_of("communication", "{}", both).unwrap();
        let to: Vec<&str> = changed.action.resource.destinations.iter().map(Name::as_str).collect();
        assert_eq!((to.as_slice(), changed.message), (&["review@corp.example"][..], None));
        assert_eq!(changed.throttles, [Throttle { rule: "t".to_owned(), per_minute: 10 }]);
    }

    #[test]
    fn a_field_is_covered_in_the_way_that_is_asked_for_if_it_can_be_undone_or_need_not_be() {
        for (way, covered) in [("hash", "custom:"), ("mask", "*****"), ("synthetic", "*****")] {
            let cover = format!(r#"[{{"kind": "redact", "rule": "r", "field": "customer", "as": "{way}"}}]"#);
            let after = changed(r#"{"customer": "Maria"}"#, &cover).unwrap().action.payload;
            let after = after.get("customer").and_then(Json::as_text).unwrap();
            assert!(after.starts_with(covered), "{way}: {after}");
        }
    }

    #[test]
    fn a_field_is_covered_with_all_below_it() {
        let cover = r#"[{"kind": "redact", "rule": "r", "field": "customer"}]"#;
        let after =
            changed(r#"{"customer": {"name": "Maria Sol", "card": 4111}, "note": "hello"}"#, cover).unwrap();
        let text = serde_json::to_string(&after.action.payload).unwrap();
        assert!(!text.contains("Maria") && !text.contains("4111") && text.contains("hello"), "{text}");
    }
}
