//! Settings, deny entries, freezes, approval policies, notes of secrets.

use std::collections::BTreeSet;

use action::{Capture, Digest, Environment, FailMode, Mode};
use store::{ApprovalPolicy, DenyEntry, DenyKind, Freeze, Limit, Scope, SecretNote, Settings};

use crate::place::{Place, at, name};

pub fn settings_come_from_the_narrowest_scope(place: &dyn Place) {
    let state = place.state();
    let (app, bot) = (name("billing"), name("bot"));
    let production = Some(Environment::Production);
    let put = |scope: Scope, environment, settings: Settings| {
        state.put_settings(&scope, environment, &settings, Some(0), at(1)).unwrap()
    };
    let mode = |mode| Settings { mode: Some(mode), ..Settings::default() };
    put(
        Scope::Organisation,
        None,
        Settings {
            mode: Some(Mode::Monitor),
            capture: Some(Capture::Redacted),
            requests_per_day: Some(9),
            ..Settings::default()
        },
    );
    put(
        Scope::Organisation,
        production,
        Settings { fail_effects: Some(FailMode::Closed), ..Settings::default() },
    );
    put(Scope::Application(app.clone()), None, Settings { requests_per_day: Some(5), ..Settings::default() });
    put(Scope::Application(app.clone()), production, mode(Mode::Enforce));
    let narrow = put(Scope::Agent(bot.clone()), None, mode(Mode::Simulate));
    put(Scope::Agent(name("other")), None, mode(Mode::Monitor));
    assert_eq!((narrow.act, narrow.on.as_str()), ("settings.update", "agent:bot"));

    let snapshot = state.snapshot().unwrap();
    let found = snapshot.settings_for(Some(&app), &bot, Environment::Production);
    assert_eq!(
        found,
        Settings {
            mode: Some(Mode::Simulate),
            fail_effects: Some(FailMode::Closed),
            capture: Some(Capture::Redacted),
            requests_per_day: Some(5),
            ..Settings::default()
        }
    );
    let elsewhere = snapshot.settings_for(Some(&app), &name("third"), Environment::Staging);
    assert_eq!((elsewhere.mode, elsewhere.fail_effects), (Some(Mode::Monitor), None));
    let there = snapshot.settings_for(Some(&app), &name("third"), Environment::Production);
    assert_eq!(there.mode, Some(Mode::Enforce), "the environment before every environment");

    let stale = state.put_settings(&Scope::Agent(bot.clone()), None, &mode(Mode::Enforce), Some(0), at(2));
    assert_eq!(stale.unwrap_err().code(), "store.stale");
    let seen = state.put_settings(&Scope::Agent(bot), None, &mode(Mode::Enforce), Some(1), at(2)).unwrap();
    assert_eq!(seen.value.version, 2);
    assert_eq!(state.settings().unwrap().len(), 6);
}

pub fn denies_survive_and_count(place: &dyn Place) {
    let entry = DenyEntry {
        kind: DenyKind::Session,
        key: name("s-1"),
        reason: "loop".into(),
        operator: name("ada"),
        created: at(1),
        expires: None,
        hits: 0,
    };
    {
        let state = place.state();
        assert!(state.deny(&entry).unwrap().changed);
        assert!(!state.deny(&entry).unwrap().changed);
        state.deny(&DenyEntry { kind: DenyKind::Agent, key: name("z"), ..entry.clone() }).unwrap();
        let before = state.version();
        state
            .count_denied(&[(DenyKind::Session, name("s-1"), 3), (DenyKind::User, name("gone"), 1)])
            .unwrap();
        state.count_denied(&[(DenyKind::Session, name("s-1"), 2)]).unwrap();
        assert_eq!(state.version(), before, "counting publishes nothing");
        let sooner = DenyEntry { expires: Some(at(90)), ..entry.clone() };
        assert_eq!(state.deny(&sooner).unwrap().value.hits, 5, "hits go on");
    }
    let state = place.state();
    let first = state.denies(None, Limit::new(1)).unwrap();
    let second = state.denies(first.next.as_ref(), Limit::new(1)).unwrap();
    assert_eq!(second.next, None);
    let kept = [first.items, second.items].concat();
    assert_eq!(
        kept.iter().map(|entry| (entry.kind, entry.hits)).collect::<Vec<_>>(),
        [(DenyKind::Agent, 0), (DenyKind::Session, 5)]
    );
    state.lift_deny(DenyKind::Session, &name("s-1")).unwrap();
    assert_eq!(state.lift_deny(DenyKind::Session, &name("s-1")).unwrap_err().code(), "store.missing");
    assert_eq!(state.snapshot().unwrap().denies.len(), 1);
}

pub fn freezes_and_approval_policies_are_replaced_by_scope(place: &dyn Place) {
    let state = place.state();
    let scope = Scope::Application(name("billing"));
    let environment = Some(Environment::Production);
    let freeze = Freeze {
        scope: scope.clone(),
        environment,
        reason: "incident".into(),
        operator: name("ada"),
        created: at(1),
        until: Some(at(50)),
    };
    let done = state.freeze(&freeze).unwrap();
    assert_eq!((done.act, done.on.as_str()), ("freeze.create", "application:billing@production"));
    assert!(!state.freeze(&freeze).unwrap().changed);
    let longer = Freeze { until: None, ..freeze };
    assert!(state.freeze(&longer).unwrap().changed);
    assert_eq!(state.freezes().unwrap(), [longer]);
    assert_eq!(state.thaw(&scope, None).unwrap_err().code(), "store.missing");
    state.thaw(&scope, environment).unwrap();
    assert!(state.snapshot().unwrap().freezes.is_empty());

    let policy = ApprovalPolicy {
        scope: scope.clone(),
        environment,
        approvers: BTreeSet::from([name("ada"), name("bob")]),
        quorum: 2,
        deadline_seconds: 300,
        updated: at(1),
        version: 0,
    };
    assert_eq!(state.put_approval_policy(&policy, Some(0)).unwrap().value.version, 1);
    let same = ApprovalPolicy { updated: at(9), ..policy.clone() };
    assert!(!state.put_approval_policy(&same, Some(0)).unwrap().changed);
    let shorter = ApprovalPolicy { deadline_seconds: 60, ..policy };
    assert_eq!(state.put_approval_policy(&shorter, Some(0)).unwrap_err().code(), "store.stale");
    assert_eq!(state.put_approval_policy(&shorter, Some(1)).unwrap().value.version, 2);
    assert_eq!(state.approval_policies().unwrap().len(), 1);
    state.drop_approval_policy(&scope, environment).unwrap();
    assert!(state.snapshot().unwrap().approvals.is_empty());
}

pub fn a_policy_that_nobody_can_meet_is_refused(place: &dyn Place) {
    let state = place.state();
    let policy = ApprovalPolicy {
        scope: Scope::Organisation,
        environment: None,
        approvers: BTreeSet::from([name("ada")]),
        quorum: 1,
        deadline_seconds: 1,
        updated: at(1),
        version: 0,
    };
    for bad in [
        ApprovalPolicy { quorum: 0, ..policy.clone() },
        ApprovalPolicy { quorum: 2, ..policy.clone() },
        ApprovalPolicy { deadline_seconds: 0, ..policy.clone() },
    ] {
        assert_eq!(state.put_approval_policy(&bad, None).unwrap_err().code(), "approvals.policy");
    }
    let anybody = ApprovalPolicy { approvers: BTreeSet::new(), quorum: 3, ..policy };
    state.put_approval_policy(&anybody, None).unwrap();
}

pub fn secrets_are_noted_and_never_kept(place: &dyn Place) {
    let state = place.state();
    let note = SecretNote {
        name: name("signing"),
        purpose: name("ledger.signing"),
        fingerprint: Digest::from_bytes([3; 32]),
        place: "keys/signing".into(),
        created: at(1),
        rotated: None,
    };
    assert!(state.note_secret(&note).unwrap().changed);
    assert!(!state.note_secret(&note).unwrap().changed);
    let rotated = SecretNote { fingerprint: Digest::from_bytes([4; 32]), rotated: Some(at(2)), ..note };
    state.note_secret(&rotated).unwrap();
    assert_eq!(state.secrets().unwrap(), [rotated]);
}
