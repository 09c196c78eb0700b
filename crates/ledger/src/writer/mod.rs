//! The writing side: a queue, and the one thread behind it.

mod queue;
mod receipt;

/// The primitives that the queue is built from; a test puts others in their place.
mod sync {
    pub use std::sync::{Condvar, Mutex, MutexGuard};
}

pub(crate) use queue::{Bounds, Put, Queue, Refused};
pub(crate) use receipt::About;
pub use receipt::{Promise, Receipt};
