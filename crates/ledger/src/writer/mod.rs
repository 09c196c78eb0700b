//! The writing side: a queue, the one thread that writes, and the one that signs.
//!
//! The moment of commitment is the return of `sync` in [`Sink::write`]. Before it a crash leaves
//! nothing that anybody was told of; after it recovery finds the records.

mod commit;
mod entry;
mod queue;
mod receipt;
pub(crate) mod scribe;
pub(crate) mod shared;
mod sink;
mod stage;
pub(crate) mod tree;
mod watch;

/// The primitives that the queue is built from; a test puts others in their place.
mod sync {
    pub use std::sync::{Condvar, Mutex, MutexGuard};
}

pub(crate) use commit::{Phase, Writer, name_previous};
pub(crate) use entry::{Done, Entry};
pub(crate) use queue::{Bounds, Put, Queue, Refused};
pub(crate) use receipt::About;
pub use receipt::{Promise, Receipt};
pub(crate) use sink::Sink;
pub use stage::MAX_WRITE_BYTES;
pub(crate) use stage::{Stage, Tip};
pub(crate) use watch::{ClockWatch, back_since};
