//! What travels through the queue.

use std::sync::Arc;

use super::About;
use super::Receipt;
use crate::error::AppendError;
use crate::note::SigningKey;
use crate::record::Record;

pub(crate) type Done = Box<dyn FnOnce(Result<Receipt, AppendError>) + Send>;

pub(crate) struct Entry {
    pub record: Record,
    pub about: About,
    /// Accepted within the window; nobody waits for it.
    pub ahead: bool,
    pub done: Option<Done>,
    /// The key that signs from this record on.
    pub key: Option<Arc<SigningKey>>,
}

impl Entry {
    pub fn answer(self, answer: Result<Receipt, AppendError>) {
        if let Some(done) = self.done {
            done(answer);
        }
    }
}
