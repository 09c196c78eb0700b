//! Operators and their tokens.

use std::collections::BTreeSet;

use action::AccessRole;
use store::{Credential, TokenKind, mint};

use crate::place::{Place, at, name};
use crate::registry::{credential, profile};

fn roles(list: &[AccessRole]) -> BTreeSet<AccessRole> {
    list.iter().copied().collect()
}

pub fn the_last_administrator_stays(place: &dyn Place) {
    let state = place.state();
    let (ada, bob) = (name("ada"), name("bob"));
    let admin = roles(&[AccessRole::Admin]);
    state.add_operator(&ada, &admin, at(1)).unwrap();
    for (roles, disabled) in [(roles(&[AccessRole::Viewer]), false), (admin.clone(), true)] {
        let error = state.change_operator(&ada, &roles, disabled, None, at(2)).unwrap_err();
        assert_eq!(error.code(), "operators.last_admin");
    }
    assert_eq!(state.operator(&ada).unwrap().unwrap().version, 1, "nothing of a refused write is kept");

    state.add_operator(&bob, &admin, at(3)).unwrap();
    let left = state.change_operator(&ada, &admin, true, Some(1), at(4)).unwrap();
    assert!(left.value.disabled && left.changed);
    assert_eq!(
        state.change_operator(&bob, &admin, true, None, at(5)).unwrap_err().code(),
        "operators.last_admin"
    );
}

pub fn tokens_and_keys_do_not_mix(place: &dyn Place) {
    let state = place.state();
    state.add_operator(&name("ada"), &roles(&[AccessRole::Admin]), at(1)).unwrap();
    state.add_agent(&name("bot"), &profile("r"), at(1)).unwrap();
    let minted = mint(TokenKind::Operator).unwrap();
    let token = Credential { prefix: minted.prefix, hash: minted.hash, ..credential("ada") };
    state.add_token(&token).unwrap();
    assert_eq!(state.tokens_of(&name("ada")).unwrap(), std::slice::from_ref(&token));
    assert_eq!(state.keys_of(&name("ada")).unwrap(), []);
    assert_eq!(state.revoke_key(&token.prefix, at(2)).unwrap_err().code(), "store.missing");
    // The same prefix for the other kind is not a second key.
    assert_eq!(
        state.add_key(&Credential { owner: name("bot"), ..token.clone() }).unwrap_err().code(),
        "store.taken"
    );
    let snapshot = state.snapshot().unwrap();
    assert_eq!((snapshot.tokens, snapshot.keys), (vec![token], vec![]));
}

pub fn two_who_disable_each_other_cannot_both_succeed(place: &dyn Place) {
    let state = place.state();
    let admin = roles(&[AccessRole::Admin]);
    let people = [name("ada"), name("bob")];
    for person in &people {
        state.add_operator(person, &admin, at(1)).unwrap();
    }
    let results: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = people
            .iter()
            .map(|person| scope.spawn(|| state.change_operator(person, &admin, true, Some(1), at(2)).is_ok()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|won| **won).count(), 1);
}
