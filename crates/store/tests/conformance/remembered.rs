//! What the request path remembers, and how it notices what operators do.

use std::time::Duration;

use action::Digest;
use store::{Claim, ClaimRequest, DenyEntry, DenyKind, FactsRow, Freeze, Scope, Swept};

use crate::place::{Place, at, name};
use crate::registry::profile;

fn request(key: &str, digest: u8, decision: &str, expires: i64) -> ClaimRequest {
    ClaimRequest {
        agent: name("bot"),
        key: name(key),
        request: Digest::from_bytes([digest; 32]),
        decision: name(decision),
        expires: at(expires),
    }
}

pub fn a_claim_is_answered_once(place: &dyn Place) {
    let known = Claim::Known { decision: name("d-1") };
    {
        let state = place.state();
        let asked = [request("k", 1, "d-1", 100), request("k", 1, "d-2", 100), request("k", 2, "d-3", 100)];
        assert_eq!(state.claim(&asked, at(0)).unwrap(), [Claim::New, known.clone(), Claim::Differs]);
    }
    let state = place.state();
    assert_eq!(state.claim(&[request("k", 1, "d-4", 100)], at(99)).unwrap(), [known]);
    let other = ClaimRequest { agent: name("other"), ..request("k", 1, "d-5", 100) };
    assert_eq!(state.claim(&[other], at(99)).unwrap(), [Claim::New], "keys are each agent's own");
    assert_eq!(state.claim(&[request("k", 9, "d-6", 300)], at(100)).unwrap(), [Claim::New], "expired");
    let new = Claim::Known { decision: name("d-6") };
    assert_eq!(state.claim(&[request("k", 9, "d-7", 300)], at(101)).unwrap(), [new]);
}

pub fn a_nonce_is_spent_once(place: &dyn Place) {
    let nonce = |byte, expires| (name("bot"), Digest::from_bytes([byte; 32]), at(expires));
    {
        let state = place.state();
        assert_eq!(
            state.spend(&[nonce(1, 100), nonce(1, 100), nonce(2, 100)], at(0)).unwrap(),
            [true, false, true]
        );
        assert_eq!(state.spend(&[nonce(3, 5)], at(5)).unwrap(), [false], "too old to be protected");
    }
    let state = place.state();
    assert_eq!(state.spend(&[nonce(1, 100)], at(1)).unwrap(), [false]);
}

pub fn a_nonce_that_was_forgotten_is_not_new_after_the_clock_came_back(place: &dyn Place) {
    let nonce = |byte, expires| (name("bot"), Digest::from_bytes([byte; 32]), at(expires));
    {
        let state = place.state();
        assert_eq!(state.spend(&[nonce(1, 100), nonce(2, 900)], at(50)).unwrap(), [true, true]);
        // The clock goes hours ahead, what has had its time goes, and the clock comes back.
        assert_eq!(state.sweep(at(800), at(0)).unwrap().nonces, 1);
        assert_eq!(state.spend(&[nonce(1, 100)], at(51)).unwrap(), [false]);
    }
    let state = place.state();
    assert_eq!(state.spend(&[nonce(1, 100), nonce(2, 900)], at(52)).unwrap(), [false, false], "also later");
    assert_eq!(state.spend(&[nonce(3, 101)], at(52)).unwrap(), [true], "younger ones are not concerned");
}

pub fn facts_never_go_back(place: &dyn Place) {
    let row = |session: Option<&str>, bytes: &[u8], version| FactsRow {
        agent: name("bot"),
        session: session.map(name),
        bytes: bytes.to_vec(),
        version,
        updated: at(10),
    };
    {
        let state = place.state();
        state.save_facts(&[row(None, b"a2", 2), row(Some("s"), b"s1", 1), row(None, b"a1", 1)]).unwrap();
        let long = row(Some("t"), &vec![0; (1 << 20) + 1], 1);
        assert_eq!(state.save_facts(&[row(Some("u"), b"u", 1), long]).unwrap_err().code(), "store.too_long");
    }
    let state = place.state();
    assert_eq!(state.agent_facts(&name("bot")).unwrap(), Some(row(None, b"a2", 2)));
    assert_eq!(state.session_facts(&name("bot"), &name("s")).unwrap(), Some(row(Some("s"), b"s1", 1)));
    assert_eq!(state.session_facts(&name("bot"), &name("u")).unwrap(), None, "all of a batch or none");
    assert_eq!(state.agent_facts(&name("other")).unwrap(), None);
}

pub fn a_sweep_takes_what_has_had_its_time(place: &dyn Place) {
    let state = place.state();
    state.claim(&[request("a", 1, "d", 50), request("b", 1, "d", 51)], at(0)).unwrap();
    state.spend(&[(name("bot"), Digest::from_bytes([1; 32]), at(50))], at(0)).unwrap();
    let facts = |session: Option<&str>, updated| FactsRow {
        agent: name("bot"),
        session: session.map(name),
        bytes: vec![1],
        version: 1,
        updated: at(updated),
    };
    state.save_facts(&[facts(None, 1), facts(Some("idle"), 9), facts(Some("busy"), 10)]).unwrap();
    let deny = DenyEntry {
        kind: DenyKind::User,
        key: name("psn:1"),
        reason: String::new(),
        operator: name("ada"),
        created: at(1),
        expires: Some(at(50)),
        hits: 0,
    };
    state.deny(&deny).unwrap();
    state.deny(&DenyEntry { key: name("psn:2"), expires: None, ..deny }).unwrap();
    let freeze = Freeze {
        scope: Scope::Organisation,
        environment: None,
        reason: String::new(),
        operator: name("ada"),
        created: at(1),
        until: Some(at(50)),
    };
    state.freeze(&freeze).unwrap();
    let before = state.version();
    let swept = state.sweep(at(50), at(10)).unwrap();
    assert_eq!(swept, Swept { claims: 1, nonces: 1, denies: 1, freezes: 1, delegations: 0, sessions: 1 });
    assert_eq!(state.version(), before + 1, "an entry and a freeze went");
    assert_eq!(state.sweep(at(50), at(10)).unwrap(), Swept::default());
    assert_eq!(state.version(), before + 1);
    assert_eq!(state.snapshot().unwrap().denies.len(), 1);
    assert!(state.agent_facts(&name("bot")).unwrap().is_some(), "an agent's facts stay");
}

pub fn the_version_moves_with_what_is_published(place: &dyn Place) {
    let state = place.state();
    let start = state.version();
    assert_eq!(state.snapshot().unwrap().version, start);
    assert_eq!(state.wait_beyond(start, Duration::from_millis(1)), start);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| state.wait_beyond(start, Duration::from_secs(20)));
        let written = state.add_agent(&name("bot"), &profile("r"), at(1)).unwrap();
        assert_eq!(written.published, start + 1);
        assert_eq!(waiter.join().unwrap(), start + 1);
    });
    let snapshot = state.snapshot().unwrap();
    assert_eq!((snapshot.version, snapshot.agents.len()), (start + 1, 1));
}

pub fn of_many_writers_one_wins(place: &dyn Place) {
    let state = place.state();
    let bot = name("bot");
    state.add_agent(&bot, &profile("start"), at(1)).unwrap();
    let (mut won, mut seen_by_readers) = (0, 0);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|n| {
                let (state, bot) = (&state, &bot);
                scope.spawn(move || {
                    state.change_agent(bot, &profile(&format!("r{n}")), Some(1), at(2)).is_ok()
                })
            })
            .collect();
        let readers: Vec<_> =
            (0..16).map(|_| scope.spawn(|| state.snapshot().unwrap().agents.len())).collect();
        won += writers.into_iter().map(|writer| usize::from(writer.join().unwrap())).sum::<usize>();
        seen_by_readers += readers.into_iter().map(|reader| reader.join().unwrap()).sum::<usize>();
    });
    assert_eq!((won, seen_by_readers), (1, 16));
    assert_eq!(state.agent(&bot).unwrap().unwrap().version, 2);
}
