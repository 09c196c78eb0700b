//! The index: the ledger in tables.

mod types;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use action::{ApprovalState, Digest, Name, Timestamp};
use ledger::Record;

use crate::{DatabaseError, FollowError, Limit, OpenError, Page, Total, Trouble, Which};

pub use types::*;

/// A durable record and its leaf hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub record: Record,
    pub leaf: Digest,
}

/// Where records come from: the ledger, or a list in a test.
pub trait Source {
    /// At most `most` durable records in order, from sequence `from` on. When the oldest records were dropped at
    /// the end of their retention, the first may have a higher sequence.
    fn read(&self, from: u64, most: usize) -> Result<Vec<Entry>, Box<dyn std::error::Error + Send + Sync>>;
    /// Returns the durable size as soon as it is beyond `size`, or at the time-out.
    fn wait_beyond(&self, size: u64, timeout: Duration) -> u64;
}

/// The ledger in tables. One of them may be written by one thread and read by many.
pub struct Index {
    _private: (),
}

fn pending<T>() -> Result<T, DatabaseError> {
    Err(DatabaseError { which: Which::Index, doing: "read", trouble: Trouble::Unavailable, source: None })
}

impl Index {
    /// Opens the index in this folder. One that is damaged is moved aside and filled again.
    pub fn open(_folder: &Path) -> Result<(Index, IndexStart), OpenError> {
        Ok((Index { _private: () }, IndexStart::Fresh))
    }
    /// Folds at most `most` records in one transaction.
    pub fn step(&self, _source: &dyn Source, _most: usize) -> Result<Step, FollowError> {
        Ok(pending()?)
    }
    /// Follows until `stop`. What went wrong and why the index was rebuilt is told to `notice`; after a
    /// failure it tries again.
    pub fn follow(
        &self,
        _source: &dyn Source,
        _stop: &AtomicBool,
        _notice: &dyn Fn(Result<Step, FollowError>),
    ) {
    }
    /// The record to be folded next.
    pub fn next(&self) -> Result<u64, DatabaseError> {
        pending()
    }
    /// Newest first.
    pub fn decisions(
        &self,
        _filter: &DecisionFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<DecisionRow, u64>, DatabaseError> {
        pending()
    }
    pub fn count_decisions(&self, _filter: &DecisionFilter) -> Result<Total, DatabaseError> {
        pending()
    }
    pub fn decision(&self, _id: &Name) -> Result<Option<DecisionHistory>, DatabaseError> {
        pending()
    }
    /// Newest first; all states when none is named.
    pub fn holds(
        &self,
        _state: Option<ApprovalState>,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<HoldRow, u64>, DatabaseError> {
        pending()
    }
    pub fn approvals(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<ApprovalRow, u64>, DatabaseError> {
        pending()
    }
    /// The key is the sequence and whether the finding was derived.
    pub fn findings(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<FindingRow, u64>, DatabaseError> {
        pending()
    }
    pub fn operator_acts(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<OperatorRow, u64>, DatabaseError> {
        pending()
    }
    pub fn erasures(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<ErasureRow, u64>, DatabaseError> {
        pending()
    }
    pub fn gaps(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<GapRow, u64>, DatabaseError> {
        pending()
    }
    pub fn policies(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<PolicyRow, u64>, DatabaseError> {
        pending()
    }
    /// Records of any kind, newest first.
    pub fn records(
        &self,
        _filter: &EventFilter,
        _before: Option<u64>,
        _limit: Limit,
    ) -> Result<Page<RecordRow, u64>, DatabaseError> {
        pending()
    }
    /// Decisions by hour in `from..before`, at most 31 days at once; hours without any are absent.
    pub fn hours(
        &self,
        _by: CountBy,
        _from: Timestamp,
        _before: Timestamp,
    ) -> Result<Vec<HourCount>, DatabaseError> {
        pending()
    }
    /// Deletes rows of before this time. Returns how many decisions went.
    pub fn retain(&self, _from: Timestamp) -> Result<u64, DatabaseError> {
        pending()
    }
    /// Every row of every table in a canonical text: what two indexes of one ledger agree on.
    pub fn dump(&self, _line: &mut dyn FnMut(&str)) -> Result<(), DatabaseError> {
        pending()
    }
}
