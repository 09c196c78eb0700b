//! Agents and their keys.

use std::collections::BTreeSet;

use action::{Digest, Environment};
use store::{Access, AgentProfile, AgentStatus, Credential, Identity, Limit, TokenKind, WriteError, mint};

use crate::place::{Place, at, name};

pub fn profile(role: &str) -> AgentProfile {
    AgentProfile {
        application: Some(name("billing")),
        environments: BTreeSet::from([Environment::Production]),
        roles: BTreeSet::from([name(role)]),
        ..AgentProfile::default()
    }
}

pub fn credential(owner: &str) -> Credential {
    let minted = mint(TokenKind::Agent).unwrap();
    Credential {
        prefix: minted.prefix,
        owner: name(owner),
        hash: minted.hash,
        label: name("first"),
        created: at(1),
        expires: Some(at(1_000)),
        revoked: None,
        last_used: None,
    }
}

pub fn agents_are_added_once_and_changed_by_whoever_saw_the_newest(place: &dyn Place) {
    let state = place.state();
    let bot = name("refund-bot");
    let added = state.add_agent(&bot, &profile("Finance"), at(1)).unwrap();
    assert_eq!((added.act, &added.on, added.changed, added.value.version), ("agent.create", &bot, true, 1));

    let again = state.add_agent(&bot, &profile("Finance"), at(2)).unwrap();
    assert_eq!((again.changed, again.published), (false, added.published));
    let other = state.add_agent(&bot, &profile("Admin"), at(2)).unwrap_err();
    assert_eq!(other.code(), "store.taken");

    let changed = state.change_agent(&bot, &profile("Support"), Some(1), at(3)).unwrap();
    assert_eq!((changed.value.version, changed.value.updated, changed.changed), (2, at(3), true));
    // Sent twice by the same caller: no conflict with itself.
    let again = state.change_agent(&bot, &profile("Support"), Some(1), at(4)).unwrap();
    assert_eq!((again.value.version, again.changed), (2, false));
    let late = state.change_agent(&bot, &profile("Admin"), Some(1), at(5)).unwrap_err();
    assert!(matches!(late, WriteError::Stale { current: 2, .. }), "{late}");
    assert_eq!(state.agent(&bot).unwrap().unwrap().profile, profile("Support"));

    let nobody = state.change_agent(&name("nobody"), &profile("x"), None, at(5)).unwrap_err();
    assert_eq!(nobody.code(), "store.missing");
    assert_eq!(state.agent(&name("nobody")).unwrap(), None);
}

pub fn an_identity_belongs_to_one_agent(place: &dyn Place) {
    let state = place.state();
    let having = |identities: &[Identity]| AgentProfile {
        identities: identities.iter().cloned().collect(),
        signed: true,
        ..profile("r")
    };
    let uri = Identity::Uri { name: name("spiffe://example.org/\"a\"") };
    let subject = Identity::Jwt { issuer: name("https://issuer.example"), subject: name("a") };
    let same_text = Identity::Dns { name: name("a") };
    let first = having(&[uri.clone(), subject.clone()]);
    state.add_agent(&name("a"), &first, at(1)).unwrap();
    assert_eq!(state.agent(&name("a")).unwrap().unwrap().profile, first);
    for taken in [&uri, &subject] {
        let refused = state.add_agent(&name("b"), &having(std::slice::from_ref(taken)), at(1)).unwrap_err();
        assert_eq!(refused.code(), "agents.identity_taken");
    }
    state.add_agent(&name("b"), &having(&[same_text]), at(1)).unwrap();
    let refused =
        state.change_agent(&name("b"), &having(std::slice::from_ref(&uri)), None, at(2)).unwrap_err();
    assert_eq!(refused.code(), "agents.identity_taken");
    // Its own again, and free once it was taken away.
    state.change_agent(&name("a"), &having(std::slice::from_ref(&uri)), None, at(2)).unwrap();
    state.change_agent(&name("b"), &having(&[subject]), None, at(3)).unwrap();
    let many: Vec<Identity> = (0..33).map(|n| Identity::Dns { name: name(&format!("h{n}")) }).collect();
    assert_eq!(
        state.change_agent(&name("a"), &having(&many), None, at(4)).unwrap_err().code(),
        "store.limit"
    );
}

pub fn a_status_moves_as_the_product_says(place: &dyn Place) {
    let state = place.state();
    let bot = name("bot");
    state.add_agent(&bot, &profile("r"), at(1)).unwrap();
    let set = |status: &AgentStatus| state.set_agent_status(&bot, status, None, at(2));
    let frozen = AgentStatus::Frozen { until: Some(at(100)), reason: "loop".into() };
    let suspended = AgentStatus::Suspended { reason: "review".into() };

    assert_eq!(set(&frozen).unwrap().act, "agent.freeze");
    let status = state.agent(&bot).unwrap().unwrap().status;
    assert!(!status.may_act(at(99)) && status.may_act(at(100)));
    assert!(set(&suspended).unwrap().changed);
    assert_eq!(set(&frozen).unwrap_err().code(), "agents.suspended");
    assert!(!set(&suspended).unwrap().changed);
    assert!(set(&AgentStatus::Active).unwrap().value.status.may_act(at(0)));
    let long = AgentStatus::Suspended { reason: "x".repeat(5_000) };
    assert_eq!(set(&long).unwrap_err().code(), "store.too_long");
    set(&AgentStatus::Inactive).unwrap();
    assert_eq!(set(&AgentStatus::Active).unwrap_err().code(), "agents.inactive");
}

pub fn keys_belong_to_agents_and_are_revoked_once(place: &dyn Place) {
    let state = place.state();
    let key = credential("bot");
    assert_eq!(state.add_key(&key).unwrap_err().code(), "store.missing");
    state.add_agent(&name("bot"), &profile("r"), at(1)).unwrap();
    assert!(state.add_key(&key).unwrap().changed);
    assert!(!state.add_key(&key).unwrap().changed);
    let forged = Credential { hash: Digest::from_bytes([7; 32]), ..key.clone() };
    assert_eq!(state.add_key(&forged).unwrap_err().code(), "store.taken");
    assert_eq!(state.snapshot().unwrap().keys, std::slice::from_ref(&key));
    assert!(key.is_valid(at(999)) && !key.is_valid(at(1_000)));

    let before = state.version();
    state.note_use(std::slice::from_ref(&key.prefix), at(7_200_001)).unwrap();
    state.note_use(std::slice::from_ref(&key.prefix), at(7_200_500)).unwrap();
    let kept = state.keys_of(&name("bot")).unwrap();
    assert_eq!(kept[0].last_used, Some(at(7_200_000)), "to the hour");
    assert_eq!(state.version(), before, "use publishes nothing");

    assert_eq!(state.revoke_key(&key.prefix, at(50)).unwrap().value.revoked, Some(at(50)));
    assert_eq!(
        state.revoke_key(&key.prefix, at(60)).unwrap().value.revoked,
        Some(at(50)),
        "the first stands"
    );
    assert!(!state.keys_of(&name("bot")).unwrap()[0].is_valid(at(51)));
    assert!(state.snapshot().unwrap().keys.is_empty());
}

pub fn lists_go_by_key_without_gaps(place: &dyn Place) {
    let state = place.state();
    // Names whose order as text is not the order in which they come.
    let names: BTreeSet<String> =
        (0..23).map(|n| format!("a{}", (n * 7) % 23)).chain(["é".into(), "Z".into()]).collect();
    for text in &names {
        state.add_agent(&name(text), &profile("r"), at(1)).unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = state.agents(after.as_ref(), Limit::new(4)).unwrap();
        assert!(page.items.len() <= 4);
        seen.extend(page.items.iter().map(|agent| agent.name.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, names.into_iter().collect::<Vec<_>>());
    assert_eq!(Limit::new(0).rows(), 1);
    assert_eq!(Limit::new(u16::MAX), Limit::MOST);
}

pub fn what_is_known_of_an_agent_is_kept(place: &dyn Place) {
    let known = AgentProfile {
        business_unit: Some(name("finance")),
        elevated: true,
        granted: Access { tools: Some(BTreeSet::from([name("crm_*")])), ..Access::default() },
        // An empty list allows nothing, which is not the same as an absent one.
        certified: Access { destinations: Some(BTreeSet::new()), ..Access::default() },
        ..profile("r")
    };
    place.state().add_agent(&name("bot"), &known, at(1)).unwrap();
    assert_eq!(place.state().agent(&name("bot")).unwrap().unwrap().profile, known);
}

pub fn what_is_kept_is_there_after_a_restart(place: &dyn Place) {
    let before = {
        let state = place.state();
        state.add_agent(&name("bot"), &profile("r"), at(1)).unwrap();
        state.add_key(&credential("bot")).unwrap();
        state.snapshot().unwrap()
    };
    let state = place.state();
    assert_eq!(state.snapshot().unwrap(), before);
    assert_eq!(state.version(), before.version);
}
