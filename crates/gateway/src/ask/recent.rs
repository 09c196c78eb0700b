//! What was answered in the last moments: the index learns of it from the ledger a little later.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use action::{Name, Verdict};

use crate::limits::MAX_RECENT;

/// The newest answers, without their content.
#[derive(Default)]
pub struct Recent(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    known: HashMap<Name, Seen>,
    order: VecDeque<Name>,
}

/// What later questions about a decision need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub agent: Name,
    /// What was carried out.
    pub carried: Verdict,
}

impl Recent {
    pub fn keep(&self, id: &Name, seen: Seen) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.known.insert(id.clone(), seen).is_none() {
            ring.order.push_back(id.clone());
        }
        while ring.order.len() > MAX_RECENT {
            if let Some(oldest) = ring.order.pop_front() {
                ring.known.remove(&oldest);
            }
        }
    }

    pub fn get(&self, id: &Name) -> Option<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_the_oldest_make_room() {
        let recent = Recent::default();
        let name = |number: usize| Name::new(&format!("dec_{number}")).unwrap();
        let seen = Seen { agent: name(0), carried: Verdict::Allow };
        for number in 0..=MAX_RECENT {
            recent.keep(&name(number), seen.clone());
        }
        assert_eq!((recent.get(&name(0)), recent.get(&name(1))), (None, Some(seen.clone())));
        recent.keep(&name(1), Seen { carried: Verdict::Block, ..seen });
        assert_eq!(recent.get(&name(1)).unwrap().carried, Verdict::Block);
        assert_eq!(recent.0.lock().unwrap().order.len(), MAX_RECENT);
    }
}
