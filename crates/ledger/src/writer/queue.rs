//! The queue between those who append and the one thread that writes.
//!
//! Also the account of what was accepted ahead of the disk, because both must change together:
//! a record is accepted ahead only if it is in the queue and the account has room for it.
//!
//! Written against `super::sync`, so that a test can run it under every order of threads.

use std::collections::VecDeque;
use std::time::Duration;

use super::sync::{Condvar, Mutex, MutexGuard};

/// How long, and with how much, the queue is allowed to wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Items that may wait.
    pub waiting: usize,
    /// Items that may be accepted and not yet settled,
    pub ahead: usize,
    /// and the age of the oldest of them from which on no more are.
    pub age: Duration,
}

pub struct Queue<T> {
    bounds: Bounds,
    state: Mutex<State<T>>,
    /// Told when there is something to take.
    filled: Condvar,
    /// Told when there is room.
    drained: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Somebody waits for the disk, so the writer must not linger.
    urgent: bool,
    /// When each item was accepted that was accepted ahead and is not settled, oldest first.
    ahead: VecDeque<Duration>,
    /// The one thread that takes waits, and nobody has called it yet. While it writes, calling it
    /// would cost each sender a system call and tell it nothing: it looks before it waits.
    idle: bool,
    closed: bool,
}

/// What became of an item that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Within the window: its sender need not wait.
    Ahead,
    /// Its sender is to wait until it is settled.
    Waits,
}

/// The item comes back.
#[derive(Debug)]
pub enum Refused<T> {
    Full(T),
    Closed(T),
}

impl<T> Queue<T> {
    pub fn new(bounds: Bounds) -> Self {
        Queue {
            bounds,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                urgent: false,
                ahead: VecDeque::new(),
                idle: false,
                closed: false,
            }),
            filled: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    pub fn waiting_bound(&self) -> usize {
        self.bounds.waiting
    }

    /// Puts an item in. `make` is told what will become of it, under the lock, so that the item can
    /// carry the answer. With `may_be_ahead` it is accepted ahead if the window has room.
    pub fn put(
        &self,
        item: T,
        may_be_ahead: bool,
        now: Duration,
        mark: impl FnOnce(&mut T, Put),
    ) -> Result<Put, Refused<T>> {
        self.put_into(self.lock(), item, may_be_ahead, now, mark)
    }

    /// Puts an item in, waiting for room until `patience` is over.
    pub fn put_wait(
        &self,
        item: T,
        may_be_ahead: bool,
        now: impl Fn() -> Duration,
        patience: Duration,
        mark: impl FnOnce(&mut T, Put),
    ) -> Result<Put, Refused<T>> {
        let mut state = self.lock();
        let end = now().saturating_add(patience);
        while state.waiting.len() >= self.bounds.waiting && !state.closed {
            let left = end.saturating_sub(now());
            if left.is_zero() {
                return Err(Refused::Full(item));
            }
            state = wait(&self.drained, state, left);
        }
        self.put_into(state, item, may_be_ahead, now(), mark)
    }

    fn put_into(
        &self,
        mut state: MutexGuard<'_, State<T>>,
        mut item: T,
        may_be_ahead: bool,
        now: Duration,
        mark: impl FnOnce(&mut T, Put),
    ) -> Result<Put, Refused<T>> {
        if state.closed {
            return Err(Refused::Closed(item));
        }
        if state.waiting.len() >= self.bounds.waiting {
            return Err(Refused::Full(item));
        }
        let young = state.ahead.front().is_none_or(|first| now.saturating_sub(*first) < self.bounds.age);
        let put = if may_be_ahead && young && state.ahead.len() < self.bounds.ahead {
            state.ahead.push_back(now);
            Put::Ahead
        } else {
            state.urgent = true;
            Put::Waits
        };
        mark(&mut item, put);
        let was_empty = state.waiting.is_empty();
        let rouse = was_empty || (put == Put::Waits) || state.ahead.len() >= self.bounds.ahead / 2;
        state.waiting.push_back(item);
        let rouse = rouse && std::mem::take(&mut state.idle);
        drop(state);
        if rouse {
            self.filled.notify_one();
        }
        Ok(put)
    }

    /// Takes up to `most` items once somebody waits for them, half of the window is used up, or
    /// the queue is closed. `None`: closed and empty.
    pub fn take(&self, most: usize, now: impl Fn() -> Duration) -> Option<Vec<T>> {
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() {
                if state.closed {
                    return None;
                }
                state.idle = true;
                state = wait_for_ever(&self.filled, state);
                state.idle = false;
                continue;
            }
            // Half of the window, so that the other half is left for the time that the disk takes.
            let due = state.ahead.front().map_or(Duration::ZERO, |first| *first + self.bounds.age / 2);
            let left = due.saturating_sub(now());
            if state.urgent || state.closed || left.is_zero() || state.ahead.len() >= self.bounds.ahead / 2 {
                break;
            }
            state.idle = true;
            state = wait(&self.filled, state, left);
            state.idle = false;
        }
        let count = state.waiting.len().min(most);
        let taken = state.waiting.drain(..count).collect();
        // What is left behind may hold someone who waits.
        state.urgent = state.urgent && !state.waiting.is_empty();
        drop(state);
        self.drained.notify_all();
        Some(taken)
    }

    /// The oldest `count` of the items that were accepted ahead are settled, on the medium or lost.
    pub fn settle(&self, count: usize) {
        let mut state = self.lock();
        let count = count.min(state.ahead.len());
        state.ahead.drain(..count);
    }

    /// Refuses what comes from now on; what is in the queue is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Items waiting, and items accepted ahead.
    pub fn load(&self) -> (usize, usize) {
        let state = self.lock();
        (state.waiting.len(), state.ahead.len())
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under the lock can panic half-way; a poisoned lock guards a whole state.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn wait<'a, T>(told: &Condvar, state: MutexGuard<'a, T>, most: Duration) -> MutexGuard<'a, T> {
    told.wait_timeout(state, most).map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state)
}

fn wait_for_ever<'a, T>(told: &Condvar, state: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    told.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner())
}
