//! How an upstream is doing: how quick it is, how many calls it has, and whether it is left alone.
//!
//! After [`MAX_FAILURES`] failures in a row it is left alone for a while that doubles each time. Then one
//! call is let through to see; when that one is answered all are, and when it fails the wait begins anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row after which it is left alone.
pub const MAX_FAILURES: u32 = 5;
/// How long at first, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// An upstream that asks for more than this is asked again after it.
const LONGEST_REST: Duration = Duration::from_secs(600);
/// What is assumed of one that asks for rest and does not say how long.
pub const USUAL_REST: Duration = Duration::from_secs(1);
/// In this time what is known of its latency loses half of its weight.
const HALF_LIFE: Duration = Duration::from_secs(10);
/// Assumed of one that has calls and has not answered any yet.
const UNKNOWN_LATENCY: u64 = 1_000_000;

/// The standing of one upstream, shared by all that call it.
#[derive(Debug, Default)]
pub struct Standing(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Microseconds to the first byte: rises at once, falls slowly.
    latency: Option<(u64, Instant)>,
    calls: u32,
    failures: u32,
    /// How often it was left alone without an answer in between.
    times: u32,
    until: Option<Instant>,
    /// One call is under way that shows how it is.
    probing: bool,
    rest: Option<Instant>,
}

/// How it looks to a call that may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// None when it may be called; else when that will be so, as far as is known.
    pub back: Option<Instant>,
    /// Its latency times the calls it would have; small is good.
    pub load: u64,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// An answer began, after this long.
    Answered(Duration),
    /// It asked to be left alone for a while.
    Rest(Duration),
    /// It could not be reached, broke off, or had a fault of its own.
    Failed,
}

impl Standing {
    pub fn look(&self, now: Instant) -> Look {
        let inner = self.lock();
        let calls = u64::from(inner.calls);
        let latency = match inner.latency {
            Some((latency, at)) => faded(latency, 0, now.saturating_duration_since(at)),
            None if calls == 0 => 0,
            None => UNKNOWN_LATENCY,
        };
        Look { back: inner.back(now), load: latency.saturating_mul(calls + 1) }
    }

    /// Begins a call, unless it is to be left alone. `anyway` is for a call that has nowhere else to go.
    pub fn begin(self: &Arc<Self>, now: Instant, anyway: bool) -> Option<Flight> {
        let mut inner = self.lock();
        if inner.back(now).is_some() && !anyway {
            return None;
        }
        let probe = inner.until.is_some_and(|until| now >= until) && !inner.probing;
        inner.probing |= probe;
        inner.calls = inner.calls.saturating_add(1);
        drop(inner);
        Some(Flight { of: Arc::clone(self), probe, ended: false })
    }

    fn end(&self, probe: bool, ended: Option<(Ended, Instant)>) {
        let mut inner = self.lock();
        inner.calls = inner.calls.saturating_sub(1);
        if probe {
            inner.probing = false;
        }
        match ended {
            // Given up by the caller: says nothing of the upstream.
            None => {}
            Some((Ended::Answered(took), now)) => {
                inner.measure(took, now);
                (inner.failures, inner.times, inner.until) = (0, 0, None);
            }
            Some((Ended::Rest(wanted), now)) => {
                let until = now.checked_add(wanted.min(LONGEST_REST));
                inner.rest = inner.rest.max(until);
            }
            Some((Ended::Failed, now)) => inner.fail(probe, now),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn back(&self, now: Instant) -> Option<Instant> {
        let rest = self.rest.filter(|rest| now < *rest);
        let alone = self.until.filter(|until| now < *until || self.probing).map(|until| until.max(now));
        rest.max(alone)
    }

    fn fail(&mut self, probe: bool, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        // Calls that were under way when it was left alone say nothing new.
        let alone = self.until.is_some() && !probe;
        if alone || (self.failures < MAX_FAILURES && !probe) {
            return;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << self.times.min(16));
        self.until = now.checked_add(doubled.min(LONGEST_WAIT));
        self.times = self.times.saturating_add(1);
    }

    fn measure(&mut self, took: Duration, now: Instant) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let known = match self.latency {
            Some((known, at)) => faded(known, took, now.saturating_duration_since(at)),
            None => took,
        };
        self.latency = Some((known.max(took), now));
    }
}

/// What is left of a value that falls towards another for this long. Between two halvings it falls evenly.
fn faded(from: u64, to: u64, after: Duration) -> u64 {
    let half = HALF_LIFE.as_millis();
    let halvings = u32::try_from(after.as_millis() / half).unwrap_or(u32::MAX);
    let gap = u128::from(from.saturating_sub(to)).checked_shr(halvings).unwrap_or(0);
    let fallen = gap * (after.as_millis() % half) / (2 * half);
    to.saturating_add(u64::try_from(gap - fallen).unwrap_or(u64::MAX))
}

/// A call under way. Dropped, it ends without saying anything of the upstream.
#[derive(Debug)]
#[must_use]
pub struct Flight {
    of: Arc<Standing>,
    probe: bool,
    ended: bool,
}

impl Flight {
    pub fn end(mut self, ended: Ended, now: Instant) {
        self.ended = true;
        self.of.end(self.probe, Some((ended, now)));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.ended {
            self.of.end(self.probe, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(standing: &Arc<Standing>, now: Instant) {
        standing.begin(now, true).unwrap().end(Ended::Failed, now);
    }

    #[test]
    fn after_failures_in_a_row_it_is_left_alone_and_one_call_looks_again() {
        let standing = Arc::new(Standing::default());
        let start = Instant::now();
        for _ in 1..MAX_FAILURES {
            fail(&standing, start);
        }
        standing.begin(start, false).unwrap().end(Ended::Answered(SECOND), start);
        for _ in 1..MAX_FAILURES {
            fail(&standing, start);
            assert_eq!(standing.look(start).back, None, "an answer in between begins the count anew");
        }
        fail(&standing, start);
        assert_eq!(standing.look(start).back, Some(start + FIRST_WAIT));
        assert!(standing.begin(start, false).is_none());

        let later = start + FIRST_WAIT;
        let probe = standing.begin(later, false).unwrap();
        assert!(standing.begin(later, false).is_none(), "one call looks, the others wait");
        probe.end(Ended::Failed, later);
        assert_eq!(standing.look(later).back, Some(later + 2 * FIRST_WAIT), "twice as long");

        let later = later + 2 * FIRST_WAIT;
        drop(standing.begin(later, false).unwrap());
        let probe = standing.begin(later, false).expect("one that was given up leaves its place");
        probe.end(Ended::Answered(SECOND), later);
        assert!(standing.begin(later, false).is_some() && standing.begin(later, false).is_some());
        for _ in 0..MAX_FAILURES {
            fail(&standing, later);
        }
        assert_eq!(standing.look(later).back, Some(later + FIRST_WAIT), "it starts with a short wait again");
    }

    #[test]
    fn the_wait_has_an_end_and_late_failures_do_not_stretch_it() {
        let standing = Arc::new(Standing::default());
        let mut now = Instant::now();
        for _ in 0..MAX_FAILURES {
            fail(&standing, now);
        }
        fail(&standing, now + SECOND);
        assert_eq!(standing.look(now).back, Some(now + FIRST_WAIT));
        for _ in 0..40 {
            now = standing.look(now).back.unwrap();
            standing.begin(now, false).unwrap().end(Ended::Failed, now);
        }
        assert_eq!(standing.look(now).back, Some(now + LONGEST_WAIT));
    }

    #[test]
    fn rest_that_was_asked_for_is_given_within_bounds() {
        let standing = Arc::new(Standing::default());
        let start = Instant::now();
        let rest = |wanted| standing.begin(start, true).unwrap().end(Ended::Rest(wanted), start);
        rest(7 * SECOND);
        rest(SECOND);
        assert_eq!(standing.look(start).back, Some(start + 7 * SECOND), "the longer one counts");
        assert_eq!(standing.look(start + 7 * SECOND).back, None);
        rest(Duration::MAX);
        assert_eq!(standing.look(start).back, Some(start + LONGEST_REST));
    }

    #[test]
    fn latency_rises_at_once_and_falls_slowly() {
        let standing = Arc::new(Standing::default());
        let start = Instant::now();
        let answer = |took, now| standing.begin(now, true).unwrap().end(Ended::Answered(took), now);
        assert_eq!(standing.look(start).load, 0);
        answer(Duration::from_millis(10), start);
        answer(Duration::from_millis(90), start);
        assert_eq!(standing.look(start).load, 90_000);
        answer(Duration::from_millis(10), start);
        assert_eq!(standing.look(start).load, 90_000, "one quick answer does not hide a slow one");
        answer(Duration::from_millis(10), start + HALF_LIFE);
        assert_eq!(standing.look(start + HALF_LIFE).load, 50_000);
        let _busy = standing.begin(start, true).unwrap();
        assert_eq!(standing.look(start + HALF_LIFE).load, 100_000, "what it has to do counts");
        let mut last = u64::MAX;
        for step in 0..400 {
            let load = standing.look(start + HALF_LIFE + SECOND * step).load;
            assert!(load <= last);
            last = load;
        }
        assert_eq!(last, 0, "what is long past is forgotten");
    }
}
