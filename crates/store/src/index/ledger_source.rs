//! The real ledger as a source of records.

use std::error::Error;
use std::time::Duration;

use ledger::Ledger;

use super::{Entry, Source};

impl Source for Ledger {
    fn read(&self, from: u64, most: usize) -> Result<Vec<Entry>, Box<dyn Error + Send + Sync>> {
        let stored = Ledger::read(self, from, most)?;
        Ok(stored.into_iter().map(|stored| Entry { record: stored.record, leaf: stored.leaf }).collect())
    }

    fn wait_beyond(&self, size: u64, timeout: Duration) -> u64 {
        Ledger::wait_beyond(self, size, timeout)
    }
}
