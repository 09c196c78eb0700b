//! Where databases live: what a backend has to offer to be tested.

use action::Name;
use store::{Index, State};
use tempfile::TempDir;

/// A fresh place, in which databases are opened and opened again.
pub trait Place {
    fn new() -> Self
    where
        Self: Sized;
    fn state(&self) -> State;
    fn index(&self) -> Index;
}

/// A folder of its own.
pub struct Sqlite(pub TempDir);

impl Place for Sqlite {
    fn new() -> Self {
        Sqlite(tempfile::tempdir().unwrap())
    }
    fn state(&self) -> State {
        State::open(self.0.path(), &name("acme")).unwrap()
    }
    fn index(&self) -> Index {
        Index::open(self.0.path()).unwrap().0
    }
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn at(millis: i64) -> action::Timestamp {
    action::Timestamp::from_millis(millis)
}
