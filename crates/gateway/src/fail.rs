//! What happens when no record can be had in time.

use std::sync::atomic::{AtomicU64, Ordering};

use action::FailMode;

/// Counts the passes of scopes that fail open, until the ledger can tell of them.
#[derive(Debug, Default)]
pub struct OpenPasses {
    all: AtomicU64,
    untold: AtomicU64,
}

/// One pass without a record. Made only by counting it.
#[derive(Debug)]
pub struct OpenPass(());

/// The action did not get a record and its scope fails closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl OpenPasses {
    pub(crate) fn pass(&self, mode: FailMode) -> Result<OpenPass, Closed> {
        match mode {
            FailMode::Closed => Err(Closed),
            FailMode::Open => {
                self.all.fetch_add(1, Ordering::Relaxed);
                self.untold.fetch_add(1, Ordering::Relaxed);
                Ok(OpenPass(()))
            }
        }
    }

    pub fn count(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Takes the passes that no record tells of yet.
    pub fn take_untold(&self) -> u64 {
        self.untold.swap(0, Ordering::Relaxed)
    }

    /// Gives them back: the record that should have told of them was not written.
    pub fn put_back(&self, count: u64) {
        self.untold.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_counted_and_told_once() {
        let passes = OpenPasses::default();
        assert!(passes.pass(FailMode::Closed).is_err());
        assert!(passes.pass(FailMode::Open).is_ok());
        assert!(passes.pass(FailMode::Open).is_ok());
        assert_eq!((passes.count(), passes.take_untold(), passes.take_untold()), (2, 2, 0));
        passes.put_back(2);
        assert_eq!((passes.count(), passes.take_untold()), (2, 2));
    }
}
