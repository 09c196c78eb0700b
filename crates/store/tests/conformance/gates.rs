//! Settings, deny entries, freezes, approval policies, notes of secrets.

use std::collections::BTreeSet;

use action::{AccessRole, Amount, Capture, Decimal, Digest, Environment, FailMode, Mode, Severity};
use store::{
    ApprovalPolicy, Delegation, DenyEntry, DenyKind, Freeze, Limit, MoreApprovals, Scope, SecretNote,
    Settings,
};

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
    put(
        Scope::Application(app.clone()),
        None,
        Settings { requests_per_day: Some(5), isolate_effects: Some(true), ..Settings::default() },
    );
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
            isolate_effects: Some(true),
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
        more: Vec::new(),
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
        more: Vec::new(),
        deadline_seconds: 1,
        updated: at(1),
        version: 0,
    };
    for bad in [
        ApprovalPolicy { quorum: 0, ..policy.clone() },
        ApprovalPolicy { quorum: 2, ..policy.clone() },
        ApprovalPolicy { deadline_seconds: 0, ..policy.clone() },
        ApprovalPolicy { more: vec![more(Some(Severity::High), 2)], ..policy.clone() },
        ApprovalPolicy { more: vec![more(None, 1)], ..policy.clone() },
        ApprovalPolicy { more: vec![more(Some(Severity::High), 1); 17], ..policy.clone() },
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

fn more(severity_from: Option<Severity>, quorum: u8) -> MoreApprovals {
    MoreApprovals { amount_over: None, severity_from, quorum }
}

pub fn the_narrowest_approval_policy_holds_whole(place: &dyn Place) {
    let amount = Amount { value: Decimal::from_int(1_000), currency: name("USD") };
    let wide = ApprovalPolicy {
        scope: Scope::Organisation,
        environment: Some(Environment::Production),
        approvers: BTreeSet::new(),
        quorum: 1,
        more: vec![MoreApprovals { amount_over: Some(amount), severity_from: None, quorum: 2 }],
        deadline_seconds: 300,
        updated: at(1),
        version: 0,
    };
    let narrow = ApprovalPolicy {
        scope: Scope::Application(name("billing")),
        environment: None,
        more: Vec::new(),
        ..wide.clone()
    };
    {
        let state = place.state();
        state.put_approval_policy(&wide, None).unwrap();
        state.put_approval_policy(&narrow, None).unwrap();
    }
    let snapshot = place.state().snapshot().unwrap();
    let met = |application: Option<&str>, place| {
        let application = application.map(name);
        let found = snapshot.approval_policy_for(application.as_ref(), &name("bot"), place);
        found.map(|policy| (policy.scope.clone(), policy.more.len()))
    };
    assert_eq!(met(None, Environment::Production), Some((Scope::Organisation, 1)));
    assert_eq!(met(Some("billing"), Environment::Production), Some((narrow.scope.clone(), 0)));
    assert_eq!(met(None, Environment::Staging), None);
}

pub fn freezes_that_have_had_their_time_are_given_back_once(place: &dyn Place) {
    let state = place.state();
    let freeze = |scope, until| Freeze {
        scope,
        environment: None,
        reason: "incident".into(),
        operator: name("ada"),
        created: at(1),
        until,
    };
    let short = freeze(Scope::Agent(name("bot")), Some(at(50)));
    let long = freeze(Scope::Organisation, None);
    state.freeze(&short).unwrap();
    state.freeze(&long).unwrap();
    let before = state.version();
    assert!(state.end_freezes(at(49)).unwrap().is_empty());
    assert_eq!(state.version(), before, "nothing has ended");
    assert_eq!(state.end_freezes(at(50)).unwrap(), [short]);
    assert!(state.end_freezes(at(50)).unwrap().is_empty());
    assert_eq!((state.freezes().unwrap(), state.version()), (vec![long], before + 1));
}

pub fn a_queue_is_handed_to_another_approver_for_a_time(place: &dyn Place) {
    let state = place.state();
    let person = |who: &str, role| state.add_operator(&name(who), &BTreeSet::from([role]), at(1)).unwrap();
    person("eva", AccessRole::Approver);
    person("tom", AccessRole::Approver);
    person("victor", AccessRole::Viewer);
    let one = Delegation {
        delegator: name("eva"),
        delegate: name("tom"),
        reason: "holiday".into(),
        created: at(1),
        until: at(50),
    };
    for (bad, code) in [
        (Delegation { delegate: name("victor"), ..one.clone() }, "delegations.people"),
        (Delegation { delegator: name("victor"), ..one.clone() }, "delegations.people"),
        (Delegation { delegate: name("eva"), ..one.clone() }, "delegations.people"),
        (Delegation { delegate: name("nobody"), ..one.clone() }, "store.missing"),
        (Delegation { until: at(1), ..one.clone() }, "delegations.until"),
        (Delegation { until: at(91 * 86_400_000), ..one.clone() }, "delegations.until"),
    ] {
        assert_eq!(state.delegate(&bad).unwrap_err().code(), code);
    }
    assert!(state.delegate(&one).unwrap().changed);
    assert!(!state.delegate(&one).unwrap().changed);
    let snapshot = state.snapshot().unwrap();
    let tom = name("tom");
    assert_eq!(snapshot.delegators_of(&tom, at(49)).collect::<Vec<_>>(), [&name("eva")]);
    assert_eq!(snapshot.delegators_of(&tom, at(50)).count(), 0, "it ends by itself");
    assert_eq!(snapshot.delegators_of(&name("eva"), at(2)).count(), 0, "and goes one way");
    state.end_delegation(&one.delegator, &one.delegate).unwrap();
    assert_eq!(state.end_delegation(&one.delegator, &one.delegate).unwrap_err().code(), "store.missing");
    state.delegate(&one).unwrap();
    assert_eq!(state.sweep(at(50), at(0)).unwrap().delegations, 1);
    assert!(state.delegations().unwrap().is_empty());
}
