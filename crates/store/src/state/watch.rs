//! The version of what is published, for whoever must notice a change without asking the database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

pub(super) struct Watch {
    version: AtomicU64,
    /// Guards nothing but the moment between looking and waiting.
    gate: Mutex<()>,
    moved: Condvar,
}

impl Watch {
    pub fn new(version: u64) -> Self {
        Watch { version: AtomicU64::new(version), gate: Mutex::new(()), moved: Condvar::new() }
    }

    pub fn now(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Two commits may come here in either order; the version never goes back.
    pub fn reach(&self, version: u64) {
        if self.version.fetch_max(version, Ordering::AcqRel) < version {
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
            self.moved.notify_all();
        }
    }

    pub fn wait_beyond(&self, seen: u64, timeout: Duration) -> u64 {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let _gate = self.moved.wait_timeout_while(gate, timeout, |()| self.now() <= seen);
        self.now()
    }
}
