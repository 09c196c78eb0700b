//! Rule sets: versions, states, approval, roll-out.

use action::Layer;
use store::{Language, Limit, ReturnWhen, RuleState, RuleVersion, State};

use crate::place::{Place, at, name};

fn with_set(place: &dyn Place) -> State {
    let state = place.state();
    state.add_rule_set(&name("base"), Layer::Organisation, None, Language::Yaml, at(1)).unwrap();
    state
}

fn draft(state: &State, text: &str) -> u32 {
    state.draft_rules(&name("base"), text, &name("ada"), "why", None, at(2)).unwrap().value.number
}

fn activate(state: &State, number: u32, percent: u8) -> RuleVersion {
    let set = name("base");
    state.move_rules(&set, number, RuleState::Shadow, None).unwrap();
    state.activate_rules(&set, number, percent, None, false, None, at(3)).unwrap().value
}

fn states(state: &State) -> Vec<(u32, RuleState, u8)> {
    let page = state.rule_versions(&name("base"), None, Limit::MOST).unwrap();
    page.items.iter().rev().map(|version| (version.number, version.state, version.percent)).collect()
}

pub fn a_version_goes_from_draft_to_active(place: &dyn Place) {
    let state = with_set(place);
    let set = name("base");
    let first = state.draft_rules(&set, "rules: []", &name("ada"), "first", Some(1), at(2)).unwrap();
    assert_eq!((first.act, first.value.number, first.value.state), ("rules.draft", 1, RuleState::Draft));
    assert!(!state.draft_rules(&set, "rules: []", &name("ada"), "first", Some(1), at(9)).unwrap().changed);
    let late = state.draft_rules(&set, "rules: [x]", &name("bob"), "late", Some(1), at(3)).unwrap_err();
    assert_eq!(late.code(), "store.stale");
    assert!(state.snapshot().unwrap().rules.is_empty(), "a draft decides nothing");

    let direct = state.activate_rules(&set, 1, 100, None, false, None, at(3)).unwrap_err();
    assert_eq!(direct.code(), "rules.state");
    state.move_rules(&set, 1, RuleState::Shadow, None).unwrap();
    assert_eq!(state.snapshot().unwrap().rules[0].state, RuleState::Shadow);
    let active = state.activate_rules(&set, 1, 100, None, false, None, at(4)).unwrap();
    assert_eq!((active.value.activated, active.value.percent), (Some(at(4)), 100));
    assert!(!state.activate_rules(&set, 1, 100, None, false, Some(0), at(5)).unwrap().changed);
    let kept = state.rule_version(&set, 1).unwrap().unwrap();
    assert_eq!((kept.text.as_str(), kept.note.as_str(), kept.author), ("rules: []", "first", name("ada")));
    assert_eq!(state.rule_set(&set).unwrap().unwrap().version, 4);
}

pub fn four_eyes_means_two_people(place: &dyn Place) {
    let state = with_set(place);
    let set = name("base");
    let number = draft(&state, "a");
    state.move_rules(&set, number, RuleState::Shadow, None).unwrap();
    let alone = state.activate_rules(&set, number, 100, None, true, None, at(3)).unwrap_err();
    assert_eq!(alone.code(), "rules.unapproved");
    assert_eq!(
        state.approve_rules(&set, number, &name("ada"), None).unwrap_err().code(),
        "rules.same_person"
    );
    state.approve_rules(&set, number, &name("bob"), None).unwrap();
    let active = state.activate_rules(&set, number, 100, None, true, None, at(4)).unwrap();
    assert_eq!(active.value.approved_by, Some(name("bob")));
}

pub fn a_rollout_leaves_the_old_version_and_ends_it(place: &dyn Place) {
    let state = with_set(place);
    let set = name("base");
    let (old, new) = (draft(&state, "a"), draft(&state, "b"));
    activate(&state, old, 100);
    activate(&state, new, 10);
    assert_eq!(states(&state), [(1, RuleState::Active, 100), (2, RuleState::Active, 10)]);
    let third = draft(&state, "c");
    state.move_rules(&set, third, RuleState::Shadow, None).unwrap();
    let second = state.activate_rules(&set, third, 20, None, false, None, at(5)).unwrap_err();
    assert_eq!(second.code(), "rules.rollout");

    // Taken back: the old version decides everything again.
    state.move_rules(&set, new, RuleState::Shadow, None).unwrap();
    assert_eq!(states(&state)[..2], [(1, RuleState::Active, 100), (2, RuleState::Shadow, 100)]);
    state.activate_rules(&set, new, 50, None, false, None, at(6)).unwrap();
    state.activate_rules(&set, new, 100, None, false, None, at(7)).unwrap();
    assert_eq!(states(&state)[..2], [(1, RuleState::Retired, 100), (2, RuleState::Active, 100)]);
    assert_eq!(
        state.rule_version(&set, new).unwrap().unwrap().activated,
        Some(at(3)),
        "when it was first active"
    );
}

pub fn rolling_back_is_a_new_version(place: &dyn Place) {
    let state = with_set(place);
    let set = name("base");
    let (old, new) = (draft(&state, "a"), draft(&state, "b"));
    activate(&state, old, 100);
    activate(&state, new, 100);
    let never = draft(&state, "c");
    let refused = state.roll_back_rules(&set, never, &name("bob"), "back", None, at(8)).unwrap_err();
    assert_eq!(refused.code(), "rules.never_active");

    let back = state.roll_back_rules(&set, old, &name("bob"), "too strict", None, at(9)).unwrap();
    assert_eq!(
        (back.act, back.value.text.as_str(), back.value.state),
        ("rules.roll_back", "a", RuleState::Active)
    );
    let again = state.roll_back_rules(&set, old, &name("bob"), "too strict", None, at(10)).unwrap();
    assert_eq!((again.changed, again.value.number), (false, back.value.number));
    assert_eq!(
        states(&state),
        [
            (1, RuleState::Retired, 100),
            (2, RuleState::Retired, 100),
            (3, RuleState::Draft, 100),
            (4, RuleState::Active, 100),
        ]
    );
}

pub fn impossible_moves_are_refused(place: &dyn Place) {
    let state = with_set(place);
    let set = name("base");
    let number = draft(&state, "a");
    activate(&state, number, 100);
    for (percent, code) in [(0, "rules.percent"), (101, "rules.percent")] {
        assert_eq!(
            state.activate_rules(&set, number, percent, None, false, None, at(4)).unwrap_err().code(),
            code
        );
    }
    assert_eq!(state.move_rules(&set, number, RuleState::Draft, None).unwrap_err().code(), "rules.state");
    state.move_rules(&set, number, RuleState::Retired, None).unwrap();
    for to in [RuleState::Draft, RuleState::Shadow, RuleState::Active] {
        assert_eq!(state.move_rules(&set, number, to, None).unwrap_err().code(), "rules.state", "{to:?}");
    }
    assert_eq!(state.move_rules(&set, 99, RuleState::Shadow, None).unwrap_err().code(), "store.missing");
    let target =
        state.add_rule_set(&name("app"), Layer::Application, None, Language::Rego, at(1)).unwrap_err();
    assert_eq!(target.code(), "rules.target");
    let long =
        state.draft_rules(&set, &"x".repeat((1 << 20) + 1), &name("ada"), "", None, at(2)).unwrap_err();
    assert_eq!(long.code(), "store.too_long");
}

pub fn a_rollout_says_when_it_returns(place: &dyn Place) {
    let state = with_set(place);
    let set = name("base");
    let (old, new) = (draft(&state, "a"), draft(&state, "b"));
    activate(&state, old, 100);
    state.move_rules(&set, new, RuleState::Shadow, None).unwrap();
    let when = ReturnWhen {
        blocked_share_above: Some(5),
        faults_above: None,
        within_seconds: 60,
        least_decisions: 20,
    };
    let start = |when, percent| state.activate_rules(&set, new, percent, Some(when), false, None, at(4));
    for bad in [
        ReturnWhen { blocked_share_above: None, ..when },
        ReturnWhen { blocked_share_above: Some(100), ..when },
        ReturnWhen { within_seconds: 0, ..when },
        ReturnWhen { least_decisions: 0, ..when },
    ] {
        assert_eq!(start(bad, 10).unwrap_err().code(), "rules.return");
    }
    assert_eq!(start(when, 100).unwrap_err().code(), "rules.return", "there is nothing to compare it with");
    assert_eq!(start(when, 10).unwrap().value.return_when, Some(when));
    assert!(!start(when, 10).unwrap().changed);
    assert_eq!(state.rule_version(&set, new).unwrap().unwrap().return_when, Some(when));
    let back = state.move_rules(&set, new, RuleState::Shadow, None).unwrap().value;
    assert_eq!((back.state, back.return_when), (RuleState::Shadow, None));
}
