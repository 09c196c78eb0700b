//! How many agents stand behind a call, when agents hand work to agents.
//!
//! ```text
//! A ─► here ─ x-checkrein-chain ─► B ─ x-checkrein-chain ─► here ─► C        B sends on what it was sent
//! ```
//!
//! A link is sealed for the agent that it is sent to, so that nobody makes one up or lends one. One that is
//! left out is put back as far as it is known here: while B is being called, a call of its own without a link
//! belongs to the deepest of those that called it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Name, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use wire::refuse::Why;

use super::refusal::No;
use super::seal::Seal;
use crate::limits::MAX_CHAINS;
use crate::ports::Dice;

pub const CHAIN: HeaderName = HeaderName::from_static("x-checkrein-chain");
/// Beyond it a link is none: long tasks end, and an old link is not kept for shallower days.
const LINK_HOLDS_MILLIS: i64 = 24 * 60 * 60 * 1_000;
/// What links are sealed for, beside the agent.
const PURPOSE: &str = "a2a-chain";
/// The code of a call that stands behind too many agents.
pub const TOO_DEEP: &str = "too_deep";

/// One call in a chain of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The call that it was sent with.
    call: Name,
    /// Agents that stand behind what its receiver does.
    depth: u32,
    until: i64,
}

/// Calls of agents by agents that have not ended.
#[derive(Debug, Default)]
pub struct Chains(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// By who is called.
    calls: HashMap<Name, HashMap<Name, u32>>,
    count: usize,
}

/// A call that is under way. It ends with this.
#[derive(Debug)]
pub struct UnderWay {
    chains: Arc<Chains>,
    called: Name,
    call: Name,
}

impl Chains {
    /// Agents that stand behind a call of `caller`, by what it says and by what is known here.
    pub fn depth(&self, seal: &Seal, headers: &HeaderMap, caller: &Name, now: Timestamp) -> Result<u32, No> {
        let bad =
            || No::new(Why::Unreadable, "bad_chain", "`x-checkrein-chain` is not what this agent was sent");
        let mut stated = headers.get_all(&CHAIN).iter();
        let link = match (stated.next(), stated.next()) {
            (None, _) => None,
            (Some(one), None) => {
                let link = one.to_str().ok().and_then(|sealed| seal.reopen::<Link>(sealed, caller, PURPOSE));
                Some(link.filter(|link| link.until >= now.millis()).ok_or_else(bad)?)
            }
            (Some(_), Some(_)) => return Err(bad()),
        };
        let open = self.lock();
        let none = HashMap::new();
        let calls = open.calls.get(caller).unwrap_or(&none);
        Ok(match link {
            None => calls.values().max().copied().unwrap_or(0),
            Some(link) => match calls.get(&link.call) {
                Some(depth) => *depth,
                // It goes on behind a call that has ended; that it was shallower than all that are under way
                // now would be an odd chance.
                None => link.depth.max(calls.values().min().copied().unwrap_or(0)),
            },
        })
    }

    /// Begins a call behind so many agents, and the header that the called one sends on.
    pub fn begin(
        self: &Arc<Self>,
        seal: &Seal,
        called: &Name,
        call: Name,
        behind: u32,
        now: Timestamp,
        dice: &dyn Dice,
    ) -> Result<(UnderWay, HeaderValue), No> {
        let depth = behind.saturating_add(1);
        let until = now.millis().saturating_add(LINK_HOLDS_MILLIS);
        let link = Link { call: call.clone(), depth, until };
        let sealed = seal.close(&link, called, PURPOSE, dice);
        let header = sealed.and_then(|sealed| HeaderValue::from_str(&sealed).ok());
        let header =
            header.ok_or_else(|| No::new(Why::Unavailable, "unsealed", "the call cannot be marked"))?;
        let mut open = self.lock();
        if open.count >= MAX_CHAINS {
            return Err(No::new(
                Why::TooMuch,
                "too_many_calls",
                "too many calls between agents are under way",
            ));
        }
        open.count += 1;
        open.calls.entry(called.clone()).or_default().insert(call.clone(), depth);
        drop(open);
        Ok((UnderWay { chains: Arc::clone(self), called: called.clone(), call }, header))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut open = self.chains.lock();
        open.count = open.count.saturating_sub(1);
        if let Some(calls) = open.calls.get_mut(&self.called) {
            calls.remove(&self.call);
            if calls.is_empty() {
                open.calls.remove(&self.called);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counts(Mutex<u8>);
    impl Dice for Counts {
        fn fill(&self, bytes: &mut [u8]) {
            let mut next = self.0.lock().unwrap();
            *next = next.wrapping_add(1);
            bytes.fill(*next);
        }
    }

    struct Test {
        seal: Seal,
        chains: Arc<Chains>,
        dice: Counts,
        now: Timestamp,
    }

    impl Test {
        fn depth(&self, caller: &str, links: &[&HeaderValue]) -> Result<u32, String> {
            let mut headers = HeaderMap::new();
            for link in links {
                headers.append(CHAIN, (*link).clone());
            }
            self.chains.depth(&self.seal, &headers, &name(caller), self.now).map_err(|no| no.code)
        }

        fn begin(&self, called: &str, call: &str, behind: u32) -> (UnderWay, HeaderValue) {
            self.chains.begin(&self.seal, &name(called), name(call), behind, self.now, &self.dice).unwrap()
        }
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn test() -> Test {
        let now = Timestamp::parse("2026-03-03T12:00:00Z").unwrap();
        Test { seal: Seal::new(&[7; 32]), chains: Arc::default(), dice: Counts(Mutex::new(0)), now }
    }

    #[test]
    fn a_link_counts_for_whom_it_was_sent_to_and_until_it_is_old() {
        let mut it = test();
        assert_eq!(it.depth("b", &[]), Ok(0));
        let (call, link) = it.begin("b", "1", 4);
        assert_eq!(it.depth("b", &[&link]), Ok(5));
        assert_eq!(it.depth("c", &[&link]), Err("bad_chain".into()), "lent");
        assert_eq!(it.depth("b", &[&link, &link]), Err("bad_chain".into()));
        assert_eq!(it.depth("b", &[&HeaderValue::from_static("1")]), Err("bad_chain".into()), "made up");
        drop(call);
        assert_eq!(it.depth("b", &[&link]), Ok(5), "a task may take longer than the call that began it");
        it.now = it.now.plus_millis(LINK_HOLDS_MILLIS + 1);
        assert_eq!(it.depth("b", &[&link]), Err("bad_chain".into()), "old");
    }

    #[test]
    fn leaving_a_link_out_or_taking_an_older_one_makes_no_call_shallower() {
        let it = test();
        let (first, shallow) = it.begin("b", "1", 0);
        let (deep, other) = it.begin("b", "2", 4);
        assert_eq!((it.depth("b", &[&shallow]), it.depth("b", &[&other])), (Ok(1), Ok(5)));
        assert_eq!(it.depth("b", &[]), Ok(5), "left out");
        drop(first);
        assert_eq!(it.depth("b", &[&shallow]), Ok(5), "of a call that has ended");
        drop(deep);
        assert_eq!(it.depth("b", &[]), Ok(0), "nobody calls it any more");
        assert!(it.chains.lock().calls.is_empty() && it.chains.lock().count == 0);
    }

    #[test]
    fn at_the_bound_a_call_is_turned_away() {
        let it = test();
        it.chains.lock().count = MAX_CHAINS;
        let no = it.chains.begin(&it.seal, &name("b"), name("1"), 0, it.now, &it.dice).unwrap_err();
        assert_eq!(no.code, "too_many_calls");
    }
}
