//! Isolation: an action that runs, gives a normal-looking result, and commits nothing.
//!
//! Where no adapter fits the target there is no isolation; then a person decides.

use action::{Action, Json};

use crate::guard::Permit;

/// The adapters that operators configured.
#[derive(Default)]
pub struct Sandbox {
    adapters: Vec<Adapter>,
}

/// One way to isolate, for the resources that it names.
#[derive(Debug, Clone)]
pub struct Adapter;

/// What an isolated run gave.
#[derive(Debug, Clone)]
pub struct Isolated {
    pub result: Json,
}

impl Sandbox {
    pub fn adapter(&self, _action: &Action) -> Option<Adapter> {
        self.adapters.first().cloned()
    }

    pub async fn run(&self, _adapter: &Adapter, _action: &Action, _permit: &Permit) -> Isolated {
        Isolated { result: Json::Null }
    }
}
