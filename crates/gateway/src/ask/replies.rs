//! Answers that were given under an idempotency key, for whoever asks again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Digest, Name};

use super::Answer;
use crate::limits::MAX_REPLIES;

/// The newest answers. Older ones are on the ledger.
#[derive(Clone, Default)]
pub struct Replies(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    entries: HashMap<Name, Entry>,
    order: VecDeque<Name>,
}

struct Entry {
    payload: Digest,
    /// Absent while it is being decided.
    answer: Option<Box<Answer>>,
}

/// How a question under a key begins.
pub enum Begun {
    /// Nobody has asked before. The turn ends when this value is dropped.
    First(Turn),
    Answered(Box<Answer>),
    InProgress,
    OtherPayload,
}

/// The right to decide a question. Dropped without an answer, the next caller gets it.
pub struct Turn {
    shelf: Replies,
    id: Name,
}

impl Replies {
    pub fn begin(&self, id: &Name, payload: &Digest) -> Begun {
        let mut shelf = self.lock();
        match shelf.entries.get(id) {
            Some(entry) if entry.payload != *payload => Begun::OtherPayload,
            Some(Entry { answer: Some(answer), .. }) => Begun::Answered(answer.clone()),
            Some(Entry { answer: None, .. }) => Begun::InProgress,
            None => {
                shelf.entries.insert(id.clone(), Entry { payload: *payload, answer: None });
                Begun::First(Turn { shelf: self.clone(), id: id.clone() })
            }
        }
    }

    pub fn keep(&self, id: &Name, payload: &Digest, answer: &Answer) {
        let mut shelf = self.lock();
        shelf.entries.insert(id.clone(), Entry { payload: *payload, answer: Some(Box::new(answer.clone())) });
        shelf.order.push_back(id.clone());
        while shelf.order.len() > MAX_REPLIES {
            if let Some(oldest) = shelf.order.pop_front() {
                shelf.entries.remove(&oldest);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shelf = self.shelf.lock();
        if shelf.entries.get(&self.id).is_some_and(|entry| entry.answer.is_none()) {
            shelf.entries.remove(&self.id);
        }
    }
}
